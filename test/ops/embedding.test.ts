/** embedding: bits that it must not touch, and the forms of indices. */
import { expect, it } from "vitest";
import { embedding, type IndicesLike, Tensor } from "../../ts/entry/default.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { withoutLeak } from "../support/without-leak.js";

forEachArithmetic(() => {
  it("embedding keeps NaN's bits and zero's sign", () => {
    withoutLeak(() => {
      const bits = new Uint16Array([0x7e01, 0x8000, 0xfc00, 1]);
      expect(embedding([1, 0], { data: bits, shape: [2, 2], dtype: "float16" }).toArray()).toEqual(
        new Uint16Array([0xfc00, 1, 0x7e01, 0x8000]),
      );
      const floats = new Float32Array(new Uint32Array([0x7fc00001, 0x80000000]).buffer);
      const copied = embedding([0], { data: floats, shape: [1, 2] }).toArray();
      expect(new Uint32Array(copied.buffer)).toEqual(new Uint32Array([0x7fc00001, 0x80000000]));
    });
  });

  it("embedding takes indices in many forms", () => {
    withoutLeak(() => {
      const weight = { data: [[1], [2], [3]], shape: [3, 1] };
      const forms: [IndicesLike, number[]][] = [
        [[2, 0], [2]],
        [[[2, 0]], [1, 2]],
        [new Int32Array([2, 0]), [2]],
        [new Uint8Array([2, 0]), [2]],
        [new Uint32Array([2, 0]), [2]],
        [new BigInt64Array([2n, 0n]), [2]],
        [new BigUint64Array([2n, 0n]), [2]],
        [
          [[2n], [0n]],
          [2, 1],
        ],
        [{ data: new BigInt64Array([2n, 0n]), shape: [1, 2] }, [1, 2]],
        [{ data: [2n, 0n], shape: [2, 1] }, [2, 1]],
        [{ data: [2, 0], shape: [2, 1] }, [2, 1]],
        [Tensor.from(new Int32Array([2, 0])), [2]],
        [{ data: [2, 0], shape: [2], dtype: "int32" }, [2]],
        [{ data: new Int32Array([2, 0]), shape: [2, 1] }, [2, 1]],
      ];
      for (const [indices, shape] of forms) {
        const output = embedding(indices, weight);
        expect(output.shape).toEqual([...shape, 1]);
        expect(Array.from(output.toArray())).toEqual([3, 1]);
      }
      expect(embedding({ data: new Int32Array([1]), shape: [] }, weight).toNested()).toEqual([2]);
      expect(embedding([], { data: [], shape: [0, 5] }).shape).toEqual([0, 5]);
    });
  });
});
