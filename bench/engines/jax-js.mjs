// jax-js on its WebAssembly device, by its own attention, compiled by its jit. It fuses multiply and add where the host
// can. Its worker threads are those of browsers: in Node it has one thread.
import { readFileSync } from "node:fs";
import { blockUntilReady, defaultDevice, init, jit, nn, numpy, vjp } from "@jax-js/jax";
import { isOursAlone } from "../cases.mjs";
import { makeInputs, makeOutputGradient } from "../inputs.mjs";
import { prepareTraining } from "./jax-js-training.mjs";
import { swapMiddle } from "./layout.mjs";

/** @typedef {import("../cases.mjs").AttentionCase | import("../cases.mjs").AttentionGradientCase} AttentionCase */
/** @typedef {import("../cases.mjs").LinearCase | import("../cases.mjs").LinearGradientCase} LinearCase */

/** @type {import("./adapter.mjs").Open} */
export async function open() {
  if (!("map" in "".matchAll(/-/g))) throw new Error("it needs iterators with map(), which Node has from 22 on");
  if (!(await init("wasm")).includes("wasm")) throw new Error("its WebAssembly device doesn't start");
  defaultDevice("wasm");
  const manifest = readFileSync(new URL("../node_modules/@jax-js/jax/package.json", import.meta.url), "utf8");
  return { version: /** @type {{ version: string }} */ (JSON.parse(manifest)).version, prepare };
}

/** @param {import("../cases.mjs").Case} benchmarkCase */
function prepare(benchmarkCase) {
  switch (benchmarkCase.operation) {
    case "attention":
      return computationJob(prepareAttention(benchmarkCase));
    case "linear":
      return computationJob(prepareLinear(benchmarkCase));
    case "attention gradient":
      return gradientJob(
        prepareAttention(benchmarkCase),
        makeOutputGradient(benchmarkCase),
        benchmarkCase.hasMaskGradient ? [0, 1, 2, 3] : [0, 1, 2],
      );
    case "linear gradient":
      return gradientJob(prepareLinear(benchmarkCase), makeOutputGradient(benchmarkCase), [
        benchmarkCase.of === "input" ? 0 : 1,
      ]);
    case "training step":
      return prepareTraining(benchmarkCase);
  }
}

/**
 * @typedef {object} Computation
 * @property {numpy.Array[]} inputs
 * @property {(...inputs: numpy.Array[]) => numpy.Array} compute
 * @property {number[]} shape of the output
 * @property {(output: Float32Array) => Float32Array} toEngine from the layout of the case to the engine's
 * @property {(elements: Float32Array, input?: number) => Float32Array} fromEngine back, of the output or of an input's gradient
 */

/** @param {Computation | undefined} prepared */
function computationJob(prepared) {
  if (prepared === undefined) return undefined;
  const { inputs, compute, fromEngine } = prepared;
  const compiled = jit(compute);
  // A function takes its arguments over: `ref` keeps them.
  const start = () => compiled(...inputs.map((input) => input.ref));
  return {
    async run() {
      const output = await start().blockUntilReady();
      output.dispose();
    },
    // Reading takes the output over.
    result: async () => fromEngine(/** @type {Float32Array} */ (await start().data())),
    close() {
      for (const input of inputs) input.dispose();
      compiled.dispose();
    },
  };
}

/**
 * One compiled function has both passes: the output, and the gradients of what they are wanted of.
 * @param {Computation | undefined} prepared
 * @param {Float32Array} outputGradient
 * @param {readonly number[]} wanted which inputs' gradients
 */
function gradientJob(prepared, outputGradient, wanted) {
  if (prepared === undefined) return undefined;
  const { compute, fromEngine, shape } = prepared;
  const inputs = [...prepared.inputs, numpy.array(prepared.toEngine(outputGradient), { shape })];
  const compiled = jit((/** @type {numpy.Array[]} */ ...given) => {
    const operands = given.slice(0, -1);
    const chosen = wanted.map((index) => operands[index]);
    const forward = (/** @type {numpy.Array[]} */ ...variables) =>
      compute(
        ...operands.map((operand, index) => (wanted.includes(index) ? variables[wanted.indexOf(index)] : operand)),
      );
    const [output, backward] = vjp(forward, chosen);
    const gradients = backward(given[given.length - 1]);
    backward.dispose();
    return [output, ...gradients];
  });
  /** @returns {Promise<numpy.Array[]>} */
  const start = () => blockUntilReady(compiled(...inputs.map((input) => input.ref)));
  return {
    async run() {
      for (const array of await start()) array.dispose();
    },
    async result() {
      const [output, ...gradients] = await start();
      output.dispose();
      const read = await Promise.all(gradients.map((gradient) => gradient.data()));
      return read.map((gradient, index) => fromEngine(/** @type {Float32Array} */ (gradient), wanted[index]));
    },
    close() {
      for (const input of inputs) input.dispose();
      compiled.dispose();
    },
  };
}

