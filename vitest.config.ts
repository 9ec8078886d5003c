import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// Node 20 accepts relaxed SIMD only with this flag; later versions accept it as they are and may not know the flag.
const nodeMajor = Number(process.versions.node.split(".")[0]);

export default defineConfig({
  // What the examples import.
  resolve: { alias: { "wasm-attention/slim": fileURLToPath(new URL("ts/entry/slim.ts", import.meta.url)) } },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/support/built-package.ts",
    // V8's flags belong to a process, so the workers must be processes.
    pool: "forks",
    execArgv: nodeMajor < 22 ? ["--experimental-wasm-relaxed-simd"] : [],
    testTimeout: 60_000,
  },
});
