import { runCall } from "../../ops/call.js";
import { describeFloat, type FloatOperand } from "../../ops/float-operand.js";
import { type LinearDetails, multiply, packedLength } from "../../ops/linear.js";
import { bytesPerElement } from "../../tensor/dtype.js";
import { elementCount } from "../../tensor/shape.js";
import { pointerOf } from "../../tensor/tensor.js";
import { type Gradient, gradientOf, type GradientTensor, type Rule } from "../rule.js";

const linear: Rule<LinearDetails> = ({ inputs, details: { weightRow, biasRow, outFeatures }, needs, save }) => {
  const [input, weight] = inputs as readonly FloatOperand[];
  const inFeatures = weight.shape[1];
  const rows = elementCount(input.shape.slice(0, -1));
  const savedWeight = needs[0] ? save(weight) : undefined;
  const savedInput = needs[1] ? save(input) : undefined;
  const firstWeight = weightRow * inFeatures;

  // output = input · weightᵀ + bias
  const inputGradient = (dy: GradientTensor, weight: FloatOperand): GradientTensor =>
    runCall("backward", (call) => {
      const packed = call.temporary(packedLength(call, outFeatures, inFeatures) * bytesPerElement.float32);
      const rowsOfWeight = call.inputAsFloat32(weight) + firstWeight * bytesPerElement.float32;
      call.kernel((kernels) => kernels.linear_pack_columns(packed, rowsOfWeight, outFeatures, inFeatures));
      const gradient = describeFloat("backward", "gradient", dy);
      return multiply(call, gradient, "float32", () => packed, 0, undefined, outFeatures, inFeatures);
    });
  const weightGradient = (dy: GradientTensor, input: FloatOperand): GradientTensor =>
    gradientOf([outFeatures, inFeatures], (call, dw) => {
      const [gradient, x] = [pointerOf(dy), call.inputAsFloat32(input)];
      const scratchLength = call.kernelSize((kernels) =>
        kernels.linear_weight_backward_scratch_length(rows, inFeatures, outFeatures),
      );
      const scratch = call.temporary(scratchLength * bytesPerElement.float32);
      call.kernel((kernels) => kernels.linear_weight_backward(dw, gradient, x, scratch, rows, inFeatures, outFeatures));
    });
  const biasGradient = (dy: GradientTensor): GradientTensor =>
    gradientOf([outFeatures], (call, db) => {
      const gradient = pointerOf(dy);
      call.kernel((kernels) => kernels.linear_bias_backward(db, gradient, rows, outFeatures));
    });

  return ([dy]): readonly Gradient[] => [
    savedWeight && inputGradient(dy, savedWeight),
    savedInput && { tensor: weightGradient(dy, savedInput), start: firstWeight },
    needs[2] ? { tensor: biasGradient(dy), start: biasRow } : undefined,
  ];
};

/** Of linear layers. */
export const linearRules = { linear };
