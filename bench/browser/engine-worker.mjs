// The page's end of an engine's worker.

/** @typedef {import("../requests.mjs").Requests} Requests */
/** @typedef {import("../requests.mjs").Answer} Answer */

/**
 * Starts an engine build in a worker of its own. Throws an Error that names the engine and says why it can't run here.
 * @type {import("../measure.mjs").OpenEngine}
 */
export async function openEngineWorker(build) {
  const worker = new Worker(new URL("worker.mjs", import.meta.url), { type: "module", name: build.name });

  /**
   * Asks for one thing and waits for it; there is one request at a time.
   * @template {keyof Requests} Method
   * @param {Method} method
   * @param {Parameters<Requests[Method]>} argument
   * @returns {Promise<Awaited<ReturnType<Requests[Method]>>>}
   */
  const request = (method, ...[argument]) =>
    new Promise((resolve, reject) => {
      const fail = (/** @type {string} */ reason) => reject(new Error(`${build.name}: ${reason}`));
      worker.onmessage = (/** @type {MessageEvent<Answer>} */ { data }) => {
        if ("error" in data) fail(data.error);
        else resolve(/** @type {Awaited<ReturnType<Requests[Method]>>} */ (data.result));
      };
      worker.onmessageerror = () => fail("its worker's answer can't be read");
      worker.onerror = ({ message }) => fail(message || "its worker doesn't start");
      worker.postMessage({ method, argument });
    });

  try {
    return { build, version: await request("open", build), request, stop: () => worker.terminate() };
  } catch (error) {
    worker.terminate();
    throw error;
  }
}
