/**
 * The suite that runs in every runtime: those of the package's test files that need nothing but the package and the
 * language. Each host's program imports this, bundled by ../bundle.mjs, and hands its report back to the matrix.
 */
import { startTests, type VitestRunner } from "@vitest/runner";
import { getTests } from "@vitest/runner/utils";
import { type Arithmetic, init } from "../../../ts/entry/default.js";
import { type BitsCase, hashOfAll } from "../../cases/bits.js";
import bits from "../../cases/bits.json";

/** What one run of the suite found. */
export interface SuiteReport {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** The first failures, for the reader. */
  readonly failures: readonly { readonly test: string; readonly message: string }[];
  /** What `init()` picks on this host. */
  readonly arithmetic: Arithmetic;
  /** How many tests each file has. */
  readonly tests: Readonly<Record<string, number>>;
  /** One hash over the output bits of all cases, in each arithmetic that the host has. */
  readonly hashes: Readonly<Partial<Record<Arithmetic, string>>>;
}

const files: Readonly<Record<string, () => Promise<unknown>>> = {
  "conformance/attention": () => import("../../conformance/attention.test.js"),
  "conformance/onnx/operators": () => import("../../conformance/onnx/operators.test.js"),
  "conformance/pytorch/functional": () => import("../../conformance/pytorch/functional.test.js"),
  "conformance/pytorch/linear": () => import("../../conformance/pytorch/linear.test.js"),
  "conformance/pytorch/multihead-attention": () => import("../../conformance/pytorch/multihead-attention.test.js"),
  "conformance/transformers/rope-scaling": () => import("../../conformance/transformers/rope-scaling.test.js"),
  "ops/bits": () => import("../../ops/bits.test.js"),
  "ops/attention/worked-examples": () => import("../../ops/attention/worked-examples.test.js"),
  "ops/attention/properties": () => import("../../ops/attention/properties.test.js"),
  "ops/attention/rows": () => import("../../ops/attention/rows.test.js"),
  "ops/attention/limits": () => import("../../ops/attention/limits.test.js"),
  "ops/attention/bad-input": () => import("../../ops/attention/bad-input.test.js"),
  "nn/linear": () => import("../../nn/linear.test.js"),
  "nn/module": () => import("../../nn/module.test.js"),
  "nn/multihead-attention": () => import("../../nn/multihead-attention.test.js"),
  "nn/multihead-attention-properties": () => import("../../nn/multihead-attention-properties.test.js"),
  "nn/self-attention": () => import("../../nn/self-attention.test.js"),
  "ops/masks": () => import("../../ops/masks.test.js"),
  "ops/integer-arguments": () => import("../../ops/integer-arguments.test.js"),
  "ops/activation": () => import("../../ops/activation.test.js"),
  "ops/embedding": () => import("../../ops/embedding.test.js"),
  "ops/normalization": () => import("../../ops/normalization.test.js"),
  "ops/rotary-embedding": () => import("../../ops/rotary-embedding.test.js"),
  "ops/softmax": () => import("../../ops/softmax.test.js"),
  "ops/out-of-memory": () => import("../../ops/out-of-memory.test.js"),
  "entry/subpaths": () => import("../../entry/subpaths.test.js"),
  "ops/mixed-calls": () => import("../../ops/mixed-calls.test.js"),
  "tensor/tensor": () => import("../../tensor/tensor.test.js"),
  "tensor/rounding": () => import("../../tensor/rounding.test.js"),
  "tensor/unsupported-tensor": () => import("../../tensor/unsupported-tensor.test.js"),
  "tensor/scope": () => import("../../tensor/scope.test.js"),
  "tensor/proxies": () => import("../../tensor/proxies.test.js"),
  "io/safetensors": () => import("../../io/safetensors.test.js"),
};

const FAILURES_SHOWN = 10;

const runner: VitestRunner = {
  config: {
    root: "/",
    setupFiles: [],
    name: undefined,
    passWithNoTests: false,
    testNamePattern: undefined,
    allowOnly: false,
    sequence: { seed: 1, hooks: "stack", setupFiles: "list" },
    maxConcurrency: 1,
    // None: the matrix ends a host that takes too long, and an emulated one takes long.
    testTimeout: 0,
    hookTimeout: 0,
    retry: 0,
    includeTaskLocation: false,
    chaiConfig: undefined,
    tagsFilter: undefined,
    tags: [],
    strictTags: false,
  },
  // Hosts end a service worker that answers nothing for a minute.
  onAfterRunSuite: () => new Promise((resolve) => setTimeout(resolve)),
  importFile: (path) => files[path.slice(1)](),
};

async function hashesOfBits(): Promise<Partial<Record<Arithmetic, string>>> {
  const hashes: Partial<Record<Arithmetic, string>> = {};
  for (const deterministic of [true, false]) {
    const runtime = await init({ deterministic });
    hashes[runtime.arithmetic] ??= hashOfAll(bits.cases as unknown as BitsCase[]);
    runtime.dispose();
  }
  return hashes;
}

/** Runs the tests one after the other: all of them, or those of the files whose names match. */
export async function runSuite(part = /(?:)/): Promise<SuiteReport> {
  const runtime = await init();
  const { arithmetic } = runtime;
  runtime.dispose();
  const hashes = await hashesOfBits();
  const ran = await startTests(
    Object.keys(files)
      .filter((name) => part.test(name))
      .map((name) => `/${name}`),
    runner,
  );
  const tests = getTests(ran);
  const count = (state: string): number => tests.filter(({ result }) => result?.state === state).length;
  // A file that fails as a whole, in a hook or while it is read, may have no test that failed.
  const failed = [...ran, ...tests].filter(({ result }) => (result?.errors?.length ?? 0) > 0);
  const failures = failed.slice(0, FAILURES_SHOWN).map(({ fullName, result }) => {
    const { message = "", stack = "" } = result?.errors?.[0] ?? {};
    // Not all engines repeat the message in the stack.
    return { test: fullName, message: stack.includes(message) ? stack : `${message}\n${stack}` };
  });
  const passed = count("pass");
  return {
    passed,
    failed: failed.length,
    skipped: tests.length - passed - count("fail"),
    failures,
    arithmetic,
    tests: Object.fromEntries(ran.map((file) => [file.name, getTests(file).length])),
    hashes,
  };
}
