// The worker's end of extension-service-worker.mjs: runs the suite when the page asks for it.
import { outcomeOf } from "./outcome.mjs";
import { run } from "./run-imported.mjs";

chrome.runtime.onMessage.addListener((_message, _sender, respond) => {
  outcomeOf(run).then(respond);
  // The answer comes later; until then the browser doesn't end the worker.
  return true;
});
