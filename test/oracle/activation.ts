/** The activation functions in float64. */

/** Below it the series of erf converges fast without cancellation; above it the continued fraction of erfc does. */
const SERIES_LIMIT = 2;

/** erf x = 2/√π e^(−x²) Σ 2ⁿ x^(2n+1) / (1·3·5…(2n+1)): terms of one sign (Abramowitz and Stegun 7.1.6). */
function erfSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-18 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** erfc x for x ≥ 2: e^(−x²)/√π · 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + …)))), from the tail (7.1.14). */
function erfcFraction(x: number): number {
  let tail = x;
  for (let n = 120; n >= 1; n--) {
    tail = x + n / 2 / tail;
  }
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / tail;
}

/** The error function, to about 1e-15 of its value. */
export function erf(x: number): number {
  if (Number.isNaN(x) || x === 0) {
    return x;
  }
  if (Math.abs(x) <= SERIES_LIMIT) {
    return erfSeries(x);
  }
  return x > 0 ? 1 - erfcFraction(x) : erfcFraction(-x) - 1;
}

/** 1 − erf x without its cancellation. */
export function erfc(x: number): number {
  if (x > SERIES_LIMIT) {
    return erfcFraction(x);
  }
  return 1 - erf(x);
}

/** x · Φ(x), or the tanh formula of Hendrycks and Gimpel. */
export function gelu(x: number, approximate: "none" | "tanh" = "none"): number {
  if (x === -Infinity) {
    return 0;
  }
  if (approximate === "none") {
    return 0.5 * x * erfc(-x / Math.SQRT2);
  }
  const inner = Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
  // (1 + tanh y) / 2 = 1 / (1 + e^(−2y)), which keeps its digits where tanh y is near −1.
  return x / (1 + Math.exp(-2 * inner));
}

/** x / (1 + e^(−x)). */
export function silu(x: number): number {
  return x === -Infinity ? 0 : x / (1 + Math.exp(-x));
}

/** max(x, 0); NaN stays NaN. */
export function relu(x: number): number {
  return x < 0 ? 0 : x;
}

/** silu(a) · b. */
export function swiglu(a: number, b: number): number {
  return silu(a) * b;
}

/** 1 / (1 + e^(−x)), as small numbers where it is small. */
export function sigmoid(x: number): number {
  return x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x));
}

/** The two terms whose sum a derivative is. */
export type DerivativeTerms = readonly [number, number];

/** Φ + xφ, or ½(1 + t) + ½x(1 − t²)√(2/π)(1 + 3 · 0.044715x²) with t the tanh. */
export function geluDerivative(x: number, approximate: "none" | "tanh" = "none"): DerivativeTerms {
  if (approximate === "none") {
    return [0.5 * erfc(-x / Math.SQRT2), (x * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI)];
  }
  const root = Math.sqrt(2 / Math.PI);
  const twice = 2 * root * (x + 0.044715 * x ** 3);
  // (1 + t)/2 is the sigmoid of tanh's argument, twice; (1 − t²)/4 that times its complement.
  return [sigmoid(twice), 2 * x * sigmoid(twice) * sigmoid(-twice) * root * (1 + 3 * 0.044715 * x * x)];
}

/** s(1 + x(1 − s)). */
export const siluDerivative = (x: number): DerivativeTerms => [sigmoid(x), x * sigmoid(x) * sigmoid(-x)];

/** s(1 − s). */
export const sigmoidDerivative = (x: number): DerivativeTerms => [sigmoid(x) * sigmoid(-x), 0];

/** 1 − tanh². */
export const tanhDerivative = (x: number): DerivativeTerms => [1 / Math.cosh(x) ** 2, 0];

/** 1 above 0. */
export const reluDerivative = (x: number): DerivativeTerms => [x > 0 ? 1 : 0, 0];
