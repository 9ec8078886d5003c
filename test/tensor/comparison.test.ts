/**
 * Comparisons of other libraries find two tensors equal exactly when shape, dtype and elements are, and two layers when
 * class, configuration, mode and parameters are; cloning a tensor, as posting it to a worker does, keeps all three.
 */
import assert from "node:assert";
import { isDeepStrictEqual } from "node:util";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { assert as chai, describe, expect, test } from "vitest";
import {
  type DType,
  type Elements,
  keep,
  Linear,
  type LinearOptions,
  manualSeed,
  memoryUsage,
  MultiheadAttention,
  type MultiheadAttentionOptions,
  type NestedArray,
  scope,
  SelfAttention,
  softmax,
  Tensor,
  type TensorData,
} from "../../ts/entry/default.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrows } from "../support/expect-error.js";

const passes = (compare: () => void): boolean => {
  try {
    compare();
    return true;
  } catch {
    return false;
  }
};

/** What each library says of two values. */
const verdicts = (a: unknown, b: unknown): Record<string, boolean> => ({
  "assert.deepStrictEqual": passes(() => assert.deepStrictEqual(a, b)),
  "assert.deepEqual": passes(() => assert.deepEqual(a, b)),
  "util.isDeepStrictEqual": isDeepStrictEqual(a, b),
  "expect.toEqual": passes(() => expect(a).toEqual(b)),
  "expect.toStrictEqual": passes(() => expect(a).toStrictEqual(b)),
  "expect in an object": passes(() => expect({ at: [a] }).toEqual({ at: [b] })),
  "chai.deepEqual": passes(() => chai.deepEqual(a, b)),
});

function expectVerdict(a: unknown, b: unknown, isEqual: boolean): void {
  for (const [x, y] of [
    [a, b],
    [b, a],
  ]) {
    const found = verdicts(x, y);
    expect(found).toEqual(Object.fromEntries(Object.keys(found).map((library) => [library, isEqual])));
  }
}

type Content = [data: Elements | NestedArray, shape: number[], dtype: DType];

