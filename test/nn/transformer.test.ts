/** The transformer's layers, stacks and the whole beside PyTorch's answers: what they draw and drop, refuse, take over and free. */
import { describe, expect, it } from "vitest";
import {
  add,
  dropout,
  type ErrorCode,
  init,
  layerNorm,
  Linear,
  linear,
  manualSeed,
  memoryUsage,
  MultiheadAttention,
  rand,
  relu,
  type StateDictLike,
  Tensor,
  type TensorLike,
} from "../../ts/entry/default.js";
import {
  Transformer,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
} from "../../ts/entry/nn.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrows } from "../support/expect-error.js";
import { withModule } from "../support/with-module.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

const WIDTH = 6;
const small: TransformerLayerOptions = { dimFeedforward: 7, batchFirst: true };

const bits = (tensor: Tensor): unknown => tensor.toArray();
const sequence = (length: number, seed: number): Tensor => rand([2, length, WIDTH], { low: -1, seed });

/** The next seed of 48 bits that dropout draws: two of the generator's numbers. */
function nextSeed(): number {
  const [low, high] = rand([2], { low: 0, high: 2 ** 24 }).toArray();
  return low + 2 ** 24 * high;
}

const P = 0.3;

/** The dropout of a replay. */
const drop = (x: TensorLike): Tensor => dropout(x, { p: P, seed: nextSeed() });

/** A norm with the parameters of a layer's. */
const normalized = (x: Tensor, { weight, bias }: TransformerEncoderLayer["norm1"]): Tensor =>
  layerNorm(x, WIDTH, weight, bias);

/** linear2(dropout(relu(linear1 x))). */
const fed = (x: Tensor, { linear1, linear2 }: TransformerEncoderLayer | TransformerDecoderLayer): Tensor =>
  linear(drop(relu(linear(x, linear1.weight, linear1.bias))), linear2.weight, linear2.bias);

describe("dropout in training mode", () => {
  forEachArithmetic(() => {
    for (const normFirst of [false, true]) {
      it(`of an encoder layer draws a seed each, in order, ${normFirst ? "pre" : "post"}-norm`, () => {
        const create = (): TransformerEncoderLayer =>
          new TransformerEncoderLayer(WIDTH, 2, { ...small, dropout: P, normFirst });
        withModule(create, (layer) => {
          const x = sequence(5, 1);
          const attended = (y: Tensor): Tensor =>
            drop(layer.self_attn.forward(y, y, y, { seed: nextSeed(), isCausal: true }).output);
          const replay = (): Tensor => {
            if (normFirst) {
              const first = add(x, attended(normalized(x, layer.norm1)));
              return add(first, drop(fed(normalized(first, layer.norm2), layer)));
            }
            const first = normalized(add(x, attended(x)), layer.norm1);
            return normalized(add(first, drop(fed(first, layer))), layer.norm2);
          };
          manualSeed(8);
          const expected = [bits(replay()), bits(rand([3]))];
          manualSeed(8);
          expect([bits(layer.forward(x, { isCausal: true })), bits(rand([3]))]).toEqual(expected);
          expect(bits(layer.forward(x, { isCausal: true }))).not.toEqual(expected[0]);
        });
      });

      it(`of a decoder layer draws a seed each, in order, ${normFirst ? "pre" : "post"}-norm`, () => {
        const create = (): TransformerDecoderLayer =>
          new TransformerDecoderLayer(WIDTH, 2, { ...small, dropout: P, normFirst });
        withModule(create, (layer) => {
          const [x, memory] = [sequence(5, 1), sequence(4, 2)];
          const { self_attn, multihead_attn, norm1, norm2, norm3 } = layer;
          const attended = (y: Tensor): Tensor => drop(self_attn.forward(y, y, y, { seed: nextSeed() }).output);
          const crossed = (y: Tensor): Tensor =>
            drop(multihead_attn.forward(y, memory, memory, { seed: nextSeed() }).output);
          const replay = (): Tensor => {
            if (normFirst) {
              const first = add(x, attended(normalized(x, norm1)));
              const second = add(first, crossed(normalized(first, norm2)));
              return add(second, drop(fed(normalized(second, norm3), layer)));
            }
            const first = normalized(add(x, attended(x)), norm1);
            const second = normalized(add(first, crossed(first)), norm2);
            return normalized(add(second, drop(fed(second, layer))), norm3);
          };
          manualSeed(9);
          const expected = [bits(replay()), bits(rand([3]))];
          manualSeed(9);
          expect([bits(layer.forward(x, memory)), bits(rand([3]))]).toEqual(expected);
        });
      });
    }

    it("draws nothing in evaluation mode, nor where the probability is 0", () => {
      const next = (): unknown => {
        manualSeed(1);
        return bits(rand([2]));
      };
      const layers = { ...small, numEncoderLayers: 1, numDecoderLayers: 1 };
      for (const create of [
        () => new Transformer(WIDTH, 2, layers).eval(),
        () => new Transformer(WIDTH, 2, { ...layers, dropout: 0 }),
      ]) {
        withModule(create, (module) => {
          const expected = next();
          manualSeed(1);
          module.forward(sequence(4, 1), sequence(3, 2));
          expect(bits(rand([2]))).toEqual(expected);
        });
      }
    });

    it("takes the attention's own probability where there is one", () => {
      const attention = { dropout: 0 };
      withModule(
        () => new TransformerEncoderLayer(WIDTH, 2, { ...small, dropout: P, attention }),
        (layer) => {
          expect([layer.self_attn.dropout, layer.dropout.p, layer.dropout1.p, layer.dropout2.p]).toEqual([0, P, P, P]);
          manualSeed(2);
          for (let count = 0; count < 3; count++) nextSeed();
          const expected = bits(rand([2]));
          manualSeed(2);
          layer.forward(sequence(3, 1));
          expect(bits(rand([2]))).toEqual(expected);
        },
      );
    });
  });
});

