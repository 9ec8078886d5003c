import { isDetached } from "../buffers.js";
import { misuseError, typeError } from "../errors.js";
import { kindOf } from "../kind.js";
import { isRuntimeMemory } from "../runtime/memory.js";
import { arrayKind } from "../tensor/source.js";

/**
 * The bytes of a file that the caller gives, which stay as they are during the call. Throws a TypeError for anything but a
 * Uint8Array, an ArrayBuffer or a SharedArrayBuffer, and for one that is detached.
 */
export function readBytes(operation: string, argument: string, value: unknown): Uint8Array {
  const isView = ArrayBuffer.isView(value) && arrayKind(value) === "Uint8Array";
  if (!isView && !/^(Shared)?ArrayBuffer$/.test(kindOf(value))) {
    throw typeError(operation, argument, "a Uint8Array or an ArrayBuffer", value);
  }
  const buffer = isView ? value.buffer : (value as ArrayBuffer);
  if (isDetached(buffer)) {
    throw misuseError(operation, argument, `the ${kindOf(value)} is detached`);
  }
  const view = isView ? new Uint8Array(buffer, value.byteOffset, value.byteLength) : new Uint8Array(buffer);
  // Memory that another thread could change, or an allocation of ours detach.
  const mustCopy = kindOf(buffer) === "SharedArrayBuffer" || isRuntimeMemory(buffer);
  return mustCopy ? Uint8Array.from(view) : view;
}
