/** cat, narrow, transpose. */
import fc from "fast-check";
import { cat, narrow, randn, type Tensor, transpose } from "../../../ts/entry/default.js";
import * as oracle from "../../oracle/rearrangement.js";
import type { GradientTrial } from "../gradient.js";
import {
  dataSeeds,
  floatTypes,
  given,
  type LayerOperand,
  layerSizes,
  leadingAxes,
  randomOperand,
} from "../layer-operands.js";
import { floats, type OperationRecord, type Trial } from "../operation.js";

/** Shapes of at least one axis, and an axis by which callers may name it. */
const shapes = fc
  .record({
    leading: leadingAxes,
    size: layerSizes,
    trailing: fc.array(fc.constantFrom(1, 2, 5), { maxLength: 1 }),
    axes: fc.tuple(fc.nat(4), fc.nat(4)),
    fromEnd: fc.boolean(),
    dtype: floatTypes,
    isTensor: fc.boolean(),
    dataSeed: dataSeeds,
  })
  .map(({ leading, size, trailing, axes, fromEnd, ...rest }) => {
    const shape = [...leading, size, ...trailing];
    const [axis, otherAxis] = axes.map((drawn) => drawn % shape.length);
    const named = (which: number): number => (fromEnd ? which - shape.length : which);
    return { shape, axis, otherAxis, named, ...rest };
  });

/** A drawn call, of which elements go where `from` says: those of the operand of this name. */
interface Copying {
  readonly operands: Readonly<Record<string, LayerOperand>>;
  readonly run: (tensors: Readonly<Record<string, unknown>>) => Tensor;
  readonly shape: readonly number[];
  readonly from: readonly (readonly [operand: string, element: number])[];
  readonly isTensor: boolean;
}

const trialOf = ({ operands, run, shape, from, isTensor }: Copying): Trial => ({
  run: () =>
    run(Object.fromEntries(Object.entries(operands).map(([name, operand]) => [name, given(operand, isTensor)]))),
  dtype: Object.values(operands)[0].dtype,
  shape,
  expected: Float64Array.from(from, ([name, element]) => operands[name].values[element]),
  tolerance: () => 0,
});

const gradientTrialOf = ({ operands, run, from }: Copying): GradientTrial => ({
  operands,
  run,
  forward: (values) => Float64Array.from(from, ([name, element]) => values[name][element]),
  gradients: (dy) => {
    const gradients = Object.fromEntries(
      Object.entries(operands).map(([name, { values }]) => [name, new Float64Array(values.length)]),
    );
    from.forEach(([name, element], place) => (gradients[name][element] = dy[place]));
    return gradients;
  },
  tolerance: () => () => 0,
});

const ofInput = (elements: readonly number[]): Copying["from"] => elements.map((element) => ["input", element]);

const cats: fc.Arbitrary<Copying> = fc
  .tuple(shapes, fc.array(fc.constantFrom(0, 1, 2, 7), { minLength: 0, maxLength: 3 }))
  .map(([{ shape, axis, named, dtype, isTensor, dataSeed }, others]) => {
    const parts = [shape[axis], ...others].map((size) => shape.map((own, n) => (n === axis ? size : own)));
    const { shape: whole, from } = oracle.cat(parts, axis);
    return {
      operands: Object.fromEntries(parts.map((part, n) => [String(n), randomOperand(dataSeed + n, dtype, part)])),
      run: (tensors) =>
        cat(
          parts.map((_, n) => tensors[n] as Tensor),
          { axis: named(axis) },
        ),
      shape: whole,
      from: from.map(([tensor, element]) => [String(tensor), element]),
      isTensor,
    };
  });

const narrows: fc.Arbitrary<Copying> = fc
  .tuple(shapes, fc.nat(), fc.nat(), fc.boolean())
  .map(([{ shape, axis, named, dtype, isTensor, dataSeed }, drawnStart, drawnLength, fromEnd]) => {
    const size = shape[axis];
    const start = drawnStart % (size + 1);
    const length = drawnLength % (size - start + 1);
    const { shape: part, from } = oracle.narrow(shape, axis, start, length);
    return {
      operands: { input: randomOperand(dataSeed, dtype, shape) },
      run: ({ input }) => narrow(input as Tensor, named(axis), fromEnd && start < size ? start - size : start, length),
      shape: part,
      from: ofInput(from),
      isTensor,
    };
  });

const transpositions: fc.Arbitrary<Copying> = shapes.map(
  ({ shape, axis, otherAxis, named, dtype, isTensor, dataSeed }) => {
    const { shape: exchanged, from } = oracle.transpose(shape, axis, otherAxis);
    return {
      operands: { input: randomOperand(dataSeed, dtype, shape) },
      run: ({ input }) => transpose(input as Tensor, named(axis), named(otherAxis)),
      shape: exchanged,
      from: ofInput(from),
      isTensor,
    };
  },
);

const rearrangement = (
  name: string,
  computes: string,
  copyings: fc.Arbitrary<Copying>,
): Pick<OperationRecord, "name" | "family" | "computes" | "error" | "property" | "gradient" | "bits"> => ({
  name,
  family: "rearrangement",
  computes,
  error: "none",
  property: { trials: copyings.map(trialOf), numRuns: 200 },
  gradient: { trials: copyings.map(gradientTrialOf), numRuns: 60 },
  bits: { none: "it copies bits, which its tests compare" },
});

const good = floats(2, 3);
const large = randomOperand(1, "float16", [2, 4, 30, 32]);
const number = { data: [1], shape: [] };

