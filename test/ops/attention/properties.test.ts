/**
 * What holds for every attention call, over random shapes and option sets: the error promise against the float64
 * oracle, and equalities that hold bit for bit.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { forEachArithmetic } from "../../support/arithmetics.js";
import {
  attentionRecipes,
  materialize,
  someOf,
  uniformGenerator,
  type AttentionCase,
  type AttentionRecipe,
  type CaseTensor,
} from "../../cases/arbitraries.js";
import { callAttention, type StoredResult } from "../../cases/attention-call.js";
import { attendRow, describeProblem, rowPlaces } from "../../oracle/attention.js";
import { checkPromise, promise } from "../../oracle/error-promise.js";
import { roundTo } from "../../oracle/half.js";
import { keptKeys } from "../../oracle/philox.js";

/** Runs are the same every time; another seed by hand tries others. */
const SEED = Number(process.env["PROPERTY_SEED"] ?? 23);

function forAll(
  recipes: fc.Arbitrary<AttentionRecipe>,
  numRuns: number,
  holds: (recipe: AttentionRecipe, attention: AttentionCase) => void,
): void {
  fc.assert(
    fc.property(recipes, (recipe) => holds(recipe, materialize(recipe))),
    { seed: SEED, numRuns },
  );
}

const CANONICAL_NAN = { float32: 0x7fc00000, float16: 0x7e00, bfloat16: 0x7fc0 };

function expectCanonicalNaN(name: string, { values, bits, dtype }: StoredResult): void {
  for (let n = 0; n < values.length; n++) {
    if (Number.isNaN(values[n]) && bits[n] !== CANONICAL_NAN[dtype]) {
      throw new Error(`${name}[${n}] is a NaN with bits ${bits[n].toString(16)}`);
    }
  }
}

/** Bits of a part of a result; a plain loop, because expect takes long over many elements. */
function expectSameBits(name: string, actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  if (actual.length !== expected.length) {
    throw new Error(`${name}: ${actual.length} elements, not ${expected.length}`);
  }
  for (let n = 0; n < actual.length; n++) {
    if (actual[n] !== expected[n]) {
      throw new Error(`${name}[${n}]: bits ${actual[n].toString(16)}, expected ${expected[n].toString(16)}`);
    }
  }
}

function expectSameResult(name: string, actual: StoredResult | undefined, expected: StoredResult | undefined): void {
  expect(actual?.dtype, name).toBe(expected?.dtype);
  expectSameBits(name, actual?.bits ?? [], expected?.bits ?? []);
}

/** The recipe without what the property isn't about. */
const plain = (recipe: AttentionRecipe, changes: Partial<AttentionRecipe>): AttentionRecipe => ({
  ...recipe,
  ...changes,
});

/** Axis n of the result is axis order[n] of the rank-4 tensor. */
function permuteAxes<T extends { data: ArrayLike<number>; shape: readonly number[] }>(
  tensor: T,
  order: readonly [number, number, number, number],
): T {
  const strides = tensor.shape.map((_, axis) => tensor.shape.slice(axis + 1).reduce((all, size) => all * size, 1));
  const shape = order.map((axis) => tensor.shape[axis]);
  const steps = order.map((axis) => strides[axis]);
  const data = new Float64Array(tensor.data.length);
  let next = 0;
  for (let i = 0; i < shape[0]; i++) {
    for (let j = 0; j < shape[1]; j++) {
      for (let k = 0; k < shape[2]; k++) {
        for (let c = 0; c < shape[3]; c++) {
          data[next++] = tensor.data[i * steps[0] + j * steps[1] + k * steps[2] + c * steps[3]];
        }
      }
    }
  }
  return { ...tensor, data, shape };
}

/** Each layout's axes among those of BHLD, and BHLD's among those of the layout. */
const LAYOUTS = {
  BLHD: { from: [0, 2, 1, 3], back: [0, 2, 1, 3] },
  LBHD: { from: [2, 0, 1, 3], back: [1, 2, 0, 3] },
} as const;

/** A BHLD call with every tensor's axes in the order of another layout. */
function inLayout(layout: keyof typeof LAYOUTS, { query, key, value, options }: AttentionCase): AttentionCase {
  const moved = (tensor: CaseTensor): CaseTensor => permuteAxes(tensor, LAYOUTS[layout].from);
  const { pastKey, pastValue } = options;
  return {
    query: moved(query),
    key: moved(key),
    value: moved(value),
    options: {
      ...options,
      layout,
      ...(pastKey && pastValue ? { pastKey: moved(pastKey), pastValue: moved(pastValue) } : {}),
    },
  };
}

