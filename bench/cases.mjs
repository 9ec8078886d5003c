// What is measured, as data.
//
// Letters: B batch, H query heads, Hkv key and value heads, L queries, S keys, D size of a query or key head, Dv size of
// a value head; of a linear layer M rows, K in-features, N out-features.

/**
 * @typedef {object} AttentionShape
 * @property {string} name unique; `--filter` looks into it
 * @property {string} group the heading under which tables put it; `--filter` looks into it too
 * @property {number} batch B
 * @property {number} heads H
 * @property {number} keyHeads Hkv: query head h reads key head floor(h / (H / Hkv))
 * @property {number} queryLength L
 * @property {number} keyLength S
 * @property {number} headSize D
 * @property {number} valueHeadSize Dv
 * @property {"BHLD" | "BLHD"} layout of all four tensors
 * @property {"float32" | "float16" | "bfloat16"} dtype of query, key and value; 16-bit inputs are float32 ones, rounded
 * @property {boolean} isCausal query l sees the keys 0 to l ("upper-left"), or 0 to l + S - L ("lower-right")
 * @property {"upper-left" | "lower-right"} causalAlignment
 * @property {number} [leftWindowSize] query l sees no key that lies further before its own position
 * @property {number} [openKeys] the first so many keys are valid, the others padding
 * @property {"boolean" | "float" | "all -1e30" | "causal"} [mask] of shape [L, S], the same for all heads. A boolean and a
 *   float one hide a quarter of each row's keys at random, never all (float: -Infinity there, small values elsewhere);
 *   "all -1e30" is a float mask of -1e30 in the last half of the keys and 0 elsewhere, so that no key is hidden; "causal"
 *   is one of -Infinity above the diagonal and 0 elsewhere, to be held against `isCausal`
 * @property {number} [softcap] bounds the scores: softcap · tanh(score / softcap)
 * @property {boolean} [hasAlibi] a key's distance from the query's position is a penalty, with a slope for each head
 * @property {boolean} [hasSinks] each head has a logit without a value
 * @property {number} [dropoutP] with seed `DROPOUT_SEED`
 * @property {"all" | "one head"} [needWeights] the attention weights are an output as well: of all heads, or of head 0
 * @property {number} amplitude query and key are uniform in [-amplitude, amplitude), value in [-1, 1). At 1 the scores
 *   deviate by 1/3 and every weight counts; at 8 they deviate by 21, and most exponentials fall below the float32 range
 */

/** @typedef {AttentionShape & { operation: "attention" }} AttentionCase */

/**
 * Forward and backward pass: the gradients of query, key and value from that of the output, and the mask's where it has one.
 * @typedef {AttentionShape & { operation: "attention gradient", hasMaskGradient?: boolean }} AttentionGradientCase
 */

/**
 * y = x · weightᵀ + bias, with x [M, K], weight [N, K], bias [N], y [M, N].
 * @typedef {object} LinearShape
 * @property {string} name unique; `--filter` looks into it
 * @property {string} group the heading under which tables put it
 * @property {number} rows M
 * @property {number} inFeatures K
 * @property {number} outFeatures N
 * @property {boolean} hasBias
 * @property {"gelu"} [activation] the exact GELU of the product, as a part of the operation
 */

/** @typedef {LinearShape & { operation: "linear" }} LinearCase */

/**
 * Forward pass and the gradient of one operand from that of the output.
 * @typedef {LinearShape & { operation: "linear gradient", of: "input" | "weight" }} LinearGradientCase
 */

/**
 * A step of training a language model, which training-step.mjs describes.
 * @typedef {object} TrainingCase
 * @property {"training step"} operation
 * @property {string} name
 * @property {string} group
 * @property {number} layers
 * @property {number} width E
 * @property {number} heads H
 * @property {number} length L of a sequence
 * @property {number} batch B
 * @property {number} vocabulary
 * @property {number} normEpsilon of layer norm
 * @property {number} learningRate of AdamW, as the three below
 * @property {readonly [number, number]} betas
 * @property {number} epsilon
 * @property {number} weightDecay
 * @property {number} largestNorm that gradients are clipped to
 * @property {readonly number[]} losses of the first steps, by PyTorch in float64 (training-losses.mjs)
 */

