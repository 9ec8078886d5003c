// Regular expressions as PEFT's files have them.
import { codedRangeError } from "../errors.js";
import { show } from "../show.js";

/** What JavaScript takes behind a backslash as Python does: letters, digits, and what means something by itself. */
const TAKEN = /[\w^$\\.*+?()[\]{}|/]/;

/** What stands for a token of Python's in JavaScript. */
function translated(token: string, escaped: string | undefined, name: string | undefined): string {
  if (name !== undefined) return `\\k<${name}>`;
  if (escaped === undefined) return "(?<";
  if (escaped === "A") return "^";
  if (escaped === "Z") return "$";
  // Python lets any other character be escaped, which stands for itself then.
  return escaped !== "_" && TAKEN.test(escaped) ? token : `\\u{${(escaped.codePointAt(0) ?? 0).toString(16)}}`;
}

/**
 * A function that tells whether a regular expression of Python's matches a text from end to end, as `re.fullmatch`: with Python's
 * named groups, ends and escapes. Throws a RangeError for what JavaScript doesn't know (flags, possessive quantifiers, atomic
 * groups, conditions). `\w`, `\d` and `\b` know the letters and digits of ASCII alone.
 */
export function fullMatcher(operation: string, argument: string, pattern: string): (text: string) => boolean {
  const source = pattern.replace(/\\([^])|\(\?P<|\(\?P=(\w+)\)/gu, translated);
  let expression: RegExp;
  try {
    expression = new RegExp(`^(?:${source})$`, "u");
  } catch {
    const text = `expected a regular expression that JavaScript has as well, got ${show(pattern)}`;
    throw codedRangeError("ERR_INVALID_VALUE", `${operation}: ${argument}: ${text}`);
  }
  return (text) => expression.test(text);
}
