/** Python's regular expressions: what `re.fullmatch` of Python 3.11 says. */
import { describe, expect, it } from "vitest";
import { fullMatcher } from "../../ts/nn/python-pattern.js";
import { expectThrows } from "../support/expect-error.js";

/** Expression, texts that it matches from end to end, texts that it doesn't. */
const cases: readonly [pattern: string, matching: string[], others: string[]][] = [
  ["head", ["head"], ["heads", "a.head", "hea"]],
  ["a|b.c", ["a", "b.c", "bxc"], ["ab.c", "a.c"]],
  [".*\\.(q|v)_proj", ["layers.0.q_proj", ".v_proj"], ["q_proj", "layers.0.k_proj"]],
  ["(?P<n>\\d)\\.x(?P=n)", ["1.x1"], ["1.x2", "1.x"]],
  ["(?:layers\\.){2}\\d+", ["layers.layers.12"], ["layers.12"]],
  ["\\Ahead\\Z", ["head"], ["head\n"]],
  ["(?!lm_)\\w+", ["head", "lm"], ["lm_head"]],
  ["(?<=a)b|ab", ["ab"], ["b"]],
  ["a\\-b\\_c\\ d\\:e", ["a-b_c d:e"], ["a\\-b"]],
  ["[a\\-c]+", ["a-c"], ["b"]],
  ["[\\w.]+", ["a.b_1"], ["a-b"]],
  ["\\é+", ["éé"], ["e"]],
  ["", [""], ["a"]],
];

describe("expressions of Python's", () => {
  it.each(cases)("%s", (pattern, matching, others) => {
    const matches = fullMatcher("test", "pattern", pattern);
    expect([...matching, ...others].filter(matches)).toEqual(matching);
  });

  it.each([
    "(",
    "a**",
    "a*+",
    "(?>a)",
    "(?i)a",
    "(?#note)a",
    "(a)?(?(1)b|c)",
    "a{,3}",
    "[]a]",
    "\\pL",
    "\\",
    "(?P<1>a)",
  ])("refuses %s, which JavaScript hasn't or takes for something else", (pattern) => {
    expectThrows(
      () => fullMatcher("test", "pattern", pattern),
      RangeError,
      "ERR_INVALID_VALUE",
      /^test: pattern: .*got "/,
    );
  });
});
