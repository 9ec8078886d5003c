import { runCall } from "../../ops/call.js";
import type { NormDetails } from "../../ops/normalization.js";
import { bytesPerElement } from "../../tensor/dtype.js";
import { pointerOf } from "../../tensor/tensor.js";
import type { Rule } from "../rule.js";
import { axisRule } from "./softmax.js";

const norm: Rule<NormDetails> = ({ inputs, details, needs, save }) => {
  const { rows, columns, epsilon, isCentered } = details;
  const x = save(details.x);
  const weight = details.weight && needs[0] ? save(details.weight) : undefined;
  const shapes = inputs.map((input, index) => (needs[index] ? input?.shape : undefined));
  // output = (input − mean) / √(variance + epsilon) · weight + bias
  return ([dy]) =>
    runCall("backward", (call) => {
      const [gradient, input] = [pointerOf(dy), call.inputAsFloat32(x)];
      const weights = weight === undefined ? 0 : call.inputAsFloat32(weight);
      const gradients = shapes.map((shape) => shape && call.output(shape, "float32"));
      const [dx, dw, db] = gradients.map((wanted) => (wanted === undefined ? 0 : pointerOf(wanted)));
      const scratchLength = call.kernelSize((kernels) => kernels.norm_backward_scratch_length(columns));
      const scratch = call.temporary(scratchLength * bytesPerElement.float32);
      call.kernel((kernels) =>
        kernels.norm_backward(
          dx,
          dw,
          db,
          gradient,
          input,
          weights,
          scratch,
          rows,
          columns,
          epsilon,
          Number(isCentered),
        ),
      );
      return gradients;
    });
};

// output = input / max(√(Σ input²), 1e-12)
const normalize = axisRule((kernels, ...where) => kernels.normalize_backward(...where));

export const normalizationRules = { norm, normalize };
