// This package, as `npm run build` leaves it in dist/.
import { init, Linear, scaledDotProductAttention, scope, Tensor } from "../../dist/index.js";
import { DROPOUT_SEED } from "../cases.mjs";
import { makeInputs, makeOutputGradient } from "../inputs.mjs";
import { makeBatches, makeParameters, trainingJob } from "../training-step.mjs";

/** @type {import("./adapter.mjs").Open} */
export async function open(arithmetic) {
  const runtime = await init({ deterministic: arithmetic === "separate" });
  if (runtime.arithmetic !== arithmetic) throw new Error("this host doesn't fuse multiply and add");
  return { version: runtime.version, prepare };
}

/**
 * @param {import("../cases.mjs").Case} benchmarkCase
 * @returns {import("./adapter.mjs").Job | Promise<import("./adapter.mjs").Job>}
 */
function prepare(benchmarkCase) {
  switch (benchmarkCase.operation) {
    case "attention":
      return prepareAttention(benchmarkCase);
    case "linear":
      return prepareLinear(benchmarkCase);
    case "attention gradient":
      return prepareAttentionGradients(benchmarkCase);
    case "linear gradient":
      return prepareLinearGradient(benchmarkCase);
    case "training step":
      return prepareTraining(benchmarkCase);
  }
}

// Learning is loaded where a case learns, so that all others are measured without it.
const loadLearning = () => import("../../dist/train.js");

/**
 * The tensors of a case and the call.
 * @param {import("../cases.mjs").AttentionCase | import("../cases.mjs").AttentionGradientCase} attentionCase
 */
function makeAttention(attentionCase) {
  const { batch, heads, keyHeads, queryLength, keyLength, headSize, valueHeadSize } = attentionCase;
  const { layout, dtype, isCausal, causalAlignment, leftWindowSize, openKeys, softcap, dropoutP, needWeights } =
    attentionCase;
  const inputs = makeInputs(attentionCase);

  const tensor = (
    /** @type {Float32Array} */ elements,
    /** @type {number} */ count,
    /** @type {number} */ length,
    /** @type {number} */ size,
  ) => Tensor.from(elements, layout === "BHLD" ? [batch, count, length, size] : [batch, length, count, size], dtype);
  const query = tensor(inputs.query, heads, queryLength, headSize);
  const key = tensor(inputs.key, keyHeads, keyLength, headSize);
  const value = tensor(inputs.value, keyHeads, keyLength, valueHeadSize);
  const mask = inputs.mask && Tensor.from(inputs.mask, [queryLength, keyLength]);
  const { alibiSlopes, sinks } = inputs;
  const keyLengths = openKeys === undefined ? undefined : Array.from({ length: batch }, () => openKeys);

  const attend = () =>
    scaledDotProductAttention(query, key, value, {
      layout,
      isCausal,
      causalAlignment,
      ...(mask !== undefined && { attnMask: mask }),
      ...(leftWindowSize !== undefined && { leftWindowSize }),
      ...(keyLengths !== undefined && { keyLengths }),
      ...(alibiSlopes !== undefined && { alibiSlopes }),
      ...(sinks !== undefined && { sinks }),
      ...(softcap !== undefined && { softcap }),
      ...(dropoutP !== undefined && { dropoutP, seed: DROPOUT_SEED }),
      ...(needWeights !== undefined && { needWeights: needWeights === "all" ? true : { heads: [0] } }),
    });
  return { query, key, value, mask, attend };
}

/**
 * @param {import("../cases.mjs").AttentionCase} attentionCase
 * @returns {import("./adapter.mjs").Job}
 */
function prepareAttention(attentionCase) {
  const { needWeights } = attentionCase;
  const { query, key, value, mask, attend } = makeAttention(attentionCase);
  /** What one of the results holds. @param {"output" | "weights"} name */
  const take = (name) => {
    const results = attend();
    const float32 = results[name].to("float32");
    const elements = /** @type {Float32Array} */ (float32.toArray());
    dispose([results.output, results.weights, float32]);
    return elements;
  };
  return {
    run() {
      const { output, weights } = attend();
      dispose([output, weights]);
    },
    result: () => take("output"),
    weights: needWeights && (() => take("weights")),
    close: () => dispose([query, key, value, mask]),
  };
}

/** @param {import("../cases.mjs").AttentionGradientCase} gradientCase */
async function prepareAttentionGradients(gradientCase) {
  await loadLearning();
  const { query, key, value, mask, attend } = makeAttention(gradientCase);
  const outputGradient = Tensor.from(makeOutputGradient(gradientCase), attend().output.shape);
  const wanted = [query, key, value, ...(gradientCase.hasMaskGradient && mask ? [mask] : [])];
  const job = gradientJob(wanted, () => attend().output, outputGradient);
  return { ...job, close: () => dispose([query, key, value, mask, outputGradient]) };
}

