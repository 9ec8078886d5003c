// The function as a Vercel edge function, at /api/attend.
import separate from "wasm-attention/separate.wasm?module";
import { answer } from "../answer.js";

export const config = { runtime: "edge" };

/** @param {Request} request */
export default function attend(request) {
  return answer(request, separate);
}
