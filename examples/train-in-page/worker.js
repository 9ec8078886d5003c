// The worker's end: trains when the page says so, and stops after the step that is under way.
import { train } from "./training.js";

/**
 * @typedef {"train" | "stop"} Request
 * @typedef {import("./training.js").Event | { kind: "stopped" } | { kind: "done", loss: number, accuracy: number }
 *   | { kind: "failed", message: string }} Answer
 */

let isStopping = false;

/** @param {Answer} answer */
function reply(answer) {
  // The page gets the memory of the weights itself, without a copy.
  self.postMessage(answer, { transfer: answer.kind === "look" ? [answer.weights.buffer] : [] });
}

self.onmessage = async (/** @type {MessageEvent<Request>} */ { data }) => {
  isStopping = data === "stop";
  if (isStopping) return;
  try {
    const result = await train(reply, () => isStopping);
    reply(result === undefined ? { kind: "stopped" } : { kind: "done", ...result });
  } catch (error) {
    reply({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  }
};
