import { writeFile } from "node:fs/promises";
import { fileError } from "./errors.mjs";

/**
 * Prints a text and a line end on standard output.
 * @param {string} text
 */
export const print = (text) => process.stdout.write(`${text}\n`);

/**
 * Writes a file, or throws a CommandError.
 * @param {string} file
 * @param {string | Uint8Array} content
 */
export async function write(file, content) {
  try {
    await writeFile(file, content);
  } catch (error) {
    throw fileError("write", file, error);
  }
}
