// The worker's end: opens a text, then computes the rows that it is asked for. Between two requests it is free, so a page
// that wants to cancel only stops asking.
import { openText } from "./attention-rows.js";

/**
 * @typedef {{ text: string, length: number } | { first: number, count: number }} Request
 * @typedef {{ length: number } | { rows: Float32Array<ArrayBuffer> } | { error: string }} Answer
 */

/** @type {Awaited<ReturnType<typeof openText>> | undefined} */
let open;

/**
 * @param {Answer} answer
 * @param {Transferable[]} [transfer]
 */
const reply = (answer, transfer = []) => self.postMessage(answer, { transfer });

self.onmessage = async (/** @type {MessageEvent<Request>} */ { data }) => {
  try {
    if ("text" in data) {
      open = await openText(data.text, data.length);
      reply({ length: open.length });
    } else {
      if (open === undefined) throw new Error("rows were asked for before a text");
      const rows = open.rows(data.first, data.count);
      // The page gets the memory itself, without a copy.
      reply({ rows }, [rows.buffer]);
    }
  } catch (error) {
    reply({ error: error instanceof Error ? error.message : String(error) });
  }
};
