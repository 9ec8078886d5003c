// jax-js on its WebAssembly device, by its own attention, compiled by its jit. It fuses multiply and add where the host
// can. Its worker threads are those of browsers: in Node it has one thread.
import { readFileSync } from "node:fs";
import { defaultDevice, init, jit, nn, numpy } from "@jax-js/jax";
import { isOursAlone } from "../cases.mjs";
import { makeInputs } from "../inputs.mjs";
import { swapMiddle } from "./layout.mjs";

/** @typedef {import("../cases.mjs").AttentionCase} AttentionCase */
/** @typedef {import("../cases.mjs").LinearCase} LinearCase */

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
  const prepared =
    benchmarkCase.operation === "attention" ? prepareAttention(benchmarkCase) : prepareLinear(benchmarkCase);
  if (prepared === undefined) return undefined;
  const { inputs, compute, fromOutput } = prepared;
  const compiled = jit(compute);
  // A function takes its arguments over: `ref` keeps them.
  const start = () => compiled(...inputs.map((input) => input.ref));
  return {
    async run() {
      const output = await start().blockUntilReady();
      output.dispose();
    },
    // Reading takes the output over.
    result: async () => fromOutput(/** @type {Float32Array} */ (await start().data())),
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
    fromOutput: (/** @type {Float32Array} */ output) =>
      layout === "BHLD" ? swapMiddle(output, [batch, queryLength, heads, headSize]) : output,
  };
}

/** @param {LinearCase} linearCase */
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
    fromOutput: (/** @type {Float32Array} */ output) => output,
  };
}