describe("fresh parameters", () => {
  forEachArithmetic(() => {
    it("are drawn in the order of the state dict, as the parts draw theirs", () => {
      withoutLeak(() => {
        manualSeed(5);
        const layer = new TransformerDecoderLayer(WIDTH, 2, small);
        const after = bits(rand([2]));
        manualSeed(5);
        const parts = [
          new MultiheadAttention(WIDTH, 2),
          new MultiheadAttention(WIDTH, 2),
          new Linear(WIDTH, 7),
          new Linear(7, WIDTH),
        ];
        expect(bits(rand([2]))).toEqual(after);
        const { self_attn, multihead_attn, linear1, linear2, norm1, norm3 } = layer;
        [self_attn, multihead_attn, linear1, linear2].forEach((part, index) => {
          expect(Object.values(part.stateDict()).map(bits)).toEqual(Object.values(parts[index].stateDict()).map(bits));
        });
        expect(bits(norm1.weight as Tensor)).toEqual(new Float32Array(WIDTH).fill(1));
        expect(bits(norm3.bias as Tensor)).toEqual(new Float32Array(WIDTH));
        for (const module of [layer, ...parts]) module.dispose();
      });
    });

    it("differ from layer to layer of a stack", () => {
      for (const Stack of [TransformerEncoder, TransformerDecoder]) {
        withModule(
          () => new Stack(WIDTH, 2, { ...small, numLayers: 3 }),
          ({ layers }) => {
            const starts = layers.map(({ linear1 }) => String(linear1.weight.toArray()));
            expect(new Set(starts).size).toBe(3);
          },
        );
      }
    });

    it("of a Transformer are then drawn anew where the rank is 2 or more, Xavier uniform", () => {
      withoutLeak(() => {
        const options = { ...small, attention: { addBiasKv: true } };
        manualSeed(6);
        const model = new Transformer(WIDTH, 2, { ...options, numEncoderLayers: 2, numDecoderLayers: 1 });
        manualSeed(6);
        const parts = {
          encoder: new TransformerEncoder(WIDTH, 2, { ...options, numLayers: 2, norm: true }),
          decoder: new TransformerDecoder(WIDTH, 2, { ...options, numLayers: 1, norm: true }),
        };
        const expected = Object.entries(parts).flatMap(([prefix, part]) =>
          Object.entries(part.stateDict()).map(([name, tensor]) => [`${prefix}.${name}`, tensor] as const),
        );
        const state = model.stateDict();
        expect(Object.keys(state)).toEqual(expected.map(([name]) => name));
        for (const [name, tensor] of expected) {
          const { shape } = tensor;
          if (shape.length === 1) {
            expect(bits(state[name]), name).toEqual(bits(tensor));
            continue;
          }
          // torch's fans: sizes of the axes 0 and 1, times those that follow.
          const following = shape.length === 3 ? shape[2] : 1;
          const bound = Math.sqrt(6 / ((shape[0] + shape[1]) * following));
          expect(bits(state[name]), name).toEqual(bits(rand(shape, { low: -bound, high: bound })));
        }
        expect(expected.some(([name]) => name.endsWith("bias_k"))).toBe(true);
        for (const module of [model, ...Object.values(parts)]) module.dispose();
      });
    });

    it("has PyTorch's defaults", () => {
      withModule(
        () => new TransformerEncoderLayer(8, 2),
        (layer) => {
          expect(layer.linear1.outFeatures).toBe(2048);
          expect(layer.linear1.activation).toBe("relu");
          expect([layer.dropout.p, layer.dropout1.p, layer.self_attn.dropout]).toEqual([0.1, 0.1, 0.1]);
          expect([layer.norm1.eps, layer.normFirst, layer.self_attn.batchFirst, layer.training]).toEqual([
            1e-5,
            false,
            false,
            true,
          ]);
        },
      );
    });
  });
});

