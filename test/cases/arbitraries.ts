/**
 * Random attention calls for property tests: every option mixes with every other, sizes lie on and beside the tiles.
 *
 * A recipe is what fast-check draws, prints and shrinks: sizes, choices, and a seed for the numbers.
 * `materialize` turns it into tensors and options, the same ones every time.
 */
import fc from "fast-check";
import type { ChosenWeights, OracleMask, OracleOptions, OracleTensor, WeightsMode } from "../oracle/attention.js";
import { roundTo, type FloatType } from "../oracle/half.js";

export type CaseForm = "heads" | "rows" | "sequence" | "packed" | "single" | "flat";

/** What is put among the numbers. "none" leaves scores within about ±3 amplitudes. */
export type Specials = "none" | "NaN" | "infinities" | "large" | "subnormal" | "mixed";

export interface MaskRecipe {
  readonly kind: "bool" | "float";
  readonly dtype: FloatType;
  /** At most the rank that the form allows. */
  readonly rank: number;
  /** Bit n: axis n from the right is 1. */
  readonly broadcastAxes: number;
  /** Share of masked elements. */
  readonly masked: number;
  /** What a float mask adds where it doesn't mask: standard normal × this, or one finite value everywhere. */
  readonly addend: number | "-1e30" | "lowest";
  /** Leave out keys that keyLengths hide (semantics 4.2), where there are such. */
  readonly short: boolean;
}

export interface AttentionRecipe {
  readonly form: CaseForm;
  readonly batch: number;
  readonly keyHeads: number;
  readonly group: number;
  readonly queries: number;
  readonly newKeys: number;
  readonly pastKeys: number | null;
  readonly size: number;
  readonly valueSize: number;
  readonly dtype: FloatType;
  readonly valueDtype: FloatType;
  readonly amplitude: number;
  readonly specials: Specials;
  readonly dataSeed: number;
  readonly isCausal: boolean;
  readonly lowerRight: boolean;
  readonly left: number | null;
  readonly right: number | null;
  readonly keyLengths: "none" | "random" | "full";
  readonly alibi: "none" | "heads" | "batches";
  readonly sinks: "none" | "finite" | "some";
  readonly softcap: number | null;
  /** A multiple of 1/√D. */
  readonly scale: number | null;
  readonly mask: MaskRecipe | null;
  readonly dropoutP: number | null;
  readonly seed: number;
  readonly weights: null | {
    readonly mode: WeightsMode;
    readonly chosen: boolean;
    readonly averageHeads: boolean;
  };
}

export interface CaseTensor extends OracleTensor {
  readonly dtype: FloatType;
}

export interface CaseMask extends OracleMask {
  readonly dtype: FloatType | "bool";
}

export interface CaseOptions extends OracleOptions {
  readonly attnMask?: CaseMask;
  readonly pastKey?: CaseTensor;
  readonly pastValue?: CaseTensor;
  readonly sinks?: Float32Array;
}

export interface AttentionCase {
  readonly query: CaseTensor;
  readonly key: CaseTensor;
  readonly value: CaseTensor;
  readonly options: CaseOptions;
}

/** Multiply-adds that one case may take, so that hundreds run in seconds. */
const LARGEST_WORK = 600_000;

/** Register tiles are 4 or 6 rows × 8 columns, or 8 × 4; a key block has 264 keys. */
const lengths = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 5 }) },
  { weight: 6, arbitrary: fc.constantFrom(6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 18, 23, 24, 25) },
  { weight: 3, arbitrary: fc.constantFrom(31, 33, 64, 65, 66, 67, 125, 126, 127, 128, 130, 132, 134) },
  { weight: 1, arbitrary: fc.constantFrom(263, 264, 265, 266, 270, 276, 396, 397, 529) },
);

/** As in generating text: few queries, which share a panel with those of other heads; one is multiplied by 2112 keys at once. */
const decoding = fc.record({
  queries: fc.constantFrom(1, 1, 1, 2, 3, 5, 7),
  group: fc.constantFrom(1, 1, 2, 3, 4, 5, 8),
  newKeys: fc.oneof(
    { weight: 2, arbitrary: lengths },
    { weight: 1, arbitrary: fc.constantFrom(527, 528, 529, 791, 792, 793, 2111, 2112, 2113, 2114, 2200) },
  ),
});

const sizes = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 9 }) },
  { weight: 3, arbitrary: fc.constantFrom(12, 15, 16, 17, 24, 31, 32, 33) },
  { weight: 1, arbitrary: fc.constantFrom(63, 64, 65, 80, 96, 127, 128, 130) },
);

