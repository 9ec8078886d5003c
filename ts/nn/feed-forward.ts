import { checkBoolean, checkChoice, checkInteger, checkNumber, checkOptions } from "../arguments.js";
import { type Activation, swiglu } from "../ops/activation.js";
import { describeFloat } from "../ops/float-operand.js";
import { LARGEST_SIZE } from "../ops/head-axes.js";
import { checkInput } from "../ops/linear.js";
import type { TensorLike } from "../ops/operand.js";
import { activationNames } from "../ops/packed-linear.js";
import { requireInstance } from "../runtime/instance.js";
import type { FloatDType } from "../tensor/dtype.js";
import { scope } from "../tensor/scope.js";
import type { Shape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { construct } from "./construct.js";
import { Dropout } from "./dropout.js";
import { drawn, uniform } from "./initialization.js";
import { Linear } from "./linear.js";
import { define, Module, rawModule, requireUsable } from "./module.js";
import { adoptParameters } from "./parameter.js";
import { type LoadStateDictOptions, matchStateDict, type StateDictLike } from "./state-dict.js";

const NAME = "FeedForward";

/** What stands between the linear layers of a `FeedForward`: a function, or the gate of Llama. */
export type FeedForwardActivation = Activation | "swiglu";

/** Options of `FeedForward`. */
export interface FeedForwardOptions {
  /** A function of the hidden elements; or "swiglu", by which the layer has three linear layers. Default: "relu". */
  activation?: FeedForwardActivation;
  /** Probability of dropping a hidden element in training mode. Default: 0. */
  dropout?: number;
  /** Biases of the linear layers. Default: true; with "swiglu" false, as in Llama. */
  bias?: boolean;
}

/** The options, checked and complete. */
interface Configuration extends Required<FeedForwardOptions> {
  readonly dModel: number;
  readonly dimFeedforward: number;
}

/** Parameters by name. */
type Parameters = ReadonlyMap<string, Tensor<"float32">>;

function readConfiguration(
  operation: string,
  dModel: number,
  dimFeedforward: number,
  options: (FeedForwardOptions & { prefix?: string }) | undefined,
  allowed: readonly (keyof FeedForwardOptions | "prefix")[],
): Configuration {
  const given = checkOptions(operation, options, allowed);
  const { activation = "relu", dropout = 0 } = given;
  checkInteger(operation, "dModel", dModel, 1, LARGEST_SIZE);
  checkInteger(operation, "dimFeedforward", dimFeedforward, 1, LARGEST_SIZE);
  checkChoice(operation, "activation", activation, [...activationNames, "swiglu"]);
  checkNumber(operation, "dropout", dropout, 0, 1);
  const { bias = activation !== "swiglu" } = given;
  checkBoolean(operation, "bias", bias);
  return { dModel, dimFeedforward, activation, dropout, bias };
}

/** The shapes of the parameters by PyTorch's and Llama's names, in the order of the state dict. */
function parameterShapes({ dModel, dimFeedforward, activation, bias }: Configuration): [name: string, shape: Shape][] {
  const up: Shape = [dimFeedforward, dModel];
  const down: Shape = [dModel, dimFeedforward];
  const weights: Record<string, Shape> =
    activation === "swiglu" ? { gate_proj: up, up_proj: up, down_proj: down } : { linear1: up, linear2: down };
  return Object.entries(weights).flatMap(([name, shape]): [string, Shape][] => [
    [`${name}.weight`, shape],
    ...(bias ? [[`${name}.bias`, [shape[0]]] as [string, Shape]] : []),
  ]);
}

/** Of each linear layer both uniform within ±1/√inFeatures. All of them, or, when memory lacks, none. */
function drawParameters(configuration: Configuration): Parameters {
  const { dModel, dimFeedforward } = configuration;
  const shapes = parameterShapes(configuration);
  const isDown = (name: string): boolean => /^(linear2|down_proj)\./.test(name);
  const parameters = drawn(() =>
    shapes.map(([name, shape]) => uniform(NAME, shape, 1 / Math.sqrt(isDown(name) ? dimFeedforward : dModel))),
  );
  return new Map(shapes.map(([name], index) => [name, parameters[index]]));
}

/**
 * The two linear layers of a transformer, applied to every token, with a function between them: linear2(dropout(activation(linear1
 * x))) (Vaswani et al. 2017, "Attention Is All You Need", 3.3); with `activation: "swiglu"` down_proj(dropout(silu(gate_proj x) ·
 * up_proj x)) (Shazeer 2020, "GLU Variants Improve Transformer").
 *
 * The names are those of PyTorch's `nn.TransformerEncoderLayer`, `linear1` and `linear2`, and of Llama, `gate_proj`, `up_proj` and
 * `down_proj`: their state dicts load as they are. The linear layers start as PyTorch's do.
 *
 * @example
 * ```js
 * import { init } from "wasm-attention";
 * import { FeedForward } from "wasm-attention/nn";
 *
 * await init();
 * const layer = new FeedForward(8, 32, { activation: "swiglu" });
 * console.log(Object.keys(layer.stateDict())); // ["gate_proj.weight", "up_proj.weight", "down_proj.weight"]
 * console.log(layer.forward({ data: new Float32Array(24), shape: [3, 8] }).shape); // [3, 8]
 * layer.dispose();
 * ```
 */
export class FeedForward extends Module {
  /** Width of inputs and outputs. */
  declare readonly dModel: number;
  /** Width of what is between the linear layers. */
  declare readonly dimFeedforward: number;
  /** What is applied there. */
  declare readonly activation: FeedForwardActivation;
  /** From dModel to dimFeedforward, with the activation; undefined with "swiglu". */
  declare readonly linear1: Linear | undefined;
  /** Back again; undefined with "swiglu". */
  declare readonly linear2: Linear | undefined;
  /** With "swiglu": what silu is applied to. */
  declare readonly gate_proj: Linear | undefined;
  /** With "swiglu": what the gate lets through. */
  declare readonly up_proj: Linear | undefined;
  /** With "swiglu": back to dModel. */
  declare readonly down_proj: Linear | undefined;
  /** Of the hidden elements. */
  declare readonly dropout: Dropout;

  /**
   * A layer in training mode, with fresh parameters from the package's generator: those of each linear layer uniform within
   * ±1/√inFeatures.
   *
   * @param dModel Width of inputs and outputs, at least 1.
   * @param dimFeedforward Width of what is between the linear layers, at least 1.
   * @param options The activation, dropout, biases or none.
   * @throws {TypeError} for wrong kinds and unknown options.
   * @throws {RangeError} for wrong values, and for lack of memory.
   * @throws {AttentionError} before `init`.
   */
  constructor(dModel: number, dimFeedforward: number, options?: FeedForwardOptions);
  constructor(dModel: number, dimFeedforward: number, options?: FeedForwardOptions, given?: Parameters) {
    const configuration = readConfiguration(NAME, dModel, dimFeedforward, options, ["activation", "dropout", "bias"]);
    requireInstance(NAME);
    super();
    const parameters = given ?? drawParameters(configuration);
    const linear = (name: string, activation?: Activation): Linear =>
      Linear.from(
        parameters.get(`${name}.weight`) as Tensor<"float32">,
        parameters.get(`${name}.bias`),
        activation && { activation },
      );
    const { activation } = configuration;
    const layers =
      activation === "swiglu"
        ? { gate_proj: linear("gate_proj"), up_proj: linear("up_proj"), down_proj: linear("down_proj") }
        : { linear1: linear("linear1", activation), linear2: linear("linear2") };
    define(this, { dModel, dimFeedforward, activation, ...layers, dropout: new Dropout(configuration.dropout) });
  }

  /**
   * A layer of given parameters, for which nothing is drawn. float32 tensors are not copied: they become the layer's own, which
   * disposes them with itself. All else is copied to float32 and stays the caller's.
   *
   * @param dict Tensors by name, as `loadSafetensors(bytes).tensors` or a state dict.
   * @param dModel Width of inputs and outputs, at least 1.
   * @param dimFeedforward Width of what is between the linear layers, at least 1.
   * @param options Those of the constructor, and `prefix`: what the dictionary has before the layer's names.
   * @returns The layer, in training mode.
   * @throws {TypeError} for wrong kinds, unknown options and tensors of another kind than floats.
   * @throws {RangeError} for wrong values, names and shapes, listed in one error, and for lack of memory.
   */
  static from(
    dict: StateDictLike,
    dModel: number,
    dimFeedforward: number,
    options?: FeedForwardOptions & Pick<LoadStateDictOptions, "prefix">,
  ): FeedForward {
    return fromStateDict(dict, dModel, dimFeedforward, options);
  }

  /** The name in errors. */
  override get [Symbol.toStringTag](): string {
    return NAME;
  }

  /**
   * Applies the layer to every row.
   *
   * @param input `[…, dModel]` of any rank from 1; float32, float16 or bfloat16.
   * @returns A tensor of the input's shape and dtype; what is between the linear layers has that dtype too.
   * @throws {TypeError} for wrong kinds, and when the layer has been disposed.
   * @throws {RangeError} for another width, and for lack of memory.
   */
  forward(input: TensorLike): Tensor<FloatDType> {
    const { dModel, linear1, linear2, gate_proj, up_proj, down_proj, dropout } = rawModule(this);
    const operation = requireUsable(this, "forward");
    checkInput(operation, describeFloat(operation, "input", input), dModel);
    const hidden = (): Tensor<FloatDType> =>
      linear1?.forward(input) ?? swiglu((gate_proj as Linear).forward(input), (up_proj as Linear).forward(input));
    return scope(() => (linear2 ?? (down_proj as Linear)).forward(dropout.forward(hidden())));
  }
}

// Not in the class, as a class that names itself gets another name from bundlers.
function fromStateDict(
  dict: StateDictLike,
  dModel: number,
  dimFeedforward: number,
  options: (FeedForwardOptions & { prefix?: string }) | undefined,
): FeedForward {
  const operation = `${NAME}.from`;
  const allowed = ["activation", "dropout", "bias", "prefix"] as const;
  const configuration = readConfiguration(operation, dModel, dimFeedforward, options, allowed);
  const shapes = parameterShapes(configuration);
  const expected = new Map(shapes.map(([name, shape]) => [name, { shape, dtype: "float32" as const }]));
  const { found } = matchStateDict(operation, dict, expected, { prefix: options?.prefix });
  const adopted = adoptParameters(
    operation,
    found.map(([, operand]) => operand),
  );
  const parameters: Parameters = new Map(shapes.map(([name], index) => [name, adopted[index]]));
  const { activation, dropout, bias } = configuration;
  return construct(FeedForward, dModel, dimFeedforward, { activation, dropout, bias }, parameters);
}
