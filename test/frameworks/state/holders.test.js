// Tensors and layers work in whatever holds an application's state, also where that puts a proxy around them.
import {
  embedding,
  init,
  keep,
  Linear,
  linear,
  loadSafetensors,
  memoryUsage,
  mul,
  MultiheadAttention,
  saveSafetensors,
  scaledDotProductAttention,
  scope,
  softmax,
  sum,
  Tensor,
} from "wasm-attention";
import { mseLoss, SGD } from "wasm-attention/train";
import { holders } from "./holders.js";

beforeAll(async () => {
  await init();
});

let before = 0;
beforeEach(() => {
  before = memoryUsage().bytesInUse;
});
const expectMemoryBack = () => expect(memoryUsage().bytesInUse).toBe(before);

const matrix = () => Tensor.from([[1, 2], [3, 4]]); // prettier-ignore
const numbers = (tensor) => [...tensor.toArray()];

/** [1 2; 3 4] · inputᵀ + [5 6]. */
const parameters = () => ({ weight: { data: [1, 2, 3, 4], shape: [2, 2] }, bias: { data: [5, 6], shape: [2] } });
const input = { data: [1, -1], shape: [1, 2] };
const expected = [4, 5];

class Scaled extends Linear {
  factor = 10;
  forward(x) {
    return scope(() => {
      const output = super.forward(x);
      return Tensor.from(
        output.toArray().map((element) => element * this.factor),
        output.shape,
      );
    });
  }
}

class Pooled extends MultiheadAttention {
  constructor() {
    super(2, 1, { batchFirst: true });
    this.calls = [];
  }
  forward(x) {
    const { output } = super.forward(x, x, x);
    this.calls.push(x.shape);
    return output;
  }
}

const layerOf = (kind) => {
  const layer = new kind(2, 2);
  layer.loadStateDict(parameters());
  return layer;
};

