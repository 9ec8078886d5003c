// What must fail where modules come from files alone; each gives the error's code and message, and proves that the runtime
// works afterwards.
import { init, rand } from "wasm-attention";

/** The smallest module. */
const empty = Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);

/** Where bytes can be compiled after all, a run proves nothing. */
export const compilesBytes = () =>
  WebAssembly.compile(empty).then(
    () => true,
    () => false,
  );

async function errorOf(/** @type {() => unknown} */ act) {
  let error;
  try {
    await act();
  } catch (thrown) {
    error = thrown;
  }
  if (error === undefined) throw new Error("nothing was thrown");
  return { code: error.code, message: error.message };
}

async function withRuntime(/** @type {object} */ options, /** @type {() => unknown} */ act) {
  const runtime = await init(options);
  try {
    const error = await errorOf(act);
    rand([1000]).dispose();
    return error;
  } finally {
    runtime.dispose();
  }
}

const MEBIBYTE = 2 ** 20;

/** @type {Record<string, () => Promise<{ code: string, message: string }>>} */
export const attempts = {
  "bytes in place of a module": () => errorOf(() => init({ module: empty })),
  "more memory than the entry's default": () => withRuntime({}, () => rand([(110 * MEBIBYTE) / 4])),
  "more memory than the host gives": () =>
    withRuntime({ maximumMemory: 1024 * MEBIBYTE }, () => rand([(60 * MEBIBYTE) / 4])),
};
