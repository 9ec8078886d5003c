// The program that runs the suite in the page itself.
export { run } from "./run-importing.mjs";