forEachArithmetic(() => {
  test.each<[string, Content, Content, boolean]>([
    ["the same", [[1, 2], [2], "float32"], [[1, 2], [2], "float32"], true],
    ["other elements", [[1, 2], [2], "float32"], [[1, 3], [2], "float32"], false],
    ["another shape", [[1, 2], [2], "float32"], [[1, 2], [1, 2], "float32"], false],
    [
      "another dtype of the same array",
      [[1, 2], [2], "float16"],
      [new Uint16Array([0x3c00, 0x4000]), [2], "bfloat16"],
      false,
    ],
    ["the same bits of another dtype", [[0], [1], "float32"], [[0], [1], "int32"], false],
    ["none", [[], [0, 3], "float32"], [[], [0, 3], "float32"], true],
    ["none of another shape", [[], [0, 3], "float32"], [[], [3, 0], "float32"], false],
    ["booleans", [[true], [1], "bool"], [[false], [1], "bool"], false],
  ])("two tensors: %s", (_, first, second, isEqual) => {
    scope(() => expectVerdict(Tensor.from(...first), Tensor.from(...second), isEqual));
  });

  test("NaN equals NaN, but for assert.deepEqual, to which it never does", () => {
    scope(() => {
      const { "assert.deepEqual": loosely, ...others } = verdicts(Tensor.from([NaN]), Tensor.from([NaN]));
      expect([loosely, new Set(Object.values(others))]).toEqual([false, new Set([true])]);
    });
  });

  test("the same elements after the memory has grown", () => {
    scope(() => {
      const a = Tensor.from([1, 2]);
      Tensor.from(new Uint8Array(memoryUsage().bytesReserved));
      expectVerdict(a, Tensor.from([1, 2]), true);
    });
  });

  test("a tensor that has been disposed equals none that has elements", () => {
    scope(() => {
      const tensor = Tensor.from([1]);
      tensor.dispose();
      expect(tensor.data).toBeUndefined();
      expectVerdict(tensor, Tensor.from([1]), false);
    });
  });

  /** Two layers, drawn from these seeds, and what comparisons say of them. */
  function expectLayers(make: (index: 0 | 1) => Linear | MultiheadAttention | SelfAttention, isEqual: boolean): void {
    const layers = ([0, 1] as const).map((index) => {
      manualSeed(1);
      return make(index);
    });
    expectVerdict(layers[0], layers[1], isEqual);
    for (const layer of layers) layer.dispose();
  }

  describe("two layers", () => {
    test.each<[string, LinearOptions, LinearOptions, boolean]>([
      ["the same", {}, {}, true],
      ["one without a bias", {}, { bias: false }, false],
      ["another activation", { activation: "gelu" }, { activation: "relu" }, false],
    ])("Linear: %s", (_, ...options) => {
      const [first, second, isEqual] = options;
      expectLayers((index) => new Linear(2, 3, [first, second][index]), isEqual);
    });

    test.each<[string, MultiheadAttentionOptions, MultiheadAttentionOptions, boolean]>([
      ["the same", { addBiasKv: true, rotary: true }, { addBiasKv: true, rotary: { base: 10000 } }, true],
      ["another order of the axes", {}, { batchFirst: true }, false],
      ["another dropout", {}, { dropout: 0.5 }, false],
      ["another base", { rotary: true }, { rotary: { base: 5000 } }, false],
    ])("MultiheadAttention: %s", (_, ...options) => {
      const [first, second, isEqual] = options;
      expectLayers((index) => new MultiheadAttention(4, 2, [first, second][index]), isEqual);
    });

    test("one number of heads or another, the parameters being the same", () => {
      expectLayers((index) => new SelfAttention(4, [1, 2][index]), false);
    });

    test("one class or another", () => {
      expectLayers(
        (index) => (index === 0 ? new SelfAttention(4, 2) : new MultiheadAttention(4, 2, { batchFirst: true })),
        false,
      );
    });

    test("one parameter differs", () => {
      for (const name of ["in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"]) {
        expectLayers((index) => {
          const layer = new SelfAttention(4, 2);
          if (index === 1) layer.stateDict()[name].view()[3] += 1;
          return layer;
        }, false);
      }
    });

    test("one is in training, the other is not", () => {
      expectLayers((index) => new SelfAttention(4, 2).train(index === 0), false);
    });
  });

  test("parameters are properties, by their names in the state dict", () => {
    const layer = new MultiheadAttention(4, 2, { kdim: 3, addBiasKv: true });
    const { q_proj_weight, k_proj_weight, v_proj_weight, in_proj_bias, bias_k, bias_v, out_proj } = layer;
    const dict = layer.stateDict();
    expect(Object.keys(dict)).toHaveLength(8);
    expect(layer.in_proj_weight).toBeUndefined();
    for (const [name, parameter] of Object.entries({ q_proj_weight, k_proj_weight, v_proj_weight, in_proj_bias })) {
      expect(parameter).toBe(dict[name]);
    }
    expect([bias_k, bias_v]).toEqual([dict["bias_k"], dict["bias_v"]]);
    expect(out_proj.weight).toBe(dict["out_proj.weight"]);
    expect(out_proj.bias).toBe(dict["out_proj.bias"]);
    layer.dispose();
  });

  describe("clones", () => {
    const contents: Content[] = [
      [[1.5, -2], [1, 2], "float32"],
      [[1.5, -2], [2], "float16"],
      [[1.5, -2], [2], "bfloat16"],
      [[1, -2], [2], "int32"],
      [[true, false], [2], "bool"],
      [[], [0], "float32"],
    ];

    test.each(contents)("%j %j as %s are taken by every operation", (...content) => {
      scope(() => {
        const tensor = Tensor.from(...content);
        const clone = structuredClone(tensor) as TensorData;
        expect(Object.keys(clone).sort()).toEqual(["data", "dtype", "shape"]);
        // Its own elements, not the whole memory that they lie in.
        expect((clone.data as Elements).buffer.byteLength).toBe(tensor.toArray().byteLength);
        expect(Tensor.from(clone)).toEqual(tensor);
        const inJson = JSON.parse(JSON.stringify({ tensor })) as { tensor: TensorData };
        expect(Tensor.from(inJson.tensor)).toEqual(tensor);
      });
    });

    test("a posted tensor, and a posted state dict", () => {
      const { port1, port2 } = new MessageChannel();
      scope(() => {
        const layer = new Linear(2, 1);
        const input = keep(Tensor.from([[1, 2]]));
        port1.postMessage({ input, dict: layer.stateDict() });
        const { message } = receiveMessageOnPort(port2) as { message: { input: Tensor; dict: Record<string, Tensor> } };
        const other = new Linear(2, 1);
        expect(other).not.toEqual(layer);
        other.loadStateDict(message.dict);
        expect(other).toEqual(layer);
        expect(other.forward(message.input)).toEqual(layer.forward(input));
        expect(softmax(message.input)).toEqual(softmax(input));
        for (const made of [layer, other, input]) made.dispose();
      });
      port1.close();
    });

    test("of a tensor that has been disposed are refused", () => {
      const tensor = Tensor.from([1]);
      tensor.dispose();
      const clone = structuredClone(tensor) as TensorData;
      expectThrows(
        () => softmax(clone),
        TypeError,
        "ERR_INVALID_TYPE",
        /^softmax: input\.data: expected .*, got undefined$/,
      );
      expectThrows(() => JSON.stringify(tensor), TypeError, "ERR_DISPOSED", /^Tensor\.toJSON: this/);
    });
  });
});