function sometimes<T>(share: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> {
  return fc.oneof(
    { weight: Math.round((1 - share) * 100), arbitrary: fc.constant(null) },
    { weight: Math.round(share * 100), arbitrary },
  );
}

function likely<T>(share: number, usual: T, ...others: T[]): fc.Arbitrary<T> {
  return fc.oneof(
    { weight: Math.round(share * 100), arbitrary: fc.constant(usual) },
    { weight: Math.round((1 - share) * 100), arbitrary: fc.constantFrom(...others) },
  );
}

const masks: fc.Arbitrary<MaskRecipe> = fc.record({
  kind: fc.constantFrom("bool" as const, "float" as const),
  dtype: likely<FloatType>(0.7, "float32", "float16", "bfloat16"),
  rank: fc.integer({ min: 1, max: 4 }),
  broadcastAxes: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 15 })),
  masked: fc.constantFrom(0, 0.1, 0.1, 0.5, 0.5, 0.9, 0.9, 1),
  addend: likely<MaskRecipe["addend"]>(0.7, 1, 0, 20, "-1e30", "lowest"),
  short: fc.boolean(),
});

const floatTypes = likely<FloatType>(0.7, "float32", "float16", "bfloat16");

const windows = sometimes(
  0.2,
  fc.oneof(fc.integer({ min: -1, max: 4 }), fc.constantFrom(5, 7, 8, 16, 63, 125, 126, 300, 2 ** 31)),
);

/** Any attention call that is right. */
export const attentionRecipes: fc.Arbitrary<AttentionRecipe> = fc
  .record<AttentionRecipe & { few: Pick<AttentionRecipe, "queries" | "group" | "newKeys"> | null }>({
    few: sometimes(0.25, decoding),
    form: fc.constantFrom("heads", "heads", "heads", "rows", "rows", "sequence", "packed", "packed", "single", "flat"),
    batch: likely(0.9, 1, 2, 3, 0),
    keyHeads: fc.integer({ min: 1, max: 3 }),
    group: fc.constantFrom(1, 1, 2, 3),
    queries: fc.oneof({ weight: 40, arbitrary: lengths }, { weight: 1, arbitrary: fc.constant(0) }),
    newKeys: fc.oneof({ weight: 30, arbitrary: lengths }, { weight: 1, arbitrary: fc.constant(0) }),
    pastKeys: sometimes(0.25, fc.oneof(fc.integer({ min: 0, max: 9 }), lengths)),
    size: sizes,
    valueSize: sizes,
    dtype: floatTypes,
    valueDtype: floatTypes,
    amplitude: fc.constantFrom(0.3, 1, 1, 8, 20, 50),
    specials: likely<Specials>(0.7, "none", "NaN", "infinities", "large", "subnormal", "mixed"),
    dataSeed: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
    isCausal: fc.boolean(),
    lowerRight: fc.boolean(),
    left: windows,
    right: windows,
    keyLengths: likely<AttentionRecipe["keyLengths"]>(0.65, "none", "random", "random", "full"),
    alibi: likely<AttentionRecipe["alibi"]>(0.75, "none", "heads", "batches"),
    sinks: likely<AttentionRecipe["sinks"]>(0.75, "none", "finite", "some"),
    softcap: sometimes(0.25, fc.constantFrom(0, 0.5, 2, 30, 50)),
    scale: sometimes(0.3, fc.constantFrom(0, 1, 0.5, -1, 1.7)),
    mask: sometimes(0.45, masks),
    dropoutP: sometimes(0.25, fc.constantFrom(0, 0.1, 0.5, 0.9, 1)),
    seed: fc.nat(),
    weights: sometimes(
      0.6,
      fc.record({
        mode: fc.constantFrom<WeightsMode[]>(0, 1, 2, 3, 3, 4),
        chosen: fc.boolean(),
        averageHeads: likely(0.7, false, true),
      }),
    ),
  })
  .map(({ few, ...recipe }) => consistent({ ...recipe, ...few }));

