import { describeFloat, type FloatOperand } from "../../ops/float-operand.js";
import { type Factor, type MatmulDetails, multiplyMatrices } from "../../ops/matmul.js";
import type { Operand } from "../../ops/operand.js";
import { elementCount } from "../../tensor/shape.js";
import type { GradientTensor, Rule } from "../rule.js";
import { sumTo } from "../sum-to.js";

/** All rows of a factor's matrices as those of one. */
const asOne = ({ operand, shape }: Factor): Factor => ({
  operand,
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
    const ofA = (operand: FloatOperand): GradientTensor => {
      const shape = [...batch, ...a.slice(-2)];
      const product = multiplyMatrices("backward", gradient, { operand, shape: b }, shape, "float32", "second");
      return sumTo(product, a).reshape(shapeOfX);
    };
    const ofB = (operand: FloatOperand): GradientTensor => {
      // The rows of all products with the one matrix add up in one sum.
      const factors = [{ operand, shape: a }, gradient].map((factor) => (isOneMatrix ? asOne(factor) : factor));
      const shape = [...(isOneMatrix ? [] : batch), ...b.slice(-2)];
      const product = multiplyMatrices("backward", factors[0], factors[1], shape, "float32", "first");
      return sumTo(product, b).reshape(shapeOfY);
    };
    return [y === false ? undefined : ofA(y), x === false ? undefined : ofB(x)];
  };
};

/** Of products of matrices. */
export const matmulRules = { matmul };
