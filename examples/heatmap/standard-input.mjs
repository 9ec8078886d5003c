import { fstatSync } from "node:fs";
import { CommandError } from "./errors.mjs";

const PATIENCE_IN_MILLISECONDS = 3000;

/** Whether text can come: from a pipe, a socket or a file, but not from a terminal, where nobody expects a question. */
function isFed() {
  try {
    const status = fstatSync(0);
    return status.isFIFO() || status.isSocket() || status.isFile();
  } catch {
    // A closed one.
    return false;
  }
}

/** @param {readonly Buffer[]} chunks */
function decode(chunks) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch (error) {
    throw new CommandError("standard input: expected text in UTF-8", { cause: error });
  }
}

/** All of standard input. */
export async function readStandardInput() {
  /** @type {Buffer[]} */
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(/** @type {Buffer} */ (chunk));
  return decode(chunks);
}

/**
 * The text that was piped in, or undefined where nothing is connected, where it ends at once, or where nothing comes for
 * some seconds: whoever starts a program from another one often leaves a silent pipe there.
 */
export async function readPipedText() {
  if (!isFed()) return undefined;
  /** @type {Buffer[]} */
  const chunks = [];
  let isSilent = false;
  const timer = setTimeout(() => {
    isSilent = true;
    process.stdin.destroy();
  }, PATIENCE_IN_MILLISECONDS);
  try {
    for await (const chunk of process.stdin) {
      clearTimeout(timer);
      chunks.push(/** @type {Buffer} */ (chunk));
    }
  } catch (error) {
    if (!isSilent) throw error;
  } finally {
    clearTimeout(timer);
  }
  return chunks.length === 0 ? undefined : decode(chunks);
}
