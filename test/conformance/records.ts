/** The committed answers of ONNX and PyTorch: reading a file's records, handing over inputs, comparing outputs. */
import { expect } from "vitest";
import type { Tensor, TensorData } from "../../ts/entry/default.js";
import { bfloat16Bits, bfloat16Value, float16Bits, float16Value } from "../oracle/half.js";
import { readStoredCases, type StoredTensor } from "../oracle/safetensors.js";
import { storedFile } from "./stored-file.js";

export interface Case {
  readonly name: string;
  readonly operator: string;
  readonly attributes: Record<string, unknown>;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Where there are no tensors `tolerances/…`. */
  readonly rtol: number;
  readonly atol: number;
  readonly module?: Record<string, unknown>;
  readonly state?: readonly string[];
}

export interface Tolerances {
  readonly rtol: number;
  readonly atol: number;
}

/** One case of a file. */
export interface CaseRecord {
  readonly name: string;
  readonly record: Case;
  /** A tensor of the case, such as `inputs/Q`; throws when there is none. */
  stored(name: string): StoredTensor;
  /** An input in its own dtype, or undefined for one that the case leaves out. int64 becomes int32. */
  input(name: string): TensorData | undefined;
}

export function toTensorData(stored: StoredTensor): TensorData {
  const { shape, data } = stored;
  switch (stored.dtype) {
    case "F32":
      return { data: Float32Array.from(data), shape };
    case "F16":
      return { data: Uint16Array.from(data, float16Bits), shape, dtype: "float16" };
    case "BF16":
      return { data: Uint16Array.from(data, bfloat16Bits), shape, dtype: "bfloat16" };
    case "BOOL":
      return { data: Uint8Array.from(data), shape };
    case "I32":
    case "I64":
      return { data: Int32Array.from(data), shape };
    default:
      throw new Error(`no dtype of ours for ${stored.dtype}`);
  }
}

/** An input that the case must have. */
export function requiredInput(record: CaseRecord, name: string): TensorData {
  const input = record.input(name);
  if (input === undefined) throw new Error(`${record.name} has no ${name}`);
  return input;
}

/** The cases of `test/conformance/<file>.safetensors`. */
export function loadCases(file: string): CaseRecord[] {
  const { cases, tensors } = readStoredCases<Case>(storedFile(file));
  return cases.map((record) => {
    const stored = (name: string): StoredTensor => {
      const tensor = tensors.get(`${record.name}/${name}`);
      if (tensor === undefined) throw new Error(`${record.name} has no ${name}`);
      return tensor;
    };
    const input = (name: string): TensorData | undefined =>
      record.inputs.includes(name) ? toTensorData(stored(`inputs/${name}`)) : undefined;
    return { name: record.name, record, stored, input };
  });
}

/** The elements of one of our tensors as float64. */
export function valuesOf(tensor: Tensor): Float64Array {
  const widen = { float16: float16Value, bfloat16: bfloat16Value, float32: Number, int32: Number, bool: Number };
  return Float64Array.from(tensor.toArray(), widen[tensor.dtype]);
}

const dtypeNames: Record<string, string> = {
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int32: "I32",
  bool: "BOOL",
};

/** Shape and dtype are equal and |ours − stored| ≤ atol + rtol·|stored|; NaN equals NaN, infinities must be equal. */
export function expectClose(
  name: string,
  actual: Tensor | undefined,
  expected: StoredTensor,
  { rtol, atol }: Tolerances,
): void {
  expectNear(name, actual, expected, (index) => atol + rtol * Math.abs(expected.data[index]));
}

/** As `expectClose`, with the tolerances that are stored for each element, for every output of a case. */
export function expectAnswers({ record, stored }: CaseRecord, results: Readonly<Record<string, Tensor | null>>): void {
  for (const name of record.outputs) {
    const tolerances = stored(`tolerances/${name}`).data;
    expectNear(name, results[name] ?? undefined, stored(`outputs/${name}`), (index) => tolerances[index]);
  }
}

function expectNear(
  name: string,
  actual: Tensor | undefined,
  expected: StoredTensor,
  tolerance: (index: number) => number,
): void {
  if (actual === undefined) throw new Error(`${name}: no such result`);
  expect(actual.shape, name).toEqual(expected.shape);
  expect(dtypeNames[actual.dtype], name).toBe(expected.dtype);
  const values = valuesOf(actual);
  let worst = 0;
  let worstAt = -1;
  values.forEach((x, index) => {
    const y = expected.data[index];
    if (x === y || (Number.isNaN(x) && Number.isNaN(y))) return;
    const share = Math.abs(x - y) / tolerance(index);
    if (!(share <= worst)) [worst, worstAt] = [share, index];
  });
  const where = worstAt < 0 ? "" : ` at ${worstAt}: ${values[worstAt]} for ${expected.data[worstAt]}`;
  expect(worst, `${name}: difference as a share of the tolerance${where}`).toBeLessThanOrEqual(1);
}
