// The function as a Cloudflare Worker.
import separate from "wasm-attention/separate.wasm";
import { answer } from "./answer.js";

export default {
  /** @param {Request} request */
  fetch: (request) => answer(request, separate),
};
