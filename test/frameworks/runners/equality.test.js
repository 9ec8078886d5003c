// Which tensors and layers are equal to a test runner: those of one shape, dtype and elements, and those of one class,
// configuration and parameters. Jest and Vitest run this, in jsdom and in Node.
import assert from "node:assert";
import {
  init,
  Linear,
  loadSafetensors,
  MultiheadAttention,
  saveSafetensors,
  SelfAttention,
  Tensor,
} from "wasm-attention";

/** @type {import("wasm-attention").Runtime} */
let runtime;
beforeAll(async () => {
  runtime = await init();
});

// Vitest has chai's `assert` among its globals, Jest has none.
const chai = globalThis.assert;

/** What compares, and whether it tells classes apart. */
const comparisons = [
  { name: "toEqual", isStrict: false, compare: (a, b) => expect(a).toEqual(b) },
  { name: "toStrictEqual", isStrict: true, compare: (a, b) => expect(a).toStrictEqual(b) },
  { name: "assert.deepStrictEqual", isStrict: true, compare: (a, b) => assert.deepStrictEqual(a, b) },
  ...(chai === undefined
    ? []
    : [{ name: "chai's deepEqual", isStrict: false, compare: (a, b) => chai.deepEqual(a, b) }]),
];

/** Whether the comparison finds a difference; anything but the runner's own complaint is an error. */
function differ(compare, a, b) {
  try {
    compare(a, b);
    return false;
  } catch (error) {
    if (error.matcherResult !== undefined || error.name === "AssertionError") return true;
    throw error;
  }
}

const ramp = (length) => Float32Array.from({ length }, (_, index) => index / 3);
const changedAt = (place) => {
  const data = ramp(1000);
  data[place] += 1;
  return Tensor.from(data);
};

const equalTensors = {
  float32: () =>
    Tensor.from([
      [1, 2.5],
      [-3, 0],
    ]),
  "a long one": () => Tensor.from(ramp(1000)),
  float16: () => Tensor.from([1, 2.5], [2], "float16"),
  bfloat16: () => Tensor.from([1, 2.5], [2], "bfloat16"),
  int32: () => Tensor.from(Int32Array.of(1, -2)),
  bool: () => Tensor.from([true, false]),
  "NaN and infinities": () => Tensor.from([NaN, Infinity, -Infinity]),
  "no elements": () => Tensor.from(new Float32Array(0), [0, 3]),
  "a rank of 0": () => Tensor.from(Float32Array.of(7), []),
  "of an object": () => ({ list: [Tensor.from([1]), Tensor.from([2])], name: "both" }),
  "of a Map": () => new Map([["weight", Tensor.from([1, 2])]]),
};

const differentTensors = {
  "another element": [() => Tensor.from([1, 2, 3]), () => Tensor.from([1, 2, 4])],
  "one element of many": [() => changedAt(0), () => changedAt(500)],
  "NaN and a number": [() => Tensor.from([NaN]), () => Tensor.from([0])],
  "another shape": [() => Tensor.from(ramp(6), [2, 3]), () => Tensor.from(ramp(6), [3, 2])],
  "another rank": [() => Tensor.from(ramp(6), [6]), () => Tensor.from(ramp(6), [1, 6])],
  "no elements, another shape": [() => Tensor.from(ramp(0), [0, 3]), () => Tensor.from(ramp(0), [3, 0])],
  "float32 and int32": [() => Tensor.from(Float32Array.of(1, 2)), () => Tensor.from(Int32Array.of(1, 2))],
  "float16 and bfloat16": [
    () => Tensor.from(Uint16Array.of(16000), [1], "float16"),
    () => Tensor.from(Uint16Array.of(16000), [1], "bfloat16"),
  ],
  "bool and float32": [() => Tensor.from([true]), () => Tensor.from([1])],
  "in an object": [() => ({ list: [Tensor.from([1])] }), () => ({ list: [Tensor.from([2])] })],
  "in a Map": [() => new Map([["weight", Tensor.from([1])]]), () => new Map([["weight", Tensor.from([2])]])],
};

class Scaled extends Linear {
  constructor(scale) {
    super(2, 2);
    this.scale = scale;
  }
}

/** Parameters that depend on their places alone, and on how many there are. */
function filled(layer, first = 0) {
  const parameters = Object.entries(layer.stateDict());
  layer.loadStateDict(
    Object.fromEntries(
      parameters.map(([name, { shape }], index) => {
        const length = shape.reduce((product, size) => product * size, 1);
        return [name, { data: ramp(length).map((x) => x + index + first), shape }];
      }),
    ),
  );
  return layer;
}

const equalLayers = {
  Linear: () => filled(new Linear(3, 2)),
  "Linear with an activation": () => filled(new Linear(3, 2, { activation: "gelu" })),
  MultiheadAttention: () => filled(new MultiheadAttention(8, 2, { kdim: 4 })),
  SelfAttention: () => filled(new SelfAttention(8, 2, { rotary: true })),
  "a user's class": () => filled(new Scaled(3)),
  "in an array": () => [filled(new Linear(1, 1)), filled(new Linear(1, 2))],
};