describe.each(holders)("$name", ({ hold, isSnapshot }) => {
  describe("a tensor", () => {
    test("is read", () => {
      const tensor = hold(matrix());
      expect(tensor.shape).toEqual([2, 2]);
      expect(tensor.dtype).toBe("float32");
      expect(tensor.disposed).toBe(false);
      expect(numbers(tensor)).toEqual([1, 2, 3, 4]);
      expect([...tensor.view()]).toEqual([1, 2, 3, 4]);
      expect(tensor.toNested()).toEqual([[1, 2], [3, 4]]); // prettier-ignore
      expect(String(tensor)).toMatch(/^Tensor float32 \[2, 2\]/);
      expect(tensor).toEqual(matrix());
      tensor.dispose();
    });

    test("of every dtype is read", () => {
      for (const dtype of ["float32", "float16", "bfloat16", "int32", "bool"]) {
        expect(hold(Tensor.from([1, 0], [2], dtype)).toNested()).toEqual(dtype === "bool" ? [true, false] : [1, 0]);
      }
      expect(hold(Tensor.from([7])).item()).toBe(7);
    });

    test("is written by its view", () => {
      const original = matrix();
      hold(original).view()[0] = 9;
      expect(numbers(original)).toEqual([9, 2, 3, 4]);
    });

    test("makes others", () => {
      const tensor = hold(matrix());
      const [flat, half] = [tensor.reshape([4]), tensor.to("float16")];
      tensor.dispose();
      expect(numbers(flat)).toEqual([1, 2, 3, 4]);
      expect(half.toNested()).toEqual([[1, 2], [3, 4]]); // prettier-ignore
      for (const other of [flat, half]) other.dispose();
      expectMemoryBack();
    });

    test("goes into operations", () => {
      const tensor = hold(matrix());
      scope(() => {
        expect(numbers(softmax(tensor))).toEqual(numbers(softmax(matrix())));
        const attend = (x) => scaledDotProductAttention(x, x, x, { attnMask: x, needWeights: true });
        expect(attend(tensor).weights.toNested()).toEqual(attend(matrix()).weights.toNested());
        expect(numbers(linear(tensor, tensor))).toEqual([5, 11, 11, 25]);
        const indices = hold(Tensor.from(Int32Array.of(1, 0)));
        expect(numbers(embedding(indices, tensor))).toEqual([3, 4, 1, 2]);
      });
      tensor.dispose();
      expectMemoryBack();
    });

    test("has a gradient", () => {
      const original = matrix();
      const tensor = hold(original);
      tensor.requiresGrad = true;
      scope(() => hold(sum(mul(tensor, tensor))).backward());
      expect([tensor.requiresGrad, original.requiresGrad]).toEqual([true, true]);
      expect([numbers(tensor.grad), numbers(original.grad)]).toEqual([[2, 4, 6, 8], [2, 4, 6, 8]]); // prettier-ignore
      tensor.zeroGrad();
      expect(original.grad).toBe(null);
      tensor.dispose();
      expectMemoryBack();
    });

    test("is disposed", () => {
      const original = matrix();
      const tensor = hold(original);
      tensor.dispose();
      expectMemoryBack();
      expect(tensor.disposed).toBe(true);
      expect(original.disposed).toBe(true);
      for (const gone of [original, tensor]) {
        expect(() => gone.toArray()).toThrow(expect.objectContaining({ code: "ERR_DISPOSED" }));
        expect(() => softmax(gone)).toThrow(expect.objectContaining({ code: "ERR_DISPOSED" }));
        expect(String(gone)).toMatch(/disposed/);
        gone.dispose();
      }
      expectMemoryBack();
    });

    test("is disposed by using", () => {
      hold(matrix())[Symbol.dispose]();
      expectMemoryBack();
    });

    test("that is disposed meanwhile is so here too", () => {
      const original = matrix();
      const tensor = hold(original);
      original.dispose();
      expect(tensor.disposed).toBe(true);
      expect(() => tensor.toArray()).toThrow(expect.objectContaining({ code: "ERR_DISPOSED" }));
    });

    test("belongs to its scope", () => {
      let inside;
      scope(() => {
        inside = hold(matrix());
      });
      expect(inside.disposed).toBe(true);
      expectMemoryBack();
    });

    test("survives its scope as the result", () => {
      const [first, second] = scope(() => [hold(matrix()), { inner: hold({ deep: matrix() }) }]);
      expect(numbers(first)).toEqual([1, 2, 3, 4]);
      expect(numbers(second.inner.deep)).toEqual([1, 2, 3, 4]);
      for (const tensor of [first, second.inner.deep]) tensor.dispose();
      expectMemoryBack();
    });

    test("survives its scope by keep", () => {
      const kept = scope(() => {
        const tensor = hold(matrix());
        keep(tensor);
        return () => tensor;
      })();
      expect(numbers(kept)).toEqual([1, 2, 3, 4]);
      kept.dispose();
      expectMemoryBack();
    });

    test("is saved", () => {
      const file = saveSafetensors({ größe: matrix() });
      expect(saveSafetensors({ größe: hold(matrix()) })).toEqual(file);
      expect(saveSafetensors(hold({ größe: matrix() }))).toEqual(file);
      expect(saveSafetensors(hold(new Map([["größe", matrix()]])))).toEqual(file);
    });
  });

  describe.each([
    { kind: Linear, output: expected },
    { kind: Scaled, output: expected.map((element) => 10 * element) },
  ])("a layer, $kind.name", ({ kind, output }) => {
    test("computes", () => {
      const layer = hold(layerOf(kind));
      const [held, plain] = [hold(Tensor.from([[1, -1]])), layer.forward(input)];
      expect(numbers(plain)).toEqual(output);
      expect(numbers(layer.forward(held))).toEqual(output);
      expect([layer.inFeatures, layer.outFeatures]).toEqual([2, 2]);
    });

    test("is trained and evaluated", () => {
      const original = layerOf(kind);
      const layer = hold(original);
      expect(layer.training).toBe(true);
      expect(numbers(layer.eval().forward(input))).toEqual(output);
      // What a snapshot shows is how it was then.
      expect([layer.training, original.training]).toEqual([isSnapshot === true, false]);
      expect(layer.train().training).toBe(true);
      expect(original.training).toBe(true);
    });

    test("gives its parameters", () => {
      const original = layerOf(kind);
      const { weight, bias } = hold(original).stateDict();
      expect([weight, bias].map(numbers)).toEqual([[1, 2, 3, 4], [5, 6]]); // prettier-ignore
      expect(hold(original).parameters().map(numbers)).toEqual([[1, 2, 3, 4], [5, 6]]); // prettier-ignore
      expect(saveSafetensors(hold(original.stateDict()))).toEqual(saveSafetensors(original.stateDict()));
    });

    test("takes parameters", () => {
      const layer = hold(new kind(2, 2));
      const file = hold(loadSafetensors(saveSafetensors(layerOf(kind).stateDict())));
      expect(layer.loadStateDict(file.tensors)).toEqual({ missingKeys: [], unexpectedKeys: [] });
      expect(numbers(layer.forward(input))).toEqual(output);
      layer.loadStateDict(hold({ weight: Tensor.from([0, 0, 0, 0], [2, 2]), bias: Tensor.from([0, 0]) }));
      expect(numbers(layer.forward(input))).toEqual([0, 0]);
      layer.loadStateDict(hold(parameters()));
      expect(numbers(layer.forward(input))).toEqual(output);
    });

    test("is disposed", () => {
      const original = layerOf(kind);
      const layer = hold(original);
      layer.dispose();
      expectMemoryBack();
      for (const gone of [layer, original]) {
        expect(gone.disposed).toBe(true);
        expect(() => gone.forward(input)).toThrow(expect.objectContaining({ code: "ERR_DISPOSED" }));
        gone.dispose();
      }
      expectMemoryBack();
    });

    test("is equal to its like", () => {
      expect(hold(layerOf(kind))).toEqual(layerOf(kind));
      expect(hold(layerOf(kind))).not.toEqual(new kind(2, 2));
    });
  });

  test("a layer learns", () => {
    const original = layerOf(Linear);
    const layer = hold(original);
    const optimizer = hold(new SGD(layer.parameters(), { lr: 1 }));
    // The gradient at the output is the output itself.
    scope(() => hold(mseLoss(layer.forward(input), hold(Tensor.from([[0, 0]])))).backward());
    optimizer.step();
    optimizer.zeroGrad();
    expect(numbers(original.weight)).toEqual([-3, 6, -2, 9]);
    expect([numbers(layer.bias), original.bias.grad]).toEqual([[1, 1], null]);
    optimizer.dispose();
    layer.dispose();
    expectMemoryBack();
  });

  describe("MultiheadAttention", () => {
    const x = { data: [1, 2, 3, 4, 5, 6], shape: [1, 3, 2] };

    test("computes, in both modes", () => {
      const layer = hold(new MultiheadAttention(2, 1, { batchFirst: true, dropout: 0.5 }));
      const twin = new MultiheadAttention(2, 1, { batchFirst: true, dropout: 0.5 });
      twin.loadStateDict(layer.stateDict());
      for (const isTraining of [true, false]) {
        const [ours, theirs] = [layer, twin].map((each) =>
          each.train(isTraining).forward(x, x, x, { needWeights: true, seed: 1 }),
        );
        expect(numbers(ours.output)).toEqual(numbers(theirs.output));
        expect(numbers(ours.weights)).toEqual(numbers(theirs.weights));
      }
    });

    test("with a user's class around it", () => {
      const layer = hold(new Pooled());
      const { output } = new MultiheadAttention(2, 1, { batchFirst: true }).forward(x, x, x);
      const parametersOf = layer.stateDict();
      expect(Object.keys(parametersOf)).toContain("in_proj_weight");
      expect(layer.forward(x).shape).toEqual(output.shape);
      expect(layer.forward(hold(Tensor.from(x))).shape).toEqual(output.shape);
    });

    test("is disposed", () => {
      hold(new MultiheadAttention(2, 1)).dispose();
      hold(new Pooled()).dispose();
      expectMemoryBack();
    });
  });

  test("a file's tensor without arithmetic", () => {
    const header = new TextEncoder().encode('{"n":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}'.padEnd(56));
    const file = new Uint8Array(8 + header.length + 8);
    file[0] = header.length;
    file.set(header, 8);
    file[8 + header.length] = 42;
    const { tensors } = hold(loadSafetensors(file));
    expect(tensors.get("n").dtype).toBe("I64");
    expect(saveSafetensors(tensors)).toEqual(file);
    expect(saveSafetensors({ n: hold(tensors.get("n")) })).toEqual(file);
    expect(() => softmax(hold(tensors.get("n")))).toThrow(expect.objectContaining({ code: "ERR_INVALID_TYPE" }));
  });
});
