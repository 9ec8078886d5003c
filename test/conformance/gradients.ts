/** The committed gradients: the operands of a case as leaves, and what one backward pass gives them. */
import { Tensor, type TensorData } from "../../ts/entry/default.js";
import { backward } from "../../ts/entry/train.js";
import { type CaseRecord, expectAnswers, toTensorData } from "./records.js";

const SUFFIX = "_gradient";

/** The operands whose gradients a case has, by name; those of a module are parameters under `state`. */
const differentiated = ({ record }: CaseRecord): string[] =>
  record.outputs.filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length));

/** A case's inputs by name: tensors that require gradients where it has their gradients, else constants. */
export type Operands = ReadonlyMap<string, Tensor | TensorData>;

export function operandsOf(pytorch: CaseRecord): Operands {
  const leaves = differentiated(pytorch);
  const operands = new Map<string, Tensor | TensorData>();
  for (const name of pytorch.record.inputs) {
    const data = toTensorData(pytorch.stored(`inputs/${name}`));
    operands.set(name, leaves.includes(name) ? leafOf(data) : data);
  }
  return operands;
}

/** A tensor that requires gradients. */
export function leafOf(data: TensorData): Tensor {
  const leaf = Tensor.from(data);
  leaf.requiresGrad = true;
  return leaf;
}

/**
 * Fails unless the results of a call, and after a backward pass with the case's cotangents the gradients of its operands and
 * parameters, are PyTorch's.
 */
export function expectGradients(
  pytorch: CaseRecord,
  operands: Operands,
  results: Readonly<Record<string, Tensor>>,
  parameters: ReadonlyMap<string, Tensor> = new Map(),
): void {
  const cotangents = Object.keys(results).map((name) => {
    const cotangent = pytorch.input(`${name}_cotangent`);
    return cotangent === undefined ? undefined : Tensor.from(cotangent);
  });
  backward(Object.values(results), cotangents);
  const gradients = differentiated(pytorch).map((name) => {
    const leaf = parameters.get(name) ?? operands.get(name);
    return [`${name}${SUFFIX}`, leaf instanceof Tensor ? leaf.grad : null];
  });
  expectAnswers(pytorch, { ...results, ...(Object.fromEntries(gradients) as Record<string, Tensor | null>) });
}
