// The little of WebAssembly's binary format that the peaks are written in: a module of one function, and perhaps a memory.
// https://webassembly.github.io/spec/core/binary/

export const type = { none: 0x40, v128: 0x7b, f32: 0x7d, i32: 0x7f };

export const op = {
  loop: 0x03,
  end: 0x0b,
  branchIf: 0x0d,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  i32Const: 0x41,
  f32Const: 0x43,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32And: 0x71,
  i32ShiftLeft: 0x74,
  i32LessUnsigned: 0x49,
  v128Load: [0xfd, 0x00],
  f32x4Splat: [0xfd, 0x13],
  f32x4ExtractLane: [0xfd, 0x1f],
  f32x4Add: [0xfd, 0xe4, 0x01],
  f32x4Mul: [0xfd, 0xe6, 0x01],
  f32x4RelaxedMadd: [0xfd, 0x85, 0x02],
};

const section = { type: 1, function: 3, memory: 5, export: 7, code: 10 };
const functionType = 0x60;
const exportKind = { function: 0, memory: 2 };

/**
 * LEB128 of a number that is not negative.
 * @param {number} value
 * @returns {number[]}
 */
export const unsigned = (value) => (value < 128 ? [value] : [(value % 128) | 0x80, ...unsigned(value >>> 7)]);

/**
 * LEB128 as constants are written, which have a sign.
 * @param {number} value
 * @returns {number[]}
 */
export const signed = (value) =>
  value >= -64 && value < 64 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];

/** @param {number} value */
export const float32 = (value) => [...new Uint8Array(Float32Array.of(value).buffer)];

/** A section, body or name: its length in front. @param {number[]} bytes */
const sized = (bytes) => [...unsigned(bytes.length), ...bytes];

/** @param {string} text */
const name = (text) => sized([...new TextEncoder().encode(text)]);

/**
 * A module that exports the function as `f` and, with pages, a memory of them as `memory`.
 * @param {object} parts
 * @param {number[]} parts.parameters their types
 * @param {number} parts.result its type
 * @param {[number, number][]} parts.locals how many of which type, after the parameters
 * @param {number[]} parts.code the body without its `end`
 * @param {number} [parts.pages] of 64 KiB
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function assemble({ parameters, result, locals, code, pages }) {
  const exported = [
    [...name("f"), exportKind.function, 0],
    ...(pages === undefined ? [] : [[...name("memory"), exportKind.memory, 0]]),
  ];
  const declarations = locals.flatMap(([count, localType]) => [...unsigned(count), localType]);
  const body = [...unsigned(locals.length), ...declarations, ...code, op.end];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[section.type, ...sized([1, functionType, parameters.length, ...parameters, 1, result])],
    ...[section.function, ...sized([1, 0])],
    ...(pages === undefined ? [] : [section.memory, ...sized([1, 0, ...unsigned(pages)])]),
    ...[section.export, ...sized([exported.length, ...exported.flat()])],
    ...[section.code, ...sized([1, ...sized(body)])],
  ]);
}
