// The program that runs the suite in a dedicated worker: the page's end.
import { resultOf } from "./outcome.mjs";

export const run = () =>
  new Promise((resolve, reject) => {
    const worker = new Worker("./dedicated-worker-scope.mjs", { type: "module" });
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message || "the worker doesn't start"));
  }).then(resultOf);
