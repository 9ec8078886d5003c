// The multiply-add peak of one thread's 128-bit lanes, as WebAssembly written by hand: the most that a kernel could do.
//
// A step multiplies and adds into an accumulator. Enough accumulators hide the latency of the steps, and more than the
// engine keeps in registers are stored and loaded again, which costs up to half of the rate. Rounds without a branch make
// the loop's own cost vanish.
import { assemble, float32, op, type, unsigned } from "./assembler.mjs";

const LANES = 4;
// Some milliseconds: about as long as what it is compared with, so that both meet the same bursts and lulls.
const STEPS = 26_000_000;

/** The floating-point operations of one call of `run`. */
export const FLOPS_PER_CALL = STEPS * LANES * 2;

/**
 * @typedef {object} Loop a module that exports `f(iterations: i32) -> f32`
 * @property {Uint8Array<ArrayBuffer>} module
 * @property {number} iterations of one call
 */

/** @param {number} local @param {number} value */
const setVector = (local, value) => [op.f32Const, ...float32(value), ...op.f32x4Splat, op.localSet, local];

/** @param {number} first @param {number} count */
const range = (first, count) => Array.from({ length: count }, (_, index) => first + index);

/** Counts `iterations` down, from the first parameter. @param {number[]} body */
const loop = (body) => [
  ...[op.loop, type.none, ...body],
  ...[op.localGet, 0, op.i32Const, 1, op.i32Sub, op.localTee, 0, op.branchIf, 0, op.end],
];

/** Without a result the loop would be dead code. @param {readonly number[]} accumulators */
const sumOf = ([first, ...others]) => [
  ...[op.localGet, first],
  ...others.flatMap((accumulator) => [op.localGet, accumulator, ...op.f32x4Add]),
  ...[...op.f32x4ExtractLane, 0],
];

/**
 * Fused: accumulator + factor · term. Separate: accumulator · factor + term, for a product of two constants would be
 * computed once, before the loop. Thirteen accumulators, factor and term are the fifteen registers that V8 and Firefox
 * have on x64.
 * @param {"separate" | "fused"} arithmetic
 * @returns {Loop}
 */
function makeChains(arithmetic) {
  const rounds = 4;
  const [factor, term] = [1, 2];
  const accumulators = range(3, 13);
  const step = (/** @type {number} */ accumulator) =>
    arithmetic === "fused"
      ? [op.localGet, factor, op.localGet, term, op.localGet, accumulator, ...op.f32x4RelaxedMadd]
      : [op.localGet, accumulator, op.localGet, factor, ...op.f32x4Mul, op.localGet, term, ...op.f32x4Add];
  const round = accumulators.flatMap((accumulator) => [...step(accumulator), op.localSet, accumulator]);
  return {
    module: assemble({
      parameters: [type.i32],
      result: type.f32,
      locals: [[2 + accumulators.length, type.v128]],
      code: [
        // A separate accumulator approaches 1 and a fused one 26 million: nothing overflows, nothing becomes subnormal.
        ...setVector(factor, 0.5),
        ...setVector(term, 0.5),
        // Different starts, so that no compiler sees one chain many times.
        ...accumulators.flatMap((accumulator) => setVector(accumulator, accumulator)),
        ...loop(Array.from({ length: rounds }, () => round).flat()),
        ...sumOf(accumulators),
      ],
    }),
    iterations: STEPS / (rounds * accumulators.length),
  };
}

/**
 * As matrix products do it: each of two vectors from memory times each of four factors, added to eight accumulators. The
 * products are not part of the chains, so that fewer accumulators suffice.
 * @returns {Loop}
 */
function makeTile() {
  const rounds = 13;
  const [offset, vector] = [1, 2];
  const factors = range(3, 4);
  const rows = [range(7, 4), range(11, 4)];
  const accumulators = rows.flat();
  const round = (/** @type {number} */ index) =>
    rows.flatMap((row, number) => [
      ...[op.localGet, offset, ...op.v128Load, 4, ...unsigned((index * rows.length + number) * 16)],
      ...[op.localSet, vector],
      ...row.flatMap((accumulator, column) => [
        ...[op.localGet, accumulator],
        ...[op.localGet, vector, op.localGet, factors[column], ...op.f32x4Mul],
        ...[...op.f32x4Add, op.localSet, accumulator],
      ]),
    ]);
  return {
    module: assemble({
      parameters: [type.i32],
      result: type.f32,
      locals: [
        [1, type.i32],
        [1 + factors.length + accumulators.length, type.v128],
      ],
      code: [
        ...factors.flatMap((factor) => setVector(factor, factor)),
        ...accumulators.flatMap((accumulator) => setVector(accumulator, accumulator)),
        ...loop([
          // Another place each time, or the products would be computed before the loop.
          ...[op.localGet, 0, op.i32Const, 63, op.i32And, op.i32Const, 5, op.i32ShiftLeft, op.localSet, offset],
          ...range(0, rounds).flatMap(round),
        ]),
        ...sumOf(accumulators),
      ],
      pages: 1,
    }),
    iterations: STEPS / (rounds * accumulators.length),
  };
}

/** Whether this process accepts relaxed SIMD, which older versions of Node hide behind a flag. */
export const acceptsRelaxedSimd = () => WebAssembly.validate(makeChains("fused").module);

/** @param {Loop} loop */
function instantiate({ module, iterations }) {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module));
  const run = /** @type {(iterations: number) => number} */ (exports.f);
  return () => void run(iterations);
}

/** Milliseconds of the best of some calls, the first of which warm it up. @param {() => void} run */
function timeBest(run) {
  let best = Infinity;
  for (let call = 0; call < 12; call++) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

/**
 * The loop, ready to run: one call is `FLOPS_PER_CALL`. Of separate ones, the chains are 4% faster in V8 and the tile is 70%
 * faster in Firefox, which needs a sixteenth register for them: the one that is faster here.
 * @param {"separate" | "fused"} arithmetic
 * @returns {() => void}
 */
export function makeMultiplyAddLoop(arithmetic) {
  const chains = instantiate(makeChains(arithmetic));
  if (arithmetic === "fused") return chains;
  const tile = instantiate(makeTile());
  return timeBest(chains) < timeBest(tile) ? chains : tile;
}
