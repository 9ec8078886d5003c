/** A linear layer with a packed weight: the bits of linear, and when the weight is packed and its memory given back. */
import { describe, expect, it } from "vitest";
import { init, linear, memoryUsage, scope, Tensor } from "../../ts/entry/default.js";
import { type LinearParameters, PackedLinear } from "../../ts/ops/packed-linear.js";
import { markChanged } from "../../ts/tensor/tensor.js";
import { given, randomOperand } from "../cases/layer-operands.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrows } from "../support/expect-error.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

const inUse = (): number => memoryUsage().bytesInUse;

/** Of 4 inputs and 3 outputs; it belongs to the scope. */
const small = (weight = Float32Array.from({ length: 12 }, (_, n) => n)): LinearParameters => ({
  weight: Tensor.from(weight, [3, 4]),
  bias: Tensor.from(Float32Array.of(1, 2, 3)),
  weightRow: 0,
  biasRow: 0,
  outFeatures: 3,
});
const row = { data: [1, 1, 1, 1], shape: [4] };

describe("PackedLinear", () => {
  forEachArithmetic(() => {
    it("gives the bits of linear, with some rows of its parameters too", () => {
      withoutLeak(() => {
        const input = given(randomOperand(3, "bfloat16", [2, 9, 20]), false);
        const [weight, bias] = [randomOperand(4, "float32", [33, 20]), randomOperand(5, "float32", [40])];
        const [w, b] = [weight.data as Float32Array, bias.data as Float32Array];
        const tensors = { weight: Tensor.from(w, [33, 20]), bias: Tensor.from(b) };
        for (const [weightRow, biasRow, outFeatures] of [
          [0, 0, 33],
          [0, 7, 33],
          [11, 21, 19],
        ]) {
          const weights = { data: w.slice(weightRow * 20, (weightRow + outFeatures) * 20), shape: [outFeatures, 20] };
          const biases = { data: b.slice(biasRow, biasRow + outFeatures), shape: [outFeatures] };
          const layer = new PackedLinear({ ...tensors, weightRow, biasRow, outFeatures });
          expect(layer.apply("test", input).toArray()).toEqual(linear(input, weights, biases).toArray());
          const withoutBias = new PackedLinear({ ...tensors, bias: undefined, weightRow, biasRow, outFeatures });
          expect(withoutBias.apply("test", input).toArray()).toEqual(linear(input, weights).toArray());
          layer.drop();
          withoutBias.drop();
        }
      });
    });

    it("packs the weight when it is first needed, once, outside of scopes", () => {
      withoutLeak(() => {
        const layer = new PackedLinear(small());
        const before = inUse();
        scope(() => void layer.apply("test", row));
        // Panels of 8 outputs, and what the allocator keeps for itself.
        const packed = inUse() - before;
        expect(packed).toBeGreaterThanOrEqual(8 * 4 * 4);
        expect(packed).toBeLessThan(8 * 4 * 4 + 64);
        scope(() => void layer.apply("test", row));
        expect(inUse()).toBe(before + packed);
        layer.drop();
        expect(inUse()).toBe(before);
        layer.drop();
        expect([...layer.apply("test", row).toArray()]).toEqual([7, 24, 41]);
        layer.drop();
      });
    });

    it("packs it anew, in the same memory, when its version has changed, and not for writes through a view", () => {
      withoutLeak(() => {
        const parameters = small();
        const layer = new PackedLinear(parameters);
        scope(() => void layer.apply("test", row));
        const before = inUse();
        const expectResult = (...expected: number[]): void =>
          scope(() => expect([...layer.apply("test", row).toArray()]).toEqual(expected));
        parameters.weight.view().fill(1);
        expectResult(7, 24, 41);
        markChanged(parameters.weight);
        expectResult(5, 6, 7);
        // Another tensor of the same memory.
        const flat = parameters.weight.reshape([12]);
        flat.view().fill(2);
        markChanged(flat);
        expectResult(9, 10, 11);
        // The bias is read where it lies.
        parameters.bias?.view().fill(0);
        expectResult(8, 8, 8);
        expect(inUse()).toBe(before);
        layer.drop();
      });
    });

    it("refuses bad input before it packs, and parameters that have been disposed", () => {
      withoutLeak(() => {
        const parameters = small();
        const layer = new PackedLinear(parameters);
        const wide = { data: [1], shape: [1] };
        expectThrowsWithoutLeak(() => layer.apply("test", wide), RangeError, "ERR_SHAPE", /^test: input: /);
        scope(() => void layer.apply("test", row));
        parameters.bias?.dispose();
        expectThrowsWithoutLeak(() => layer.apply("test", row), TypeError, "ERR_DISPOSED", /^test: bias: /);
        const other = small();
        const second = new PackedLinear({ ...other, bias: undefined });
        scope(() => void second.apply("test", row));
        other.weight.dispose();
        expectThrowsWithoutLeak(() => second.apply("test", row), TypeError, "ERR_DISPOSED", /^test: weight: /);
        layer.drop();
        second.drop();
      });
    });
  });

  it("leaves everything as it was when there is no memory to pack", async () => {
    const runtime = await init({ maximumMemory: 8 * 2 ** 20 });
    const layer = new PackedLinear({
      weight: Tensor.from(new Float32Array(2 ** 20).fill(1), [1024, 1024]),
      bias: undefined,
      ...{ weightRow: 0, biasRow: 0, outFeatures: 1024 },
    });
    const x = { data: new Float32Array(1024).fill(1), shape: [1024] };
    const filler = Tensor.from(new Uint8Array(2 ** 20));
    const before = inUse();
    expectThrows(() => layer.apply("test", x), RangeError, "ERR_OUT_OF_MEMORY", /^test: out of memory/);
    expect(inUse()).toBe(before);
    filler.dispose();
    const small = new PackedLinear({
      weight: Tensor.from(Float32Array.of(2), [1, 1]),
      bias: undefined,
      ...{ weightRow: 0, biasRow: 0, outFeatures: 1 },
    });
    expect(small.apply("test", { data: [3], shape: [1] }).item()).toBe(6);
    runtime.dispose();
    layer.drop();
  });
});