/** @typedef {AttentionCase | LinearCase | AttentionGradientCase | LinearGradientCase | TrainingCase} Case */

export const DROPOUT_SEED = 1;

/** The groups of what learning needs: gradients and training. */
export const learningGroups = ["gradients of attention", "gradients of linear layers", "training"];

/**
 * What a case doesn't say: B = 1, H = Hkv = 12, D = Dv = 64, float32, every key open.
 * @param {string} group
 * @param {string} name
 * @param {Partial<AttentionShape> & { queryLength: number }} differences S is L, Hkv is H and Dv is D where they aren't said
 * @returns {AttentionShape}
 */
function shape(group, name, differences) {
  const { heads = 12, headSize = 64, queryLength } = differences;
  return {
    name,
    group,
    batch: 1,
    heads,
    keyHeads: heads,
    keyLength: queryLength,
    headSize,
    valueHeadSize: headSize,
    layout: "BHLD",
    dtype: "float32",
    isCausal: false,
    causalAlignment: "upper-left",
    amplitude: 1,
    ...differences,
  };
}

/**
 * @param {Parameters<typeof shape>} description
 * @returns {AttentionCase}
 */
const attention = (...description) => ({ operation: "attention", ...shape(...description) });

/**
 * The same once dense and once causal.
 * @param {string} group
 * @param {string} name
 * @param {Parameters<typeof attention>[2]} differences
 */
const denseAndCausal = (group, name, differences) => [
  attention(group, `${name} dense`, differences),
  attention(group, `${name} causal`, { ...differences, isCausal: true }),
];

/**
 * @param {number} rows
 * @param {number} inFeatures
 * @param {number} outFeatures
 * @param {"gelu"} [activation]
 * @returns {LinearCase}
 */
const linear = (rows, inFeatures, outFeatures, activation) => ({
  operation: "linear",
  name: `linear ${rows}x${inFeatures}x${outFeatures}${activation === undefined ? "" : ` ${activation}`}`,
  group: "linear",
  rows,
  inFeatures,
  outFeatures,
  hasBias: true,
  activation,
});

/**
 * Few heads, so that a call is shorter than the time for which a scheduler lets a process run.
 * @param {string} name
 * @param {Parameters<typeof shape>[2] & { hasMaskGradient?: boolean }} differences one head where they don't say
 * @returns {AttentionGradientCase}
 */
const attentionGradient = (name, differences) => ({
  operation: "attention gradient",
  ...shape("gradients of attention", `gradients ${name}`, { heads: 1, ...differences }),
});

/**
 * @param {string} name
 * @param {Parameters<typeof shape>[2]} differences
 */
const denseAndCausalGradients = (name, differences) => [
  attentionGradient(`${name} dense`, differences),
  attentionGradient(`${name} causal`, { ...differences, isCausal: true }),
];

/**
 * @param {number} rows
 * @param {number} inFeatures
 * @param {number} outFeatures
 * @returns {LinearGradientCase[]}
 */
const linearGradients = (rows, inFeatures, outFeatures) =>
  /** @type {const} */ (["input", "weight"]).map((of) => ({
    operation: "linear gradient",
    name: `linear ${rows}x${inFeatures}x${outFeatures} gradient of ${of}`,
    group: "gradients of linear layers",
    rows,
    inFeatures,
    outFeatures,
    hasBias: false,
    of,
  }));

