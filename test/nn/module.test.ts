/** Module as users extend it: what it finds, names, loads and gives back, and how layers' packed weights follow. */
import { describe, expect, it } from "vitest";
import {
  AttentionError,
  buffer,
  type ErrorCode,
  init,
  Linear,
  loadSafetensors,
  manualSeed,
  memoryUsage,
  Module,
  MultiheadAttention,
  parameter,
  rand,
  saveSafetensors,
  scope,
  SelfAttention,
  type StateDictLike,
  Tensor,
  type TensorData,
  type TensorLike,
} from "../../ts/entry/default.js";
import { forEachArithmetic } from "../support/arithmetics.js";
import { expectThrows } from "../support/expect-error.js";
import { withModule } from "../support/with-module.js";
import { expectThrowsWithoutLeak, withoutLeak } from "../support/without-leak.js";

const inUse = (): number => memoryUsage().bytesInUse;
const zeros = (...shape: number[]): TensorData => ({
  data: new Float32Array(shape.reduce((product, size) => product * size, 1)),
  shape,
});

/** Of everything that counts, in an order other than PyTorch's, and of what doesn't. */
class Everything extends Module {
  readonly attention = new SelfAttention(4, 2);
  readonly layers = [new Linear(4, 3), new Linear(3, 4, { bias: false })];
  readonly table = buffer(Tensor.from(Int32Array.of(7, 8)));
  readonly scale = parameter(rand([1]));
  readonly nested = [[new Linear(1, 1)], "text"];
  readonly scales = [parameter(rand([2])), parameter(rand([3]))];
  readonly elsewhere = new Map([["map", new Linear(1, 1)]]);
  readonly aside: Tensor;
  readonly #secret = new Linear(1, 1);

  constructor() {
    super();
    this.aside = rand([5]);
    Object.defineProperty(this, "unlisted", { value: parameter(rand([1])) });
  }

  forward(x: TensorLike): Tensor {
    return scope(() => this.layers.reduce<TensorLike>((value, layer) => layer.forward(value), x) as Tensor);
  }

  override dispose(): void {
    super.dispose();
    this.#secret.dispose();
    this.elsewhere.get("map")?.dispose();
    this.aside.dispose();
    (this as unknown as { unlisted: Tensor }).unlisted.dispose();
  }
}

/** A head of the same weight as an embedding, as language models have it. */
class Tied extends Module {
  readonly table = parameter(rand([3, 2]));
  readonly head = Linear.from(this.table);
}

/** A module within another, with a way back that is no part of it. */
class Inner extends Module {
  readonly layer = new Linear(2, 2);
  readonly #outer: Module;

  constructor(outer: Module) {
    super();
    this.#outer = outer;
  }

  get outer(): Module {
    return this.#outer;
  }
}

const names = [
  ...["scale", "table"],
  ...["in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"].map((name) => `attention.${name}`),
  ...["layers.0.weight", "layers.0.bias", "layers.1.weight", "nested.0.0.weight", "nested.0.0.bias"],
  ...["scales.0", "scales.1"],
];

/** Copies of all that a module holds. */
const copyOf = (module: Module): Record<string, TensorData> =>
  Object.fromEntries(
    Object.entries(module.stateDict()).map(([name, tensor]) => [name, { data: tensor.toArray(), shape: tensor.shape }]),
  );

