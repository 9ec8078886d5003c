// What every page runs: the program that its address names, whose outcome it posts to the server, along with whatever else the
// console would show.
import { outcomeOf } from "./outcome.mjs";

const parameters = new URLSearchParams(location.search);

/** @param {string} path @param {string} text */
const post = (path, text) =>
  fetch(new URL(path, parameters.get("reportTo") ?? location.href), { method: "POST", body: text });

addEventListener("error", ({ message, filename, lineno }) => post("/log", `${message} (${filename}:${lineno})`));
addEventListener("unhandledrejection", ({ reason }) => post("/log", `unhandled: ${reason}`));
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
  post("/log", `the policy's ${violatedDirective} forbids ${blockedURI}`),
);

async function runProgram() {
  const { run } = await import(`./${parameters.get("program")}.mjs`);
  return run();
}

// Not before the page counts as loaded, which whoever opens it waits for.
addEventListener("load", () =>
  setTimeout(async () => post("/outcome", JSON.stringify(await outcomeOf(runProgram))), 0),
);