describe("forward", () => {
  forEachArithmetic(() => {
    it("of a stack is its layers one after the other, and the norm; of the whole, encoder and decoder", () => {
      const options = { ...small, numEncoderLayers: 2, numDecoderLayers: 2 };
      withModule(
        () => new Transformer(WIDTH, 2, options).eval(),
        (model) => {
          const [src, tgt] = [sequence(4, 1), sequence(3, 2)];
          const padding = [
            [0, 0, 0, 1],
            [0, 0, 1, 1],
          ];
          const masks = { memoryKeyPaddingMask: padding, isCausal: true };
          const { encoder, decoder } = model;
          const memory = encoder.layers.reduce((x, layer) => layer.forward(x, { keyPaddingMask: padding }), src);
          const encoded = encoder.norm?.forward(memory) as Tensor;
          expect(bits(encoder.forward(src, { keyPaddingMask: padding }))).toEqual(bits(encoded));
          const decoded = decoder.layers.reduce((x, layer) => layer.forward(x, encoded, masks), tgt);
          const output = decoder.norm?.forward(decoded) as Tensor;
          expect(bits(decoder.forward(tgt, encoded, masks))).toEqual(bits(output));
          const all = { srcKeyPaddingMask: padding, memoryKeyPaddingMask: padding, tgtIsCausal: true };
          expect(bits(model.forward(src, tgt, all))).toEqual(bits(output));
          expect(bits(model.forward(src, tgt))).not.toEqual(bits(output));
        },
      );
    });

    it("computes in float32 and rounds once, in the dtype of what it turns into", () => {
      withModule(
        () => new Transformer(WIDTH, 2, { ...small, numEncoderLayers: 2, numDecoderLayers: 2 }).eval(),
        (model) => {
          const src = sequence(4, 1).to("bfloat16");
          const tgt = sequence(3, 2).to("float16");
          const output = model.forward(src, tgt);
          expect(output.dtype).toBe("float16");
          expect(bits(output)).toEqual(bits(model.forward(src.to("float32"), tgt.to("float32")).to("float16")));
          const encoded = model.encoder.forward(src);
          expect(bits(encoded)).toEqual(bits(model.encoder.forward(src.to("float32")).to("bfloat16")));
        },
      );
    });

    it("takes content in the place of tensors, and a proxy of the module", () => {
      withModule(
        () => new Transformer(WIDTH, 2, { ...small, numEncoderLayers: 1, numDecoderLayers: 1 }).eval(),
        (model) => {
          const [src, tgt] = [sequence(4, 1), sequence(3, 2)];
          const expected = bits(model.forward(src, tgt));
          const content = (x: Tensor): TensorLike => ({ data: x.toArray() as Float32Array, shape: x.shape });
          expect(bits(model.forward(content(src), content(tgt)))).toEqual(expected);
          expect(bits(new Proxy(model, {}).forward(new Proxy(src, {}), new Proxy(tgt, {})))).toEqual(expected);
          expect([src.disposed, tgt.disposed]).toEqual([false, false]);
        },
      );
    });

    it("gives what attention has besides, for the sequence's own", () => {
      const attention = { numKvHeads: 1, rotary: true, headDim: 4 };
      withModule(
        () => new TransformerDecoderLayer(WIDTH, 4, { ...small, normFirst: true, attention }).eval(),
        (layer) => {
          const { self_attn, multihead_attn } = layer;
          expect([self_attn.numKvHeads, self_attn.headDim, self_attn.rotary !== undefined]).toEqual([1, 4, true]);
          expect([multihead_attn.numKvHeads, multihead_attn.headDim, multihead_attn.rotary]).toEqual([4, 4, undefined]);
          const [x, memory] = [sequence(3, 1), sequence(4, 2)];
          const at = (positionIds: number[]): unknown => bits(layer.forward(x, memory, { positionIds }));
          expect(at([0, 1, 2])).toEqual(bits(layer.forward(x, memory)));
          expect(at([0, 5, 9])).not.toEqual(at([0, 1, 2]));
        },
      );
      withModule(
        () =>
          new TransformerEncoder(WIDTH, 2, { ...small, numLayers: 2, attention: { rotary: { rotaryDim: 2 } } }).eval(),
        (encoder) => {
          const x = sequence(3, 1);
          const at = (positionIds: number[]): unknown => bits(encoder.forward(x, { positionIds }));
          expect(at([0, 1, 2])).toEqual(bits(encoder.forward(x)));
          expect(at([0, 5, 9])).not.toEqual(at([0, 1, 2]));
        },
      );
    });
  });

  it("holds of a whole stack what one layer needs", async () => {
    const [length, width, hidden] = [256, 16, 512];
    const held: number[] = [];
    for (const numLayers of [1, 6]) {
      for (const normFirst of [false, true]) {
        const runtime = await init();
        const x = rand([length, width]);
        const encoder = new TransformerEncoder(width, 2, { numLayers, dimFeedforward: hidden, normFirst });
        // Else a tape, where one is installed, holds what a backward pass needs.
        encoder.eval().requiresGrad(false);
        const output = encoder.forward(x, { isCausal: true });
        const { bytesInUse, bytesPeak } = memoryUsage();
        held.push(bytesPeak - bytesInUse);
        output.dispose();
        runtime.dispose();
      }
    }
    const [ofHidden, ofSequence] = [4 * length * hidden, 4 * length * width];
    // Above what stays (the result among it): one hidden layer, sequences around it, and what a kernel works in.
    for (const bytes of held) {
      expect(bytes).toBeGreaterThan(ofHidden);
      expect(bytes).toBeLessThan(1.5 * ofHidden);
    }
    // A layer's input belongs to the stack, but for the first one's.
    expect(held[2]).toBeLessThanOrEqual(held[0] + ofSequence);
    expect(held[3]).toBeLessThanOrEqual(held[1] + ofSequence);
  });
});