describe("Module", () => {
  forEachArithmetic(() => {
    it("finds modules, arrays, parameters and buffers in its properties, and nothing else", () => {
      withModule(
        () => new Everything(),
        (module) => {
          expect(Object.keys(module.stateDict())).toEqual(names);
          const learned = names.filter((name) => name !== "table");
          expect([...module.namedParameters().keys()]).toEqual(learned);
          expect(module.parameters()).toEqual([...module.namedParameters().values()]);
          const state = module.stateDict();
          for (const [name, tensor] of module.namedParameters()) expect(state[name]).toBe(tensor);
          expect(state["layers.1.weight"]).toBe(module.layers[1].weight);
          expect(state["table"].toArray()).toEqual(Int32Array.of(7, 8));
          expect([...module.namedModules()]).toEqual([
            ["", module],
            ["attention", module.attention],
            ["attention.out_proj", module.attention.out_proj],
            ["layers.0", module.layers[0]],
            ["layers.1", module.layers[1]],
            ["nested.0.0", (module.nested[0] as Linear[])[0]],
          ]);
          expect([...module.namedModules().values()][2]).toBe(module.attention.out_proj);
        },
      );
    });

    it("finds what is there when it is asked", () => {
      class Growing extends Module {
        layers: Linear[] = [];
      }
      withModule(
        () => new Growing(),
        (module) => {
          expect(module.parameters()).toEqual([]);
          expect(module.stateDict()).toEqual({});
          module.layers.push(new Linear(1, 2));
          expect([...module.namedParameters().keys()]).toEqual(["layers.0.weight", "layers.0.bias"]);
        },
      );
    });

    it("has a tied tensor once among the parameters, and under each name in the state dict", () => {
      withModule(
        () => new Tied(),
        (module) => {
          expect([...module.namedParameters().keys()]).toEqual(["table"]);
          const state = module.stateDict();
          expect(Object.keys(state)).toEqual(["table", "head.weight"]);
          expect(state["head.weight"]).toBe(state["table"]);
          // One name does, as in files that leave the others out; the layer that packed the weight sees it.
          const run = (): number[] => [...module.head.forward({ data: [1, 10], shape: [2] }).toArray()];
          run();
          for (const name of ["table", "head.weight"]) {
            const weight = { data: [1, 2, 3, 4, 5, name.length], shape: [3, 2] };
            expect(module.loadStateDict({ [name]: weight })).toEqual({ missingKeys: [], unexpectedKeys: [] });
            expect(run()).toEqual([21, 43, 5 + 10 * name.length]);
          }
          const message = /dict: missing keys "table", "head\.weight"$/;
          expectThrows(() => module.loadStateDict({}), RangeError, "ERR_INVALID_VALUE", message);
        },
      );
    });

    it("has a module in two places once among the modules", () => {
      class Twice extends Module {
        readonly first = new Linear(1, 1);
        readonly layers = [this.first];
      }
      withModule(
        () => new Twice(),
        (module) => {
          expect([...module.namedModules().keys()]).toEqual(["", "first"]);
          expect(Object.keys(module.stateDict())).toEqual([
            ...["first.weight", "first.bias", "layers.0.weight", "layers.0.bias"],
          ]);
          expect(module.parameters()).toHaveLength(2);
        },
      );
    });

    it("refuses a module that holds itself, but not a private way back", () => {
      class Loop extends Module {
        readonly layers: Module[] = [new Linear(1, 1)];
      }
      withModule(
        () => new Loop(),
        (module) => {
          const outer = new Loop();
          outer.layers.push(module);
          module.layers.push(outer);
          for (const [method, use] of Object.entries({
            parameters: () => module.parameters(),
            namedParameters: () => module.namedParameters(),
            namedModules: () => module.namedModules(),
            stateDict: () => module.stateDict(),
            loadStateDict: () => module.loadStateDict({}),
            dropPackedWeights: () => module.dropPackedWeights(),
            train: () => module.train(false),
            dispose: () => module.dispose(),
          })) {
            const message = new RegExp(`^Loop\\.${method}: layers\\.1\\.layers\\.1: a module that holds itself; keep`);
            expectThrowsWithoutLeak(use, TypeError, "ERR_INVALID_TYPE", message);
          }
          expect([module.training, outer.training, module.disposed]).toEqual([true, true, false]);
          outer.layers.pop();
        },
      );
      withModule(
        () => {
          const model = new Loop();
          model.layers.push(new Inner(model));
          return model;
        },
        (module) => {
          expect([...module.namedModules().keys()]).toEqual(["", "layers.0", "layers.1", "layers.1.layer"]);
          expect((module.layers[1] as Inner).outer).toBe(module);
        },
      );
    });

    it("switches the mode of all that is below it, by their own methods", () => {
      class Frozen extends Module {
        override train(): this {
          return super.train(false);
        }
      }
      // No other test may have a class of this name: the bundle of the matrix would give one of them another.
      class Switched extends Module {
        readonly everything = new Everything();
        readonly frozen = new Frozen();
      }
      withModule(
        () => new Switched(),
        (model) => {
          const modes = (): boolean[] => Array.from(model.namedModules().values(), ({ training }) => training);
          expect(new Set(modes())).toEqual(new Set([true]));
          expect(model.eval()).toBe(model);
          expect(new Set(modes())).toEqual(new Set([false]));
          model.train();
          expect([model.everything.attention.out_proj.training, model.frozen.training]).toEqual([true, false]);
          expectThrows(
            () => model.train(1 as never),
            TypeError,
            "ERR_INVALID_TYPE",
            /^Switched\.train: mode: expected a/,
          );
        },
      );
    });

    it("has the name of its class in errors, and one when that has none", () => {
      const classes = [Everything, class extends Module {}];
      for (const [create, name] of [
        [classes[0], "Everything"],
        [classes[1], "Module"],
      ] as const) {
        withModule(
          () => new create(),
          (module) => {
            expect(Object.prototype.toString.call(module)).toBe(`[object ${name}]`);
            module.dispose();
            for (const method of ["parameters", "namedParameters", "namedModules", "stateDict"] as const) {
              const message = new RegExp(`^${name}\\.${method}: this: the ${name} has been disposed$`);
              expectThrows(() => module[method](), TypeError, "ERR_DISPOSED", message);
            }
          },
        );
      }
    });

    it("refuses to work on what is no module", () => {
      expectThrows(
        () => Module.prototype.parameters.call({} as Module),
        TypeError,
        "ERR_INVALID_TYPE",
        /^Module: this: expected a Module, got {}$/,
      );
    });

    describe("dispose", () => {
      it("gives back all that is below it, by their own methods, and once", () => {
        class Model extends Module {
          readonly parts = [new Everything(), new Tied()] as const;
        }
        const before = inUse();
        const model = new Model();
        const [everything, tied] = model.parts;
        scope(() => void tied.head.forward(zeros(2)));
        model.dispose();
        expect(inUse()).toBe(before);
        model.dispose();
        expect([model.disposed, everything.disposed, tied.head.disposed, tied.table.disposed]).toEqual(
          Array(4).fill(true),
        );
        expectThrows(
          () => tied.head.forward(zeros(2)),
          TypeError,
          "ERR_DISPOSED",
          /^Linear\.forward: this: the Linear/,
        );
      });

      it("leaves a module usable of which a part has been disposed before", () => {
        withModule(
          () => new Everything(),
          (module) => {
            module.layers[0].dispose();
            expect(module.stateDict()["layers.0.weight"].disposed).toBe(true);
            const replaced = { "layers.0.weight": zeros(3, 4) };
            const strict = false;
            expectThrowsWithoutLeak(
              () => module.loadStateDict(replaced, { strict }),
              TypeError,
              "ERR_DISPOSED",
              /^Everything\.loadStateDict: layers\.0\.weight: the Tensor/,
            );
          },
        );
      });
    });

    describe("scopes", () => {
      it("free nothing that a module was made of, and all else", () => {
        const before = inUse();
        const kept: Everything[] = [];
        const returned = scope(() => {
          kept.push(new Everything());
          return { deep: [new Everything()] };
        });
        for (const module of [kept[0], returned.deep[0]]) {
          expect(Object.values(module.stateDict()).some(({ disposed }) => disposed)).toBe(false);
          module.dispose();
        }
        expect(inUse()).toBe(before);
        // The tensor that no one marked is the scope's.
        expect(kept[0].aside.disposed).toBe(true);
      });

      it("free nothing either when they end by an error", () => {
        let model: Tied | undefined;
        const before = inUse();
        expect(() =>
          scope(() => {
            model = new Tied();
            throw new Error("later");
          }),
        ).toThrow("later");
        expect(model?.table.disposed).toBe(false);
        model?.dispose();
        expect(inUse()).toBe(before);
      });
    });

    describe("parameter and buffer", () => {
      it("give the tensor itself, of its type, and take it out of scopes", () => {
        const before = inUse();
        const made: Tensor[] = [];
        scope(() => {
          const marked = rand([1]);
          expect(parameter(marked)).toBe(marked);
          const table: Tensor<"int32"> = buffer(Tensor.from(Int32Array.of(1)));
          made.push(marked, table, rand([1]));
        });
        expect(made.map(({ disposed }) => disposed)).toEqual([false, false, true]);
        for (const tensor of made) tensor.dispose();
        expect(inUse()).toBe(before);
      });

      it.each<[string, () => unknown, typeof TypeError, ErrorCode, RegExp]>([
        [
          "a parameter of int32",
          () => parameter(Tensor.from(Int32Array.of(1))),
          TypeError,
          "ERR_INVALID_TYPE",
          /^parameter: tensor: expected float32 \(\.to\("float32"\)\), got "int32"$/,
        ],
        [
          "a parameter of float16",
          () => parameter(rand([1], { dtype: "float16" })),
          TypeError,
          "ERR_INVALID_TYPE",
          /"float16"$/,
        ],
        [
          "no tensor",
          () => buffer(zeros(1) as never),
          TypeError,
          "ERR_INVALID_TYPE",
          /^buffer: tensor: expected a Ten/,
        ],
        [
          "what has been disposed",
          () => {
            const tensor = rand([1]);
            tensor.dispose();
            return parameter(tensor);
          },
          TypeError,
          "ERR_DISPOSED",
          /^parameter: tensor: the Tensor float32 \[1\] has been disposed$/,
        ],
      ])("refuse %s", (_, call, kind, code, message) => {
        withoutLeak(() => expectThrows(call, kind, code, message));
      });
    });

    describe("loadStateDict", () => {
      it("goes through safetensors, buffers and nested modules included", () => {
        withModule(
          () => new Everything(),
          (module) => {
            withModule(
              () => new Everything(),
              (other) => {
                other.table.view().fill(0);
                const { tensors } = loadSafetensors(saveSafetensors(module.stateDict()));
                expect(other.loadStateDict(tensors)).toEqual({ missingKeys: [], unexpectedKeys: [] });
                expect(other.stateDict()).toEqual(module.stateDict());
              },
            );
          },
        );
      });

      it("keeps a buffer's dtype", () => {
        class Buffers extends Module {
          readonly half = buffer(rand([2], { dtype: "float16" }));
          readonly flags = buffer(Tensor.from([true, false]));
        }
        withModule(
          () => new Buffers(),
          (module) => {
            module.loadStateDict({ half: { data: [1 / 3, 2], shape: [2] }, flags: Tensor.from([false, true]) });
            expect(module.half.dtype).toBe("float16");
            expect(module.half.toNested()).toEqual([0.333251953125, 2]);
            expect(module.flags.toNested()).toEqual([false, true]);
            const dict = { half: zeros(2), flags: zeros(2) };
            const message = /^Buffers\.loadStateDict: dict: flags: expected bool, got "float32"$/;
            expectThrowsWithoutLeak(() => module.loadStateDict(dict), TypeError, "ERR_INVALID_TYPE", message);
            expect(module.half.toNested()).toEqual([0.333251953125, 2]);
          },
        );
      });

      it("takes a prefix, and looks at no other names", () => {
        withModule(
          () => new Tied(),
          (module) => {
            const table = { data: [1, 2, 3, 4, 5, 6], shape: [3, 2] };
            const dict = { "model.table": table, "other.table": zeros(1), table: zeros(1) };
            expect(module.loadStateDict(dict, { prefix: "model." })).toEqual({ missingKeys: [], unexpectedKeys: [] });
            expect(module.table.toNested()).toEqual([
              [1, 2],
              [3, 4],
              [5, 6],
            ]);
            const more = { ...dict, "model.head.bias": zeros(1) };
            expectThrows(
              () => module.loadStateDict(more, { prefix: "model." }),
              RangeError,
              "ERR_INVALID_VALUE",
              /^Tied\.loadStateDict: dict: unexpected keys "model\.head\.bias"$/,
            );
            expect(module.loadStateDict(more, { prefix: "model.", strict: false }).unexpectedKeys).toEqual([
              "model.head.bias",
            ]);
            expectThrows(
              () => module.loadStateDict({ "model.table": table, "model.head.weight": table }),
              RangeError,
              "ERR_INVALID_VALUE",
              /dict: every name begins with "model\."; give it as prefix; missing keys "table", "head\.weight"; unexp/,
            );
            expectThrows(
              () => module.loadStateDict(dict, { prefix: 3 as never }),
              TypeError,
              "ERR_INVALID_TYPE",
              /^Tied\.loadStateDict: prefix: expected a string, got 3$/,
            );
          },
        );
      });

      it("tells all that is wrong in one error, and changes nothing", () => {
        withModule(
          () => new Everything(),
          (module) => {
            const before = copyOf(module);
            const run = (): unknown => module.forward({ data: [1, 2, 3, 4], shape: [4] }).toArray();
            const output = run();
            const dict: Record<string, unknown> = { ...module.stateDict(), "a.b": zeros(1), c: zeros(1) };
            dict["scale"] = zeros(1);
            dict["layers.0.weight"] = zeros(4, 3);
            dict["layers.0.bias"] = [1, 2, 3];
            dict["table"] = zeros(2);
            const disposed = rand([1]);
            disposed.dispose();
            dict["nested.0.0.bias"] = disposed;
            delete dict["layers.1.weight"];
            delete dict["attention.in_proj_bias"];
            const message = new RegExp(
              [
                "^Everything\\.loadStateDict: dict: ",
                'missing keys "attention\\.in_proj_bias", "layers\\.1\\.weight"; unexpected keys "a\\.b", "c"; ',
                'table: expected int32, got "float32"; ',
                "layers\\.0\\.weight: expected shape \\[3, 4\\], got \\[4, 3\\]; ",
                "layers\\.0\\.bias: expected a Tensor or .*, got \\[1, 2, 3\\]; ",
                "nested\\.0\\.0\\.bias: the Tensor float32 \\[1\\] has been disposed$",
              ].join(""),
            );
            const load = (strict: boolean): unknown => module.loadStateDict(dict as StateDictLike, { strict });
            expectThrowsWithoutLeak(() => load(true), TypeError, "ERR_INVALID_TYPE", message);
            expectThrowsWithoutLeak(() => load(false), TypeError, "ERR_INVALID_TYPE", /dict: table: expected int32/);
            expect(copyOf(module)).toEqual(before);
            expect(run()).toEqual(output);
          },
        );
      });
    });

    describe("packed weights", () => {
      it("follow every change but writes through a view, for which they are dropped", () => {
        withModule(
          () => new Everything(),
          (module) => {
            const x = { data: [1, 2, 3, 4], shape: [4] };
            const run = (): unknown => scope(() => module.forward(x).toArray());
            const first = run();
            const state = copyOf(module);
            module.layers[0].weight.view().fill(1);
            expect(run()).toEqual(first);
            module.dropPackedWeights();
            const second = run();
            expect(second).not.toEqual(first);
            module.loadStateDict(state);
            expect(run()).toEqual(first);
            // The module of the layer alone.
            module.layers[0].loadStateDict({ weight: zeros(3, 4) }, { strict: false });
            expect(run()).not.toEqual(first);
          },
        );
      });

      it("take memory from the first call to dropPackedWeights", () => {
        withModule(
          () => new Everything(),
          (module) => {
            const before = inUse();
            const run = (): void => scope(() => void module.forward(zeros(4)));
            run();
            const packed = inUse();
            expect(packed).toBeGreaterThan(before);
            run();
            module.loadStateDict(module.stateDict());
            run();
            expect(inUse()).toBe(packed);
            module.dropPackedWeights();
            module.dropPackedWeights();
            expect(inUse()).toBe(before);
            run();
            expect(inUse()).toBe(packed);
          },
        );
      });
    });

    it("works through proxies, and finds what they wrap", () => {
      const wrap = <T extends object>(target: T): T => new Proxy(target, {});
      withModule(
        () => new Everything(),
        (module) => {
          const proxy = wrap(module);
          expect(Object.keys(proxy.stateDict())).toEqual(names);
          expect([proxy.eval(), proxy.training, module.layers[0].training]).toEqual([proxy, false, false]);
          expect([...proxy.namedModules().values()][0]).toBe(module);
          const x = { data: [1, 2, 3, 4], shape: [4] };
          expect(proxy.forward(x).toArray()).toEqual(module.forward(x).toArray());
          class Held extends Module {
            readonly held = wrap(module);
            readonly scale = wrap(parameter(wrap(rand([1]))));
          }
          const holder = new Held();
          expect(Object.keys(holder.stateDict())).toEqual(["scale", ...names.map((name) => `held.${name}`)]);
          expect(Object.is(holder.namedModules().get("held"), module)).toBe(true);
          wrap(holder).dispose();
          expect([holder.disposed, module.disposed]).toEqual([true, true]);
        },
      );
    });

    it("is equal to another of its class that holds the same", () => {
      const make = (): Tied => {
        manualSeed(2);
        return new Tied();
      };
      withModule(make, (first) => {
        withModule(make, (second) => {
          expect(second).toEqual(first);
          second.eval();
          expect(second).not.toEqual(first);
          second.train();
          second.table.view()[0] += 1;
          expect(second).not.toEqual(first);
        });
      });
    });

    it("ties the weights of layers that are made from the same tensor", () => {
      withoutLeak(() => {
        const [first, second] = [Linear.from(rand([3, 3])), Linear.from({ data: [1], shape: [1, 1] })];
        const tied = Linear.from(first.weight);
        expect(tied.weight).toBe(first.weight);
        first.dispose();
        expectThrows(() => tied.forward(zeros(3)), TypeError, "ERR_DISPOSED", /^Linear\.forward: weight: the Tensor/);
        tied.dispose();
        second.dispose();
      });
    });

    it("gives attention's modules PyTorch's names", () => {
      withModule(
        () => new MultiheadAttention(4, 2, { kdim: 3, addBiasKv: true }),
        (attention) => {
          expect([...attention.namedModules()]).toEqual([
            ["", attention],
            ["out_proj", attention.out_proj],
          ]);
          expect(attention.out_proj).toBeInstanceOf(Linear);
          expect([...attention.namedParameters().keys()]).toEqual([
            ...["q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_bias", "bias_k", "bias_v"],
            ...["out_proj.weight", "out_proj.bias"],
          ]);
        },
      );
    });
  });

  it("needs init for its layers alone", async () => {
    const runtime = await init();
    runtime.dispose();
    class Empty extends Module {}
    expect(new Empty().parameters()).toEqual([]);
    expectThrows(() => new Everything(), AttentionError, "ERR_NOT_INITIALIZED", /^SelfAttention: .*init/);
  });
});
