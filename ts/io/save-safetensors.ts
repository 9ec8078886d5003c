import { outOfMemoryError, rangeError, typeError } from "../errors.js";
import { kindOf } from "../kind.js";
import { type Call, runCall } from "../ops/call.js";
import { describe, type TensorLike } from "../ops/operand.js";
import { uint8View } from "../runtime/memory.js";
import { bytesPerElement } from "../tensor/dtype.js";
import { elementCount, type Shape } from "../tensor/shape.js";
import { UnsupportedTensor } from "../tensor/unsupported-tensor.js";
import {
  bitsPerElement,
  formatNames,
  isUnicode,
  LARGEST_HEADER,
  LENGTH_BYTES,
  METADATA,
} from "./safetensors-format.js";
import { encodeUtf8 } from "./utf8.js";

const OPERATION = "saveSafetensors";

/** What `saveSafetensors` writes: tensors by name. */
export type SavedTensors =
  ReadonlyMap<string, TensorLike | UnsupportedTensor> | Readonly<Record<string, TensorLike | UnsupportedTensor>>;

/** A tensor that will be written. */
interface Entry {
  readonly name: string;
  /** The name as UTF-8. */
  readonly sortKey: Uint8Array;
  readonly format: string;
  readonly shape: Shape;
  readonly byteLength: number;
  /** The elements where they are, good until the next allocation. */
  bytes(call: Call): Uint8Array;
}

/**
 * A safetensors file with the tensors: float32 becomes F32, float16 F16, bfloat16 BF16, int32 I32, bool BOOL. The same
 * tensors and texts give the same bytes, whatever their order: the larger dtypes come first, and those of one dtype by
 * name, as the reference implementation has it, so that all elements are aligned.
 *
 * @param tensors A Map or an object. Entries that `loadSafetensors` gave for other dtypes are written as they were.
 * @param metadata Texts by name; none by default.
 * @returns The bytes of the file.
 * @throws {TypeError} for wrong kinds.
 * @throws {RangeError} for a name that the format doesn't have ("__metadata__", half a surrogate pair), for a header over
 *   100 MB and for lack of memory.
 * @example
 * ```js
 * import { init, Linear, saveSafetensors } from "wasm-attention";
 *
 * await init();
 * const layer = new Linear(2, 1);
 * const file = saveSafetensors(layer.stateDict(), { note: "untrained" });
 * console.log(file.length);
 * layer.dispose();
 * ```
 */
export function saveSafetensors(tensors: SavedTensors, metadata?: Readonly<Record<string, string>>): Uint8Array {
  const texts = readMetadata(metadata);
  const entries = readEntries(tensors);
  const header = makeHeader(entries, texts);
  if (header.length > LARGEST_HEADER) {
    throw rangeError(OPERATION, "tensors", `a header of at most ${LARGEST_HEADER} bytes`, header.length);
  }

  return runCall(OPERATION, (call) => {
    const start = LENGTH_BYTES + header.length;
    const file = allocateFile(entries.reduce((length, entry) => length + entry.byteLength, start));
    new DataView(file.buffer).setBigUint64(0, BigInt(header.length), true);
    file.set(header, LENGTH_BYTES);
    let position = start;
    for (const entry of entries) {
      file.set(entry.bytes(call), position);
      position += entry.byteLength;
    }
    return file;
  });
}

function allocateFile(length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch {
    throw outOfMemoryError(`${OPERATION}: out of memory: this host has no array of ${length} bytes`);
  }
}

function requireUnicode(argument: string, text: string): void {
  if (!isUnicode(text)) throw rangeError(OPERATION, argument, "Unicode, without half surrogate pairs", text);
}

function readMetadata(metadata: unknown): [name: string, text: string][] {
  if (metadata === undefined) return [];
  if (kindOf(metadata) !== "Object") throw typeError(OPERATION, "metadata", "an object of strings", metadata);
  const texts = Object.entries(metadata as object) as [string, unknown][];
  return texts
    .map(([name, text]): [string, string] => {
      if (typeof text !== "string") throw typeError(OPERATION, `metadata.${name}`, "a string", text);
      requireUnicode("metadata", name);
      requireUnicode(`metadata.${name}`, text);
      return [name, text];
    })
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function readEntries(tensors: unknown): Entry[] {
  const kind = kindOf(tensors);
  if (kind !== "Map" && kind !== "Object") {
    throw typeError(OPERATION, "tensors", "a Map or an object of tensors by name", tensors);
  }
  const pairs = kind === "Map" ? [...(tensors as Map<unknown, unknown>)] : Object.entries(tensors as object);
  return pairs.map(([name, tensor]) => readEntry(name, tensor)).sort(compareEntries);
}

function readEntry(name: unknown, tensor: unknown): Entry {
  if (typeof name !== "string") throw typeError(OPERATION, "tensors", "names that are strings", name);
  if (name === METADATA) throw rangeError(OPERATION, "tensors", "other names than that of the metadata", name);
  requireUnicode("tensors", name);
  const sortKey = encodeUtf8(name);
  if (tensor instanceof UnsupportedTensor) {
    const { dtype: format, shape, bytes } = tensor;
    return { name, sortKey, format, shape, byteLength: bytes.length, bytes: () => bytes };
  }
  const operand = describe(OPERATION, `tensors, ${JSON.stringify(name)}`, tensor as TensorLike);
  const { dtype, shape } = operand;
  const byteLength = elementCount(shape) * bytesPerElement[dtype];
  const bytes = (call: Call): Uint8Array => uint8View(call.input(operand), byteLength);
  return { name, sortKey, format: formatNames[dtype], shape, byteLength, bytes };
}

const dtypeOrder = [...bitsPerElement.keys()];

/** The larger dtype first, then by the bytes of the names. */
function compareEntries(a: Entry, b: Entry): number {
  const byDType = dtypeOrder.indexOf(b.format) - dtypeOrder.indexOf(a.format);
  if (byDType !== 0) return byDType;
  const differs = a.sortKey.findIndex((byte, index) => byte !== b.sortKey[index]);
  if (differs < 0) return a.sortKey.length - b.sortKey.length;
  return a.sortKey[differs] - (b.sortKey[differs] ?? -1);
}

/** The header, filled up with spaces so that the elements are aligned. */
function makeHeader(entries: readonly Entry[], texts: readonly [name: string, text: string][]): Uint8Array {
  // Written out by hand: an object would move names that look like numbers to the front.
  const pair = (name: string, json: string): string => `${JSON.stringify(name)}:${json}`;
  const fields: string[] = [];
  if (texts.length > 0) {
    fields.push(pair(METADATA, `{${texts.map(([name, text]) => pair(name, JSON.stringify(text))).join(",")}}`));
  }
  let position = 0;
  for (const { name, format, shape, byteLength } of entries) {
    const end = position + byteLength;
    fields.push(pair(name, JSON.stringify({ dtype: format, shape, data_offsets: [position, end] })));
    position = end;
  }
  const json = encodeUtf8(`{${fields.join(",")}}`);
  const header = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(" ".charCodeAt(0));
  header.set(json);
  return header;
}
