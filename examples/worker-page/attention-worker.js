// The page's end of the worker: the same two calls as in attention-rows.js, but each a promise.

/** @typedef {import("./worker.js").Request} Request */
/** @typedef {import("./worker.js").Answer} Answer */

/** Starts the worker. One call at a time. */
export function startWorker() {
  const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });

  /** @param {Request} request @returns {Promise<Exclude<Answer, { error: string }>>} */
  const ask = (request) =>
    new Promise((resolve, reject) => {
      worker.onmessage = (/** @type {MessageEvent<Answer>} */ { data }) =>
        "error" in data ? reject(new Error(data.error)) : resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message || "the worker doesn't start"));
      worker.postMessage(request);
    });

  return {
    /** @param {string} text @param {number} length */
    async openText(text, length) {
      const answer = await ask({ text, length });
      return "length" in answer ? answer.length : 0;
    },
    /** @param {number} first @param {number} count */
    async rows(first, count) {
      const answer = await ask({ first, count });
      return "rows" in answer ? answer.rows : new Float32Array();
    },
  };
}
