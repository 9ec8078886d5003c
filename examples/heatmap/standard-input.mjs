import { once } from "node:events";
import { fstatSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { CommandError } from "./errors.mjs";

const PATIENCE_IN_MILLISECONDS = 3000;

/** Where text may come from; not from a terminal, where nobody expects a question. */
function sourceOfText() {
  try {
    const status = fstatSync(0);
    if (status.isFile()) return "file";
    return status.isFIFO() || status.isSocket() ? "pipe" : "none";
  } catch {
    // A closed one.
    return "none";
  }
}

/** @param {Buffer} bytes */
function decode(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new CommandError("standard input: expected text in UTF-8", { cause: error });
  }
}

/** All of standard input. */
export const readStandardInput = async () => decode(await buffer(process.stdin));

/**
 * The text that was piped in, or undefined where nothing is connected, or where a pipe ends at once or stays silent for
 * some seconds: whoever starts a program from another one often leaves such a pipe there.
 */
export async function readPipedText() {
  const source = sourceOfText();
  if (source === "none") return undefined;
  if (source === "file") return readStandardInput();
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), PATIENCE_IN_MILLISECONDS);
  try {
    await once(process.stdin, "readable", { signal: silence.signal });
    clearTimeout(timer);
    const bytes = await buffer(process.stdin);
    if (bytes.length > 0) return decode(bytes);
  } catch (error) {
    if (!silence.signal.aborted) throw error;
    process.stdin.destroy();
  } finally {
    clearTimeout(timer);
  }
  console.error("note: nothing came on standard input, so this is the example text; - waits for one");
  return undefined;
}
