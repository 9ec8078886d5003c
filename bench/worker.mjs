// The process of one engine build: does what engine-process.mjs asks for.
import { answer } from "./requests.mjs";

process.on("message", async (/** @type {import("./requests.mjs").Request} */ request) => {
  process.send?.(await answer(request));
});

process.on("disconnect", () => process.exit());
