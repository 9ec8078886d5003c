// The worker's end of service-worker.mjs: runs the suite when the page asks for it.
import { outcomeOf } from "./outcome.mjs";
import { run } from "./run-imported.mjs";

self.addEventListener("message", (event) => {
  // Without an open event the browser may end the worker at any time.
  event.waitUntil(outcomeOf(run).then((outcome) => event.ports[0].postMessage(outcome)));
});