type Refused = readonly [
  title: string,
  call: () => unknown,
  kind: typeof TypeError | typeof RangeError,
  code: ErrorCode,
  message: RegExp,
];

describe("refusals", () => {
  forEachArithmetic(() => {
    // prettier-ignore
    it.each<Refused>([
      ["no width", () => new TransformerEncoderLayer(0, 1), RangeError, "ERR_INVALID_VALUE", /^TransformerEncoderLayer: dModel: .*got 0/],
      ["a width as a text", () => new TransformerDecoderLayer("8" as never, 2), TypeError, "ERR_INVALID_TYPE", /^TransformerDecoderLayer: dModel: .*got "8"/],
      ["heads that don't divide the width", () => new TransformerEncoderLayer(8, 3), RangeError, "ERR_INVALID_VALUE", /^TransformerEncoderLayer: nhead: expected a divisor of dModel, 8, or attention.headDim beside it, got 3/],
      ["no hidden layer", () => new TransformerEncoderLayer(8, 2, { dimFeedforward: 0 }), RangeError, "ERR_INVALID_VALUE", /^TransformerEncoderLayer: dimFeedforward: /],
      ["a probability above 1", () => new TransformerEncoder(8, 2, { numLayers: 1, dropout: 1.5 }), RangeError, "ERR_INVALID_VALUE", /^TransformerEncoder: dropout: .*got 1.5/],
      ["an activation of another name", () => new TransformerEncoderLayer(8, 2, { activation: "elu" as never }), RangeError, "ERR_INVALID_VALUE", /^TransformerEncoderLayer: activation: .*"relu".*got "elu"/],
      ["an activation as a function", () => new Transformer(8, 2, { activation: (() => 0) as never }), TypeError, "ERR_INVALID_TYPE", /^Transformer: activation: /],
      ["a negative eps", () => new TransformerDecoder(8, 2, { numLayers: 1, layerNormEps: -1 }), RangeError, "ERR_INVALID_VALUE", /^TransformerDecoder: layerNormEps: /],
      ["a number as a flag", () => new Transformer(8, 2, { normFirst: 1 as never }), TypeError, "ERR_INVALID_TYPE", /^Transformer: normFirst: .*got 1/],
      ["PyTorch's name of an option", () => new TransformerEncoderLayer(8, 2, { dim_feedforward: 8 } as never), TypeError, "ERR_INVALID_TYPE", /did you mean dimFeedforward/],
      ["PyTorch's order of arguments", () => new Transformer(8, 2, 6 as never), TypeError, "ERR_INVALID_TYPE", /^Transformer: options: .*got 6/],
      ["no number of layers", () => new TransformerEncoder(8, 2, {} as never), TypeError, "ERR_INVALID_TYPE", /^TransformerEncoder: numLayers: .*got undefined/],
      ["no options for a stack", () => new TransformerDecoder(8, 2, undefined as never), TypeError, "ERR_INVALID_TYPE", /^TransformerDecoder: numLayers: .*got undefined/],
      ["no layers", () => new Transformer(8, 2, { numDecoderLayers: 0 }), RangeError, "ERR_INVALID_VALUE", /^Transformer: numDecoderLayers: .*got 0/],
      ["a norm that is no flag", () => new TransformerEncoder(8, 2, { numLayers: 1, norm: {} as never }), TypeError, "ERR_INVALID_TYPE", /^TransformerEncoder: norm: .*boolean/],
      ["an option of attention that is unknown", () => new TransformerEncoderLayer(8, 2, { attention: { kdim: 3 } as never }), TypeError, "ERR_INVALID_TYPE", /^TransformerEncoderLayer: attention: options: unknown option "kdim"/],
      ["heads of keys that don't divide those of queries", () => new Transformer(8, 4, { attention: { numKvHeads: 3 } }), RangeError, "ERR_INVALID_VALUE", /^Transformer: attention: numKvHeads: /],
      ["attention as a flag", () => new TransformerEncoderLayer(8, 2, { attention: true as never }), TypeError, "ERR_INVALID_TYPE", /^TransformerEncoderLayer: attention: options: .*got true/],
    ])("constructors refuse %s", (_, call, kind, code, message) => {
      manualSeed(3);
      const expected = bits(rand([2]));
      manualSeed(3);
      expectThrowsWithoutLeak(call, kind, code, message);
      expect(bits(rand([2]))).toEqual(expected);
    });

    it("forward refuses before it draws or computes anything", () => {
      withoutLeak(() => {
        const encoder = new TransformerEncoder(WIDTH, 2, { ...small, numLayers: 2 });
        const decoder = new TransformerDecoder(WIDTH, 2, { ...small, numLayers: 2 });
        const model = new Transformer(WIDTH, 2, { ...small, numEncoderLayers: 1, numDecoderLayers: 1 });
        const [[encoderLayer], [decoderLayer]] = [encoder.layers, decoder.layers];
        const [x, memory] = [sequence(3, 1), sequence(4, 2)];
        const narrow = rand([2, 3, 5]);
        const one = rand([1, 3, WIDTH]);
        const ints = Tensor.from(new Int32Array(9), [3, 3]);
        // prettier-ignore
        const refused: Refused[] = [
          ["width", () => encoderLayer.forward(narrow), RangeError, "ERR_SHAPE", /^TransformerEncoderLayer.forward: src: expected shape \[L, 6\] or shape \[B, L, 6\], got \[2, 3, 5\]/],
          ["bool", () => encoder.forward({ data: new Uint8Array(12), shape: [2, 6] }), TypeError, "ERR_INVALID_TYPE", /^TransformerEncoder.forward: src: .*"bool"/],
          ["mask's shape", () => encoder.forward(x, { mask: [[0, 1]] }), RangeError, "ERR_SHAPE", /^TransformerEncoder.forward: mask: .*\[3, 3\].*\[4, 3, 3\].*got \[1, 2\]/],
          ["int32", () => encoderLayer.forward(x, { mask: ints }), TypeError, "ERR_INVALID_TYPE", /^TransformerEncoderLayer.forward: mask: .*"int32"/],
          ["padding's shape", () => encoderLayer.forward(x, { keyPaddingMask: [0, 0, 1] }), RangeError, "ERR_SHAPE", /^TransformerEncoderLayer.forward: keyPaddingMask: .*\[2, 3\]/],
          ["flag", () => encoder.forward(x, { isCausal: 1 as never }), TypeError, "ERR_INVALID_TYPE", /^TransformerEncoder.forward: isCausal: .*got 1/],
          ["name", () => encoder.forward(x, { srcKeyPaddingMask: [[0]] } as never), TypeError, "ERR_INVALID_TYPE", /did you mean keyPaddingMask/],
          ["positions", () => encoder.forward(x, { positionIds: 1 }), TypeError, "ERR_INVALID_TYPE", /positionIds: needs a module with rotary/],
          ["tgt", () => decoderLayer.forward(narrow, memory), RangeError, "ERR_SHAPE", /^TransformerDecoderLayer.forward: tgt: /],
          ["memory", () => decoder.forward(x, narrow), RangeError, "ERR_SHAPE", /^TransformerDecoder.forward: memory: expected shape \[2, S, 6\], got \[2, 3, 5\]/],
          ["batch", () => decoder.forward(x, one), RangeError, "ERR_SHAPE", /^TransformerDecoder.forward: memory: .*\[2, S, 6\], got \[1, 3, 6\]/],
          ["no memory", () => decoder.forward(x, undefined as never), TypeError, "ERR_INVALID_TYPE", /^TransformerDecoder.forward: memory: .*got undefined/],
          ["memoryMask", () => decoder.forward(x, memory, { memoryMask: [[0]] }), RangeError, "ERR_SHAPE", /^TransformerDecoder.forward: memoryMask: .*\[3, 4\].*got \[1, 1\]/],
          ["memoryKeyPaddingMask", () => decoderLayer.forward(x, memory, { memoryKeyPaddingMask: [[0]] }), RangeError, "ERR_SHAPE", /^TransformerDecoderLayer.forward: memoryKeyPaddingMask: .*\[2, 4\]/],
          ["memoryIsCausal", () => decoderLayer.forward(x, memory, { memoryIsCausal: null as never }), TypeError, "ERR_INVALID_TYPE", /^TransformerDecoderLayer.forward: memoryIsCausal: .*got null/],
          ["src of the whole", () => model.forward(narrow, x), RangeError, "ERR_SHAPE", /^Transformer.forward: src: /],
          ["tgt of the whole", () => model.forward(memory, narrow), RangeError, "ERR_SHAPE", /^Transformer.forward: tgt: /],
          ["batches of the whole", () => model.forward(memory, one), RangeError, "ERR_SHAPE", /^Transformer.forward: src: .*\[1, S, 6\], got \[2, 4, 6\]/],
          ["srcMask", () => model.forward(memory, x, { srcMask: [[0]] }), RangeError, "ERR_SHAPE", /^Transformer.forward: srcMask: .*\[4, 4\]/],
          ["tgtMask", () => model.forward(memory, x, { tgtMask: [[0]] }), RangeError, "ERR_SHAPE", /^Transformer.forward: tgtMask: .*\[3, 3\]/],
          ["memoryMask of the whole", () => model.forward(memory, x, { memoryMask: [[0]] }), RangeError, "ERR_SHAPE", /^Transformer.forward: memoryMask: .*\[3, 4\]/],
          ["srcKeyPaddingMask", () => model.forward(memory, x, { srcKeyPaddingMask: [[0]] }), RangeError, "ERR_SHAPE", /^Transformer.forward: srcKeyPaddingMask: .*\[2, 4\]/],
          ["tgtKeyPaddingMask", () => model.forward(memory, x, { tgtKeyPaddingMask: [[0]] }), RangeError, "ERR_SHAPE", /^Transformer.forward: tgtKeyPaddingMask: .*\[2, 3\]/],
          ["memoryKeyPaddingMask of the whole", () => model.forward(memory, x, { memoryKeyPaddingMask: [[0]] }), RangeError, "ERR_SHAPE", /^Transformer.forward: memoryKeyPaddingMask: .*\[2, 4\]/],
          ["tgtIsCausal", () => model.forward(memory, x, { tgtIsCausal: "yes" as never }), TypeError, "ERR_INVALID_TYPE", /^Transformer.forward: tgtIsCausal: .*got "yes"/],
          ["PyTorch's name", () => model.forward(memory, x, { tgt_mask: [[0]] } as never), TypeError, "ERR_INVALID_TYPE", /did you mean tgtMask/],
        ];
        manualSeed(3);
        const expected = bits(rand([2]));
        for (const [title, call, kind, code, message] of refused) {
          manualSeed(3);
          expectThrowsWithoutLeak(call, kind, code, message);
          expect(bits(rand([2])), title).toEqual(expected);
        }
        for (const module of [encoder, decoder, model]) {
          module.dispose();
          const message = /^Transformer(En|De)?(coder)?\.forward: this: the Transformer\w* has been disposed/;
          expectThrows(() => module.forward(x, memory), TypeError, "ERR_DISPOSED", message);
        }
      });
    });
  });
});

