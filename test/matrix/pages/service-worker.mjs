// The program that runs the suite in a service worker: the page's end.
import { resultOf } from "./outcome.mjs";

/** @param {ServiceWorker} worker */
const isActive = (worker) =>
  new Promise((resolve, reject) => {
    const check = () => {
      if (worker.state === "activated") resolve(undefined);
      if (worker.state === "redundant") reject(new Error("the service worker doesn't start"));
    };
    worker.onstatechange = check;
    check();
  });

/** @param {ServiceWorker} worker */
const ask = (worker) =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => resolve(data);
    worker.postMessage("run", [port2]);
  });

export async function run() {
  const { installing, waiting, active } = await navigator.serviceWorker.register("./service-worker-scope.mjs", {
    type: "module",
  });
  const worker = /** @type {ServiceWorker} */ (installing ?? waiting ?? active);
  await isActive(worker);
  return resultOf(await ask(worker));
}
