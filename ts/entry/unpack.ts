import { AttentionError, messageOf } from "../errors.js";
import { bytesFromBase64 } from "./base64.js";
import { inflate } from "./inflate.js";

/**
 * The bytes of one of the builds that the package carries: base64 of the zlib format of scripts/pack-builds.mjs. Rejects where the
 * host lacks a way to unpack it, or its way is broken.
 */
export async function unpack(packed: string, build: number): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return join(await inflate(bytesFromBase64(packed)), build);
  } catch (cause) {
    throw new AttentionError(
      "ERR_NO_DECOMPRESSION",
      `init: this host can't unpack the module: ${messageOf(cause)}: pass one, init({ module })`,
      { cause },
    );
  }
}

/** The parts of one build, which stand between those of the others: a count, their lengths, and they themselves. */
function join(unpacked: Uint8Array, build: number): Uint8Array<ArrayBuffer> {
  const numbers = new DataView(unpacked.buffer, unpacked.byteOffset);
  const parts = numbers.getUint32(0, true);
  const builds = numbers.getUint32(4, true);
  const joined = new Uint8Array(unpacked.length);
  let from = 8 + 4 * parts * builds;
  let to = 0;
  for (let index = 0; index < parts * builds; index++) {
    const length = numbers.getUint32(8 + 4 * index, true);
    if (index % builds === build) {
      joined.set(unpacked.subarray(from, from + length), to);
      to += length;
    }
    from += length;
  }
  return joined.slice(0, to);
}