/**
 * Its attention takes and gives [B, L, H, D]: of the layout BHLD, inputs are converted before the clock starts, the output
 * after it stopped.
 * @param {AttentionCase} attentionCase
 * @returns {Computation | undefined}
 */
function prepareAttention(attentionCase) {
  const { batch, heads, keyHeads, queryLength, keyLength, headSize, valueHeadSize } = attentionCase;
  const { layout, dtype, isCausal, causalAlignment, leftWindowSize, softcap, dropoutP, needWeights } = attentionCase;
  if (dtype !== "float32" || softcap !== undefined || isOursAlone(attentionCase)) return undefined;
  if (dropoutP !== undefined || needWeights !== undefined) return undefined;
  if (headSize !== valueHeadSize || (causalAlignment === "lower-right" && queryLength !== keyLength)) return undefined;

  // It keeps several copies of the scores, which beyond this number exceed 4 GiB.
  if (batch * heads * queryLength * keyLength > 2 ** 27) return undefined;

  const elements = makeInputs(attentionCase);
  /** @param {Float32Array} given @param {number} headCount @param {number} length */
  const tensor = (given, headCount, length) =>
    numpy.array(layout === "BHLD" ? swapMiddle(given, [batch, headCount, length, headSize]) : given, {
      shape: [batch, length, headCount, headSize],
    });
  const inputs = [
    tensor(elements.query, heads, queryLength),
    tensor(elements.key, keyHeads, keyLength),
    tensor(elements.value, keyHeads, keyLength),
  ];
  if (elements.mask !== undefined) {
    const shape = [queryLength, keyLength];
    inputs.push(
      attentionCase.mask === "boolean"
        ? numpy.array(Int32Array.from(elements.mask), { shape, dtype: numpy.bool })
        : numpy.array(/** @type {Float32Array} */ (elements.mask), { shape }),
    );
  }
  const maskOption = attentionCase.mask === "boolean" ? "mask" : "bias";

  return {
    inputs,
    compute: (/** @type {numpy.Array[]} */ ...[query, key, value, mask]) =>
      nn.dotProductAttention(query, key, value, {
        isCausal,
        ...(leftWindowSize !== undefined && { localWindowSize: [leftWindowSize, isCausal ? 0 : keyLength] }),
        ...(mask !== undefined && { [maskOption]: mask }),
      }),
    toEngine: (/** @type {Float32Array} */ output) =>
      layout === "BHLD" ? swapMiddle(output, [batch, heads, queryLength, headSize]) : output,
    fromEngine(/** @type {Float32Array} */ elements, input = 0) {
      if (input === 3) return elements;
      const [length, headCount] = input === 0 ? [queryLength, heads] : [keyLength, keyHeads];
      return layout === "BHLD" ? swapMiddle(elements, [batch, length, headCount, headSize]) : elements;
    },
    shape: [batch, queryLength, heads, headSize],
  };
}

/**
 * @param {LinearCase} linearCase
 * @returns {Computation}
 */
function prepareLinear(linearCase) {
  const { rows, inFeatures, outFeatures, activation } = linearCase;
  const { input, weight, bias } = makeInputs(linearCase);
  return {
    inputs: [
      numpy.array(input, { shape: [rows, inFeatures] }),
      numpy.array(weight, { shape: [outFeatures, inFeatures] }),
      ...(bias === undefined ? [] : [numpy.array(bias, { shape: [outFeatures] })]),
    ],
    compute(/** @type {numpy.Array[]} */ ...[x, w, b]) {
      const product = numpy.matmul(x, numpy.transpose(w));
      const sum = b === undefined ? product : product.add(b);
      return activation === "gelu" ? nn.gelu(sum, { approximate: false }) : sum;
    },
    toEngine: (/** @type {Float32Array} */ output) => output,
    fromEngine: (/** @type {Float32Array} */ elements) => elements,
    shape: [rows, outFeatures],
  };
}
