/** What a model gets of the data: batches in the order that the seed says, tensors of every kind, padding and masks. */
import { describe, expect, it } from "vitest";
import { init, manualSeed, memoryUsage, rand, Tensor } from "../../../ts/entry/default.js";
import { type Data, evaluate, fit, type FitOptions, SGD } from "../../../ts/entry/train.js";
import { philox4x32 } from "../../oracle/philox.js";
import { expectNoMore } from "../../support/without-leak.js";
import { expectRejects } from "../../support/expect-error.js";
import { Listener, listeningLoss } from "./listener.js";

/** What a model and a loss got. */
async function listen(data: Data, options: Partial<FitOptions> = {}) {
  await init();
  const model = new Listener();
  const targets: unknown[] = [];
  const optimizer = new SGD(model.parameters(), { lr: 0.01 });
  await fit(model, data, { loss: listeningLoss(targets), optimizer, shuffle: false, ...options });
  const { calls } = model;
  model.dispose();
  return { calls, inputs: calls.map(({ inputs }) => inputs), masks: calls.map(({ mask }) => mask), targets };
}

/** The seed of 48 bits that the package's generator draws as its `index`-th one, from its two words. */
function drawnSeed(seed: number, index: number): number {
  const word = (e: number): number => philox4x32([Math.floor(e / 4), 0, 0, 0xffffffff], [seed, 0])[e % 4] >>> 8;
  return word(2 * index) + 2 ** 24 * word(2 * index + 1);
}

function shuffled(count: number, seed: number, number: number): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  const key = [seed % 2 ** 32, Math.floor(seed / 2 ** 32)] as const;
  for (let i = count - 1; i >= 1; i--) {
    const [word] = philox4x32([i, number, 3, 0xffffffff], key);
    const other = Math.floor((word * (i + 1)) / 2 ** 32);
    [order[i], order[other]] = [order[other], order[i]];
  }
  return order;
}

const inBatches = <T>(values: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(values.length / size) }, (_, n) => values.slice(n * size, (n + 1) * size));

const count = (length: number): number[] => Array.from({ length }, (_, index) => index);

describe("order", () => {
  it("keeps samples in order without shuffling, and the last batch, which may be smaller", async () => {
    const { inputs, targets } = await listen({ inputs: count(7), targets: count(7) }, { batchSize: 3 });
    expect(inputs).toEqual([[0, 1, 2], [3, 4, 5], [6]]);
    expect(targets).toEqual(inputs);
  });

  it("shuffles each epoch by a seed of its own, in the order that the generator's words say", async () => {
    await init();
    manualSeed(5);
    const samples = { inputs: count(10), targets: count(10) };
    const { inputs } = await listen(samples, { batchSize: 4, shuffle: true, epochs: 3 });
    const expected = [0, 1, 2].flatMap((epoch) => inBatches(shuffled(10, drawnSeed(5, epoch), 0), 4));
    expect(inputs).toEqual(expected);
  });

  it("sorts sequences of different lengths by buckets of 50 batches, and shuffles the batches", async () => {
    await init();
    manualSeed(6);
    const sequences = count(230).map((n) => new Array<number>(1 + ((n * 7) % 13)).fill(n));
    const { inputs } = await listen({ inputs: sequences, targets: count(230) }, { batchSize: 4, shuffle: true });
    const seed = drawnSeed(6, 0);
    const sorted = inBatches(shuffled(230, seed, 0), 200).flatMap((bucket) =>
      [...bucket].sort((a, b) => sequences[b].length - sequences[a].length),
    );
    const batches = inBatches(sorted, 4);
    const expected = shuffled(batches.length, seed, 1).map((n) => batches[n]);
    expect((inputs as number[][][]).map((batch) => batch.map(([first]) => first))).toEqual(expected);
  });

  it("splits a fraction off the end, before shuffling, and evaluates it in order", async () => {
    const samples = { inputs: count(10), targets: count(10) };
    const { calls } = await listen(samples, { batchSize: 4, shuffle: true, validation: 0.3 });
    const trained = calls.filter(({ training }) => training).flatMap(({ inputs }) => inputs as number[]);
    expect(trained.sort((a, b) => a - b)).toEqual(count(7));
    expect(calls.filter(({ training }) => !training).map(({ inputs }) => inputs)).toEqual([[7, 8, 9]]);
  });
});

