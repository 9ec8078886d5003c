// What the options of both command lines accept.
import { accessSync, constants } from "node:fs";
import { dirname, resolve } from "node:path";
import { InvalidArgumentError } from "commander";

/** @param {string} text */
export function parseSeconds(text) {
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 3600)) throw new InvalidArgumentError("Expected a number above 0, up to 3600.");
  return seconds;
}

/**
 * The path of a file that can be written: a run is long, so this is said before it.
 * @param {string} file
 */
export function parseFile(file) {
  const path = resolve(file);
  try {
    accessSync(dirname(path), constants.W_OK);
  } catch {
    throw new InvalidArgumentError("Its folder doesn't exist, or can't be written to.");
  }
  return path;
}

/**
 * An option that may be repeated.
 * @param {string} text
 * @param {string[]} [earlier]
 */
export const collect = (text, earlier = []) => [...earlier, text];
