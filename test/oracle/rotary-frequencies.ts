/** The frequencies of rotary embedding and their tables, in float64. */
import type { RopeScaling } from "../../ts/entry/default.js";

/** What turns the pairs: their frequencies, and the factor of all cosines and sines. */
export interface RotaryFrequencies {
  readonly frequencies: readonly number[];
  readonly attentionFactor: number;
}

/**
 * base^(−2i / rotarySize), scaled for a sequence of `length` as the papers say: Chen et al. 2023 (linear), Peng et al. 2023
 * (dynamic, yarn), and the reference code of Llama 3.1.
 */
export function rotaryFrequencies(
  rotarySize: number,
  base: number,
  scaling: RopeScaling | undefined,
  length: number,
): RotaryFrequencies {
  const pairs = Array.from({ length: rotarySize / 2 }, (_, i) => i);
  const plain = (theta: number): number[] => pairs.map((i) => theta ** ((-2 * i) / rotarySize));
  switch (scaling?.ropeType) {
    case undefined:
      return { frequencies: plain(base), attentionFactor: 1 };
    case "linear":
      return { frequencies: plain(base).map((frequency) => frequency / scaling.factor), attentionFactor: 1 };
    case "dynamic": {
      const { factor, maxPositionEmbeddings, sequenceLength = length } = scaling;
      const longest = Math.max(sequenceLength, maxPositionEmbeddings);
      const ratio = (factor * longest) / maxPositionEmbeddings - (factor - 1);
      // The only pair of two features has frequency 1 with any base.
      const theta = rotarySize === 2 ? base : base * ratio ** (rotarySize / (rotarySize - 2));
      return { frequencies: plain(theta), attentionFactor: 1 };
    }
    case "yarn": {
      const { factor, originalMaxPositionEmbeddings, betaFast = 32, betaSlow = 1, truncate = true } = scaling;
      const { mscale, mscaleAllDim } = scaling;
      const pairOf = (turns: number): number =>
        (rotarySize * Math.log(originalMaxPositionEmbeddings / (turns * 2 * Math.PI))) / (2 * Math.log(base));
      const [first, last] = [pairOf(betaFast), pairOf(betaSlow)];
      const low = Math.max(truncate ? Math.floor(first) : first, 0);
      let high = Math.min(truncate ? Math.ceil(last) : last, rotarySize - 1);
      if (high === low) high += 0.001;
      const frequencies = plain(base).map((frequency, i) => {
        const ramp = Math.min(Math.max((i - low) / (high - low), 0), 1);
        return (1 - ramp) * frequency + (ramp * frequency) / factor;
      });
      const temperature = (scale: number): number => 0.1 * scale * Math.log(factor) + 1;
      const inferred =
        mscale !== undefined && mscaleAllDim !== undefined && mscale !== 0 && mscaleAllDim !== 0
          ? temperature(mscale) / temperature(mscaleAllDim)
          : temperature(1);
      return { frequencies, attentionFactor: scaling.attentionFactor ?? inferred };
    }
    case "llama3": {
      const { factor, lowFreqFactor, highFreqFactor, originalMaxPositionEmbeddings } = scaling;
      const frequencies = plain(base).map((frequency) => {
        const wavelength = (2 * Math.PI) / frequency;
        if (wavelength < originalMaxPositionEmbeddings / highFreqFactor) return frequency;
        if (wavelength > originalMaxPositionEmbeddings / lowFreqFactor) return frequency / factor;
        const smooth = (originalMaxPositionEmbeddings / wavelength - lowFreqFactor) / (highFreqFactor - lowFreqFactor);
        return ((1 - smooth) * frequency) / factor + smooth * frequency;
      });
      return { frequencies, attentionFactor: 1 };
    }
  }
}

/** cos and sin of position · frequency, times the attention factor, each [positions, pairs]. */
export function rotaryTables(
  positions: ArrayLike<number>,
  { frequencies, attentionFactor }: RotaryFrequencies,
): { cosine: Float64Array; sine: Float64Array } {
  const angles = Array.from(positions).flatMap((position) => frequencies.map((frequency) => position * frequency));
  return {
    cosine: Float64Array.from(angles, (angle) => attentionFactor * Math.cos(angle)),
    sine: Float64Array.from(angles, (angle) => attentionFactor * Math.sin(angle)),
  };
}
