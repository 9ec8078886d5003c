/**
 * The suite that runs in every runtime: those of the package's test files that need nothing but the package and the
 * language (../suite-files.mjs finds them). Each host's program imports this, bundled by ../bundle.mjs, and hands its report back to the matrix.
 */
import { startTests, type VitestRunner } from "@vitest/runner";
import { getTests } from "@vitest/runner/utils";
import { files } from "test-files";
import { type Arithmetic, init } from "../../../ts/entry/default.js";
import { fnv, hashOfAll } from "../../cases/bits.js";
import { trainingRuns } from "../../conformance/pytorch/training-runs.js";
import { wholeRun } from "../../train/fit/whole-run.js";

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
  /** One hash over the bits of all training runs: the losses, and of `fit` the history and the parameters, likewise. */
  readonly lossHashes: Readonly<Partial<Record<Arithmetic, string>>>;
}

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

const hashOfLosses = async (): Promise<string> =>
  fnv([...trainingRuns.map(({ losses }) => losses()), await wholeRun()].map(({ buffer }) => new Uint8Array(buffer)));

async function hashesOfBits(): Promise<Pick<SuiteReport, "hashes" | "lossHashes">> {
  const hashes: Partial<Record<Arithmetic, string>> = {};
  const lossHashes: Partial<Record<Arithmetic, string>> = {};
  for (const deterministic of [true, false]) {
    const runtime = await init({ deterministic });
    hashes[runtime.arithmetic] ??= hashOfAll();
    lossHashes[runtime.arithmetic] ??= await hashOfLosses();
    runtime.dispose();
  }
  return { hashes, lossHashes };
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
    ...hashes,
  };
}
