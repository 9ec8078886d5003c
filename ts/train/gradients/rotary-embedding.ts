import { type RotaryEmbeddingDetails, turn } from "../../ops/rotary-embedding.js";
import { pointerOf } from "../../tensor/tensor.js";
import { gradientOf, type Rule } from "../rule.js";

const rotaryEmbedding: Rule<RotaryEmbeddingDetails> = ({ details, save }) => {
  const { shape, caches, positions } = details;
  const kept = {
    ...details,
    caches: caches && { ...caches, cosine: save(caches.cosine), sine: save(caches.sine) },
    positions: { ...positions, ids: positions.ids && save(positions.ids) },
  };
  // output = (cos · x − sin · y, sin · x + cos · y)
  return ([dy]) => [gradientOf(shape, (call, dx) => turn(call, dx, pointerOf(dy), kept, true))];
};

export const rotaryEmbeddingRules = { rotaryEmbedding };
