/** PyTorch's base model takes 180 MB: more than edge functions have, so that this doesn't run in every runtime. */
import { totalmem } from "node:os";
import { expect, it } from "vitest";
import { init } from "../../ts/entry/default.js";
import { Transformer } from "../../ts/entry/nn.js";

it.skipIf(totalmem() < 2 ** 30)("a whole Transformer is PyTorch's base model by default", async () => {
  const runtime = await init();
  const model = new Transformer();
  const count = model.parameters().reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
  expect(count).toBe(44_140_544); // sum(p.numel() for p in torch.nn.Transformer().parameters())
  expect([model.encoder.layers.length, model.decoder.layers.length]).toEqual([6, 6]);
  expect([model.encoder.norm, model.decoder.norm].map((norm) => norm?.normalizedShape)).toEqual([[512], [512]]);
  runtime.dispose();
});
