// A training that may be killed at any time: it goes on from the file that it finds, which it replaces after each step, and in the end
// prints a hash of all its bits.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dropout, init, Linear, maskedMean, Module, rand, scope } from "wasm-attention";
import { Embedding } from "wasm-attention/nn";
import { AdamW, crossEntropy, fit } from "wasm-attention/train";

const [file] = process.argv.slice(2);

class Classifier extends Module {
  embedding = new Embedding(12, 16);
  head = new Linear(16, 3);

  /** @type {(ids: any, options: { mask: any }) => any} */
  forward(ids, { mask }) {
    return scope(() => this.head.forward(maskedMean(dropout(this.embedding.forward(ids), { p: 0.1 }), mask)));
  }
}

await init({ deterministic: true });
const model = new Classifier();
const optimizer = new AdamW(model.parameters(), { lr: 0.01 });
const inputs = Array.from({ length: 64 }, (_, n) => Array.from({ length: 2 + (n % 5) }, (_, at) => (n * 7 + at) % 12));
const data = { inputs, targets: inputs.map((tokens) => tokens.length % 3) };
const { history } = await fit(model, data, {
  ...{ loss: crossEntropy, optimizer, epochs: 6, batchSize: 8 },
  trainingState: existsSync(file) ? readFileSync(file) : undefined,
  onStep: async (/** @type {import("wasm-attention/train").StepEvent} */ { step, saveTrainingState }) => {
    writeFileSync(`${file}.new`, saveTrainingState());
    renameSync(`${file}.new`, file);
    console.log(`step ${step}`);
    // The other process gets the line before the next step.
    await new Promise((resolve) => setTimeout(resolve, 2));
  },
});
const hash = createHash("sha256");
for (const tensor of [...Object.values(model.stateDict()), rand([4])])
  hash.update(new Uint8Array(tensor.view().slice().buffer));
console.log(`end ${hash.update(JSON.stringify(history)).digest("hex")}`);
