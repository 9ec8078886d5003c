import { isDetached } from "../buffers.js";
import { AttentionError, messageOf, typeError } from "../errors.js";
import { kindOf } from "../kind.js";
import { isModule } from "./module.js";
import { policyError } from "./policy.js";
import { acceptsRelaxedSimd } from "./probes.js";

const WASM_MAGIC = [0x00, 0x61, 0x73, 0x6d];

const isBuffer = (value: unknown): value is ArrayBufferLike =>
  kindOf(value) === "ArrayBuffer" || kindOf(value) === "SharedArrayBuffer";

/** Engines have no codes for their refusals. */
function explain(cause: unknown): AttentionError {
  const blocked = policyError("init", cause);
  if (blocked !== undefined) return blocked;
  const text = messageOf(cause);
  if (/code generation|disallowed by embedder/i.test(text)) {
    return new AttentionError(
      "ERR_CODE_GENERATION",
      "init: this host compiles no WebAssembly from bytes: pass a module that it compiled, init({ module })",
      { cause },
    );
  }
  const hint = acceptsRelaxedSimd() ? "" : "; this host has no relaxed SIMD, so fused.wasm can't run on it";
  return new AttentionError("ERR_INVALID_MODULE", `init: module: not valid WebAssembly: ${text}${hint}`, { cause });
}

/** Compiles bytes. */
export async function compileBytes(bytes: Uint8Array): Promise<WebAssembly.Module> {
  if (WASM_MAGIC.some((byte, index) => bytes[index] !== byte)) {
    const start = Array.from(bytes.subarray(0, WASM_MAGIC.length), (byte) => byte.toString(16).padStart(2, "0"));
    const found = start.length === 0 ? "none" : `${bytes.length} that start with ${start.join(" ")}`;
    throw new AttentionError(
      "ERR_INVALID_MODULE",
      `init: module: expected bytes of WebAssembly, which start with 00 61 73 6d, got ${found}`,
    );
  }
  try {
    // A copy also takes shared memory, which `compile` refuses, and can't change while it is compiled.
    return await WebAssembly.compile(bytes.slice());
  } catch (cause) {
    throw explain(cause);
  }
}

async function bodyOf(response: Response): Promise<Uint8Array> {
  if (!response.ok) {
    throw new AttentionError("ERR_INVALID_MODULE", `init: module: the response has status ${response.status}`);
  }
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    throw new AttentionError("ERR_INVALID_MODULE", "init: module: the response's body can't be read", { cause });
  }
}

/** The module that the caller passed: compiled already, or as bytes, a Response, or a promise of one. */
export async function moduleFromSource(source: unknown): Promise<WebAssembly.Module> {
  const value: unknown = await source;
  if (isModule(value)) return value as WebAssembly.Module;
  if (kindOf(value) === "Response") return compileBytes(await bodyOf(value as Response));
  if (ArrayBuffer.isView(value) && !isDetached(value.buffer)) {
    return compileBytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  }
  if (isBuffer(value) && !isDetached(value)) return compileBytes(new Uint8Array(value));
  throw typeError("init", "module", "a WebAssembly.Module, its bytes, a Response, or a promise of one", value);
}
