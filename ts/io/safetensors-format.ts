import type { DType } from "../tensor/dtype.js";

/** What the format calls the dtypes that we compute with. */
export const formatNames: Readonly<Record<DType, string>> = {
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int32: "I32",
  bool: "BOOL",
};

/** The bits of an element by the format's dtypes. The order is the format's too: files hold the last ones first. */
export const bitsPerElement: ReadonlyMap<string, number> = new Map([
  ["BOOL", 8],
  ["F4", 4],
  ["F6_E2M3", 6],
  ["F6_E3M2", 6],
  ["U8", 8],
  ["I8", 8],
  ["F8_E5M2", 8],
  ["F8_E4M3", 8],
  ["F8_E8M0", 8],
  ["F8_E4M3FNUZ", 8],
  ["F8_E5M2FNUZ", 8],
  ["I16", 16],
  ["U16", 16],
  ["F16", 16],
  ["BF16", 16],
  ["I32", 32],
  ["U32", 32],
  ["F32", 32],
  ["C64", 64],
  ["F64", 64],
  ["I64", 64],
  ["U64", 64],
]);

/** The header's entry that holds no tensor but texts by name. */
export const METADATA = "__metadata__";

/** Bytes of the number that says how long the header is. */
export const LENGTH_BYTES = 8;

/** Against files that would take long to read. */
export const LARGEST_HEADER = 100_000_000;

/** Whether a text is Unicode: UTF-8 has no form for half a surrogate pair. */
export const isUnicode = (text: string): boolean => !/\p{Surrogate}/u.test(text);
