/** The transformer's modules as the records have them. */
import { type Module, type Tensor, type TensorData, type TensorLike } from "../../../ts/entry/default.js";
import {
  type TransformerLayerOptions,
  Transformer,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
} from "../../../ts/entry/nn.js";
import type { Case, CaseRecord } from "../records.js";

/** PyTorch's constructor arguments, and the mode. */
interface ModuleRecord {
  readonly d_model: number;
  readonly nhead: number;
  readonly dim_feedforward: number;
  readonly dropout: number;
  readonly activation: "relu" | "gelu";
  readonly layer_norm_eps: number;
  readonly batch_first: boolean;
  readonly norm_first: boolean;
  readonly bias: boolean;
  readonly num_layers?: number;
  readonly norm?: boolean;
  readonly num_encoder_layers?: number;
  readonly num_decoder_layers?: number;
  readonly training: boolean;
}

interface TransformerCase extends Case {
  /** The parameters in PyTorch's order, of which the input `parameters` has the numbers. */
  readonly state_shapes: Readonly<Record<string, readonly number[]>>;
}

/** The arguments of `forward` by PyTorch's names. */
export type ForwardArguments = Readonly<Record<string, unknown>>;

/** A module, and its `forward` of arguments that are named as PyTorch names them. */
export interface Constructed {
  readonly module: Module;
  readonly forward: (given: ForwardArguments) => Tensor;
}

const tensor = (value: unknown): TensorLike => value as TensorLike;

/** The options of an encoder's forward; a layer's mask has another name in PyTorch than a stack's. */
const encoderOptions = (given: ForwardArguments): object => ({
  mask: given["src_mask"] ?? given["mask"],
  keyPaddingMask: given["src_key_padding_mask"],
  isCausal: given["is_causal"],
});

const decoderOptions = (given: ForwardArguments): object => ({
  mask: given["tgt_mask"],
  keyPaddingMask: given["tgt_key_padding_mask"],
  isCausal: given["tgt_is_causal"],
  memoryMask: given["memory_mask"],
  memoryKeyPaddingMask: given["memory_key_padding_mask"],
  memoryIsCausal: given["memory_is_causal"],
});

const transformerOptions = (given: ForwardArguments): object => ({
  srcMask: given["src_mask"],
  tgtMask: given["tgt_mask"],
  memoryMask: given["memory_mask"],
  srcKeyPaddingMask: given["src_key_padding_mask"],
  tgtKeyPaddingMask: given["tgt_key_padding_mask"],
  memoryKeyPaddingMask: given["memory_key_padding_mask"],
  srcIsCausal: given["src_is_causal"],
  tgtIsCausal: given["tgt_is_causal"],
  memoryIsCausal: given["memory_is_causal"],
});

/** The arguments of a record as this package's constructors take them. */
export function constructorArguments({ record }: CaseRecord): {
  sizes: [number, number];
  layer: TransformerLayerOptions;
  stack: TransformerLayerOptions & { numLayers: number; norm: boolean };
  whole: TransformerLayerOptions & { numEncoderLayers?: number; numDecoderLayers?: number };
} {
  const module = record.module as unknown as ModuleRecord;
  const layer: TransformerLayerOptions = {
    dimFeedforward: module.dim_feedforward,
    dropout: module.dropout,
    activation: module.activation,
    layerNormEps: module.layer_norm_eps,
    batchFirst: module.batch_first,
    normFirst: module.norm_first,
    bias: module.bias,
  };
  return {
    sizes: [module.d_model, module.nhead],
    layer,
    stack: { ...layer, numLayers: module.num_layers ?? 1, norm: module.norm ?? false },
    whole: {
      ...layer,
      numEncoderLayers: module.num_encoder_layers,
      numDecoderLayers: module.num_decoder_layers,
    },
  };
}

/** A module of a record's kind and arguments, in its mode, with parameters of its own. */
export function constructTransformer(pytorch: CaseRecord): Constructed {
  const { sizes, layer, stack, whole } = constructorArguments(pytorch);
  const encoder = (module: TransformerEncoderLayer | TransformerEncoder): Constructed => ({
    module,
    forward: (given) => module.forward(tensor(given["src"]), encoderOptions(given)),
  });
  const decoder = (module: TransformerDecoderLayer | TransformerDecoder): Constructed => ({
    module,
    forward: (given) => module.forward(tensor(given["tgt"]), tensor(given["memory"]), decoderOptions(given)),
  });
  const create: Readonly<Record<string, () => Constructed>> = {
    TransformerEncoderLayer: () => encoder(new TransformerEncoderLayer(...sizes, layer)),
    TransformerDecoderLayer: () => decoder(new TransformerDecoderLayer(...sizes, layer)),
    TransformerEncoder: () => encoder(new TransformerEncoder(...sizes, stack)),
    TransformerDecoder: () => decoder(new TransformerDecoder(...sizes, stack)),
    Transformer: () => {
      const module = new Transformer(...sizes, whole);
      return {
        module,
        forward: (given) => module.forward(tensor(given["src"]), tensor(given["tgt"]), transformerOptions(given)),
      };
    },
  };
  const { module, forward } = create[pytorch.record.operator]();
  module.train((pytorch.record.module as unknown as ModuleRecord).training);
  return { module, forward };
}

/** PyTorch's names and shapes, in its order. */
export const stateShapes = ({ record }: CaseRecord): [string, readonly number[]][] =>
  Object.entries((record as TransformerCase).state_shapes);

/** PyTorch's state dict. */
export function stateOf(pytorch: CaseRecord): Record<string, TensorData> {
  const { data } = pytorch.stored("inputs/parameters");
  let start = 0;
  const parts = stateShapes(pytorch).map(([name, shape]) => {
    const end = start + shape.reduce((product, size) => product * size, 1);
    const part = { data: Float32Array.from(data.subarray(start, end)), shape };
    start = end;
    return [name, part] as const;
  });
  return Object.fromEntries(parts);
}
