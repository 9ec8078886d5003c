/** The transformer's layers, stacks and the whole. */
import { type Module, rand, type Tensor } from "../../../ts/entry/default.js";
import {
  Transformer,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
} from "../../../ts/entry/nn.js";
import { randomOperand } from "../layer-operands.js";
import { type Disposable, floats, type OperationRecord } from "../operation.js";

const source = randomOperand(1, "float16", [2, 30, 32]);
const target = randomOperand(2, "bfloat16", [2, 20, 32]);
const sourceMask = { data: new Uint8Array(60), shape: [2, 30] };
const large = { dimFeedforward: 64, batchFirst: true };
const small = { dimFeedforward: 12 };

/** What a layer's call leaves behind, when the layer was there before: the result alone. */
function withModule<M extends Module>(module: M, call: (module: M) => Tensor): Disposable[] {
  try {
    return [call(module)];
  } finally {
    module.dispose();
  }
}

/** A module, and the result of a call. */
function both<M extends Module>(module: M, call: (module: M) => Tensor): Disposable[] {
  return [module, call(module)];
}

/** What tells the records of these modules apart. */
interface Own {
  readonly name: string;
  readonly family: string;
  readonly computes: string;
  /** Of small sizes: a sequence of n tokens. */
  readonly call: (n: number) => Disposable[];
  readonly create: () => Disposable;
  readonly forward: () => Disposable[];
}

const recordOf = ({ name, family, computes, call, create, forward }: Own): OperationRecord => ({
  name,
  family: `nn/${family}`,
  computes,
  error: "that of its parts",
  property: { suite: "conformance/pytorch/transformer" },
  gradient: { suite: "conformance/pytorch/transformer" },
  refusals: { suite: "nn/transformer" },
  call: () => call(3),
  memory: { [name]: () => [create()], [`${name}.forward`]: forward },
  mixture: call,
  bits: { none: "MultiheadAttention, linear and layerNorm have them, of which it is made" },
});

export const transformerRecords: readonly OperationRecord[] = [
  recordOf({
    name: "TransformerEncoderLayer",
    family: "transformer-encoder-layer",
    computes: "self-attention and a feed-forward network, with residual connections and norms",
    call: (n) => both(new TransformerEncoderLayer(8, 2, small), (layer) => layer.forward(floats(n, 8))),
    create: () => new TransformerEncoderLayer(32, 4, large),
    forward: () =>
      withModule(new TransformerEncoderLayer(32, 4, large), (layer) =>
        layer.forward(source, { isCausal: true, keyPaddingMask: sourceMask }),
      ),
  }),
  recordOf({
    name: "TransformerDecoderLayer",
    family: "transformer-decoder-layer",
    computes: "the same, with attention to a memory between the two",
    call: (n) => {
      const memory = rand([2, 8]);
      const layer = new TransformerDecoderLayer(8, 2, { ...small, normFirst: true });
      return [memory, ...both(layer, () => layer.forward(floats(n, 8), memory))];
    },
    create: () => new TransformerDecoderLayer(32, 4, large),
    forward: () =>
      withModule(new TransformerDecoderLayer(32, 4, { ...large, normFirst: true }), (layer) =>
        layer.forward(target, source, { isCausal: true, memoryKeyPaddingMask: sourceMask }),
      ),
  }),
  recordOf({
    name: "TransformerEncoder",
    family: "transformer-encoder",
    computes: "a stack of encoder layers",
    call: (n) => {
      const encoder = new TransformerEncoder(8, 2, { ...small, numLayers: 2, norm: n % 2 === 0 });
      return both(encoder, () => encoder.forward(floats(n, 8)));
    },
    create: () => new TransformerEncoder(32, 4, { ...large, numLayers: 2, norm: true }),
    forward: () =>
      withModule(new TransformerEncoder(32, 4, { ...large, numLayers: 2, normFirst: true }), (encoder) =>
        encoder.forward(source, { keyPaddingMask: sourceMask }),
      ),
  }),
  recordOf({
    name: "TransformerDecoder",
    family: "transformer-decoder",
    computes: "a stack of decoder layers",
    call: (n) => {
      const decoder = new TransformerDecoder(8, 2, { ...small, numLayers: 2, norm: n % 2 === 0 });
      return both(decoder, () => decoder.forward(floats(n, 8), floats(3, 8), { isCausal: true }));
    },
    create: () => new TransformerDecoder(32, 4, { ...large, numLayers: 2, norm: true }),
    forward: () =>
      withModule(new TransformerDecoder(32, 4, { ...large, numLayers: 2 }), (decoder) =>
        decoder.forward(target, source, { isCausal: true }),
      ),
  }),
  recordOf({
    name: "Transformer",
    family: "transformer",
    computes: "an encoder, and a decoder that attends to what it gives",
    call: (n) => {
      const model = new Transformer(8, 2, { ...small, numEncoderLayers: 1, numDecoderLayers: 2 });
      return both(model, () => model.forward(floats(n, 8), floats(4, 8), { tgtIsCausal: true }));
    },
    create: () => new Transformer(32, 4, { ...large, numEncoderLayers: 1, numDecoderLayers: 1 }),
    forward: () =>
      withModule(new Transformer(32, 4, { ...large, numEncoderLayers: 1, numDecoderLayers: 1 }), (model) =>
        model.forward(source, target, { srcKeyPaddingMask: sourceMask, memoryKeyPaddingMask: sourceMask }),
      ),
  }),
];
