// The multiply-add peak of one thread's 128-bit lanes, as WebAssembly written by hand: the most that a kernel could do.
//
// Each step is accumulator = accumulator · factor + term: a product of two constants would be computed once, before the
// loop. As many accumulators as fit the fifteen vector registers that V8 has on x64, beside factor and term, hide the
// latency of the steps; twelve read 2 to 3% lower on a processor that starts three operations a cycle. Four rounds
// without a branch make the loop's own cost vanish.
import { assemble, float32, op, type } from "./assembler.mjs";

const ACCUMULATORS = 13;
const ROUNDS = 4;
const LANES = 4;
// Some milliseconds: about as long as what it is compared with, so that both meet the same bursts and lulls.
const ITERATIONS = 500_000;

/** The floating-point operations of one call of `run`. */
export const FLOPS_PER_CALL = ITERATIONS * ROUNDS * ACCUMULATORS * LANES * 2;

/**
 * A module that exports `f(iterations: i32, factor: f32, term: f32) -> f32`.
 * @param {"separate" | "fused"} arithmetic
 */
function assembleLoop(arithmetic) {
  const [iterations, scalarFactor, scalarTerm, factor, term, firstAccumulator] = [0, 1, 2, 3, 4, 5];
  const accumulators = Array.from({ length: ACCUMULATORS }, (_, index) => firstAccumulator + index);

  const step = (/** @type {number} */ accumulator) => [
    ...[op.localGet, accumulator, op.localGet, factor],
    ...(arithmetic === "fused"
      ? [op.localGet, term, ...op.f32x4RelaxedMadd]
      : [...op.f32x4Mul, op.localGet, term, ...op.f32x4Add]),
    ...[op.localSet, accumulator],
  ];
  return assemble({
    parameters: [type.i32, type.f32, type.f32],
    result: type.f32,
    locals: [[2 + ACCUMULATORS, type.v128]],
    code: [
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
      ...[...op.f32x4ExtractLane, 0],
    ],
  });
}

/** Whether this process accepts relaxed SIMD, which older versions of Node hide behind a flag. */
export const acceptsRelaxedSimd = () => WebAssembly.validate(assembleLoop("fused"));

/**
 * The loop, ready to run: one call is `FLOPS_PER_CALL`.
 * @param {"separate" | "fused"} arithmetic
 * @returns {() => void}
 */
export function makeMultiplyAddLoop(arithmetic) {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(assembleLoop(arithmetic)));
  const loop = /** @type {(iterations: number, factor: number, term: number) => number} */ (exports.f);
  // The accumulators approach 1: nothing overflows, and nothing becomes subnormal.
  return () => void loop(ITERATIONS, 0.5, 0.5);
}
