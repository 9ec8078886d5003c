import { checkOptions } from "../../arguments.js";
import { misuseError, rangeError, typeError } from "../../errors.js";
import { rawTensor, refuseForeignTensor, requireUsable, type Tensor, trackOf } from "../../tensor/tensor.js";

/** Parameters with learning rate and weight decay of their own. */
export interface ParameterGroup {
  readonly parameters: readonly Tensor[];
  /** Default: the optimizer's. */
  readonly lr?: number;
  /** Default: the optimizer's. */
  readonly weightDecay?: number;
}

/** Parameters as a module's `parameters()` gives them, or groups of them. */
export type Parameters = readonly Tensor[] | readonly ParameterGroup[];

/** A group whose tensors have been checked. */
export interface CheckedGroup {
  readonly parameters: readonly Tensor<"float32">[];
  readonly lr?: number;
  readonly weightDecay?: number;
}

function checkParameter(operation: string, argument: string, value: unknown): Tensor<"float32"> {
  refuseForeignTensor(operation, argument, value);
  const tensor = rawTensor(value);
  if (tensor === undefined) throw typeError(operation, argument, "a Tensor", value);
  requireUsable(operation, argument, tensor);
  if (tensor.dtype !== "float32") throw typeError(operation, argument, "float32", tensor.dtype);
  if (trackOf(tensor)?.origin !== undefined) {
    throw misuseError(operation, argument, "is computed from other tensors: only leaves, as parameters, are learned");
  }
  return tensor as Tensor<"float32">;
}

/**
 * Checks parameters. Throws a TypeError for what is no leaf of float32, and for one that has been disposed; a RangeError when there is
 * none, and for one that comes twice.
 */
export function readGroups(operation: string, parameters: Parameters): readonly CheckedGroup[] {
  const expected = "an array of parameters, or of groups { parameters, lr, weightDecay }";
  if (!Array.isArray(parameters)) throw typeError(operation, "parameters", expected, parameters);
  const hasGroups = parameters.some((item) => Array.isArray((item as Partial<ParameterGroup> | null)?.parameters));
  const groups = (hasGroups ? parameters : [{ parameters }]) as readonly ParameterGroup[];
  const seen = new Set<Tensor>();
  const checked = groups.map((group, number) => {
    const name = hasGroups ? `parameters[${number}].parameters` : "parameters";
    if (!Array.isArray((group as Partial<ParameterGroup> | null)?.parameters)) {
      throw typeError(
        operation,
        `parameters[${number}]`,
        "a group { parameters, lr, weightDecay }, as the others",
        group,
      );
    }
    checkOptions(operation, group, ["parameters", "lr", "weightDecay"]);
    const own = group.parameters.map((value, index) => {
      const tensor = checkParameter(operation, `${name}[${index}]`, value);
      if (seen.has(tensor)) throw rangeError(operation, `${name}[${index}]`, "each parameter once", tensor);
      seen.add(tensor);
      return tensor;
    });
    return { ...group, parameters: own };
  });
  if (seen.size === 0) throw rangeError(operation, "parameters", "at least one parameter", parameters);
  return checked;
}

/** The parameters of all groups. */
export const readParameters = (operation: string, parameters: Parameters): readonly Tensor<"float32">[] =>
  readGroups(operation, parameters).flatMap((group) => group.parameters);
