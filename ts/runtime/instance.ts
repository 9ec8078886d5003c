import { AttentionError, messageOf, outOfMemoryError, rangeError, typeError } from "../errors.js";
import { version } from "../version.js";
import { type Build, type Kernels, makeBuild } from "./build.js";
import { isModule, type ModuleLoader } from "./module.js";
import {
  checkInitOptions,
  type InitOptions,
  type InitSyncOptions,
  LARGEST_MEMORY,
  PAGE_BYTES,
  refuseContradiction,
  type Settings,
} from "./options.js";
import { type Arithmetic, requireSimd } from "./probes.js";

/** What `init` gives. There is one at a time. */
export interface Runtime {
  /** How the kernels multiply and add; results are equal in every bit on all hosts that run the same arithmetic. */
  readonly arithmetic: Arithmetic;
  /** How many threads compute. */
  readonly threads: number;
  /** The version of this package. */
  readonly version: string;
  /** Whether a kernel has trapped. Every call then throws, until `init` makes a new runtime. */
  readonly failed: boolean;
  /** Ends the runtime and gives its memory back. Its tensors are disposed; `init` may then make a new one. */
  dispose(): void;
}

/** A running instance, as the inner parts see it. */
export interface Instance extends Settings {
  /** In bytes, whether it was asked for or is the entry's default. */
  readonly maximumMemory: number;
  /** Counts instances, so that what belongs to an earlier one is recognised. */
  readonly number: number;
  readonly arithmetic: Arithmetic;
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  readonly outcome: Outcome;
}

/** What a runtime tells after its instance is gone. */
interface Outcome {
  failure?: AttentionError;
}

let current: { readonly instance: Instance; readonly runtime: Runtime } | undefined;
let starting: Promise<unknown> | undefined;
let lastNumber = 0;

/** The instance that runs now. Throws an AttentionError when there is none, or when it has failed. */
export function requireInstance(operation: string): Instance {
  if (current === undefined) {
    const reason = lastNumber === 0 ? "there is no runtime yet" : "the runtime has been disposed";
    throw new AttentionError("ERR_NOT_INITIALIZED", `${operation}: ${reason}: await init() first`);
  }
  const { instance } = current;
  if (instance.outcome.failure !== undefined) {
    throw new AttentionError(
      "ERR_RUNTIME_FAILED",
      `${operation}: the runtime has failed in an earlier call; init() makes a new one`,
      { cause: instance.outcome.failure },
    );
  }
  return instance;
}

/** The memory of the instance that runs now, if there is one. */
export const currentMemory = (): WebAssembly.Memory | undefined => current?.instance.memory;

/** What became of the instance with this number. */
export function fateOf(number: number): "running" | "failed" | "gone" {
  if (current?.instance.number !== number) return "gone";
  return current.instance.outcome.failure === undefined ? "running" : "failed";
}

/** Marks the instance as failed, for the reason that is returned. */
export function fail(operation: string, instance: Instance, cause: unknown): AttentionError {
  const failure = new AttentionError(
    "ERR_RUNTIME_FAILED",
    `${operation}: a kernel failed, which is a bug of wasm-attention ${version}: ${messageOf(cause)}; init() makes a new runtime`,
    { cause },
  );
  // In V8 an error holds the instances that it came through until somebody reads its stack.
  if (cause instanceof Error) void cause.stack;
  instance.outcome.failure = failure;
  return failure;
}

/** Holds nothing of the instance, whose memory would else stay for as long as the caller keeps the runtime. */
function runtimeOf({ arithmetic, number, outcome }: Instance): Runtime {
  return Object.freeze({
    arithmetic,
    threads: 1,
    version,
    get failed() {
      return outcome.failure !== undefined;
    },
    dispose() {
      if (current?.instance.number === number) current = undefined;
    },
  });
}