describe("columns", () => {
  it("takes tensors, what stands for them, typed arrays and nested arrays", async () => {
    await init();
    const rows = [
      [1.5, 2, 3],
      [4, 5, 6],
      [7, 8, 9],
    ];
    const flat = rows.flat();
    for (const inputs of [
      rows,
      rows.map((row) => Float32Array.from(row)),
      Tensor.from(rows),
      { data: Float32Array.from(flat), shape: [3, 3] },
      { data: rows, shape: [3, 3], dtype: "float16" as const },
    ]) {
      const { inputs: got } = await listen({ inputs, targets: [0, 1, 2] }, { batchSize: 2 });
      expect(got).toEqual([rows.slice(0, 2), rows.slice(2)]);
    }
  });

  it("makes int32 of integers, float32 of other numbers, bool of booleans, and leaves what is no number", async () => {
    const kinds: string[] = [];
    await init();
    const model = new Listener();
    const loss = (outputs: Tensor, targets: Tensor | string[]) => {
      kinds.push(targets instanceof Tensor ? `${targets.dtype} ${String(targets.shape)}` : targets.join());
      return outputs.reshape([]);
    };
    for (const targets of [
      [1, 2],
      [1n, 2n],
      [1, 2.5],
      [true, false],
      Int32Array.of(3, 4),
      Uint8Array.of(3, 4),
      BigInt64Array.of(3n, 4n),
      Float64Array.of(3, 4),
      [Float32Array.of(3), Float32Array.of(4)],
      [
        [1, 2],
        [3, 4],
      ],
      ["a", "b"],
    ]) {
      await evaluate(model, { inputs: [0, 0], targets }, { loss });
    }
    expect(kinds).toEqual([
      ...["int32 2", "int32 2", "float32 2", "bool 2", "int32 2", "int32 2", "int32 2", "float32 2", "float32 2,1"],
      ...["int32 2,2", "a,b"],
    ]);
    model.dispose();
  });

  it("pads sequences to the longest in their batch: inputs with 0 and a mask, targets with -100", async () => {
    const { inputs, masks, targets } = await listen(
      { inputs: [[1, 2, 3], [4], [5, 6]], targets: [[7, 8, 9], [1], [2, 3]] },
      { batchSize: 2 },
    );
    expect(inputs).toEqual([
      [
        [1, 2, 3],
        [4, 0, 0],
      ],
      [[5, 6]],
    ]);
    expect(masks).toEqual([
      [
        [true, true, true],
        [true, false, false],
      ],
      [[true, true]],
    ]);
    expect(targets).toEqual([
      [
        [7, 8, 9],
        [1, -100, -100],
      ],
      [[2, 3]],
    ]);
  });

  it("gives sequences a mask where they happen to be of one length too, and tensors and single numbers none", async () => {
    const batches = [
      {
        inputs: [
          [1, 2],
          [3, 4],
        ],
        targets: [0, 1],
      },
      { inputs: [[1, 2], [3]], targets: [0, 1] },
    ];
    expect((await listen(batches)).masks).toEqual([
      [
        [true, true],
        [true, true],
      ],
      [
        [true, true],
        [true, false],
      ],
    ]);
    const tensor = { data: [1, 2, 3, 4], shape: [2, 2] };
    expect((await listen({ inputs: tensor, targets: [0, 1] })).masks).toEqual([undefined]);
    expect((await listen({ inputs: [1, 2], targets: [0, 1] })).masks).toEqual([undefined]);
  });

  it("pads sequences of vectors", async () => {
    const inputs = [
      [
        [0.5, 1],
        [2, 3],
      ],
      [[4, 5]],
    ];
    const { inputs: got, masks } = await listen({ inputs, targets: [0, 1] });
    expect(got).toEqual([
      [
        [
          [0.5, 1],
          [2, 3],
        ],
        [
          [4, 5],
          [0, 0],
        ],
      ],
    ]);
    expect(masks).toEqual([
      [
        [true, true],
        [true, false],
      ],
    ]);
  });

  it("gives inputs by name, with masks by name, and takes a mask that is given", async () => {
    const named = await listen({
      inputs: {
        source: [[1, 2], [3]],
        target: [
          [4, 5],
          [6, 7],
        ],
      },
      targets: [0, 1],
    });
    expect(named.inputs).toEqual([
      {
        source: [
          [1, 2],
          [3, 0],
        ],
        target: [
          [4, 5],
          [6, 7],
        ],
      },
    ]);
    expect(named.masks).toEqual([
      {
        source: [
          [true, true],
          [true, false],
        ],
        target: [
          [true, true],
          [true, true],
        ],
      },
    ]);
    const given = await listen({
      inputs: [
        [1, 2],
        [3, 4],
      ],
      targets: [0, 1],
      mask: [
        [true, false],
        [true, true],
      ],
    });
    expect(given.masks).toEqual([
      [
        [true, false],
        [true, true],
      ],
    ]);
  });
});