/** @type {readonly Case[]} */
export const cases = [
  ...[128, 512, 1024, 2048].flatMap((length) =>
    denseAndCausal("prefill", `attention ${length}`, { queryLength: length }),
  ),

  ...[512, 1024].flatMap((length) =>
    denseAndCausal("head size 128", `attention ${length} D=128`, { queryLength: length, headSize: 128 }),
  ),

  attention("decode", "decode 1 of 2048", { queryLength: 1, keyLength: 2048 }),
  attention("decode", "decode 2 of 2048", { queryLength: 2, keyLength: 2048 }),
  attention("decode", "decode 4 of 2048", { queryLength: 4, keyLength: 2048 }),
  attention("decode", "decode 1 of 2048 H=32 Hkv=8 D=128", {
    queryLength: 1,
    keyLength: 2048,
    heads: 32,
    keyHeads: 8,
    headSize: 128,
  }),

  ...[1, 16, 128, 512].map((rows) => linear(rows, 768, 768)),
  linear(512, 768, 3072),
  linear(128, 768, 768, "gelu"),
  linear(512, 768, 3072, "gelu"),

  ...denseAndCausal("shapes", "attention 197", { queryLength: 197 }),
  ...denseAndCausal("shapes", "attention 512 D=80", { queryLength: 512, headSize: 80 }),
  attention("shapes", "attention 512 Dv=48", { queryLength: 512, valueHeadSize: 48 }),
  attention("shapes", "attention 512 Dv=128", { queryLength: 512, valueHeadSize: 128 }),
  attention("shapes", "attention 512 BLHD", { queryLength: 512, layout: "BLHD" }),
  ...denseAndCausal("shapes", "attention 512 H=32 Hkv=8 D=128", {
    queryLength: 512,
    heads: 32,
    keyHeads: 8,
    headSize: 128,
  }),

  ...denseAndCausal("masks and scores", "attention 512 amplitude 8", { queryLength: 512, amplitude: 8 }),
  attention("masks and scores", "attention 512 mask all -1e30", { queryLength: 512, mask: "all -1e30" }),
  attention("masks and scores", "attention 512 mask boolean", { queryLength: 512, mask: "boolean" }),
  attention("masks and scores", "attention 512 mask float", { queryLength: 512, mask: "float" }),
  attention("masks and scores", "attention 512 mask causal", { queryLength: 512, mask: "causal" }),
  attention("masks and scores", "attention 512 window 64", { queryLength: 512, isCausal: true, leftWindowSize: 64 }),
  attention("masks and scores", "attention 512 half of the keys", { queryLength: 512, openKeys: 256 }),
  attention("masks and scores", "attention 512 alibi", { queryLength: 512, hasAlibi: true }),
  attention("masks and scores", "attention 512 sinks", { queryLength: 512, hasSinks: true }),
  attention("masks and scores", "attention 512 softcap", { queryLength: 512, softcap: 20 }),
  attention("masks and scores", "attention 8192 H=4 causal window 256", {
    queryLength: 8192,
    heads: 4,
    isCausal: true,
    leftWindowSize: 256,
  }),

  attention("options", "attention 512 dropout", { queryLength: 512, dropoutP: 0.1 }),
  attention("options", "attention 512 weights of all heads", { queryLength: 512, needWeights: "all" }),
  attention("options", "attention 512 weights of one head", { queryLength: 512, needWeights: "one head" }),
  attention("options", "attention 512 float16", { queryLength: 512, dtype: "float16" }),
  attention("options", "attention 512 bfloat16", { queryLength: 512, dtype: "bfloat16" }),

  ...denseAndCausalGradients("128 H=6", { queryLength: 128, heads: 6 }),
  ...denseAndCausalGradients("512", { queryLength: 512 }),
  ...denseAndCausalGradients("1024", { queryLength: 1024 }),
  attentionGradient("128 H=6 D=32", { queryLength: 128, heads: 6, headSize: 32 }),
  attentionGradient("256 D=128", { queryLength: 256, headSize: 128 }),
  attentionGradient("512 H=2 BLHD", { queryLength: 512, heads: 2, layout: "BLHD" }),
  attentionGradient("512 H=2 Hkv=1", { queryLength: 512, heads: 2, keyHeads: 1 }),
  attentionGradient("512 mask float", { queryLength: 512, mask: "float" }),
  attentionGradient("512 mask float, and of the mask", { queryLength: 512, mask: "float", hasMaskGradient: true }),
  attentionGradient("512 softcap", { queryLength: 512, softcap: 20 }),
  attentionGradient("512 dropout", { queryLength: 512, dropoutP: 0.1 }),
  attentionGradient("512 alibi", { queryLength: 512, hasAlibi: true }),

  ...linearGradients(384, 768, 768),
  ...linearGradients(384, 256, 1024),
  ...linearGradients(2048, 256, 1024),
  ...linearGradients(2048, 1024, 256),

  {
    operation: "training step",
    name: "training step",
    group: "training",
    layers: 4,
    width: 256,
    heads: 8,
    length: 128,
    batch: 16,
    vocabulary: 512,
    normEpsilon: 1e-5,
    learningRate: 1e-3,
    betas: [0.9, 0.999],
    epsilon: 1e-8,
    weightDecay: 0.01,
    largestNorm: 1,
    losses: [6.2863927, 6.1325154, 6.0073123],
  },
];

