/** Reads the committed conformance data: safetensors whose metadata lists the cases. */
import { bfloat16Value, float16Value } from "./half.js";

export interface StoredTensor {
  /** safetensors' name of the type: F32, F16, BF16, BOOL, U8, I32, I64. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** As numbers. */
  readonly data: Float64Array;
}

export interface StoredCases<Case> {
  readonly cases: readonly Case[];
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

const READERS: Record<string, { bytes: number; read: (view: DataView, at: number) => number }> = {
  F32: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  F16: { bytes: 2, read: (view, at) => float16Value(view.getUint16(at, true)) },
  BF16: { bytes: 2, read: (view, at) => bfloat16Value(view.getUint16(at, true)) },
  BOOL: { bytes: 1, read: (view, at) => view.getUint8(at) },
  U8: { bytes: 1, read: (view, at) => view.getUint8(at) },
  I32: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  I64: { bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
};

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

export function readStoredCases<Case>(bytes: Uint8Array): StoredCases<Case> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerLength))) as Record<
    string,
    HeaderEntry
  >;
  const metadata = header["__metadata__"] as unknown as { cases: string };
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") {
      continue;
    }
    const { dtype, shape } = entry;
    const reader = READERS[dtype];
    const start = 8 + headerLength + entry.data_offsets[0];
    const length = (entry.data_offsets[1] - entry.data_offsets[0]) / reader.bytes;
    const data = Float64Array.from({ length }, (_, n) => reader.read(view, start + n * reader.bytes));
    tensors.set(name, { dtype, shape, data });
  }
  return { cases: JSON.parse(metadata.cases) as Case[], tensors };
}
