/** MultiheadAttention and SelfAttention. */
import { MultiheadAttention, rand, SelfAttention, type Tensor } from "../../../ts/entry/default.js";
import { randomOperand } from "../layer-operands.js";
import { type Disposable, floats, type OperationRecord } from "../operation.js";

const input = randomOperand(1, "float16", [2, 30, 32]);
const MADE_OF_OTHERS = "linear and scaledDotProductAttention have them, of which it is made";

function ofMultihead(n: number): Disposable[] {
  const attention = new MultiheadAttention(8, 2, { addBiasKv: n % 2 === 0, dropout: 0.1 });
  const x = rand([n, 1, 8]);
  const results = attention.forward(x, x, x, { needWeights: true, isCausal: true });
  return [attention, x, ...(Object.values(results) as Tensor[])];
}

function ofSelf(n: number): Disposable[] {
  const attention = new SelfAttention(8, 2, { rotary: true });
  return [attention, attention.forward(floats(n, 8)).output];
}

/** A layer's call, when the layer was there before: what it leaves behind is the result alone. */
function withLayer(layer: MultiheadAttention | SelfAttention, call: () => Disposable[]): Disposable[] {
  try {
    return call();
  } finally {
    layer.dispose();
  }
}

export const attentionModuleRecords: readonly OperationRecord[] = [
  {
    name: "MultiheadAttention",
    family: "nn/multihead-attention",
    computes: "attention of several heads, with projections of its own",
    error: "that of its parts",
    property: { suite: "nn/multihead-attention-properties" },
    gradient: { suite: "conformance/pytorch/attention-gradients" },
    refusals: { suite: "nn/multihead-attention" },
    call: () => ofMultihead(3),
    memory: {
      MultiheadAttention: () => [new MultiheadAttention(32, 4)],
      "MultiheadAttention.forward": () => {
        const layer = new MultiheadAttention(32, 4, { batchFirst: true, addZeroAttn: true });
        const options = { needWeights: true, keyPaddingMask: { data: new Uint8Array(60), shape: [2, 30] } };
        return withLayer(layer, () => Object.values(layer.forward(input, input, input, options)));
      },
    },
    mixture: ofMultihead,
    bits: { none: MADE_OF_OTHERS },
  },
  {
    name: "SelfAttention",
    family: "nn/self-attention",
    computes: "the same of one input",
    error: "that of its parts",
    property: { suite: "nn/self-attention" },
    gradient: { suite: "conformance/pytorch/attention-gradients" },
    refusals: { suite: "nn/self-attention" },
    call: () => ofSelf(3),
    memory: {
      SelfAttention: () => [new SelfAttention(32, 4)],
      "SelfAttention.forward": () => {
        const layer = new SelfAttention(32, 4, { rotary: true });
        return withLayer(layer, () => [layer.forward(input, { isCausal: true }).output]);
      },
    },
    mixture: ofSelf,
    bits: { none: MADE_OF_OTHERS },
  },
];
