/** The memory of a training step: it returns, it grows linearly with the length, and where it lacks nothing changes. */
import { afterEach, expect, it } from "vitest";
import {
  add,
  gelu,
  init,
  layerNorm,
  Linear,
  memoryUsage,
  Module,
  randn,
  type Runtime,
  scope,
  SelfAttention,
  type Tensor,
} from "../../ts/entry/default.js";
import { AdamW, checkpoint, clipGradNorm, mseLoss } from "../../ts/entry/train.js";

const WIDTH = 8;

/** Two layers of a transformer. */
class Model extends Module {
  attentions = [1, 2].map(() => new SelfAttention(WIDTH, 2));
  ups = [1, 2].map(() => new Linear(WIDTH, 2 * WIDTH));
  downs = [1, 2].map(() => new Linear(2 * WIDTH, WIDTH));

  constructor(readonly checkpoints = false) {
    super();
  }

  forward(input: Tensor): Tensor {
    const layer = (n: number) => (x: Tensor) =>
      scope(() => {
        const attended = add(x, this.attentions[n].forward(layerNorm(x, WIDTH), { isCausal: true }).output);
        return add(attended, this.downs[n].forward(gelu(this.ups[n].forward(layerNorm(attended, WIDTH)))));
      });
    const run = (x: Tensor, n: number): Tensor => (this.checkpoints ? checkpoint(layer(n), x) : layer(n)(x));
    return scope(() => run(run(input, 0), 1));
  }
}

let runtime: Runtime | undefined;
afterEach(() => {
  runtime?.dispose();
  runtime = undefined;
});

function step(model: Model, optimizer: AdamW, input: Tensor): number {
  return scope(() => {
    const loss = mseLoss(model.forward(input), input);
    loss.backward();
    clipGradNorm(model.parameters(), 1);
    optimizer.step();
    optimizer.zeroGrad();
    return loss.item();
  });
}

it("returns to where it was after each step", async () => {
  runtime = await init();
  const model = new Model();
  const optimizer = new AdamW(model.parameters());
  const input = randn([2, 9, WIDTH], { seed: 1 });
  // The first makes the optimizer's state and the packed weights.
  step(model, optimizer, input);
  const before = memoryUsage().bytesInUse;
  for (let n = 0; n < 5; n++) {
    step(model, optimizer, input);
    expect(memoryUsage().bytesInUse).toBe(before);
  }
  for (const owner of [optimizer, model, input]) owner.dispose();
  expect(memoryUsage().bytesInUse).toBe(0);
});

/** Bytes in use at the most in a step, over those before it. The lengths ascend, so that each has the largest. */
async function peaks(checkpoints: boolean, lengths: readonly number[]): Promise<number[]> {
  runtime = await init();
  const model = new Model(checkpoints);
  const optimizer = new AdamW(model.parameters());
  step(model, optimizer, randn([1, 4, WIDTH], { seed: 1 }));
  const result = lengths.map((length) => {
    const input = randn([1, length, WIDTH], { seed: 1 });
    const before = memoryUsage().bytesInUse;
    step(model, optimizer, input);
    const peak = memoryUsage().bytesPeak - before;
    input.dispose();
    return peak;
  });
  runtime.dispose();
  return result;
}

it("grows linearly from a length of 128 to one of 4,096, and less with checkpoints", async () => {
  const lengths = [128, 256, 512, 1024, 2048, 4096];
  const [plain, checkpointed] = [await peaks(false, lengths), await peaks(true, lengths)];
  for (const bytes of [plain, checkpointed]) {
    // Bytes for each further row. Which part of the step needs the most may change once, but each part is linear: what grew with
    // the square of the length would have slopes that double each time.
    const slopes = lengths.slice(1).map((length, n) => (bytes[n + 1] - bytes[n]) / (length - lengths[n]));
    expect(Math.max(...slopes) / Math.min(...slopes)).toBeLessThan(1.5);
  }
  expect(checkpointed[5]).toBeLessThan(0.75 * plain[5]);
});

it("changes no parameter and no gradient where it lacks, and a smaller step works", async () => {
  runtime = await init({ maximumMemory: 4 * 2 ** 20 });
  const model = new Model();
  const optimizer = new AdamW(model.parameters(), { lr: 0.1 });
  const small = randn([1, 4, WIDTH], { seed: 1 });
  step(model, optimizer, small);
  const before = memoryUsage().bytesInUse;
  const state = (): unknown => [model.parameters().map((p) => p.toArray()), model.parameters().map(({ grad }) => grad)];
  const untouched = state();
  let failures = 0;
  for (let length = 2 ** 14; length > 8; length = Math.floor(length * 0.8)) {
    try {
      scope(() => {
        const input = randn([1, length, WIDTH], { seed: 1 });
        mseLoss(model.forward(input), input).backward();
      });
      break;
    } catch (error) {
      expect(error).toMatchObject({ name: "RangeError", code: "ERR_OUT_OF_MEMORY" });
      failures += 1;
      expect(state()).toEqual(untouched);
      expect(memoryUsage().bytesInUse).toBe(before);
    }
  }
  // It failed on the way there and on the way back.
  expect(failures).toBeGreaterThan(3);
  optimizer.zeroGrad();
  expect(step(model, optimizer, small)).toBeGreaterThan(0);
  expect(model.parameters()[0].toArray()).not.toEqual((untouched as Float32Array[][])[0][0]);
});