function bitsInBHLD(layout: keyof typeof LAYOUTS, { bits, shape }: StoredResult): ArrayLike<number> {
  return permuteAxes({ data: bits, shape }, LAYOUTS[layout].back).data;
}

/** Rows `first` to `last` − 1 of one axis. */
function sliceAxis<T extends { data: ArrayLike<number>; shape: readonly number[] }>(
  tensor: T,
  axis: number,
  first: number,
  last: number,
): T {
  const { shape } = tensor;
  const inner = shape.slice(axis + 1).reduce((product, length) => product * length, 1);
  const outer = shape.slice(0, axis).reduce((product, length) => product * length, 1);
  const data: number[] = [];
  for (let o = 0; o < outer; o++) {
    for (let n = (o * shape[axis] + first) * inner; n < (o * shape[axis] + last) * inner; n++) {
      data.push(tensor.data[n]);
    }
  }
  const sliced = shape.slice();
  sliced[axis] = last - first;
  return { ...tensor, data, shape: sliced };
}

/** [B, H, n, width] of [B, Hkv, n, width]: every head `group` times. */
function repeatHeads(tensor: CaseTensor, group: number): CaseTensor {
  const [batch, heads, n, width] = tensor.shape;
  const plane = n * width;
  const data = new Float64Array(batch * heads * group * plane);
  for (let head = 0; head < batch * heads * group; head++) {
    const source = Math.floor(head / group) * plane;
    for (let c = 0; c < plane; c++) {
      data[head * plane + c] = tensor.data[source + c];
    }
  }
  return { ...tensor, data, shape: [batch, heads * group, n, width] };
}

/** Concatenated along the keys: axis 2 of [B, heads, n, width]. */
function concatenateKeys(first: CaseTensor, second: CaseTensor): CaseTensor {
  const [batch, heads, n, width] = first.shape;
  const m = second.shape[2];
  const data: number[] = [];
  for (let plane = 0; plane < batch * heads; plane++) {
    for (const [tensor, rows] of [[first, n] as const, [second, m] as const]) {
      for (let c = plane * rows * width; c < (plane + 1) * rows * width; c++) {
        data.push(tensor.data[c]);
      }
    }
  }
  return { ...first, data, shape: [batch, heads, n + m, width] };
}

/** Where the rows of K and V of one batch and head are stored. */
function keyRows(
  { shape }: CaseTensor,
  form: AttentionRecipe["form"],
  batch: number,
  keyHeads: number,
  b: number,
  head: number,
): (row: number) => { start: number; width: number } {
  const rows = form === "heads" ? shape[2] : form === "flat" || form === "sequence" ? shape[0] : shape[1];
  const width = shape[shape.length - 1] / (form === "packed" ? keyHeads : 1);
  const line = (row: number): number => {
    switch (form) {
      case "rows":
      case "packed":
        return (b * rows + row) * keyHeads + head;
      case "sequence":
        return (row * batch + b) * keyHeads + head;
      default:
        return (b * keyHeads + head) * rows + row;
    }
  };
  return (row) => ({ start: line(row) * width, width });
}

const POISONS = [NaN, Infinity, -Infinity, 1e38, -1e38];

