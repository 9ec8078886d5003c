// Tries the tarball in frameworks and test runners: `npm run test:frameworks`. README.md says more.
import { join } from "node:path";
import { testPages } from "./pages.mjs";
import { openProject, run, tools } from "./project.mjs";
import { testReactNative } from "./react-native.mjs";
import { testSyntax } from "./syntax.mjs";

/** Runs a test runner, and returns how many tests it counts. */
function runTests(/** @type {string} */ folder, /** @type {string[]} */ parameters) {
  const { stdout, stderr } = run(folder, process.execPath, parameters);
  return /^\s*Tests:?\s+(.*)$/m.exec(stdout + stderr)?.[1] ?? "";
}

const jest = [join(tools, "jest/bin/jest.js"), "--config", "runners/jest.config.mjs"];
const vitest = [join(tools, "vitest/vitest.mjs"), "run", "--config", "runners/vitest.config.mjs"];

/** @type {{ name: string, test: (project: ReturnType<typeof openProject>) => string | Promise<string> }[]} */
const parts = [
  { name: "syntax", test: (project) => testSyntax(project.package) },
  { name: "Jest, CommonJS", test: ({ folder }) => runTests(folder, jest) },
  { name: "Jest, ES modules", test: ({ folder }) => runTests(folder, ["--experimental-vm-modules", ...jest]) },
  { name: "Vitest, and holders of state", test: ({ folder }) => runTests(folder, vitest) },
  { name: "React Native", test: ({ folder }) => testReactNative(folder) },
  { name: "pages, built", test: ({ folder }) => testPages(folder, "built") },
  { name: "pages, served while they are edited", test: ({ folder }) => testPages(folder, "served while it is edited") },
];

const wanted = process.argv.slice(2).map((name) => name.toLowerCase());
const chosen = parts.filter(
  ({ name }) => wanted.length === 0 || wanted.some((part) => name.toLowerCase().includes(part)),
);
if (chosen.length === 0) {
  console.error(`No part has such a name. There are: ${parts.map(({ name }) => name).join("; ")}.`);
  process.exit(1);
}

let failed = 0;
const project = openProject();
try {
  for (const { name, test } of chosen) {
    const start = performance.now();
    let outcome;
    try {
      outcome = `passed  ${await test(project)}`;
    } catch (error) {
      failed++;
      outcome = `FAILED\n${error instanceof Error ? error.message : String(error)}`;
    }
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${name.padEnd(36)} ${seconds.padStart(5)} s  ${outcome}`);
  }
} finally {
  project.close();
}
console.log(`${chosen.length - failed} passed, ${failed} failed`);
if (failed > 0) process.exitCode = 1;
