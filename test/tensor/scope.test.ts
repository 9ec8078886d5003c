import { describe, expect, test } from "vitest";
import { init, keep, memoryUsage, scope, Tensor } from "../../ts/entry/default.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrows } from "../support/expect-error.js";

const isLive = (tensor: Tensor): boolean => !tensor.disposed;

forEachArithmetic(() => {
  describe("scope", () => {
    test("frees what was made, but not what was there", () => {
      const before = Tensor.from([1]);
      const { bytesInUse } = memoryUsage();
      const made: Tensor[] = [];
      const result = scope(() => {
        made.push(Tensor.from([2]), before.reshape([1, 1]), before.to("float16"));
        return made.length;
      });
      expect(result).toBe(3);
      expect(made.filter(isLive)).toEqual([]);
      expect(isLive(before)).toBe(true);
      expect(memoryUsage().bytesInUse).toBe(bytesInUse);
      before.dispose();
    });

    test("returns its result alive, wherever it holds tensors", () => {
      const shared = scope(() => Tensor.from([0]));
      expect(isLive(shared)).toBe(true);
      const tensors: Tensor[] = [];
      scope(() => {
        tensors.push(...Array.from({ length: 8 }, (_, index) => Tensor.from([index])));
        const cycle: Record<string, unknown> = { deep: [{ deeper: tensors[3] }] };
        cycle.self = cycle;
        return {
          first: tensors[0],
          list: [tensors[1], [tensors[2]]],
          cycle,
          map: new Map<unknown, unknown>([
            ["key", tensors[4]],
            [tensors[5], [tensors[6]]],
          ]),
          set: new Set([tensors[7]]),
          dropped: Tensor.from([9]).toArray(),
          shared,
          nothing: null,
        };
      });
      const values = [...tensors, shared];
      expect(values.map(isLive)).toEqual(Array.from({ length: 9 }, () => true));
      for (const tensor of values) tensor.dispose();
    });

    test("nests: survivors belong to the scope around", () => {
      const inner: Tensor[] = [];
      const outer = scope(() => {
        const kept = scope(() => {
          inner.push(Tensor.from([1]), Tensor.from([2]));
          return inner[0];
        });
        expect(inner.map(isLive)).toEqual([true, false]);
        return kept.to("int32");
      });
      expect(inner.map(isLive)).toEqual([false, false]);
      expect(outer.item()).toBe(1);
      outer.dispose();
    });

    test("frees everything when its function throws", () => {
      const { bytesInUse } = memoryUsage();
      const made: Tensor[] = [];
      const error = new Error("mine");
      expect(() =>
        scope(() => {
          made.push(Tensor.from([1]));
          scope(() => {
            made.push(Tensor.from([2]));
            throw error;
          });
        }),
      ).toThrow(error);
      expect(made.filter(isLive)).toEqual([]);
      expect(memoryUsage().bytesInUse).toBe(bytesInUse);
      // No scope was left open.
      const after = Tensor.from([3]);
      scope(() => 0);
      expect(isLive(after)).toBe(true);
      after.dispose();
    });

    test("does not mind what was disposed by hand", () => {
      const survivor = scope(() => {
        Tensor.from([1]).dispose();
        return Tensor.from([2]);
      });
      survivor.dispose();
      const disposed = scope(() => {
        const tensor = Tensor.from([3]);
        tensor.dispose();
        return tensor;
      });
      expect(disposed.disposed).toBe(true);
    });

    test.each<[string, () => unknown]>([
      ["a promise", () => Promise.resolve(Tensor.from([1]))],
      [
        "a promise within",
        () => {
          Tensor.from([1]);
          return { later: [Promise.reject(new Error("lost"))] };
        },
      ],
      ["a thenable", () => ({ then: (): Tensor => Tensor.from([1]) })],
    ])("refuses %s, and frees", async (_, fn) => {
      const { bytesInUse } = memoryUsage();
      expectThrows(() => scope(fn), TypeError, "ERR_INVALID_TYPE", /^scope: fn: expected a function that is done when/);
      expect(memoryUsage().bytesInUse).toBe(bytesInUse);
      // A rejection that nobody handled would be reported meanwhile.
      await new Promise((resolve) => setTimeout(resolve, 0));
    });

    test.each([undefined, null, 3, Promise.resolve()])("refuses what is no function: %s", (fn) => {
      const call = (): unknown => scope(fn as unknown as () => unknown);
      expectThrows(call, TypeError, "ERR_INVALID_TYPE", /^scope: fn: expected a function, got/);
    });

    test("frees everything when a getter of the result throws", () => {
      const { bytesInUse } = memoryUsage();
      const result = {
        tensor: undefined as Tensor | undefined,
        get trap() {
          throw new Error("getter");
        },
      };
      expect(() =>
        scope(() => {
          result.tensor = Tensor.from([1]);
          return result;
        }),
      ).toThrow("getter");
      expect(memoryUsage().bytesInUse).toBe(bytesInUse);
    });
  });

  describe("keep", () => {
    test("lets a tensor escape from all scopes", () => {
      const escaped: Tensor[] = [];
      const outer: Tensor[] = [];
      expect(() =>
        scope(() => {
          outer.push(Tensor.from([0]));
          scope(() => {
            const tensor = Tensor.from([1]);
            expect(keep(tensor)).toBe(tensor);
            escaped.push(tensor);
          });
          keep(outer[0]);
          throw new Error("even so");
        }),
      ).toThrow("even so");
      expect([...escaped, ...outer].map(isLive)).toEqual([true, true]);
      for (const tensor of [...escaped, ...outer]) tensor.dispose();
    });

    test("is nothing outside a scope, and takes tensors alone", () => {
      const tensor = Tensor.from([1]);
      keep(tensor);
      tensor.dispose();
      const message = /^keep: tensor: expected a Tensor, got \[1\]$/;
      expectThrows(() => keep([1] as unknown as Tensor), TypeError, "ERR_INVALID_TYPE", message);
    });
  });
});

test("a scope may outlive the runtime", async () => {
  const first = await init();
  const survivor = scope(() => {
    const tensor = Tensor.from([1]);
    first.dispose();
    return tensor;
  });
  expect(survivor.disposed).toBe(true);
});
