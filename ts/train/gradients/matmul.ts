import { describeFloat, type FloatOperand } from "../../ops/float-operand.js";
import { type Factor, type MatmulDetails, multiplyMatrices } from "../../ops/matmul.js";
import type { Operand } from "../../ops/operand.js";
import { elementCount, type Shape } from "../../tensor/shape.js";
import type { GradientTensor, Rule } from "../rule.js";
import { sumTo } from "../sum-to.js";

/** All rows of a factor's matrices as those of one. */
const asOne = ({ shape, ...factor }: Factor): Factor => ({
  ...factor,
  shape: [elementCount(shape.slice(0, -1)), shape[shape.length - 1]],
});

const matmul: Rule<MatmulDetails> = ({ inputs, details: { a, b, output }, needs, save }) => {
  const [first, second] = inputs as readonly Operand[];
  const [x, y] = [needs[1] && save(first), needs[0] && save(second)];
  const [shapeOfX, shapeOfY] = [first.shape, second.shape];
  const batch = output.slice(0, -2);
  const isOneMatrix = elementCount(b.slice(0, -2)) === 1;
  // output = a · b
  return ([dy]) => {
    const gradient: Factor = { operand: describeFloat("backward", "gradient", dy), shape: output };
    const multiply = (left: Factor, right: Factor, shape: Shape): GradientTensor =>
      multiplyMatrices("backward", left, right, shape, "float32");
    const ofA = (operand: FloatOperand): GradientTensor => {
      const product = multiply(gradient, { operand, shape: b, isTransposed: true }, [...batch, ...a.slice(-2)]);
      return sumTo(product, a).reshape(shapeOfX);
    };
    const ofB = (operand: FloatOperand): GradientTensor => {
      const factor: Factor = { operand, shape: a, isTransposed: true };
      // The rows of all products with the one matrix add up in one sum.
      const product = isOneMatrix
        ? multiply(asOne(factor), asOne(gradient), b.slice(-2))
        : multiply(factor, gradient, [...batch, ...b.slice(-2)]);
      return sumTo(product, b).reshape(shapeOfY);
    };
    return [y === false ? undefined : ofA(y), x === false ? undefined : ofB(x)];
  };
};

/** Of products of matrices. */
export const matmulRules = { matmul };
