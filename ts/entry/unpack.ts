import { AttentionError, messageOf } from "../errors.js";
import { bytesFromBase64 } from "./base64.js";
import { inflate } from "./inflate.js";

/** A module that the package carries: base64 of the zlib format. Rejects where the host lacks a way, or its way is broken. */
export async function unpack(packed: string): Promise<Uint8Array> {
  try {
    return await inflate(bytesFromBase64(packed));
  } catch (cause) {
    throw new AttentionError(
      "ERR_NO_DECOMPRESSION",
      `init: this host can't unpack the module: ${messageOf(cause)}: pass one, init({ module })`,
      { cause },
    );
  }
}
