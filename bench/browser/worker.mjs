// A worker of the page, for one engine build: does what engine-worker.mjs asks for.
import { answer } from "../requests.mjs";

self.addEventListener("message", async (/** @type {MessageEvent<import("../requests.mjs").Request>} */ { data }) => {
  self.postMessage(await answer(data));
});