describe("from", () => {
  forEachArithmetic(() => {
    const options = { ...small, numLayers: 2 };

    it("copies, draws nothing, and leaves the dictionary as it is", () => {
      withoutLeak(() => {
        const source = new TransformerEncoder(WIDTH, 2, options).eval();
        const x = sequence(3, 1);
        const expected = bits(source.forward(x));
        manualSeed(4);
        const next = bits(rand([2]));
        manualSeed(4);
        const copy = TransformerEncoder.from(source.stateDict(), WIDTH, 2, options).eval();
        expect(bits(rand([2]))).toEqual(next);
        source.dispose();
        expect(bits(copy.forward(x))).toEqual(expected);
        copy.dispose();
      });
    });

    it("lists all that is wrong in one error, and leaves nothing behind", () => {
      withoutLeak(() => {
        const source = new TransformerEncoder(WIDTH, 2, options);
        const dict: Record<string, TensorLike> = { ...source.stateDict() };
        delete dict["layers.1.norm2.bias"];
        dict["layers.0.linear1.bias"] = { data: [1, 2], shape: [2] };
        dict["layers.2.norm1.bias"] = { data: [1], shape: [1] };
        const from = (given: unknown, own: object = options): unknown =>
          TransformerEncoder.from(given as StateDictLike, WIDTH, 2, own as typeof options);
        const listed =
          /^TransformerEncoder\.from: dict: missing keys "layers\.1\.norm2\.bias"; unexpected keys "layers\.2\.norm1\.bias"; layers\.0\.linear1\.bias: expected shape \[7\], got \[2\]$/;
        expectThrowsWithoutLeak(() => from(dict), RangeError, "ERR_INVALID_VALUE", listed);
        const prefixed = Object.fromEntries(Object.entries(source.stateDict()).map(([k, v]) => [`encoder.${k}`, v]));
        const hint = /^TransformerEncoder\.from: dict: every name begins with "encoder\."; give it as prefix/;
        expectThrowsWithoutLeak(() => from(prefixed), RangeError, "ERR_INVALID_VALUE", hint);
        const noDict = /^TransformerEncoder\.from: dict: /;
        expectThrowsWithoutLeak(() => from([]), TypeError, "ERR_INVALID_TYPE", noDict);
        const noPrefix = /^TransformerEncoder\.from: prefix: /;
        expectThrowsWithoutLeak(() => from(dict, { ...options, prefix: 1 }), TypeError, "ERR_INVALID_TYPE", noPrefix);
        const unknown = /^TransformerEncoder\.from: options: unknown option "num_layers"; did you mean numLayers/;
        expectThrowsWithoutLeak(() => from(dict, { num_layers: 2 }), TypeError, "ERR_INVALID_TYPE", unknown);
        const wrong = /^TransformerEncoder: numLayers: /;
        expectThrowsWithoutLeak(() => from(dict, { numLayers: 0 }), RangeError, "ERR_INVALID_VALUE", wrong);
        source.dispose();
      });
    });
  });
});

it("needs a runtime", () => {
  const message = /await init\(\) first/;
  for (const create of [
    () => new TransformerEncoderLayer(4, 2),
    () => new TransformerDecoder(4, 2, { numLayers: 1 }),
    () => new Transformer(4, 2),
  ]) {
    expect(create).toThrow(expect.objectContaining({ code: "ERR_NOT_INITIALIZED" }) as Error);
    expect(create).toThrow(message);
  }
});
