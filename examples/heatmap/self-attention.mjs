import { manualSeed, SelfAttention } from "wasm-attention";
import { timed } from "./timing.mjs";

// The score of a token with itself, in a head of spelling and in the narrowest head of nearness.
const SPELLING_SHARPNESS = 3;
const NEARNESS_SHARPNESS = 18;

/**
 * What each head compares: the first ones spelling, the others nearness; a single head both.
 * @param {number} numHeads
 */
export function headPurposes(numHeads) {
  if (numHeads === 1) return ["spelling and nearness"];
  const spellingHeads = Math.ceil(numHeads / 2);
  return Array.from({ length: numHeads }, (_, head) => (head < spellingHeads ? "spelling" : "nearness"));
}

/**
 * The weight of the query projection and of the key projection, `[E, E]`: equal for both, and a choice of elements. Each
 * head sees some elements of the embedding as they are, times a factor, so that its scores are similarities:
 *
 *     score(i, j) ≈ sharpness · cosine(elements of token i, elements of token j)
 *
 * Random projections, with which training begins, would compare nothing with nothing: the picture would be noise.
 * @param {number} embedDim E, a multiple of 4
 * @param {number} numHeads H, of which 2H divides E
 */
function similarityWeight(embedDim, numHeads) {
  const weight = new Float32Array(embedDim * embedDim);
  const half = embedDim / 2;
  const headDim = embedDim / numHeads;
  /** @param {number} row @param {number} column @param {number} sharpness @param {number} share of a half that the head sees */
  const choose = (row, column, sharpness, share) => {
    // Attention divides scores by √headDim; query and key bring the factor once each.
    weight[row * embedDim + column] = Math.sqrt((sharpness * Math.sqrt(headDim)) / share);
  };
  if (numHeads === 1) {
    for (let row = 0; row < embedDim; row++) {
      choose(row, row, row < half ? SPELLING_SHARPNESS : NEARNESS_SHARPNESS, 1);
    }
    return weight;
  }
  const spellingHeads = Math.ceil(numHeads / 2);
  const share = headDim / half;
  for (let head = 0; head < numHeads; head++) {
    for (let element = 0; element < headDim; element++) {
      const row = head * headDim + element;
      if (head < spellingHeads) {
        choose(row, row % half, SPELLING_SHARPNESS, share);
      } else {
        // Sine and cosine of one frequency belong together; the frequencies are spread over all that there are.
        const pair = Math.floor((Math.floor(element / 2) * half) / headDim);
        choose(row, half + 2 * pair + (element % 2), NEARNESS_SHARPNESS / (head - spellingHeads + 1), share);
      }
    }
  }
  return weight;
}

/**
 * Multi-head self-attention over embedded tokens. Returns how much each token (row) attends to each token (column), as
 * `[L, L]` elements whose rows sum to 1, and the time that it takes.
 * @param {{ data: Float32Array, shape: number[] }} embedded `[L, E]`
 * @param {{ heads: number, head?: number, causal: boolean, seed: number }} options `head`: one head instead of the mean
 */
export function attend(embedded, { heads, head, causal, seed }) {
  const [length, embedDim] = embedded.shape;
  // Values and the output projection stay as they are drawn: no training, no meaning; the picture doesn't show them.
  manualSeed(seed);
  const module = new SelfAttention(embedDim, heads).eval();
  const parameters = module.stateDict();
  const projections = parameters["in_proj_weight"];
  const data = /** @type {Float32Array} */ (projections.toArray());
  const similarity = similarityWeight(embedDim, heads);
  data.set(similarity, 0);
  data.set(similarity, similarity.length);
  module.loadStateDict({ ...parameters, in_proj_weight: { data, shape: projections.shape } });

  const options = { isCausal: causal, needWeights: true, averageAttnWeights: head === undefined };
  const { output, weights, milliseconds } = timed(() => module.forward(embedded, options));
  const elements = /** @type {Float32Array} */ (weights?.toArray());
  for (const owner of [output, weights, module]) owner?.dispose();
  const plane = length * length;
  return { weights: head === undefined ? elements : elements.subarray(head * plane, (head + 1) * plane), milliseconds };
}