/**
 * Whether a case uses what other engines have no operator for.
 * @param {AttentionShape} attentionCase
 */
export const isOursAlone = ({ openKeys, hasAlibi, hasSinks }) =>
  openKeys !== undefined || hasAlibi === true || hasSinks === true;

/** What `--quick` measures: the least that says where each engine stands. */
export const quickCases = cases.filter(({ name }) =>
  [
    "attention 128 dense",
    "attention 128 causal",
    "attention 512 dense",
    "attention 512 causal",
    "attention 512 amplitude 8 dense",
    "attention 512 mask boolean",
    "decode 1 of 2048",
    "linear 1x768x768",
    "linear 128x768x768",
  ].includes(name),
);

/** How time grows with L · S, on one head, from 2^14 scores to 2^28. */
export const scalingCases = [128, 256, 512, 1024, 2048, 4096, 8192, 16384].map((length) =>
  attention("scaling", `attention ${length} H=1`, { queryLength: length, heads: 1 }),
);

/** The longest, for the memory that attention takes beside its inputs and outputs. */
export const longestCase = attention("memory", "attention 32768 H=1 causal", {
  queryLength: 32768,
  heads: 1,
  isCausal: true,
});

/**
 * The scores that causality, window and padding leave open in one head. A mask hides further ones, but only whoever has computed
 * where it lies could leave them out.
 * @param {AttentionShape} attentionCase
 */
function countOpenScores(attentionCase) {
  let openScores = 0;
  for (let row = 0; row < attentionCase.queryLength; row++) {
    const { start, end } = visibleKeys(attentionCase, row);
    openScores += Math.max(end - start, 0);
  }
  return openScores;
}

/**
 * A query's position among the keys.
 * @param {AttentionShape} attentionCase
 * @param {number} row
 */
export const positionOf = ({ queryLength, keyLength, openKeys = keyLength, causalAlignment }, row) =>
  row + (causalAlignment === "lower-right" ? openKeys - queryLength : 0);

/**
 * The keys `start` to `end - 1` that causality, window and padding leave open for a query.
 * @param {AttentionShape} attentionCase
 * @param {number} row
 */
export function visibleKeys(attentionCase, row) {
  const { keyLength, openKeys = keyLength, isCausal, leftWindowSize } = attentionCase;
  const position = positionOf(attentionCase, row);
  return {
    start: leftWindowSize === undefined ? 0 : Math.max(position - leftWindowSize, 0),
    end: isCausal ? Math.min(position + 1, openKeys) : openKeys,
  };
}

/**
 * The floating-point operations of the products alone: query · keyᵀ and weights · value over the open scores, or
 * input · weightᵀ. Softmax, bias and activation are not counted, and neither is what an engine computes for closed scores. A case
 * of gradients has both passes.
 * @param {Case} benchmarkCase
 * @returns {number}
 */
export function countFlops(benchmarkCase) {
  switch (benchmarkCase.operation) {
    case "attention":
    case "attention gradient": {
      const { batch, heads, headSize, valueHeadSize } = benchmarkCase;
      const forward = 2 * batch * heads * countOpenScores(benchmarkCase) * (headSize + valueHeadSize);
      return forward + countBackwardFlops(benchmarkCase);
    }
    case "linear":
    case "linear gradient":
      return 2 * countProducts(benchmarkCase) + countBackwardFlops(benchmarkCase);
    case "training step":
      return countTrainingFlops(benchmarkCase);
  }
}

/** @param {LinearShape} linearCase */
const countProducts = ({ rows, inFeatures, outFeatures }) => rows * inFeatures * outFeatures;

/**
 * Those of the backward pass alone. Of attention it has five products, since the scores are computed again; the gradient of
 * one operand of a linear layer is one product.
 * @param {Case} benchmarkCase
 */