/**
 * @param {readonly Tensor[]} wanted what gets a gradient
 * @param {() => Tensor} forward
 * @param {Tensor<"float32">} outputGradient
 */
function gradientJob(wanted, forward, outputGradient) {
  for (const tensor of wanted) tensor.requiresGrad = true;
  const differentiate = (/** @type {() => void} */ afterForward) => {
    const output = forward();
    afterForward();
    output.backward(outputGradient);
    output.dispose();
  };
  const clear = () => wanted.forEach((tensor) => tensor.zeroGrad());
  return {
    run(/** @type {() => void} */ afterForward) {
      differentiate(afterForward);
      clear();
    },
    result() {
      differentiate(() => {});
      const gradients = wanted.map(({ grad }) => /** @type {Float32Array} */ (grad?.toArray()));
      clear();
      return gradients;
    },
  };
}

/** A layer with the parameters of a case. @param {import("../cases.mjs").LinearShape} linearCase */
function makeLayer(
  { inFeatures, outFeatures, hasBias, activation },
  /** @type {import("../inputs.mjs").LinearInputs} */ inputs,
) {
  const layer = new Linear(inFeatures, outFeatures, { bias: hasBias, activation });
  layer.loadStateDict({
    weight: { data: inputs.weight, shape: [outFeatures, inFeatures] },
    ...(inputs.bias && { bias: { data: inputs.bias, shape: [outFeatures] } }),
  });
  return layer;
}

/** @param {import("../cases.mjs").LinearGradientCase} gradientCase */
async function prepareLinearGradient(gradientCase) {
  await loadLearning();
  const { rows, inFeatures, outFeatures, of } = gradientCase;
  const inputs = makeInputs(gradientCase);
  const input = Tensor.from(inputs.input, [rows, inFeatures]);
  const layer = makeLayer(gradientCase, inputs);
  layer.weight.requiresGrad = of === "weight";
  const outputGradient = Tensor.from(makeOutputGradient(gradientCase), [rows, outFeatures]);
  const wanted = of === "weight" ? layer.weight : input;
  const job = gradientJob([wanted], () => layer.forward(input), outputGradient);
  return { ...job, close: () => dispose([input, layer, outputGradient]) };
}

/** @param {import("../cases.mjs").TrainingCase} trainingCase */
async function prepareTraining(trainingCase) {
  const { AdamW, clipGradNorm, crossEntropy } = await loadLearning();
  const { LanguageModel } = await import("./wasm-attention-model.mjs");
  const model = new LanguageModel(trainingCase);
  model.loadStateDict(
    Object.fromEntries(
      makeParameters(trainingCase).map(({ name, shape, elements }) => [name, { data: elements, shape }]),
    ),
  );
  const parameters = model.parameters();
  const { learningRate: lr, betas, epsilon: eps, weightDecay, largestNorm } = trainingCase;
  const optimizer = new AdamW(parameters, { lr, betas, eps, weightDecay });
  const shape = [trainingCase.batch, trainingCase.length];
  const batches = makeBatches(trainingCase).map(({ inputs, targets }) => ({
    inputs: Tensor.from(inputs, shape),
    targets: Tensor.from(targets, shape),
  }));
  return trainingJob(
    batches,
    ({ inputs, targets }) =>
      scope(() => {
        const loss = crossEntropy(model.forward(inputs), targets);
        loss.backward();
        clipGradNorm(parameters, largestNorm);
        optimizer.step();
        optimizer.zeroGrad();
        return loss.item();
      }),
    () => dispose([optimizer, model, ...batches.flatMap(({ inputs, targets }) => [inputs, targets])]),
  );
}

/**
 * @param {import("../cases.mjs").LinearCase} linearCase
 * @returns {import("./adapter.mjs").Job}
 */
function prepareLinear(linearCase) {
  const { rows, inFeatures } = linearCase;
  const inputs = makeInputs(linearCase);
  const input = Tensor.from(inputs.input, [rows, inFeatures]);
  const layer = makeLayer(linearCase, inputs);
  return {
    run: () => layer.forward(input).dispose(),
    result() {
      const output = layer.forward(input);
      const elements = /** @type {Float32Array} */ (output.toArray());
      output.dispose();
      return elements;
    },
    close: () => dispose([input, layer]),
  };
}

/** @param {readonly ({ dispose(): void } | undefined)[]} tensors */
const dispose = (tensors) => tensors.forEach((tensor) => tensor?.dispose());
