import { checkNumber, checkOptions } from "../../arguments.js";
import { typeError } from "../../errors.js";
import type { Module } from "../../nn/module.js";
import type { Tensor } from "../../tensor/tensor.js";
import { power } from "../power.js";
import { type ParameterGroup, type Parameters, readGroups } from "./parameter-groups.js";

/** A module, or parameters. */
export type ParameterSource = Module | Parameters;

const isModule = (source: ParameterSource): source is Module =>
  typeof (source as Partial<Module> | null)?.parameters === "function";

const groupsOf = (operation: string, source: ParameterSource): readonly ParameterGroup[] =>
  readGroups(operation, isModule(source) ? source.parameters() : source);

/**
 * Two groups for an optimizer: parameters of rank 2 and more, which decay, and biases and the norms' weights, which don't (as nanoGPT
 * has them; embeddings decay too). Of groups each becomes two, with its learning rate.
 *
 * @param source A module, parameters, or groups of them.
 * @param weightDecay That of the parameters that decay. Default: 0.01.
 * @returns Groups, without empty ones.
 * @throws {TypeError} for wrong kinds, and for a tensor that is no leaf.
 * @throws {RangeError} without any parameter, and for a negative weight decay.
 */
export function decayGroups(source: ParameterSource, weightDecay = 0.01): ParameterGroup[] {
  checkNumber("decayGroups", "weightDecay", weightDecay, 0);
  return groupsOf("decayGroups", source).flatMap((group) =>
    [true, false].flatMap((decays) => {
      const parameters = group.parameters.filter(({ shape }) => shape.length >= 2 === decays);
      return parameters.length === 0 ? [] : [{ ...group, parameters, weightDecay: decays ? weightDecay : 0 }];
    }),
  );
}

/** Options of `layerwiseLr`. */
export interface LayerwiseLrOptions {
  /** The learning rate of the last part. */
  lr: number;
  /** How much of it a part has of the next one's; above 0, usually 0.8 to 0.95. */
  decay: number;
}

/**
 * Groups for an optimizer whose learning rates shrink from the output to the input, for fine-tuning: of N layers between embeddings and
 * head, layer n has lr · decay^(N + 1 − n), the embeddings lr · decay^(N + 1), the head lr. (Howard and Ruder 2018.)
 *
 * @param parts The model from its input to its output: embeddings, layers, head, each a module or parameters. A parameter that stands
 *   in several parts belongs to the first.
 * @param options Learning rate and decay.
 * @returns A group for each part.
 * @throws {TypeError} for wrong kinds, and for a tensor that is no leaf.
 * @throws {RangeError} for a part without parameters, and for wrong options.
 */
export function layerwiseLr(parts: readonly ParameterSource[], options: LayerwiseLrOptions): ParameterGroup[] {
  const operation = "layerwiseLr";
  if (!Array.isArray(parts)) throw typeError(operation, "parts", "an array of modules or parameters", parts);
  const { lr, decay } = checkOptions(operation, options, ["lr", "decay"]);
  const rate = checkNumber(operation, "lr", lr, 0);
  const factor = checkNumber(operation, "decay", decay, 0);
  const seen = new Set<Tensor>();
  return (parts as readonly ParameterSource[]).map((part, index) => {
    const all = groupsOf(operation, part).flatMap(({ parameters }) => parameters);
    const parameters = all.filter((parameter) => !seen.has(parameter));
    for (const parameter of parameters) seen.add(parameter);
    return { parameters, lr: rate * power(factor, parts.length - 1 - index) };
  });
}
