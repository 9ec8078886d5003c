import { logicalNot, type MaskLike, Tensor } from "../../../ts/entry/default.js";
import { floats, type OperationRecord } from "../operation.js";

const refused = (input: unknown): Tensor => logicalNot(input as MaskLike);

export const logicalNotRecord: OperationRecord = {
  name: "logicalNot",
  family: "logical-not",
  computes: "true where the input is false",
  error: "none: booleans",
  property: { suite: "ops/logical-not" },
  gradient: { none: "booleans have none" },
  // prettier-ignore
  refusals: [
    ["floats", () => refused(floats(2, 3)), TypeError, "ERR_INVALID_TYPE", /^logicalNot: input: expected bool \(of 0 and 1: \.to\("bool"\)\), got "float32"/],
    ["16-bit floats", () => refused({ data: new Uint16Array(2), shape: [2], dtype: "float16" }), TypeError, "ERR_INVALID_TYPE", /^logicalNot: input: expected bool.*got "float16"/],
    ["int32", () => refused({ data: new Int32Array(2), shape: [2] }), TypeError, "ERR_INVALID_TYPE", /^logicalNot: input: .*got "int32"/],
    ["numbers of tokens", () => refused([[2, 1]]), RangeError, "ERR_INVALID_VALUE", /^logicalNot: input, element 0: .*got 2/],
    ["ragged arrays", () => refused([[1], [1, 0]]), RangeError, "ERR_SHAPE", /^logicalNot: input: /],
    ["a boolean alone", () => refused(true), TypeError, "ERR_INVALID_TYPE", /^logicalNot: input: .*got true/],
    ["nothing", () => refused(undefined), TypeError, "ERR_INVALID_TYPE", /^logicalNot: input: .*got undefined/],
  ],
  call: () => [logicalNot([true])],
  memory: { logicalNot: () => [logicalNot({ data: new Uint8Array(20_000), shape: [2, 10_000] })] },
  typical: () => {
    const mask = Tensor.from(new Uint8Array(64 * 512).fill(1), [64, 512]);
    return { size: "[64, 512]", run: () => logicalNot(mask), bytes: 2 * 64 * 512 };
  },
  mixture: (n) => [logicalNot(new Uint8Array(n))],
  bits: { none: "booleans, which the property compares exactly" },
};
