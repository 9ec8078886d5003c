import { AttentionError } from "../errors.js";
import { uint8View } from "../runtime/memory.js";
import { show } from "../show.js";
import type { DType } from "../tensor/dtype.js";
import { checkShape, elementCount, type Shape } from "../tensor/shape.js";
import { createTensor, pointerOf, type Tensor } from "../tensor/tensor.js";
import { UnsupportedTensor } from "../tensor/unsupported-tensor.js";
import { readBytes } from "./bytes.js";
import { scanJson } from "./json-scan.js";
import {
  bitsPerElement,
  formatNames,
  isUnicode,
  LARGEST_HEADER,
  LENGTH_BYTES,
  METADATA,
} from "./safetensors-format.js";
import { decodeUtf8 } from "./utf8.js";

const OPERATION = "loadSafetensors";

/** What a safetensors file holds. */
export interface LoadedSafetensors {
  /** By name, in the order of the file. */
  tensors: Map<string, Tensor | UnsupportedTensor>;
  /** Texts by name; empty when the file has none. */
  metadata: Record<string, string>;
}

/** What the header says of a tensor. */
interface Entry {
  readonly name: string;
  readonly format: string;
  readonly shape: Shape;
  readonly begin: number;
  readonly end: number;
}

const broken = (reason: string, cause?: unknown): AttentionError =>
  new AttentionError("ERR_SAFETENSORS", `${OPERATION}: bytes: ${reason}`, { cause });

/**
 * Reads a safetensors file: tensors in float32, float16, bfloat16, int32 and bool, and, of every other dtype, entries
 * that operations refuse (`UnsupportedTensor`).
 *
 * Strict: what the format forbids is an error, also where other readers let it pass. (The format: the README of
 * github.com/huggingface/safetensors.)
 *
 * @param bytes The whole file.
 * @returns Tensors by name, in the order of the file, and its texts. The tensors are copies, and belong to the open scope.
 * @throws {AttentionError} (ERR_SAFETENSORS) that says what is wrong with the file.
 * @throws {TypeError} for anything but bytes.
 * @throws {RangeError} for lack of memory. No tensor is left behind then.
 * @example
 * ```js
 * import { init, loadSafetensors, saveSafetensors, Tensor } from "wasm-attention";
 *
 * await init();
 * const file = saveSafetensors({ weight: Tensor.from([[1, 2]]) }, { licence: "MIT" }); // or await readFile(…)
 * const { tensors, metadata } = loadSafetensors(file);
 * for (const [name, { dtype, shape }] of tensors) console.log(name, dtype, shape); // weight float32 [ 1, 2 ]
 * console.log(metadata.licence); // MIT
 * ```
 */
export function loadSafetensors(bytes: Uint8Array | ArrayBuffer): LoadedSafetensors {
  const file = readBytes(OPERATION, "bytes", bytes);
  const { header, data } = splitFile(file);
  const metadata = readMetadata(header[METADATA]);
  const entries = Object.entries(header)
    .filter(([name]) => name !== METADATA)
    .map(([name, entry]) => readEntry(name, entry))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCoverage(entries, data.length);

  const tensors: LoadedSafetensors["tensors"] = new Map();
  try {
    for (const entry of entries) tensors.set(entry.name, makeTensor(entry, data.subarray(entry.begin, entry.end)));
  } catch (error) {
    for (const tensor of tensors.values()) tensor.dispose();
    throw error;
  }
  return { tensors, metadata };
}

type Header = Record<string, unknown>;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function splitFile(file: Uint8Array): { header: Header; data: Uint8Array } {
  if (file.length < LENGTH_BYTES) {
    throw broken(`expected at least ${LENGTH_BYTES} bytes, the length of the header, got ${file.length}`);
  }
  const length = new DataView(file.buffer, file.byteOffset).getBigUint64(0, true);
  if (length > BigInt(LARGEST_HEADER)) {
    throw broken(`expected a header of at most ${LARGEST_HEADER} bytes, got one of ${length}: not a safetensors file?`);
  }
  const start = LENGTH_BYTES + Number(length);
  if (start > file.length) {
    throw broken(`expected a header of ${length} bytes, got ${file.length - LENGTH_BYTES}: the file is cut off`);
  }
  return { header: parseHeader(file.subarray(LENGTH_BYTES, start)), data: file.subarray(start) };
}

