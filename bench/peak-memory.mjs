// A program for a fresh process: the most WebAssembly memory that one call of this package takes beside its inputs and output.
import { init, memoryUsage, scaledDotProductAttention, Tensor } from "../dist/index.js";
import { makeInputs } from "./inputs.mjs";

/** @type {{ build: import("./engines.mjs").EngineBuild, attentionCase: import("./cases.mjs").AttentionCase }} */
const { build, attentionCase } = JSON.parse(process.argv[2]);
const { batch, heads, keyHeads, queryLength, keyLength, headSize, valueHeadSize, isCausal } = attentionCase;
const inputs = makeInputs(attentionCase);

await init({ deterministic: build.arithmetic === "separate" });
const query = Tensor.from(inputs.query, [batch, heads, queryLength, headSize]);
const key = Tensor.from(inputs.key, [batch, keyHeads, keyLength, headSize]);
const value = Tensor.from(inputs.value, [batch, keyHeads, keyLength, valueHeadSize]);
const { output } = scaledDotProductAttention(query, key, value, { isCausal });
const elements = [inputs.query, inputs.key, inputs.value, output.view()].reduce((sum, { length }) => sum + length, 0);

process.send?.(memoryUsage().bytesPeak - 4 * elements, () => process.exit());
