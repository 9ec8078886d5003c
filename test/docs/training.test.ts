/** docs/training.md: its worked examples are what the package gives, and its messages come true. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import {
  gelu,
  init,
  layerNorm,
  Linear,
  logSoftmax,
  Module,
  type Runtime,
  scope,
  Tensor,
} from "../../ts/entry/default.js";
import { addLora, mergeLora } from "../../ts/entry/nn.js";
import {
  accuracy,
  AdamW,
  bleu,
  checkpoint,
  clipGradNorm,
  cosineSchedule,
  crossEntropy,
  ctcLoss,
  inverseSqrtSchedule,
  linearSchedule,
  noGrad,
  oneCycleSchedule,
  SGD,
  wordErrorRate,
} from "../../ts/entry/train.js";
import { workedGradients } from "../cases/worked-gradients.js";

const page = readFileSync(new URL("../../docs/training.md", import.meta.url), "utf8");

let runtime: Runtime;
beforeAll(async () => {
  runtime = await init();
});
afterAll(() => runtime.dispose());

/** The cells of the rows of the table below a line. */
function rowsBelow(line: string): string[][] {
  const text = page.slice(page.indexOf(`\n${line}\n`) + 1);
  const table = /^\| ?-.*\n((?:\|.*\n)+)/m.exec(text)?.[1] ?? "";
  const rows = table.trimEnd().split("\n");
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** The numbers of a text, whose minus is a minus. */
const numbersIn = (text: string): number[] =>
  [...text.matchAll(/(?<![\w.])−?(?:\d+\.?\d*|\.\d+)(?![\w.])/g)].map(([number]) => Number(number.replace("−", "-")));

function leaf(...data: number[]): Tensor<"float32"> {
  const tensor = Tensor.from(Float32Array.from(data));
  tensor.requiresGrad = true;
  return tensor;
}

/** A leaf `[rows, columns]`. */
function leaves(...rows: number[][]): Tensor {
  const tensor = Tensor.from(rows);
  tensor.requiresGrad = true;
  return tensor;
}

const gradientOf = (tensor: Tensor): number[] => Array.from(tensor.grad?.toArray() ?? []);

describe("worked examples", () => {
  const rows = rowsBelow("## 11. Worked examples");

  it.each(workedGradients)("$name", ({ name, gradients }) => {
    const row = rows.find(([title]) => title.split(" ")[0] === name.split(" ")[0]) ?? [];
    const [, query, key, value, rest] = row;
    expect(numbersIn(query)).toEqual(gradients.query);
    expect(numbersIn(key)).toEqual(gradients.key?.map((x) => Number(x.toFixed(7))));
    expect(numbersIn(value)).toEqual(gradients.value?.map((x) => Number(x.toFixed(7))));
    const others = [gradients.attnMask, gradients.alibiSlopes, gradients.sinks].flatMap((numbers) => numbers ?? []);
    expect(numbersIn(rest)).toEqual(others);
  });

  it("are there, each once", () => {
    const names = new Set(workedGradients.map(({ name }) => name.split(" ")[0]));
    expect(rows.map(([title]) => title.split(" ")[0])).toEqual([...names]);
  });

  /** The numbers behind a colon in the page, in the order of the text, and what the package gives for them. */
  const examples: Record<string, () => readonly (readonly [text: string, ...numbers: number[]])[]> = {
    H1() {
      const logits = leaves([1, 2, 3], [1, 0, 0], [0, 0, 5]);
      const loss = crossEntropy(logits, [2, 0, -100], { labelSmoothing: 0.1 });
      loss.backward();
      const weighted = crossEntropy(logits, [2, 0, -100], { labelSmoothing: 0.1, weight: [1, 2, 0.5] });
      return [
        [".5628587", loss.item()],
        [".0283486 .1056976 −.1340462; −.1786082 .0893041 .0893041; 0 0 0", ...gradientOf(logits)],
        [".6721859", weighted.item()],
      ];
    },
    H2() {
      const logits = leaves([0, 1, 0.5], [1, 0, 0], [0, 2, 1]);
      const loss = (targets: number[], frames: number): Tensor =>
        ctcLoss(logSoftmax(logits).reshape([3, 1, 3]), targets, [frames], [2], { reduction: "sum" });
      const first = loss([1, 1], 3);
      first.backward();
      expect(loss([1, 1], 2).item()).toBe(Infinity);
      return [
        ["1.6393203", first.item() as number],
        [".1863237 −.4935196 .3071959", ...gradientOf(logits).slice(0, 3)],
        ["1.9429636", loss([1, 2], 3).item() as number],
      ];
    },
    H3() {
      const parameter = leaf(1, -2);
      const optimizer = new AdamW([parameter], { lr: 0.1, weightDecay: 0.1 });
      const after = ([a, b]: number[]): number[] => {
        parameter.zeroGrad();
        parameter.reshape([-1]).backward(Tensor.from([a, b]));
        optimizer.step();
        return Array.from(parameter.toArray());
      };
      return [
        [".89 −1.88", ...after([0.5, -1])],
        [".787882 −1.910619", ...after([0.25, 3])],
        [".7079455 −1.9297138", ...after([0, 0])],
      ];
    },
    H4() {
      const parameters = [leaf(0, 0), leaf(0)];
      parameters[0].reshape([-1]).backward(Tensor.from([3, 4]));
      parameters[1].reshape([-1]).backward(Tensor.from([12]));
      const norm = clipGradNorm(parameters, 1);
      return [
        ["13", norm],
        [".2307692 .3076923", ...gradientOf(parameters[0])],
        [".9230769", ...gradientOf(parameters[1])],
      ];
    },
    H5() {
      class Model extends Module {
        layer = Linear.from(
          Tensor.from([
            [1, 2],
            [0, -1],
          ]),
        );
      }
      const model = new Model();
      const input = Tensor.from([3, 1]);
      const base = Array.from(model.layer.forward(input).toArray(), Number);
      addLora(model, { targetModules: ["layer"], r: 1, loraAlpha: 4 });
      const a = { data: [1, -1], shape: [1, 2] };
      const b = { data: [0.5, 2], shape: [2, 1] };
      model.loadStateDict({ "layer.lora_A.weight": a, "layer.lora_B.weight": b }, { strict: false });
      const output = model.layer.forward(input);
      const added = Array.from(output.toArray(), (y, index) => y - base[index]);
      output.backward(Tensor.from([1, 1]));
      const [dA, dB] = model.parameters().slice(1).map(gradientOf);
      mergeLora(model);
      return [
        ["5 −1", ...base],
        ["4 16", ...added],
        ["3 0; 8 −9", ...model.layer.weight.toArray()],
        ["30 10", ...dA],
        ["8 8", ...dB],
      ];
    },
    H6() {
      const at = (schedule: (steps: number) => number): number[] => [5, 55, 99].map(schedule);
      const options = { warmupSteps: 10, totalSteps: 100 };
      return [
        [".5 .5 .0111111", ...at(linearSchedule(options))],
        [".5 .5 .0003046", ...at(cosineSchedule(options))],
        [".5 .4264014 .3178209", ...at(inverseSqrtSchedule({ warmupSteps: 10 }))],
        [".1087086 .6965137 .000004", ...at(oneCycleSchedule({ totalSteps: 100 }))],
      ];
    },
    H8() {
      const texts = [["the cat sat on the mat"], ["the cat is on the mat"]] as const;
      return [
        ["37.9917843", bleu(...texts)],
        [".1666667", wordErrorRate(...texts)],
      ];
    },
    H10() {
      const input = leaf(1, 2, 4);
      layerNorm(input, [3], { data: [1, 2, 3], shape: [3] }).backward(Tensor.from([1, 0, -1]));
      const slopes = (approximate: "none" | "tanh"): number[] => {
        const x = leaf(-1, 0.5);
        gelu(x, { approximate }).backward(Tensor.from([1, 1]));
        return gradientOf(x);
      };
      return [
        ["−.1145308 .1718126 −.0572817", ...gradientOf(input)],
        ["−.0833155 .8674951", ...slopes("none")],
        ["−.0829641 .8673699", ...slopes("tanh")],
      ];
    },
  };

  it.each(Object.entries(examples))("%s", (name, example) => {
    const line = page.slice(page.indexOf(`\n${name} `)).replace(/\n/g, " ");
    let from = 0;
    for (const [text, ...numbers] of scope(example)) {
      from = line.indexOf(text, from);
      expect(from, text).toBeGreaterThan(0);
      const expected = numbersIn(text);
      expect(numbers.length).toBe(expected.length);
      numbers.forEach((number, index) => expect(number).toBeCloseTo(expected[index], 6));
    }
  });
});

describe("messages", () => {
  const softened = (): Tensor => logSoftmax(leaf(1, 2));
  /** What each row of the table says, in its order. */
  const calls: (() => unknown)[] = [
    async () => {
      vi.resetModules();
      const fresh = await import("../../ts/entry/default.js");
      const own = await fresh.init();
      try {
        fresh.Tensor.from([1]).backward();
      } finally {
        own.dispose();
      }
    },
    () => Tensor.from([1, 2]).backward(),
    () => softened().backward(),
    () => softened().backward(Tensor.from([1, 2, 3])),
    () => {
      const output = leaf(1).reshape([1, 1]);
      output.backward();
      output.backward();
    },
    () => {
      const layer = new Linear(2, 1);
      const input = leaves([1, 2]);
      const [first, second] = [layer.forward(input), layer.forward(input)];
      first.backward();
      new SGD(layer.parameters()).step();
      second.backward();
    },
    () => {
      softened().requiresGrad = true;
    },
    () => {
      Tensor.from(Int32Array.of(1)).requiresGrad = true;
    },
    () => Tensor.from([1]).retainGrad(),
    () => new AdamW([softened()]),
    () => new AdamW([leaf(1).detach().to("float16")]),
    () => new AdamW([]),
    () => {
      const parameter = leaf(1);
      return new AdamW([parameter, parameter]);
    },
    () => {
      const optimizer = new AdamW([leaf(1)]);
      optimizer.lrFactor = NaN;
      optimizer.step();
    },
    () => {
      const optimizer = new AdamW([leaf(1)]);
      optimizer.dispose();
      optimizer.step();
    },
    () => new AdamW([leaf(1)]).loadStateDict(new AdamW([leaf(1), leaf(2)]).stateDict()),
    () => oneCycleSchedule({ totalSteps: 10 })(10),
    () => crossEntropy(Tensor.from([[1, 2, 3]]), [3]),
    () => noGrad(async () => {}),
    () => checkpoint(() => 1 as never),
    () => accuracy().update(Tensor.from([[1, 2, 3]]), [0, 1]),
    () => wordErrorRate().update(Tensor.from([1]) as never, ["one"]),
  ];
  const rows = rowsBelow("## When it goes wrong");

  it("are all tried", () => expect(rows.length).toBe(calls.length));
  it.each(rows.map(([message], index) => ({ message: message.slice(1, -1), call: calls[index] })))(
    "$message",
    async ({ message, call }) => {
      await expect(Promise.resolve().then(call)).rejects.toMatchObject({ message });
    },
  );
});
