/** Losses in float64, by their definitions, each with its gradient. */
type Values = ArrayLike<number>;

/** A loss, or one of several, and its derivatives. */
export interface LossAndGradient {
  readonly loss: number;
  readonly gradient: Float64Array;
}

/** −ln softmax(row · scale) */
function negativeLogs(row: Float64Array, scale = 1): Float64Array {
  const maximum = row.reduce((largest, x) => Math.max(largest, x), -Infinity);
  const sum = row.reduce((total, x) => total + Math.exp((x - maximum) * scale), 0);
  return row.map((x) => Math.log(sum) - (x - maximum) * scale);
}

/** −Σ q ln p of a row of logits; without terms of q = 0. */
export function crossEntropy(row: Values, q: Values): LossAndGradient {
  const negative = negativeLogs(Float64Array.from(row));
  const total = Array.from(q).reduce((sum, value) => sum + value, 0);
  const loss = negative.reduce((sum, value, c) => (q[c] === 0 ? sum : sum + q[c] * value), 0);
  return { loss, gradient: negative.map((value, c) => Math.exp(-value) * total - q[c]) };
}

/** q of a row: the target's probabilities, smoothed and weighted. */
export const smoothed = (target: Values, weight: Values | undefined, smoothing: number): Float64Array =>
  Float64Array.from(target, (t, c) => (weight?.[c] ?? 1) * (smoothing / target.length + (1 - smoothing) * t));

/** Of a logit x and its target z. */
export function binaryCrossEntropy(x: number, z: number, weight: number, posWeight: number): LossAndGradient {
  const sigmoid = x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x));
  const complement = x < 0 ? 1 / (1 + Math.exp(x)) : Math.exp(-x) / (1 + Math.exp(-x));
  const softplus = (y: number): number => Math.log1p(Math.exp(-Math.abs(y))) + Math.max(y, 0);
  return {
    loss: weight * (posWeight * z * softplus(-x) + (1 - z) * softplus(x)),
    gradient: Float64Array.of(weight * ((1 - z) * sigmoid - posWeight * z * complement)),
  };
}

/** Of a row of logits, at the student's. */
export function distillation(student: Values, teacher: Values, temperature: number): LossAndGradient {
  const [s, t] = [student, teacher].map((row) => negativeLogs(Float64Array.from(row), 1 / temperature));
  const loss = s.reduce((sum, value, c) => sum + Math.exp(-t[c]) * (value - t[c]), 0);
  return {
    loss: temperature ** 2 * loss,
    gradient: s.map((value, c) => temperature * (Math.exp(-value) - Math.exp(-t[c]))),
  };
}

const logSum = (terms: readonly number[]): number => {
  const most = Math.max(...terms);
  return most === -Infinity ? most : most + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - most), 0));
};

/** What of CTC's states its error depends on. */
export interface CtcResult extends LossAndGradient {
  /** The most by which a state with a part in the result lies below the largest of its frame. */
  readonly depth: number;
}

/** Of log-probabilities `[frames, classes]`, by Graves' forward and backward variables. */
export function ctc(logProbs: readonly Values[], target: readonly number[], blank: number, classes: number): CtcResult {
  const frames = logProbs.length;
  const labels = [blank, ...target.flatMap((label) => [label, blank])];
  const states = labels.map((_, s) => s);
  const leads = (from: number, to: number): boolean =>
    to === from || to === from + 1 || (to === from + 2 && labels[to] !== blank && labels[to] !== labels[from]);
  const alpha: number[][] = [];
  for (let t = 0; t < frames; t++) {
    alpha.push(
      states.map((s) => {
        const before =
          t === 0 ? [s < 2 ? 0 : -Infinity] : states.filter((f) => leads(f, s)).map((f) => alpha[t - 1][f]);
        return logSum(before) + logProbs[t][labels[s]];
      }),
    );
  }
  const beta: number[][] = Array.from({ length: frames }, () => []);
  for (let t = frames - 1; t >= 0; t--) {
    beta[t] = states.map((s) =>
      t === frames - 1
        ? s >= states.length - 2
          ? 0
          : -Infinity
        : logSum(states.filter((to) => leads(s, to)).map((to) => beta[t + 1][to] + logProbs[t + 1][labels[to]])),
    );
  }
  const total = frames === 0 ? (target.length === 0 ? 0 : -Infinity) : logSum(alpha[frames - 1].slice(-2));
  const gradient = new Float64Array(frames * classes);
  let depth = 0;
  alpha.forEach((row, t) => {
    const most = Math.max(...row);
    row.forEach((value, s) => {
      const part = value + beta[t][s] - total;
      gradient[t * classes + labels[s]] -= Math.exp(part);
      if (part > -20) depth = Math.max(depth, most - value, -logProbs[t][labels[s]]);
    });
  });
  return { loss: -total, gradient, depth };
}
