// The builds in one deflate stream. They are nearly the same, so their functions stand alternately: within the window in which
// the compressor finds what it has seen, which is smaller than a build.
//
// Unpacked it is two counts, of parts and of builds, then for each part its length in every build, then the bytes in the same
// order; numbers are 32 bits, little-endian. ts/entry/unpack.ts puts the builds together again.
import { deflateSync } from "node:zlib";

const CODE_SECTION = 10;
const HEADER_BYTES = 8;

/**
 * A module cut into what comes before its functions, each function's body, and what follows.
 * @param {Uint8Array} wasm
 */
function cut(wasm) {
  let position = HEADER_BYTES;
  /** The unsigned LEB128 number at the position. */
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = wasm[position++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  while (position < wasm.length) {
    const section = wasm[position++];
    const end = number() + position;
    if (section !== CODE_SECTION) {
      position = end;
      continue;
    }
    const cuts = [0];
    for (let count = number(); count > 0; count--) {
      cuts.push(position);
      position = number() + position;
    }
    cuts.push(position, wasm.length);
    return cuts.slice(1).map((to, index) => wasm.subarray(cuts[index], to));
  }
  throw new Error("the module has no functions");
}

/**
 * In the zlib format.
 * @param {readonly Uint8Array[]} modules
 */
export function packBuilds(modules) {
  const parts = modules.map(cut);
  const count = Math.max(...parts.map(({ length }) => length));
  // Functions of the same number are the same in all builds, or nearly (scripts/build-wasm.mjs).
  const alternating = Array.from({ length: count }, (_, index) =>
    parts.map((ofModule) => ofModule[index] ?? new Uint8Array()),
  ).flat();
  const numbers = [count, modules.length, ...alternating.map(({ length }) => length)];
  const words = new DataView(new ArrayBuffer(4 * numbers.length));
  numbers.forEach((value, index) => words.setUint32(4 * index, value, true));
  return deflateSync(Buffer.concat([new Uint8Array(words.buffer), ...alternating]), { level: 9, memLevel: 9 });
}
