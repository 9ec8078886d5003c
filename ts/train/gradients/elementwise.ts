import { mul as product } from "../../ops/elementwise.js";
import type { Operand } from "../../ops/operand.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { GradientTensor, Rule } from "../rule.js";
import { sumTo } from "../sum-to.js";

const add: Rule = ({ inputs, needs }) => {
  const shapes = (inputs as readonly Operand[]).map(({ shape }) => shape);
  // output = a + b
  return ([dy]) => shapes.map((shape, index) => (needs[index] ? sumTo(dy, shape) : undefined));
};

const mul: Rule = ({ inputs, needs, save }) => {
  const [a, b] = inputs as readonly Operand[];
  const others = [needs[0] && save(b), needs[1] && save(a)];
  const shapes = [a.shape, b.shape];
  // output = a · b
  return ([dy]) =>
    others.map((other, index) =>
      other === false ? undefined : sumTo(product(dy, other.content as Tensor) as GradientTensor, shapes[index]),
    );
};

/** Of what is computed element by element. */
export const elementwiseRules = { add, mul };
