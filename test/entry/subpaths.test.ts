/** The subpaths for layers and files: the same classes and functions as the default entry's, on the same runtime. */
import { afterAll, beforeAll, expect, it } from "vitest";
import * as entry from "../../ts/entry/default.js";
import * as io from "../../ts/entry/io.js";
import * as nn from "../../ts/entry/nn.js";
import { withoutLeak } from "../support/without-leak.js";

let runtime: entry.Runtime;
beforeAll(async () => {
  runtime = await entry.init();
});
afterAll(() => runtime.dispose());

it("they export what the default entry does", () => {
  const { buffer, Linear, Module, MultiheadAttention, parameter, SelfAttention } = nn;
  const { loadSafetensors, saveSafetensors } = io;
  expect(entry).toMatchObject({ buffer, Linear, Module, MultiheadAttention, parameter, SelfAttention });
  expect(entry).toMatchObject({ loadSafetensors, saveSafetensors });
});

it("a layer of nn and a file of io work with the default entry's runtime", () => {
  withoutLeak(() => {
    const layer = new nn.Linear(2, 1);
    layer.loadStateDict({ weight: { data: [2, 3], shape: [1, 2] }, bias: { data: [1], shape: [1] } });
    const output = layer.forward(entry.Tensor.from([[10, 100]]));
    const { tensors } = io.loadSafetensors(io.saveSafetensors({ output }));
    expect((tensors.get("output") as entry.Tensor).toNested()).toEqual([[321]]);
    layer.dispose();
  });
});