/** The case with some keys' k or v made non-finite or huge, and which: [batch][key head] → keys. */
function poisoned(recipe: AttentionRecipe, clean: AttentionCase): { attention: AttentionCase; keys: Set<number>[][] } {
  const uniform = uniformGenerator(recipe.dataSeed + 1);
  const { form, batch, keyHeads, pastKeys, newKeys } = recipe;
  const past = pastKeys ?? 0;
  const copy = (tensor: CaseTensor): CaseTensor & { data: Float64Array } => ({
    ...tensor,
    data: Float64Array.from(tensor.data),
  });
  const { pastKey, pastValue } = clean.options;
  const attention = {
    ...clean,
    key: copy(clean.key),
    value: copy(clean.value),
    options: {
      ...clean.options,
      ...(pastKey && pastValue ? { pastKey: copy(pastKey), pastValue: copy(pastValue) } : {}),
    },
  };
  const keys = Array.from({ length: batch }, (_, b) =>
    Array.from({ length: keyHeads }, (_, head) => {
      const chosen = new Set(someOf(past + newKeys, uniform).slice(0, 1 + Math.floor(uniform() * 4)));
      for (const j of chosen) {
        const inPast = j < past;
        const sides = inPast
          ? [attention.options.pastKey!, attention.options.pastValue!]
          : [attention.key, attention.value];
        const which = Math.floor(uniform() * 3); // k, v or both
        sides.forEach((tensor, side) => {
          if (which === 2 || which === side) {
            const place = keyRows(tensor, inPast && form === "packed" ? "heads" : form, batch, keyHeads, b, head);
            const { start, width } = place(inPast ? j : j - past);
            const poison = roundTo(tensor.dtype, POISONS[Math.floor(uniform() * POISONS.length)]);
            (tensor.data as Float64Array).fill(poison, start + Math.floor(uniform() * width), start + width);
          }
        });
      }
      return chosen;
    }),
  );
  return { attention, keys };
}

const rank4 = attentionRecipes.map((recipe) =>
  plain(recipe, { form: "heads", batch: Math.min(recipe.batch, 2), dtype: "float32", valueDtype: "float32" }),
);

