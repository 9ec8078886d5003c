import { problemArguments } from "../../ops/attention/problem.js";
import { tensorArguments } from "../../ops/attention/arguments.js";
import type { AttentionDetails } from "../../ops/attention/scaled-dot-product-attention.js";
import type { WeightsRequest } from "../../ops/attention/weights-request.js";
import { ArgumentBlock, type Arguments } from "../../ops/argument-block.js";
import { type Call, runCall } from "../../ops/call.js";
import type { FloatOperand } from "../../ops/float-operand.js";
import type { MaskOperand } from "../../ops/mask-operand.js";
import type { Operand } from "../../ops/operand.js";
import { outOfMemoryError } from "../../errors.js";
import { float32View, int32View } from "../../runtime/memory.js";
import { pointerOf } from "../../tensor/tensor.js";
import { ABSENT, attentionArguments, attentionBackwardArguments, OVERFLOW } from "../../wasm/interface.js";
import type { GradientTensor, Rule } from "../rule.js";

type BackwardArguments = Arguments<typeof attentionBackwardArguments>;

/** The inputs' names in the block, in the order of the rule's inputs. */
const gradientNames = [
  "queryGradient",
  "keyGradient",
  "valueGradient",
  "pastKeyGradient",
  "pastValueGradient",
  "maskGradient",
  "slopesGradient",
  "sinksGradient",
] as const satisfies readonly (keyof BackwardArguments)[];

const attention: Rule<AttentionDetails> = ({ inputs, details, needs, save }) => {
  const { request, result, kept } = details;
  const { past, mask, geometry } = details.problem;
  const { presentKey, presentValue } = result;
  // With a past the kernel reads the present keys and values alone.
  const key = save(presentKey ?? details.problem.key);
  const value = save(presentValue ?? details.problem.value);
  const problem = {
    ...details.problem,
    query: save(details.problem.query),
    key,
    value,
    past: past && { key, value },
    mask: mask && { ...mask, operand: save(mask.operand) as Operand as MaskOperand },
  };
  const output = save(kept.output);
  const statistics = save(kept.statistics);
  const shapes = inputs.map((input) => input?.shape);

  // output, weights, logSumExp = softmax(scale · query · keyᵀ + masks) · value
  return (gradients) =>
    runCall("backward", (call) => {
      const given = new Map(details.outputs.map((name, index) => [name, gradients[index]]));
      const wanted = gradientNames.map((_, index) => {
        const shape = shapes[index];
        return needs[index] && shape !== undefined ? call.output(shape, "float32") : undefined;
      });
      const forward = new ArgumentBlock(call, attentionArguments, {
        ...problemArguments(call, problem),
        ...tensorArguments("output", 0, geometry.output),
        ...(past && tensorArguments("presentKey", call.input(key), geometry.presentKey)),
        ...(past && tensorArguments("presentValue", call.input(value), geometry.presentValue)),
        weightsMode: ABSENT,
      });
      const block = new ArgumentBlock(call, attentionBackwardArguments, {
        ...Object.fromEntries(wanted.map((tensor, index) => [gradientNames[index], optionalPointer(tensor)])),
        output: call.input(output),
        statistics: call.input(statistics),
        outputCotangent: given.get("output") === undefined ? zeros(call, output) : optionalPointer(given.get("output")),
        presentKeyCotangent: optionalPointer(given.get("presentKey")),
        presentValueCotangent: optionalPointer(given.get("presentValue")),
        logSumExpCotangent: optionalPointer(given.get("logSumExp")),
        ...weightsArguments(call, request, given.get("weights"), geometry.sizes),
      });
      const bytes = call.kernelSize((kernels) =>
        kernels.attention_backward_scratch_bytes(forward.pointer, block.pointer),
      );
      if (bytes === OVERFLOW) throw outOfMemoryError("backward: the working memory for these sizes exceeds 4 GiB");
      block.setInteger("scratch", call.temporary(bytes));
      call.kernel((kernels) => kernels.attention_backward(forward.pointer, block.pointer));
      return wanted;
    });
};

const optionalPointer = (tensor: GradientTensor | undefined): number => (tensor === undefined ? 0 : pointerOf(tensor));

function zeros(call: Call, { shape }: FloatOperand): number {
  const tensor = call.output(shape, "float32");
  tensor.view().fill(0);
  return pointerOf(tensor);
}

/** The weights' gradient, and where in it a head and a row stand. */
function weightsArguments(
  call: Call,
  request: WeightsRequest | undefined,
  gradient: GradientTensor | undefined,
  { batch, heads, queryLength }: Readonly<Record<"batch" | "heads" | "queryLength", number>>,
): BackwardArguments {
  if (request === undefined || gradient === undefined) return {};
  const { averageHeads } = request;
  const asked = averageHeads ? [0] : request.heads;
  const merged = mergeRows(call, gradient, batch, asked, request.rows);
  const times = (head: number): number => request.heads.filter((other) => other === head).length;
  const headPlaces = Array.from({ length: heads }, (_, head) =>
    averageHeads ? Math.min(times(head), 1) - 1 : merged.heads.indexOf(head),
  );
  return {
    weightsCotangent: pointerOf(merged.gradient),
    weightsMode: request.mode,
    weightsHeadCount: merged.heads.length,
    weightsRowCount: merged.rows.length,
    headPlaces: call.words(int32View, headPlaces),
    rowPlaces: call.words(
      int32View,
      Array.from({ length: queryLength }, (_, row) => merged.rows.indexOf(row)),
    ),
    headFactors: call.words(
      float32View,
      headPlaces.map((_, head) => (averageHeads ? times(head) / request.heads.length : 1)),
    ),
  };
}

/** The gradient of the weights of different heads and rows: those of one that was asked for more than once are added. */
function mergeRows(
  call: Call,
  gradient: GradientTensor,
  batch: number,
  askedHeads: readonly number[],
  askedRows: readonly number[],
): { gradient: GradientTensor; heads: readonly number[]; rows: readonly number[] } {
  const [heads, rows] = [askedHeads, askedRows].map((asked) => Array.from(new Set(asked)));
  if (heads.length === askedHeads.length && rows.length === askedRows.length) return { gradient, heads, rows };
  const keys = gradient.shape[gradient.shape.length - 1];
  const merged = call.output([batch, heads.length, rows.length, keys], "float32");
  const [source, target] = [gradient.view(), merged.view().fill(0)];
  for (let b = 0; b < batch; b++) {
    askedHeads.forEach((head, h) =>
      askedRows.forEach((row, i) => {
        const from = ((b * askedHeads.length + h) * askedRows.length + i) * keys;
        const to = ((b * heads.length + heads.indexOf(head)) * rows.length + rows.indexOf(row)) * keys;
        for (let j = 0; j < keys; j++) target[to + j] += source[from + j];
      }),
    );
  }
  return { gradient: merged, heads, rows };
}

export const attentionRules = { attention };
