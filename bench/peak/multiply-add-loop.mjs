// The multiply-add peak of one thread's 128-bit lanes, as WebAssembly written by hand: the most that a kernel could do.
//
// Each step is accumulator = accumulator · factor + term: a product of two constants would be computed once, before the
// loop. As many accumulators as fit the fifteen vector registers that V8 has on x64, beside factor and term, hide the
// latency of the steps; twelve read 2 to 3% lower on a processor that starts three operations a cycle. Four rounds
// without a branch make the loop's own cost vanish.

const ACCUMULATORS = 13;
const ROUNDS = 4;
const LANES = 4;
// Some milliseconds: about as long as what it is compared with, so that both meet the same bursts and lulls.
const ITERATIONS = 500_000;

/** The floating-point operations of one call of `run`. */
export const FLOPS_PER_CALL = ITERATIONS * ROUNDS * ACCUMULATORS * LANES * 2;

// https://webassembly.github.io/spec/core/binary/: sections, types and opcodes.
const section = { type: 1, function: 3, export: 7, code: 10 };
const type = { none: 0x40, function: 0x60, v128: 0x7b, f32: 0x7d, i32: 0x7f };
const op = {
  loop: 0x03,
  end: 0x0b,
  branchIf: 0x0d,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  i32Const: 0x41,
  f32Const: 0x43,
  i32Sub: 0x6b,
  f32x4Splat: [0xfd, 0x13],
  f32x4ExtractLane: [0xfd, 0x1f],
  f32x4Add: [0xfd, 0xe4, 0x01],
  f32x4Mul: [0xfd, 0xe6, 0x01],
  f32x4RelaxedMadd: [0xfd, 0x85, 0x02],
};

/**
 * A vector, section or body: its length in front, in the two bytes that suffice here.
 * @param {number[]} bytes
 */
const sized = (bytes) => [(bytes.length & 0x7f) | 0x80, bytes.length >> 7, ...bytes];

/** @param {number} value */
const float32 = (value) => [...new Uint8Array(Float32Array.of(value).buffer)];

/**
 * A module that exports `f(iterations: i32, factor: f32, term: f32) -> f32`.
 * @param {"separate" | "fused"} arithmetic
 * @returns {Uint8Array<ArrayBuffer>}
 */
function assemble(arithmetic) {
  const [iterations, scalarFactor, scalarTerm, factor, term, firstAccumulator] = [0, 1, 2, 3, 4, 5];
  const accumulators = Array.from({ length: ACCUMULATORS }, (_, index) => firstAccumulator + index);

  const step = (/** @type {number} */ accumulator) => [
    ...[op.localGet, accumulator, op.localGet, factor],
    ...(arithmetic === "fused"
      ? [op.localGet, term, ...op.f32x4RelaxedMadd]
      : [...op.f32x4Mul, op.localGet, term, ...op.f32x4Add]),
    ...[op.localSet, accumulator],
  ];
  const code = [
    ...[op.localGet, scalarFactor, ...op.f32x4Splat, op.localSet, factor],
    ...[op.localGet, scalarTerm, ...op.f32x4Splat, op.localSet, term],
    // Different starts, so that no compiler sees one chain many times.
    ...accumulators.flatMap((accumulator) => [
      ...[op.f32Const, ...float32(accumulator), ...op.f32x4Splat, op.localSet, accumulator],
    ]),
    ...[op.loop, type.none],
    ...Array.from({ length: ROUNDS }, () => accumulators.flatMap(step)).flat(),
    ...[op.localGet, iterations, op.i32Const, 1, op.i32Sub, op.localTee, iterations, op.branchIf, 0],
    op.end,
    // Without a result the loop would be dead code.
    ...[op.localGet, firstAccumulator],
    ...accumulators.slice(1).flatMap((accumulator) => [op.localGet, accumulator, ...op.f32x4Add]),
    ...[...op.f32x4ExtractLane, 0, op.end],
  ];

  const parameters = [type.i32, type.f32, type.f32];
  const vectors = [2 + ACCUMULATORS, type.v128];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...[section.type, ...sized([1, type.function, parameters.length, ...parameters, 1, type.f32])],
    ...[section.function, ...sized([1, 0])],
    ...[section.export, ...sized([1, 1, "f".charCodeAt(0), 0, 0])],
    ...[section.code, ...sized([1, ...sized([1, ...vectors, ...code])])],
  ]);
}

/** Whether this process accepts relaxed SIMD, which older versions of Node hide behind a flag. */
export const acceptsRelaxedSimd = () => WebAssembly.validate(assemble("fused"));

/**
 * The loop, ready to run: one call is `FLOPS_PER_CALL`.
 * @param {"separate" | "fused"} arithmetic
 * @returns {() => void}
 */
export function makeMultiplyAddLoop(arithmetic) {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(assemble(arithmetic)));
  const loop = /** @type {(iterations: number, factor: number, term: number) => number} */ (exports.f);
  // The accumulators approach 1: nothing overflows, and nothing becomes subnormal.
  return () => void loop(ITERATIONS, 0.5, 0.5);
}
