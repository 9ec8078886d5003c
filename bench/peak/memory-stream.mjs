// The most that one thread reads from memory, as WebAssembly written by hand: the bound of decode, which reads every key
// and value for one query, and of a linear layer of one row, which reads every weight.
//
// A processor fetches ahead on several distant streams better than on one, so the same bytes are read by 1, 4 or 8 of
// them. An iteration always reads eight cache lines, so that the loop's own cost is the same for all. Two loads start in a
// cycle and an addition takes three or four, so with eight accumulators the additions don't become the bound: on a
// processor that reads 97 GB/s, four accumulators read 77.
//
// It reads as much as the case does that it stands beside: what fits a cache is read faster, by everyone.
import { countBytes } from "../cases.mjs";
import { assemble, op, signed, type, unsigned } from "./assembler.mjs";

const VECTOR = 16;
const LINE = 64;
const LINES_PER_ITERATION = 8;
const ACCUMULATORS = 8;
const PAGE = 65_536;

/** @typedef {1 | 4 | 8} Streams */

/**
 * The bytes that one call of `run` reads beside a case, by any number of streams: about those that the case needs, so
 * that cases of about the same size share a peak.
 * @param {import("../cases.mjs").Case} benchmarkCase
 */
export const bytesPerCall = (benchmarkCase) => Math.ceil(countBytes(benchmarkCase) / PAGE) * PAGE;

/**
 * A module that exports its memory and `f(end: i32) -> f32`, which reads the first `end` bytes of every stream.
 * @param {Streams} streams
 * @param {number} bytes
 */
function assembleStreams(streams, bytes) {
  const [end, offset, firstAccumulator] = [0, 1, 2];
  const accumulators = Array.from({ length: ACCUMULATORS }, (_, index) => firstAccumulator + index);

  // Streams that begin a power of two apart share the same few lines of the first cache: a line between them, and they don't.
  const distance = bytes / streams + LINE;
  const lines = LINES_PER_ITERATION / streams;
  const addresses = [];
  for (let line = 0; line < lines; line++) {
    for (let stream = 0; stream < streams; stream++) {
      for (let byte = 0; byte < LINE; byte += VECTOR) addresses.push(stream * distance + line * LINE + byte);
    }
  }
  const alignment = Math.log2(VECTOR);
  const loads = addresses.flatMap((address, index) => {
    const accumulator = accumulators[index % ACCUMULATORS];
    return [
      ...[op.localGet, accumulator],
      ...[op.localGet, offset, ...op.v128Load, alignment, ...unsigned(address)],
      ...[...op.f32x4Add, op.localSet, accumulator],
    ];
  });

  return assemble({
    parameters: [type.i32],
    result: type.f32,
    locals: [
      [1, type.i32],
      [ACCUMULATORS, type.v128],
    ],
    code: [
      ...[op.loop, type.none],
      ...loads,
      ...[op.localGet, offset, op.i32Const, ...signed(lines * LINE), op.i32Add, op.localTee, offset],
      ...[op.localGet, end, op.i32LessUnsigned, op.branchIf, 0],
      op.end,
      // Without a result the loads would be dead code.
      ...[op.localGet, firstAccumulator],
      ...accumulators.slice(1).flatMap((accumulator) => [op.localGet, accumulator, ...op.f32x4Add]),
      ...[...op.f32x4ExtractLane, 0],
    ],
    pages: Math.ceil((streams * distance) / PAGE),
  });
}

/**
 * The loop, ready to run: one call reads `bytesPerCall` and gives the sum of a quarter of the numbers.
 * @param {Streams} streams
 * @param {import("../cases.mjs").Case} benchmarkCase
 * @returns {() => number}
 */
export function makeMemoryStream(streams, benchmarkCase) {
  const bytes = bytesPerCall(benchmarkCase);
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(assembleStreams(streams, bytes)));
  const memory = /** @type {WebAssembly.Memory} */ (exports.memory);
  const read = /** @type {(end: number) => number} */ (exports.f);
  // Memory that nobody wrote is one page of zeros, over and over, and would be read from the first cache.
  new Float32Array(memory.buffer).fill(1);

  const run = () => read(bytes / streams);
  // Ones in float32 add up exactly: every number was read, and none twice.
  if (run() !== bytes / VECTOR) throw new Error(`the loop of ${streams} memory streams reads something else`);
  return run;
}