/** Makes a build's instance the running one. */
function start(operation: string, build: Build, settings: Settings, defaultMaximumMemory: number): Runtime {
  const { arithmetic, memory, kernels } = build;
  const { maximumMemory = defaultMaximumMemory } = settings;
  const needed = memory.buffer.byteLength;
  if (needed > maximumMemory) {
    throw outOfMemoryError(
      `${operation}: maximumMemory: expected at least ${needed}, which it starts with, got ${maximumMemory}`,
    );
  }
  build.start(Math.floor(maximumMemory / PAGE_BYTES));
  lastNumber += 1;
  const instance: Instance = {
    ...settings,
    maximumMemory,
    number: lastNumber,
    arithmetic,
    memory,
    kernels,
    outcome: {},
  };
  current = { instance, runtime: runtimeOf(instance) };
  return current.runtime;
}

/** The build of a module that the caller chose. */
function givenBuild(operation: string, module: WebAssembly.Module, settings: Settings): Build {
  const build = makeBuild(operation, module);
  if (settings.deterministic === true && build.arithmetic === "fused") {
    throw rangeError(operation, "module", "a build with separate arithmetic, since deterministic is true", "fused");
  }
  if (!build.isFaithful) {
    throw new AttentionError(
      "ERR_NO_FUSED_ARITHMETIC",
      `${operation}: module: this host doesn't fuse multiply and add, as fused.wasm needs: take separate.wasm`,
    );
  }
  return build;
}

/** The build that the entry brings, in the arithmetic that suits the host. */
async function ownBuild(loader: ModuleLoader, settings: Settings): Promise<Build> {
  if (settings.deterministic !== true && loader.fuses()) {
    const build = makeBuild("init", await loader.load("fused"));
    if (build.isFaithful) return build;
  }
  return makeBuild("init", await loader.load("separate"));
}

function reuse(operation: string, settings: Settings): Runtime | undefined {
  if (current === undefined || current.runtime.failed) return undefined;
  refuseContradiction(operation, settings, current.instance);
  return current.runtime;
}

/** `init` of an entry, which hands over its loader. */
export async function initialize(loader: ModuleLoader, options?: InitOptions): Promise<Runtime> {
  const settings = checkInitOptions("init", options);
  // Whoever comes while a runtime starts shares it, and its error.
  while (starting !== undefined) await starting;
  const running = reuse("init", settings);
  if (running !== undefined) return running;
  const load = async (): Promise<Runtime> => {
    requireSimd("init");
    const build =
      settings.module === undefined
        ? await ownBuild(loader, settings)
        : givenBuild("init", await loader.fromSource(settings.module), settings);
    return start("init", build, settings, loader.maximumMemory);
  };
  const promise = load().finally(() => {
    starting = undefined;
  });
  starting = promise;
  return promise;
}

/** `initSync` of an entry, with its default of `maximumMemory`. */
export function initializeSync(options: InitSyncOptions, defaultMaximumMemory: number): Runtime {
  const settings = checkInitOptions("initSync", options);
  // Before the module, which a host without WebAssembly can't have made.
  requireSimd("initSync");
  if (!isModule(settings.module)) {
    throw typeError("initSync", "module", "a WebAssembly.Module (init takes other forms too)", settings.module);
  }
  if (starting !== undefined) {
    throw new AttentionError("ERR_ALREADY_INITIALIZED", "initSync: an init is under way: await it instead");
  }
  const running = reuse("initSync", settings);
  if (running !== undefined) return running;
  const build = givenBuild("initSync", options.module, settings);
  return start("initSync", build, settings, defaultMaximumMemory);
}

/**
 * Makes the runtime at once, from a module that the host has made: where nothing may be awaited, or where the host
 * makes modules from files alone. A later call returns the same runtime, unless an option contradicts it.
 *
 * @param options `module` is the build; the others have a default.
 * @returns The runtime.
 * @throws {TypeError | RangeError} for wrong options.
 * @throws {AttentionError} when the host lacks what the module needs, when the module is not a build of this version, when
 *   options contradict the runtime that there is, or while an `init` is under way.
 */
export const initSync = (options: InitSyncOptions): Runtime => initializeSync(options, LARGEST_MEMORY);