/** The nearest recipe that is allowed and small enough. */
function consistent(drawn: AttentionRecipe): AttentionRecipe {
  const recipe: { -readonly [Name in keyof AttentionRecipe]: AttentionRecipe[Name] } = { ...drawn };
  if (recipe.form === "single" || recipe.form === "flat") {
    recipe.keyHeads = 1;
    recipe.group = 1;
  }
  if (recipe.form === "flat") {
    recipe.batch = 1;
  }
  if (recipe.pastKeys !== null) {
    recipe.keyLengths = "none";
  }
  const perScore = (): number => recipe.batch * recipe.keyHeads * recipe.group * (recipe.size + recipe.valueSize);
  const work = (): number => perScore() * recipe.queries * ((recipe.pastKeys ?? 0) + recipe.newKeys);
  const reductions: (() => void)[] = [
    () => (recipe.batch = Math.min(recipe.batch, 1)),
    () => (recipe.group = 1),
    () => (recipe.size = Math.min(recipe.size, 9)),
    () => (recipe.valueSize = Math.min(recipe.valueSize, 7)),
    () => (recipe.keyHeads = 1),
    () => (recipe.queries = Math.min(recipe.queries, 67)),
    () => (recipe.pastKeys = recipe.pastKeys === null ? null : Math.min(recipe.pastKeys, 67)),
    () => (recipe.queries = Math.min(recipe.queries, 17)),
  ];
  for (const reduce of reductions) {
    if (work() > LARGEST_WORK) {
      reduce();
    }
  }
  return recipe;
}

/** A small generator of its own, so that the numbers of a recipe never change. Mulberry32, uniform in [0, 1). */
export function uniformGenerator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** About normal with deviation 1, never beyond ±3.5. */
export function bell(uniform: () => number): number {
  return (uniform() + uniform() + uniform() + uniform() - 2) * Math.sqrt(3);
}

const SPECIAL_VALUES: Record<Specials, readonly number[]> = {
  none: [],
  NaN: [NaN],
  infinities: [Infinity, -Infinity],
  large: [1e30, -1e30, 1e18],
  subnormal: [1e-40, -3e-42, 2e-45],
  mixed: [NaN, Infinity, -Infinity, 1e30, -1e30, 1e-40],
};

/** Specials are rare enough that some rows stay clean. */
export function sprinkle(values: Float64Array, specials: Specials, uniform: () => number): void {
  const candidates = SPECIAL_VALUES[specials];
  if (candidates.length === 0 || values.length === 0) {
    return;
  }
  const count = 1 + Math.floor(uniform() * 3);
  for (let n = 0; n < count; n++) {
    values[Math.floor(uniform() * values.length)] = candidates[Math.floor(uniform() * candidates.length)];
  }
}

export function shapeOf(form: CaseForm, batch: number, heads: number, rows: number, width: number): number[] {
  switch (form) {
    case "heads":
      return [batch, heads, rows, width];
    case "rows":
      return [batch, rows, heads, width];
    case "sequence":
      return [rows, batch, heads, width];
    case "packed":
      return [batch, rows, heads * width];
    case "single":
      return [batch, rows, width];
    case "flat":
      return [rows, width];
  }
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

function withoutAbsent<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}

/** The tensors and options of a recipe. */
export function materialize(recipe: AttentionRecipe): AttentionCase {
  const { form, batch, keyHeads, group, queries, newKeys, pastKeys, size, valueSize, dtype, valueDtype } = recipe;
  const uniform = uniformGenerator(recipe.dataSeed);
  const heads = keyHeads * group;
  const keys = (pastKeys ?? 0) + newKeys;
  const draw = (type: FloatType, shape: number[], deviation: number): CaseTensor => {
    const values = Float64Array.from({ length: elements(shape) }, () => deviation * bell(uniform));
    sprinkle(values, recipe.specials, uniform);
    return { dtype: type, shape, data: values.map((x) => roundTo(type, x)) };
  };
  const pastForm = form === "packed" ? "heads" : form;
  const query = draw(dtype, shapeOf(form, batch, heads, queries, size), recipe.amplitude / 3);
  const key = draw(dtype, shapeOf(form, batch, keyHeads, newKeys, size), 1);
  const value = draw(valueDtype, shapeOf(form, batch, keyHeads, newKeys, valueSize), 1);
  const past =
    pastKeys === null
      ? {}
      : {
          pastKey: draw(dtype, shapeOf(pastForm, batch, keyHeads, pastKeys, size), 1),
          pastValue: draw(valueDtype, shapeOf(pastForm, batch, keyHeads, pastKeys, valueSize), 1),
        };

  const keyLengths =
    recipe.keyLengths === "none"
      ? undefined
      : Array.from({ length: batch }, () =>
          recipe.keyLengths === "full" ? newKeys : Math.floor(uniform() * (newKeys + 1)),
        );
  const slopeShape = recipe.alibi === "batches" ? [batch, heads] : [heads];
  const options: CaseOptions = {
    ...past,
    layout: form === "rows" ? "BLHD" : form === "sequence" ? "LBHD" : undefined,
    numHeads: form === "packed" ? heads : undefined,
    numKvHeads: form === "packed" && group > 1 ? keyHeads : undefined,
    isCausal: recipe.isCausal || undefined,
    causalAlignment: recipe.lowerRight ? "lower-right" : undefined,
    leftWindowSize: recipe.left ?? undefined,
    rightWindowSize: recipe.right ?? undefined,
    keyLengths,
    alibiSlopes:
      recipe.alibi === "none"
        ? undefined
        : { data: Float32Array.from({ length: elements(slopeShape) }, () => uniform() - 0.1), shape: slopeShape },
    sinks: recipe.sinks === "none" ? undefined : drawSinks(recipe, heads, uniform),
    softcap: recipe.softcap ?? undefined,
    scale: recipe.scale === null ? undefined : recipe.scale / Math.sqrt(size),
    attnMask: recipe.mask ? drawMask(recipe, recipe.mask, heads, keys, keyLengths, uniform) : undefined,
    dropoutP: recipe.dropoutP ?? undefined,
    seed: recipe.dropoutP ? recipe.seed : undefined,
    needWeights: recipe.weights ? chooseWeights(recipe, heads, uniform) : undefined,
    weightsMode: recipe.weights && recipe.weights.mode !== 3 ? recipe.weights.mode : undefined,
  };
  return { query, key, value, options: withoutAbsent(options) };
}