describe("batches", () => {
  const batches = [
    { inputs: [[1], [2, 3]], targets: [0, 1] },
    { inputs: [[4, 5]], targets: [1] },
  ];
  const expected = [
    [
      [1, 0],
      [2, 3],
    ],
    [[4, 5]],
  ];

  it("takes arrays of batches, generators, streams, and functions of the epoch", async () => {
    const asGenerator = function* () {
      yield* batches;
    };
    const asStream = async function* () {
      for (const batch of batches) {
        await Promise.resolve();
        yield batch;
      }
    };
    expect((await listen(batches, { epochs: 2 })).inputs).toEqual([...expected, ...expected]);
    expect((await listen(asGenerator())).inputs).toEqual(expected);
    expect((await listen(asStream())).inputs).toEqual(expected);
    const epochs: number[] = [];
    const asFunction = (epoch: number) => {
      epochs.push(epoch);
      return epoch === 0 ? asStream() : Promise.resolve({ inputs: [[epoch]], targets: [0] });
    };
    expect((await listen(asFunction, { epochs: 2 })).inputs).toEqual([...expected, [[1]]]);
    expect(epochs).toEqual([0, 1]);
  });

  it("passes tensors on as they are, and leaves them to the caller", async () => {
    await init();
    const inputs = rand([2, 3]);
    const model = new Listener();
    const seen: unknown[] = [];
    model.forward = function (this: Listener, given: unknown) {
      seen.push(given);
      return Listener.prototype.forward.call(this, given);
    };
    await evaluate(model, [{ inputs, targets: [0, 1] }], { loss: listeningLoss() });
    // A copy of the rows would do as well; disposed it must not be.
    expect((seen[0] as Tensor).shape).toEqual([2, 3]);
    expect(inputs.disposed).toBe(false);
    inputs.dispose();
    model.dispose();
  });

  it("closes a generator that it doesn't read to its end", async () => {
    let isClosed = false;
    const endless = function* () {
      try {
        for (;;) yield batches[0];
      } finally {
        isClosed = true;
      }
    };
    const controller = new AbortController();
    const reason = new Error("enough");
    await expect(
      listen(endless(), {
        signal: controller.signal,
        onStep: ({ step }) => {
          if (step === 3) controller.abort(reason);
        },
      }),
    ).rejects.toBe(reason);
    expect(isClosed).toBe(true);
  });
});

describe("bad data", () => {
  const refused: [string, unknown, typeof TypeError | typeof RangeError, RegExp][] = [
    ["nothing", undefined, TypeError, /^fit: data: expected \{ inputs, targets \}, batches/],
    ["no targets", { inputs: [1] }, TypeError, /^fit: data: expected \{ inputs, targets \}/],
    ["a number", { inputs: 3, targets: [1] }, TypeError, /^fit: data\.inputs: expected a Tensor/],
    ["no sample", { inputs: [], targets: [] }, RangeError, /^fit: data: expected at least one sample, got 0/],
    ["no batch", [], RangeError, /^fit: data: expected at least one batch in epoch 0, got 0/],
    ["an empty batch", [{ inputs: [], targets: [] }], RangeError, /^fit: data: batch 0: expected at least one sample/],
    ["no sample at all", { data: [1], shape: [] }, TypeError, /^fit: data: expected/],
    [
      "unequal numbers",
      { inputs: [1, 2, 3], targets: [1, 2] },
      RangeError,
      /^fit: data\.inputs: expected 2 samples, as many as there are targets, got 3/,
    ],
    [
      "an unequal number under a name",
      { inputs: { a: [1, 2], b: [1] }, targets: [1, 2] },
      RangeError,
      /^fit: data\.inputs\.b: expected 2 samples/,
    ],
    [
      "unequal widths",
      { inputs: [[[1, 2]], [[1, 2, 3]]], targets: [1, 2] },
      RangeError,
      /^fit: data\.inputs\[1\]: expected shape \[\*, 2\], as data\.inputs\[0\] has it, got \[1, 3\]/,
    ],
    [
      "a scalar",
      { inputs: { data: [1], shape: [] }, targets: [1] },
      RangeError,
      /^fit: data\.inputs: expected samples/,
    ],
    ["a wrong batch", [{ inputs: [1] }], TypeError, /^fit: data: batch 0: expected \{ inputs, targets \}/],
    ["a function of nothing", () => undefined, TypeError, /^fit: data\(0\): expected/],
  ];
  for (const [name, data, kind, message] of refused) {
    it(`is refused: ${name}`, async () => {
      await init();
      const model = new Listener();
      const optimizer = new SGD(model.parameters());
      const before = memoryUsage().bytesInUse;
      const code = kind === TypeError ? "ERR_INVALID_TYPE" : "ERR_SHAPE";
      const promise = fit(model, data as Data, { loss: listeningLoss(), optimizer });
      await expectRejects(promise, kind, code, message);
      expectNoMore(before);
      model.dispose();
    });
  }
});
