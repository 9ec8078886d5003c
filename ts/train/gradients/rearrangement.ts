import { around } from "../../ops/axis.js";
import type { Operand } from "../../ops/operand.js";
import {
  type CatDetails,
  narrow as part,
  type NarrowDetails,
  transpose as transposed,
  type TransposeDetails,
} from "../../ops/rearrangement.js";
import { float32View } from "../../runtime/memory.js";
import { bytesPerElement } from "../../tensor/dtype.js";
import { elementCount } from "../../tensor/shape.js";
import { pointerOf } from "../../tensor/tensor.js";
import { gradientOf, type GradientTensor, type Rule } from "../rule.js";

const cat: Rule<CatDetails> = ({ inputs, needs, details: { axis } }) => {
  const lengths = (inputs as readonly Operand[]).map(({ shape }) => shape[axis]);
  // output = inputs one after the other
  return ([dy]) => {
    let start = 0;
    return lengths.map((length, index) => {
      start += length;
      return needs[index] ? (part(dy, axis, start - length, length) as GradientTensor) : undefined;
    });
  };
};

const narrow: Rule<NarrowDetails> = ({ inputs: [input], details: { axis, start } }) => {
  const shape = input?.shape ?? [];
  // output = input[…, start … start + length − 1, …]
  return ([dy]) => {
    const { outer, length: size, inner } = around(shape, axis);
    if (outer === 1) return [{ tensor: dy.detach(), start: start * inner }];
    return [
      gradientOf(shape, (call, gradient) => {
        float32View(gradient, elementCount(shape)).fill(0);
        const [target, source] = [gradient + start * inner * bytesPerElement.float32, pointerOf(dy)];
        const [stride, length] = [size, dy.shape[axis]].map((count) => count * inner * bytesPerElement.float32);
        call.kernel((kernels) => kernels.copy_rows(target, source, outer, length, stride, length));
      }),
    ];
  };
};

const transpose: Rule<TransposeDetails> = ({ details: { axes } }) => {
  // output[…, j, …, i, …] = input[…, i, …, j, …]
  return ([dy]) => [transposed(dy, ...axes) as GradientTensor];
};

/** Of copies in another order. */
export const rearrangementRules = { cat, narrow, transpose };