function drawSinks(recipe: AttentionRecipe, heads: number, uniform: () => number): Float32Array {
  const sinks = Float64Array.from({ length: heads }, () => (recipe.amplitude / 2) * bell(uniform));
  if (recipe.sinks === "some") {
    sinks[Math.floor(uniform() * heads)] = -Infinity;
  }
  if (uniform() < 0.3) {
    sprinkle(sinks, recipe.specials, uniform);
  }
  return Float32Array.from(sinks);
}

function drawMask(
  recipe: AttentionRecipe,
  mask: MaskRecipe,
  heads: number,
  keys: number,
  keyLengths: readonly number[] | undefined,
  uniform: () => number,
): CaseMask {
  const { form, batch, queries } = recipe;
  const leading = form === "flat" ? [] : form === "single" ? [batch] : [batch, heads];
  const full = [...leading, queries, keys];
  const shape = full.slice(Math.max(0, full.length - mask.rank));
  for (let n = 0; n < shape.length; n++) {
    if (mask.broadcastAxes & (1 << n)) {
      shape[shape.length - 1 - n] = 1;
    }
  }
  const last = shape.length - 1;
  if (mask.short && keyLengths && keys > 2 && shape[last] === keys) {
    shape[last] = Math.max(2, ...keyLengths);
  }
  const dtype = mask.kind === "bool" ? "bool" : mask.dtype;
  const lowest = { float32: -3.4028234663852886e38, float16: -65504, bfloat16: -3.3895313892515355e38 }[mask.dtype];
  const constant = mask.addend === "lowest" ? lowest : Math.max(-1e30, lowest);
  const values = Float64Array.from({ length: elements(shape) }, () => {
    const isMasked = uniform() < mask.masked;
    if (mask.kind === "bool") {
      return isMasked ? 0 : 1 + Math.floor(uniform() * 255);
    }
    if (isMasked) {
      return -Infinity;
    }
    return typeof mask.addend === "number" ? mask.addend * bell(uniform) : constant;
  });
  if (mask.kind === "bool") {
    return { kind: "bool", dtype, shape, data: values };
  }
  if (uniform() < 0.3) {
    sprinkle(values, recipe.specials, uniform);
  }
  return { kind: "float", dtype, shape, data: values.map((x) => roundTo(mask.dtype, x)) };
}

function chooseWeights(recipe: AttentionRecipe, heads: number, uniform: () => number): true | ChosenWeights {
  const averageHeads = recipe.weights?.averageHeads === true || undefined;
  if (!recipe.weights?.chosen) {
    return averageHeads ? { averageHeads } : true;
  }
  return withoutAbsent({
    heads: uniform() < 0.7 ? someOf(heads, uniform) : undefined,
    rows: uniform() < 0.7 ? someOf(recipe.queries, uniform) : undefined,
    averageHeads,
  });
}

/** Some of 0 … count − 1, at least one where there is one, in random order. */
export function someOf(count: number, uniform: () => number): number[] {
  const shuffled = Array.from({ length: count }, (_, n) => ({ n, order: uniform() }))
    .sort((x, y) => x.order - y.order)
    .map(({ n }) => n);
  return shuffled.slice(0, Math.max(Math.min(count, 1), Math.floor(uniform() * (count + 1))));
}