const differentLayers = {
  "another parameter": [() => filled(new Linear(3, 2)), () => filled(new Linear(3, 2), 1)],
  "one with bias": [() => filled(new Linear(3, 2)), () => filled(new Linear(3, 2, { bias: false }))],
  "another width": [() => filled(new Linear(3, 2)), () => filled(new Linear(2, 3))],
  "another activation": [
    () => filled(new Linear(3, 2, { activation: "gelu" })),
    () => filled(new Linear(3, 2, { activation: "relu" })),
  ],
  "another number of heads": [() => filled(new MultiheadAttention(8, 2)), () => filled(new MultiheadAttention(8, 4))],
  "another dropout": [
    () => filled(new MultiheadAttention(8, 2)),
    () => filled(new MultiheadAttention(8, 2, { dropout: 0.5 })),
  ],
  "another order of the axes": [
    () => filled(new MultiheadAttention(8, 2)),
    () => filled(new MultiheadAttention(8, 2, { batchFirst: true })),
  ],
  "another base of the rotation": [
    () => filled(new SelfAttention(8, 2, { rotary: true })),
    () => filled(new SelfAttention(8, 2, { rotary: { base: 500 } })),
  ],
  "another attention parameter": [
    () => filled(new MultiheadAttention(8, 2)),
    () => filled(new MultiheadAttention(8, 2), 1),
  ],
  "a user's field": [() => filled(new Scaled(3)), () => filled(new Scaled(4))],
};

describe.each(comparisons)("$name", ({ compare, isStrict }) => {
  test.each(Object.entries({ ...equalTensors, ...equalLayers }))("equal: %s", (_, make) => {
    expect(differ(compare, make(), make())).toBe(false);
  });

  test.each(Object.entries({ ...differentTensors, ...differentLayers }))("different: %s", (_, [first, second]) => {
    expect(differ(compare, first(), second())).toBe(true);
    expect(differ(compare, second(), first())).toBe(true);
  });

  test("a tensor is no array", () => {
    expect(differ(compare, Tensor.from([1, 2]), [1, 2])).toBe(true);
    expect(differ(compare, [1, 2], Tensor.from([1, 2]))).toBe(true);
    expect(differ(compare, Tensor.from([1, 2]), Float32Array.of(1, 2))).toBe(true);
  });

  if (isStrict) {
    test("different: another class with the same parameters", () => {
      expect(differ(compare, filled(new MultiheadAttention(8, 2)), filled(new SelfAttention(8, 2)))).toBe(true);
    });
  }

  test("what a file gave back", () => {
    const layer = new MultiheadAttention(8, 2);
    const { tensors } = loadSafetensors(saveSafetensors(layer.stateDict()));
    expect(differ(compare, tensors, tensors)).toBe(false);
    expect(differ(compare, Object.fromEntries(tensors), layer.stateDict())).toBe(false);
    const twin = new MultiheadAttention(8, 2);
    expect(differ(compare, twin, layer)).toBe(true);
    twin.loadStateDict(tensors);
    expect(differ(compare, twin, layer)).toBe(false);
  });

  test("a view of the same memory", () => {
    const tensor = Tensor.from(ramp(6));
    expect(differ(compare, tensor.reshape([2, 3]), Tensor.from(ramp(6), [2, 3]))).toBe(false);
  });

  test("disposed ones are compared without an error", () => {
    const [tensor, disposed, other] = [Tensor.from([1]), Tensor.from([1]), Tensor.from([1])];
    const [layer, disposedLayer, otherLayer] = [1, 2, 3].map(() => filled(new Linear(2, 1)));
    for (const gone of [disposed, other, disposedLayer, otherLayer]) gone.dispose();
    expect(differ(compare, tensor, disposed)).toBe(true);
    expect(differ(compare, disposed, tensor)).toBe(true);
    expect(differ(compare, layer, disposedLayer)).toBe(true);
    expect(differ(compare, disposedLayer, layer)).toBe(true);
    // Whether they are equal is nobody's question.
    differ(compare, disposed, other);
    differ(compare, disposedLayer, otherLayer);
    expect(differ(compare, disposed, disposed)).toBe(false);
  });
});

// The last one: it ends the runtime.
test.each(comparisons)("$name compares what belonged to another runtime", async ({ compare }) => {
  const tensors = [Tensor.from([1]), Tensor.from([2])];
  const layers = [filled(new Linear(2, 1)), filled(new Linear(2, 1), 1)];
  runtime.dispose();
  try {
    differ(compare, ...tensors);
    differ(compare, ...layers);
    expect(() => String(tensors[0])).not.toThrow();
  } finally {
    runtime = await init();
  }
});