function parseHeader(bytes: Uint8Array): Header {
  let json: string;
  let header: unknown;
  try {
    json = decodeUtf8(bytes);
  } catch (cause) {
    throw broken("the header is not UTF-8", cause);
  }
  if (!json.startsWith("{")) throw broken(`expected a header that begins with "{", got ${show(json.slice(0, 1))}`);
  try {
    header = JSON.parse(json);
  } catch (cause) {
    throw broken("the header is not JSON", cause);
  }
  scanJson(json, {
    repeatedKey(key) {
      throw broken(`the header has ${show(key)} twice`);
    },
    number(text, [name, field]) {
      if ((field !== "shape" && field !== "data_offsets") || /^\d+$/.test(text) || !isCount(Number(text))) return;
      throw broken(`tensor ${show(name)}: ${field}: expected integers in digits alone, got ${text}`);
    },
  });
  return header as Header;
}

function readMetadata(metadata: unknown): Record<string, string> {
  // The reference implementation takes null for none.
  if (metadata === undefined || metadata === null) return {};
  const isText = (value: unknown): boolean => typeof value === "string" && isUnicode(value);
  if (!isObject(metadata)) throw broken(`${METADATA}: expected texts by name, got ${show(metadata)}`);
  for (const [name, text] of Object.entries(metadata)) {
    if (!isText(name) || !isText(text)) throw broken(`${METADATA}: ${show(name)}: expected a text, got ${show(text)}`);
  }
  return metadata as Record<string, string>;
}

/** A number of elements or bytes; JSON knows a negative zero. */
const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0);

const isCounts = (value: unknown): value is number[] => Array.isArray(value) && value.every(isCount);

function readEntry(name: string, entry: unknown): Entry {
  const wrong = (what: string, expected: string, value: unknown): AttentionError =>
    broken(`tensor ${show(name)}: ${what}expected ${expected}, got ${show(value)}`);
  if (!isUnicode(name)) throw wrong("", "a name in Unicode", name);
  if (!isObject(entry)) throw wrong("", "dtype, shape and data_offsets", entry);
  const { dtype, shape, data_offsets: offsets } = entry;
  const bits = typeof dtype === "string" ? bitsPerElement.get(dtype) : undefined;
  if (typeof dtype !== "string" || bits === undefined) throw wrong("dtype: ", "one of the format's", dtype);
  if (!isCounts(shape)) throw wrong("shape: ", "an array of non-negative integers", shape);
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    throw wrong("data_offsets: ", "where its bytes begin and end", offsets);
  }
  const [begin, end] = offsets;
  // A size of 0 also where the product of the others is too large for a number.
  const expected = shape.includes(0) ? 0 : (elementCount(shape) * bits) / 8;
  if (end - begin !== expected) {
    throw wrong("data_offsets: ", `${expected} bytes for ${dtype} ${show(shape)}`, offsets);
  }
  return { name, format: dtype, shape, begin, end };
}

/** Each byte of the data must belong to one tensor. */
function checkCoverage(entries: readonly Entry[], length: number): void {
  let covered = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== covered) {
      const flaw = begin > covered ? "the bytes before them belong to no tensor" : "other tensors hold some of them";
      throw broken(`tensor ${show(name)}: data_offsets: expected to begin at ${covered}, got ${begin}: ${flaw}`);
    }
    covered = end;
  }
  if (covered !== length) {
    const flaw = covered > length ? "the file is cut off" : "the last ones belong to no tensor";
    throw broken(`expected ${covered} bytes after the header, got ${length}: ${flaw}`);
  }
}

function makeTensor({ name, format, shape, begin, end }: Entry, bytes: Uint8Array): Tensor | UnsupportedTensor {
  const dtype = (Object.keys(formatNames) as DType[]).find((candidate) => formatNames[candidate] === format);
  if (dtype === undefined) return new UnsupportedTensor(format, shape, Uint8Array.from(bytes));
  let sizes: Shape;
  try {
    sizes = checkShape(OPERATION, "shape", shape);
  } catch (cause) {
    throw broken(`tensor ${show(name)}: shape: the sizes of an empty tensor are too large, got ${show(shape)}`, cause);
  }
  const tensor = createTensor(OPERATION, sizes, dtype);
  const target = uint8View(pointerOf(tensor), end - begin);
  if (dtype === "bool") bytes.forEach((value, index) => (target[index] = Number(value !== 0)));
  else target.set(bytes);
  return tensor;
}