export const rearrangementRecords: readonly OperationRecord[] = [
  {
    ...rearrangement("cat", "tensors one after the other along an axis", cats),
    // prettier-ignore
    refusals: [
      ["other sizes", () => cat([good, floats(2, 4)]), RangeError, "ERR_SHAPE", /^cat: tensors\[1\]: expected shape \[2, 3\], that of tensors\[0\].*got \[2, 4\]/],
      ["another rank", () => cat([good, floats(3)]), RangeError, "ERR_SHAPE", /^cat: tensors\[1\]: .*got \[3\]/],
      ["another dtype", () => cat([good, randomOperand(1, "float16", [2, 3])]), TypeError, "ERR_INVALID_TYPE", /^cat: tensors\[1\]: expected float32.*got "float16"/],
      ["an axis of two", () => cat([good], { axis: 2 }), RangeError, "ERR_INVALID_VALUE", /^cat: axis: .*from -2 to 1, got 2/],
      ["PyTorch's name of the axis", () => cat([good], { dim: 1 } as never), TypeError, "ERR_INVALID_TYPE", /^cat: options: .*"dim"/],
      ["no tensors", () => cat([]), RangeError, "ERR_INVALID_VALUE", /^cat: tensors: .*at least one.*got \[\]/],
      ["a tensor", () => cat(good as never), TypeError, "ERR_INVALID_TYPE", /^cat: tensors: expected an array/],
      ["an element that is no tensor", () => cat([good, 1 as never]), TypeError, "ERR_INVALID_TYPE", /^cat: tensors\[1\]: .*got 1/],
      ["single numbers", () => cat([number, number]), RangeError, "ERR_SHAPE", /^cat: tensors\[0\]: .*got \[\]/],
    ],
    call: () => [cat([good, good])],
    memory: { cat: () => [cat([large, large], { axis: 1 })] },
    typical: () => {
      const [a, b] = [1, 2].map((seed) => randn([12, 128, 64], { seed }));
      return { size: "[12, 128, 64] twice", run: () => cat([a, b], { axis: 1 }), bytes: 4 * 4 * 12 * 128 * 64 };
    },
    mixture: (n) => [cat([floats(n, 3), floats(2, 3)]), cat([floats(3, n), floats(3, 1)], { axis: 1 })],
  },
  {
    ...rearrangement("narrow", "a part along an axis", narrows),
    // prettier-ignore
    refusals: [
      ["an axis of two", () => narrow(good, 2, 0, 1), RangeError, "ERR_INVALID_VALUE", /^narrow: axis: .*from -2 to 1, got 2/],
      ["a start behind the end", () => narrow(good, 1, 4, 0), RangeError, "ERR_INVALID_VALUE", /^narrow: start: .*from -3 to 3, got 4/],
      ["a length beyond the end", () => narrow(good, 1, -2, 3), RangeError, "ERR_INVALID_VALUE", /^narrow: length: .*from 0 to 2, got 3/],
      ["no length", () => narrow(good, 1, 0, undefined as never), TypeError, "ERR_INVALID_TYPE", /^narrow: length: .*got undefined/],
      ["a fractional start", () => narrow(good, 1, 0.5, 1), RangeError, "ERR_INVALID_VALUE", /^narrow: start: .*got 0.5/],
      ["no tensor", () => narrow([1, 2] as never, 0, 0, 1), TypeError, "ERR_INVALID_TYPE", /^narrow: input: .*got \[1, 2\]/],
      ["a single number", () => narrow(number, 0, 0, 1), RangeError, "ERR_SHAPE", /^narrow: input: .*got \[\]/],
    ],
    call: () => [narrow(good, 1, 1, 2)],
    memory: { narrow: () => [narrow(large, 1, 1, 2)] },
    typical: () => {
      const input = randn([12, 256, 64], { seed: 1 });
      return { size: "half of [12, 256, 64]", run: () => narrow(input, 1, 64, 128), bytes: 2 * 4 * 12 * 128 * 64 };
    },
    mixture: (n) => [narrow(floats(n, 3), 0, n >> 1, 1), narrow(floats(3, n), -1, 0, n)],
  },
  {
    ...rearrangement("transpose", "two axes exchanged", transpositions),
    // prettier-ignore
    refusals: [
      ["an axis of two", () => transpose(good, 0, 2), RangeError, "ERR_INVALID_VALUE", /^transpose: axis1: .*from -2 to 1, got 2/],
      ["a fractional axis", () => transpose(good, 0.5, 0), RangeError, "ERR_INVALID_VALUE", /^transpose: axis0: .*got 0.5/],
      ["no second axis", () => transpose(good, 0, undefined as never), TypeError, "ERR_INVALID_TYPE", /^transpose: axis1: .*got undefined/],
      ["no tensor", () => transpose([1, 2] as never, 0, 0), TypeError, "ERR_INVALID_TYPE", /^transpose: input: .*got \[1, 2\]/],
    ],
    call: () => [transpose(good, 0, 1)],
    memory: { transpose: () => [transpose(large, 1, 3)] },
    typical: () => {
      const input = randn([12, 512, 512], { seed: 1 });
      return { size: "[12, 512, 512]", run: () => transpose(input, 1, 2), bytes: 2 * 4 * 12 * 512 * 512 };
    },
    mixture: (n) => [transpose(floats(n, 3), 0, 1), transpose(randomOperand(n, "float16", [2, n, 3]), 0, 2)],
  },
];
