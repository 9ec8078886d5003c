import { describe, expect, it } from "vitest";
import { erf, erfc, gelu, relu, silu } from "./activation.js";
import { embedding } from "./embedding.js";
import { rotaryFrequencies, rotaryTables } from "./rotary-frequencies.js";
import { sinusoidalPositions } from "./sinusoidal-positions.js";
import { softmax } from "./softmax.js";

/** x, erf x, erfc x, worked out with forty digits and rounded. */
const errorFunction = [
  [1e-20, 1.1283791670955125e-20, 1.0],
  [1e-5, 1.1283791670579e-5, 0.9999887162083294],
  [0.1, 0.1124629160182849, 0.887537083981715],
  [0.5, 0.5204998778130465, 0.4795001221869535],
  [0.9, 0.7969082124228322, 0.20309178757716786],
  [1.0, 0.8427007929497149, 0.15729920705028513],
  [1.5, 0.9661051464753108, 0.033894853524689274],
  [1.9999, 0.9953201979070294, 0.004679802092970608],
  [2.0, 0.9953222650189527, 0.004677734981047266],
  [2.0001, 0.9953243313041966, 0.0046756686958033394],
  [2.5, 0.999593047982555, 0.0004069520174449589],
  [3.0, 0.9999779095030014, 2.209049699858544e-5],
  [4.0, 0.9999999845827421, 1.541725790028002e-8],
  [5.0, 0.9999999999984626, 1.537459794428035e-12],
  [6.5, 1.0, 3.8421483271206475e-20],
  [9.0, 1.0, 4.13703174651381e-37],
  [15.0, 1.0, 7.212994172451207e-100],
  [25.0, 1.0, 8.300172571196523e-274],
];

describe("layer oracles", () => {
  it.each(errorFunction)("erf and erfc of %d", (x, expected, complement) => {
    expect(Math.abs(erf(x) / expected - 1)).toBeLessThan(2e-15);
    expect(erf(-x)).toBe(-erf(x));
    // e^(−x²) carries the rounding of x²; where the series gives erfc, what cancels does.
    expect(Math.abs(erfc(x) / complement - 1)).toBeLessThan(x <= 2 ? 1e-13 : 3e-16 * x * x + 2e-15);
  });

  it("keep the limits of the activations", () => {
    expect([gelu(-Infinity), gelu(Infinity), gelu(0), gelu(-40)]).toEqual([0, Infinity, 0, -0]);
    expect(gelu(-Infinity, "tanh")).toBe(0);
    expect([silu(-Infinity), silu(Infinity), silu(0)]).toEqual([0, Infinity, 0]);
    expect([relu(-1), relu(2), relu(NaN)]).toEqual([0, 2, NaN]);
    expect(gelu(1)).toBeCloseTo(0.8413447460685429, 15);
    expect(gelu(1, "tanh")).toBeCloseTo(0.8411919906082768, 15);
  });

  it("softmax, embedding, positions and tables of a few numbers", () => {
    expect(softmax([0, Math.log(3)], 1, 2)[1]).toBeCloseTo(0.75, 15);
    expect(Array.from(softmax([5, 5, 1e30, 1e30], 2, 2))).toEqual([0.5, 0.5, 0.5, 0.5]);
    expect(Array.from(embedding([1, 2, 3, 4], [1, 0, 1], 2))).toEqual([3, 4, 1, 2, 3, 4]);
    const positions = sinusoidalPositions(2, 3);
    expect(Array.from(positions.subarray(0, 3))).toEqual([0, 1, 0]);
    expect(positions[3]).toBe(Math.sin(1));
    expect(positions[4]).toBe(Math.cos(1));
    expect(positions[5]).toBeCloseTo(Math.sin(10000 ** (-2 / 3)), 15);
    expect(rotaryTables([0, 1, 2], rotaryFrequencies(4, 100, undefined, 3)).cosine[5]).toBeCloseTo(Math.cos(0.2), 15);
  });
});
