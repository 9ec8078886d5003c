// The same tests in Vitest, and those of the libraries that hold state.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const runners = ["runners/attention.test.js", "runners/equality.test.js", "runners/package.test.js"];

export default defineConfig({
  root: fileURLToPath(new URL("..", import.meta.url)),
  test: {
    projects: [
      { test: { name: "jsdom", environment: "jsdom", globals: true, include: runners } },
      { test: { name: "Node", globals: true, include: [...runners, "state/*.test.js"] } },
    ],
  },
});