export function countBackwardFlops(benchmarkCase) {
  switch (benchmarkCase.operation) {
    case "attention gradient": {
      const { batch, heads, headSize, valueHeadSize } = benchmarkCase;
      return 2 * batch * heads * countOpenScores(benchmarkCase) * (3 * headSize + 2 * valueHeadSize);
    }
    case "linear gradient":
      return 2 * countProducts(benchmarkCase);
    default:
      return 0;
  }
}

/**
 * Linear layers have three products of equal size; attention has two in the forward pass and five in the backward pass.
 * @param {TrainingCase} trainingCase
 */
function countTrainingFlops({ layers, width, heads, length, batch, vocabulary }) {
  const weights = layers * 12 * width ** 2 + width * vocabulary;
  const openScores = layers * batch * heads * ((length * (length + 1)) / 2);
  return 3 * 2 * batch * length * weights + 2 * openScores * (width / heads) * (2 + 5);
}

/**
 * The bytes that have to be read or written at least once: inputs, mask and outputs, and in a backward pass the gradients.
 * @param {Case} benchmarkCase
 * @returns {number}
 */
export function countBytes(benchmarkCase) {
  if (benchmarkCase.operation === "training step") return countTrainingBytes(benchmarkCase);
  if (benchmarkCase.operation === "linear" || benchmarkCase.operation === "linear gradient") {
    const { rows, inFeatures, outFeatures, hasBias } = benchmarkCase;
    const [input, weight, output] = [rows * inFeatures, outFeatures * inFeatures, rows * outFeatures];
    // Of the gradients, that of the output is read and one is written; what it is multiplied with is read once more.
    const backward = benchmarkCase.operation === "linear" ? 0 : output + input + weight;
    return 4 * (input + weight + (hasBias ? outFeatures : 0) + output + backward);
  }
  const { batch, heads, keyHeads, queryLength, keyLength, headSize, valueHeadSize } = benchmarkCase;
  const { dtype, mask, needWeights } = benchmarkCase;
  const queriesAndOutputs = batch * heads * queryLength * (headSize + valueHeadSize);
  const keysAndValues = batch * keyHeads * keyLength * (headSize + valueHeadSize);
  const scores = queryLength * keyLength;
  const weights = needWeights === undefined ? 0 : batch * (needWeights === "all" ? heads : 1) * scores;
  const forward =
    (dtype === "float32" ? 4 : 2) * (queriesAndOutputs + keysAndValues + weights) +
    (mask === undefined ? 0 : (mask === "boolean" ? 1 : 4) * scores);
  if (benchmarkCase.operation === "attention") return forward;
  // The backward pass reads all of it again, and has a gradient of everything.
  return 3 * forward;
}

/**
 * Every parameter, its gradient and its two averages, read and written.
 * @param {TrainingCase} trainingCase
 */
const countTrainingBytes = ({ layers, width, length, vocabulary }) =>
  2 * 4 * 4 * (layers * 12 * width ** 2 + width * (2 * vocabulary + length));

/**
 * Whether reading memory may be what bounds a case, rather than multiplying and adding: where few operations are done with
 * a byte. Processors do between one and a few operations in the time in which they read one.
 * @param {Case} benchmarkCase
 */
export const isNearMemoryBound = (benchmarkCase) => countFlops(benchmarkCase) < 4 * countBytes(benchmarkCase);

/**
 * The cases of `--sweep`, which looks for cliffs: head sizes in steps of 1, lengths off every tile, few queries. All are
 * short, with four heads.
 * @returns {AttentionCase[]}
 */
export function makeSweep() {
  const from = (/** @type {number} */ first, /** @type {number} */ last) =>
    Array.from({ length: last - first + 1 }, (_, index) => first + index);
  return [
    ...from(32, 130).flatMap((headSize) =>
      denseAndCausal("D", `D=${headSize}`, { heads: 4, queryLength: 256, headSize }),
    ),
    ...from(500, 540).flatMap((queryLength) =>
      denseAndCausal("L", `L=${queryLength}`, { heads: 4, queryLength, keyLength: 512 }),
    ),
    ...from(500, 540).flatMap((keyLength) =>
      denseAndCausal("S", `S=${keyLength}`, { heads: 4, queryLength: 512, keyLength }),
    ),
    ...from(1, 40).map((queryLength) =>
      attention("few queries", `few queries L=${queryLength}`, { heads: 4, queryLength, keyLength: 512 }),
    ),
  ];
}
