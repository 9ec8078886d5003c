import type { EmbeddingDetails } from "../../ops/embedding.js";
import { pointerOf } from "../../tensor/tensor.js";
import { gradientOf, type Rule } from "../rule.js";

const embedding: Rule<EmbeddingDetails> = ({ details, save }) => {
  const { paddingIndex, count, rows, columns } = details;
  const indices = save(details.indices);
  // output[i] = weight[indices[i]]
  return ([dy]) => [
    gradientOf([rows, columns], (call, dw) => {
      const [gradient, picked] = [pointerOf(dy), call.input(indices)];
      call.kernel((kernels) => kernels.embedding_backward(dw, gradient, picked, paddingIndex, count, rows, columns));
    }),
  ];
};

export const embeddingRules = { embedding };
