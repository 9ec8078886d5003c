import type { Conv1dDetails } from "../../ops/convolution.js";
import { convolutionBlock } from "../../ops/convolution.js";
import { pointerOf } from "../../tensor/tensor.js";
import { type GradientTensor, gradientOf, type Rule } from "../rule.js";

const conv1d: Rule<Conv1dDetails> = ({ inputs, needs, details: sizes, save }) => {
  const [input, weight] = inputs;
  // Each factor of a product is what the other one's gradient reads.
  const x = needs[1] && input !== undefined ? save(input) : undefined;
  const w = needs[0] && weight !== undefined ? save(weight) : undefined;
  const part = (dy: GradientTensor, index: number, name: "inputGradient" | "weightGradient" | "biasGradient") => {
    const of = inputs[index];
    if (!needs[index] || of === undefined) return undefined;
    return gradientOf(of.shape, (call, pointer) => {
      const operands = {
        output: pointerOf(dy),
        input: x && name === "weightGradient" ? call.inputAsFloat32(x) : 0,
        weight: w && name === "inputGradient" ? call.inputAsFloat32(w) : 0,
      };
      const block = convolutionBlock(call, { ...sizes, ...operands, [name]: pointer });
      call.kernel((kernels) => kernels.conv1d_backward(block.pointer));
    });
  };
  // output[b, o, t] = bias[o] + Σ weight[o, c, k] · input[b, c, t · stride + k · dilation − padding]
  return ([dy]) => [part(dy, 0, "inputGradient"), part(dy, 1, "weightGradient"), part(dy, 2, "biasGradient")];
};

/** Of convolutions. */
export const convolutionRules = { conv1d };