describe("attention properties", () => {
  forEachArithmetic(() => {
    it("keeps the error promise for output, logSumExp and weights, and the past bit for bit", () => {
      forAll(attentionRecipes, 350, (recipe, attention) => {
        const results = callAttention(attention);
        const promised = promise(attention.query, attention.key, attention.value, attention.options);
        const wanted = [
          ["output", recipe.dtype],
          ["logSumExp", "float32"],
          ["weights", recipe.dtype],
        ] as const;
        for (const [name, dtype] of wanted) {
          const expected = promised[name];
          const result = results[name];
          expect(result?.shape, name).toEqual(expected?.shape);
          if (result && expected) {
            expect(result.dtype, name).toBe(dtype);
            checkPromise(name, result.values, expected, dtype);
            expectCanonicalNaN(name, result);
          }
        }
        for (const name of ["presentKey", "presentValue"] as const) {
          const expected = promised[name];
          const result = results[name];
          expect(result?.shape, name).toEqual(expected?.shape);
          if (result && expected) {
            expect(result.dtype, name).toBe(name === "presentKey" ? recipe.dtype : recipe.valueDtype);
            for (let n = 0; n < result.values.length; n++) {
              if (!Object.is(result.values[n], expected.data[n])) {
                throw new Error(`${name}[${n}] is ${result.values[n]}, expected ${expected.data[n]}`);
              }
            }
          }
        }
      });
    });

    it("lets no NaN, infinity or huge number at a hidden key reach a row", () => {
      const hiding = attentionRecipes.map((recipe) =>
        plain(recipe, {
          specials: "none",
          isCausal: recipe.isCausal || (recipe.mask === null && recipe.keyLengths === "none"),
          weights: recipe.weights && {
            ...recipe.weights,
            mode: Math.max(2, recipe.weights.mode) as 2 | 3 | 4,
            averageHeads: false,
          },
        }),
      );
      forAll(hiding, 250, (recipe, clean) => {
        const { attention, keys } = poisoned(recipe, clean);
        const before = callAttention(clean);
        const after = callAttention(attention);
        const problem = describeProblem(clean.query, clean.key, clean.value, clean.options);
        const { valueSize, keys: allKeys } = problem;
        for (const { b, h, i, output, logSumExp, weights } of rowPlaces(problem)) {
          const { visible } = attendRow(problem, b, h, i, "double");
          const touched = [...keys[b][Math.floor(h / recipe.group)]].some((j) => visible[j] === 1);
          if (!touched) {
            const row = (result: StoredResult | undefined, start: number, width: number): ArrayLike<number> =>
              result?.bits.subarray(start, start + width) ?? [];
            const at = `of batch ${b}, head ${h}, row ${i}`;
            expectSameBits(`output ${at}`, row(after.output, output, valueSize), row(before.output, output, valueSize));
            expectSameBits(`logSumExp ${at}`, row(after.logSumExp, logSumExp, 1), row(before.logSumExp, logSumExp, 1));
            for (const start of weights) {
              expectSameBits(`weights ${at}`, row(after.weights, start, allKeys), row(before.weights, start, allKeys));
            }
          }
        }
        const promised = promise(attention.query, attention.key, attention.value, attention.options);
        checkPromise("output", after.output.values, promised.output, recipe.dtype);
        checkPromise("logSumExp", after.logSumExp!.values, promised.logSumExp, "float32");
      });
    });

    it("gives chosen heads and rows the bits of the full result, and their mean by ascending head", () => {
      const chosen = attentionRecipes.map((recipe) =>
        plain(recipe, {
          dtype: "float32",
          batch: Math.min(recipe.batch, 2),
          weights: { mode: recipe.weights?.mode ?? 3, chosen: true, averageHeads: false },
        }),
      );
      forAll(chosen, 120, (_, attention) => {
        const { options } = attention;
        const full = callAttention({ ...attention, options: { ...options, needWeights: true } });
        const some = callAttention(attention);
        const none = callAttention({
          ...attention,
          options: { ...options, needWeights: undefined, weightsMode: undefined },
        });
        const choice = options.needWeights;
        const problem = describeProblem(attention.query, attention.key, attention.value, options);
        const { batch, heads, queries, keys } = problem;
        const { heads: chosenHeads = Array.from({ length: heads }, (_, h) => h) } = choice === true ? {} : choice || {};
        const { rows: chosenRows = Array.from({ length: queries }, (_, i) => i) } = choice === true ? {} : choice || {};
        const line = (b: number, h: number, i: number): Uint16Array | Uint32Array => {
          const start = ((b * heads + h) * queries + i) * keys;
          return full.weights!.bits.subarray(start, start + keys);
        };
        let n = 0;
        for (let b = 0; b < batch; b++) {
          for (const h of chosenHeads) {
            for (const i of chosenRows) {
              expectSameBits(`head ${h}, row ${i}`, some.weights!.bits.subarray(n, n + keys), line(b, h, i));
              n += keys;
            }
          }
        }
        expect(some.weights!.bits.length).toBe(n);
        expectSameResult("output", some.output, full.output);
        expectSameResult("output without weights", none.output, full.output);
        expect(none.weights).toBeUndefined();

        const averaged = callAttention({
          ...attention,
          options: { ...options, needWeights: { ...(choice === true ? {} : choice || {}), averageHeads: true } },
        }).weights!;
        const ascending = chosenHeads.slice().sort((x, y) => x - y);
        n = 0;
        for (let b = 0; b < batch; b++) {
          for (const i of chosenRows) {
            for (let j = 0; j < keys; j++, n++) {
              const sum = ascending.reduce((all, h) => {
                const place = ((b * heads + h) * queries + i) * keys + j;
                return Math.fround(all + full.weights!.values[place]);
              }, 0);
              const mean = Math.fround(sum / ascending.length);
              const value = averaged.values[n];
              if (!Object.is(value, mean) && !(value === 0 && mean === 0)) {
                throw new Error(`mean of ${ascending.length} heads is ${averaged.values[n]}, expected ${mean}`);
              }
            }
          }
        }
        expect(averaged.values.length).toBe(n);
      });
    });

    it.each(["BLHD", "LBHD"] as const)("gives the layout %s the bits of BHLD", (layout) => {
      forAll(rank4, 60, (_, attention) => {
        const expected = callAttention(attention);
        const actual = callAttention(inLayout(layout, attention));
        expectSameResult("logSumExp", actual.logSumExp, expected.logSumExp);
        expectSameResult("weights", actual.weights, expected.weights);
        for (const name of ["output", "presentKey", "presentValue"] as const) {
          expect(actual[name] !== undefined, name).toBe(expected[name] !== undefined);
          if (actual[name] && expected[name]) {
            expectSameBits(name, bitsInBHLD(layout, actual[name]), expected[name].bits);
          }
        }
      });
    });

    it("gives rank 3 with numHeads the bits of rank 4", () => {
      forAll(rank4, 80, (recipe, attention) => {
        const expected = callAttention(attention);
        const fold = (tensor: CaseTensor): CaseTensor => {
          const { data, shape, dtype } = permuteAxes(tensor, LAYOUTS.BLHD.from);
          return { data, dtype, shape: [shape[0], shape[1], shape[2] * shape[3]] };
        };
        const actual = callAttention({
          query: fold(attention.query),
          key: fold(attention.key),
          value: fold(attention.value),
          options: { ...attention.options, numHeads: recipe.keyHeads * recipe.group, numKvHeads: recipe.keyHeads },
        });
        expectSameBits("output", actual.output.bits, bitsInBHLD("BLHD", expected.output));
        for (const name of ["logSumExp", "weights", "presentKey", "presentValue"] as const) {
          expectSameResult(name, actual[name], expected[name]);
        }
      });
    });

    it("gives the plain ranks 2 and 3 the bits of rank 4 with one head", () => {
      const flat = attentionRecipes.map((recipe) =>
        plain(recipe, { form: "flat", batch: 1, keyHeads: 1, group: 1, dtype: "float32", valueDtype: "float32" }),
      );
      forAll(flat, 60, (_, attention) => {
        const flatResult = callAttention(attention);
        for (const leading of [[1], [1, 1]]) {
          const raise = <T extends { shape: readonly number[] } | undefined>(tensor: T): T =>
            tensor && { ...tensor, shape: [...leading, ...tensor.shape] };
          const { pastKey, pastValue, ...others } = attention.options;
          const raised = callAttention({
            query: raise(attention.query),
            key: raise(attention.key),
            value: raise(attention.value),
            options: {
              ...others,
              ...(pastKey ? { pastKey: raise(pastKey), pastValue: raise(pastValue) } : {}),
            },
          });
          for (const name of ["output", "logSumExp", "weights", "presentKey", "presentValue"] as const) {
            expectSameResult(name, raised[name], flatResult[name]);
          }
        }
      });
    });

    it("gives grouped heads the bits of repeated keys and values", () => {
      const grouped = attentionRecipes.map((recipe) =>
        plain(recipe, {
          form: "heads",
          batch: Math.min(recipe.batch, 2),
          dtype: "float32",
          valueDtype: "float32",
        }),
      );
      forAll(grouped, 80, (recipe, attention) => {
        const { options } = attention;
        const repeat = (tensor: CaseTensor): CaseTensor => repeatHeads(tensor, recipe.group);
        const { pastKey, pastValue } = options;
        const repeated = callAttention({
          query: attention.query,
          key: repeat(attention.key),
          value: repeat(attention.value),
          options: {
            ...options,
            ...(pastKey && pastValue ? { pastKey: repeat(pastKey), pastValue: repeat(pastValue) } : {}),
          },
        });
        const grouped = callAttention(attention);
        for (const name of ["output", "logSumExp", "weights"] as const) {
          expectSameResult(name, grouped[name], repeated[name]);
        }
      });
    });

    it("gives a past and new keys the bits of all of them together", () => {
      const withPast = rank4.map((recipe) =>
        plain(recipe, {
          pastKeys: recipe.pastKeys ?? recipe.queries % 20,
          keyLengths: "none",
          // Upper-left counts the past in, which the concatenated keys alone don't tell.
          lowerRight: true,
        }),
      );
      forAll(withPast, 80, (_, attention) => {
        const { pastKey, pastValue, ...others } = attention.options;
        const expected = callAttention({
          query: attention.query,
          key: concatenateKeys(pastKey!, attention.key),
          value: concatenateKeys(pastValue!, attention.value),
          options: others,
        });
        const actual = callAttention(attention);
        for (const name of ["output", "logSumExp", "weights"] as const) {
          expectSameResult(name, actual[name], expected[name]);
        }
      });
    });

    const dropping = rank4.map((recipe) =>
      plain(recipe, {
        specials: "none",
        amplitude: 1,
        scale: null,
        sinks: "none",
        alibi: "none",
        mask: null,
        keyLengths: "none",
        pastKeys: null,
        dropoutP: 0.5,
        queries: Math.max(recipe.queries, 1),
        newKeys: Math.max(recipe.newKeys, 1),
        isCausal: false,
        left: null,
        right: null,
        weights: { mode: 4, chosen: false, averageHeads: false },
      }),
    );

    it("repeats dropout from its seed, element by element whatever the sizes", () => {
      forAll(dropping, 60, (recipe, attention) => {
        const { query, key, value, options } = attention;
        const seed = recipe.seed * 2 ** 20 + 5;
        const full = callAttention({ ...attention, options: { ...options, seed } });
        expectSameResult(
          "replayed",
          callAttention({ ...attention, options: { ...options, seed } }).output,
          full.output,
        );
        const bigger = callAttention({ ...attention, options: { ...options, seed: BigInt(seed) } });
        expectSameResult("bigint seed", bigger.output, full.output);

        const [batch, heads, queries] = query.shape;
        const keys = key.shape[2];
        for (let line = 0; line < batch * heads * queries; line++) {
          const [b, h, i] = [Math.floor(line / (heads * queries)), Math.floor(line / queries) % heads, line % queries];
          const kept = keptKeys(seed, 0.5, b, h, i, keys);
          for (let j = 0; j < keys; j++) {
            if ((full.weights!.values[line * keys + j] > 0 ? 1 : 0) !== kept[j]) {
              throw new Error(
                `element (${b}, ${h}, ${i}, ${j}) of seed ${seed} should ${kept[j] ? "" : "not "}be kept`,
              );
            }
          }
        }
        // Fewer of everything: what is kept stays the same.
        const [fewerBatches, fewerQueries] = [Math.ceil(batch / 2), Math.ceil(queries / 2)];
        const fewerKeys = Math.ceil(keys / 2);
        const first = (tensor: CaseTensor, rows: number): CaseTensor =>
          sliceAxis(sliceAxis(sliceAxis(tensor, 0, 0, fewerBatches), 1, 0, 1), 2, 0, rows);
        const part = callAttention({
          query: first(query, fewerQueries),
          key: first(key, fewerKeys),
          value: first(value, fewerKeys),
          options: { ...options, seed },
        }).weights!.values;
        for (let b = 0, n = 0; b < fewerBatches; b++) {
          for (let i = 0; i < fewerQueries; i++) {
            for (let j = 0; j < fewerKeys; j++, n++) {
              const whole = full.weights!.values[(b * heads * queries + i) * keys + j];
              expect(part[n] > 0).toBe(whole > 0);
            }
          }
        }
      });
    });

    it.each([0.1, 0.5, 0.9])("keeps the right share at dropout %d", (dropoutP) => {
      const [rows, keys] = [64, 512];
      const zeros = (width: number, n: number): CaseTensor => ({
        data: new Float32Array(n * width),
        shape: [n, width],
        dtype: "float32",
      });
      const { weights } = callAttention({
        query: zeros(2, rows),
        key: zeros(2, keys),
        value: zeros(1, keys),
        options: { dropoutP, seed: 1, needWeights: true, weightsMode: 4 },
      });
      const kept = weights!.values.filter((w) => w > 0);
      const count = rows * keys;
      const deviation = Math.sqrt(count * dropoutP * (1 - dropoutP));
      expect(Math.abs(kept.length - count * (1 - dropoutP))).toBeLessThan(4 * deviation);
      expect(kept.every((w) => Math.abs(w * keys * (1 - dropoutP) - 1) < 1e-6)).toBe(true);
    });

    it("gives weights that are not negative, 0 where hidden, and sum to 1 less the sink's share", () => {
      const weighted = attentionRecipes.map((recipe) =>
        plain(recipe, {
          dtype: "float32",
          specials: recipe.specials === "subnormal" ? "subnormal" : "none",
          weights: { mode: 3, chosen: false, averageHeads: false },
        }),
      );
      forAll(weighted, 150, (_, attention) => {
        const { weights, logSumExp } = callAttention(attention);
        const problem = describeProblem(attention.query, attention.key, attention.value, attention.options);
        const { heads, keys } = problem;
        const sinks = attention.options.sinks;
        for (let line = 0; line < logSumExp!.values.length; line++) {
          const h = Math.floor(line / problem.queries) % heads;
          const row = weights!.values.subarray(line * keys, (line + 1) * keys);
          const lse = logSumExp!.values[line];
          const sink = sinks?.[h] ?? -Infinity;
          // A fully masked row's logSumExp is its sink.
          const sinkShare = row.every((w) => w === 0) && lse === sink ? 1 : Math.exp(sink - lse);
          const expected = 1 - sinkShare;
          const sum = row.reduce((all, w) => all + w, 0);
          // logSumExp is rounded in units of itself, and so is the sink's share.
          const slack = 1e-5 + (sinkShare > 0 ? sinkShare * Math.abs(lse) * 2 ** -20 : 0);
          if (!(Math.abs(sum - expected) <= slack) || row.some((w) => !(w >= 0) || Object.is(w, -0))) {
            throw new Error(`weights of line ${line} sum to ${sum}, expected ${expected}`);
          }
        }
      });
    });
  });
});
