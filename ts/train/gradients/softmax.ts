import { type AxisDetails, type AxisKernel, runAlongAxis } from "../../ops/along-axis.js";
import type { Kernels } from "../../runtime/build.js";
import { bytesPerElement } from "../../tensor/dtype.js";
import { elementCount } from "../../tensor/shape.js";
import { pointerOf } from "../../tensor/tensor.js";
import { gradientOf, type Rule } from "../rule.js";

/** The gradient of the input, of the output's and one array more. */
type AxisBackward = (
  kernels: Kernels,
  gradient: number,
  outputGradient: number,
  ...rest: Parameters<AxisKernel> extends [Kernels, number, ...infer Rest] ? Rest : never
) => void;

/** From the input, or where `forward` is given from the output as float32. */
export const axisRule =
  (backward: AxisBackward, forward?: AxisKernel): Rule<AxisDetails> =>
  ({ outputs: [output], details: { x, axis }, save }) => {
    // Results that have been rounded to 16 bits would spoil the gradient: they are computed anew.
    const isOutput = forward !== undefined && x.dtype === "float32";
    const kept = save(isOutput ? output : x);
    return ([dy]) => [
      gradientOf(kept.shape, (call, dx) => {
        let source = call.inputAsFloat32(kept);
        if (forward !== undefined && !isOutput) {
          const input = source;
          const result = call.temporary(elementCount(kept.shape) * bytesPerElement.float32);
          runAlongAxis(call, 2, axis, (kernels, ...where) => forward(kernels, result, input, ...where));
          source = result;
        }
        const gradient = pointerOf(dy);
        runAlongAxis(call, 3, axis, (kernels, ...where) => backward(kernels, dx, gradient, source, ...where));
      }),
    ];
  };

// output = exp(input − m) / Σ exp(input − m)
const softmax = axisRule(
  (kernels, ...where) => kernels.softmax_backward(...where),
  (kernels, ...where) => kernels.softmax(...where),
);

// output = input − m − ln Σ exp(input − m)
const logSoftmax = axisRule(
  (kernels, ...where) => kernels.log_softmax_backward(...where),
  (kernels, ...where) => kernels.log_softmax(...where),
);

export const softmaxRules = { softmax, logSoftmax };
