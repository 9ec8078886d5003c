// How time grows with L · S: the exponent of the power law that fits best, and how far times lie from it.

/** @typedef {import("./record.mjs").Measurement} Measurement */
/** @typedef {import("./record.mjs").Scaling} Scaling */

/**
 * @param {readonly import("./cases.mjs").AttentionCase[]} cases
 * @param {readonly Measurement[]} measurements of these cases
 * @returns {Scaling[]}
 */
export function fitScaling(cases, measurements) {
  return [...new Set(measurements.map(({ engine }) => engine))].flatMap((engine) => {
    const points = cases.flatMap(({ name, queryLength, keyLength }) => {
      const measurement = measurements.find((other) => other.engine === engine && other.case === name);
      const time = measurement?.milliseconds?.best;
      return time === undefined ? [] : [{ length: queryLength, time, logScores: Math.log(queryLength * keyLength) }];
    });
    if (points.length < 2) return [];
    const { slope: exponent, intercept: logFactor } = fitLine(
      points.map(({ logScores, time }) => [logScores, Math.log(time)]),
    );
    const deviations = points.map(({ logScores, time }) => time / Math.exp(logFactor + exponent * logScores) - 1);
    return {
      engine,
      lengths: points.map(({ length }) => length),
      milliseconds: points.map(({ time }) => time),
      exponent: Number(exponent.toFixed(4)),
      largestDeviation: Number(Math.max(...deviations.map(Math.abs)).toFixed(4)),
    };
  });
}

/**
 * The line y = intercept + slope · x with the least squares of vertical distances.
 * @param {readonly number[][]} points
 */
export function fitLine(points) {
  const mean = (/** @type {number[]} */ values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const slope = mean(points.map(([x, y]) => (x - meanX) * (y - meanY))) / mean(points.map(([x]) => (x - meanX) ** 2));
  return { slope, intercept: meanY - slope * meanX };
}
