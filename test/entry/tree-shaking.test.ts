/** A bundle carries the code of LoRA only where it imports LoRA. */
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** The files of ts/ of which a bundle of some exports of an entry has something. */
async function filesIn(names: string, entry: string): Promise<string[]> {
  const { metafile } = await build({
    stdin: { contents: `export { ${names} } from "./ts/entry/${entry}.js";`, resolveDir: root },
    absWorkingDir: root,
    bundle: true,
    minify: true,
    format: "esm",
    write: false,
    metafile: true,
  });
  const [{ inputs }] = Object.values(metafile.outputs);
  return Object.keys(inputs).filter((name) => inputs[name].bytesInOutput > 0);
}

const isOfLora = (file: string): boolean => /^ts\/(nn\/(lora|python-pattern)|io\/)/.test(file);

it.each([
  ["Linear, Embedding, MultiheadAttention, SelfAttention, Module", "nn"],
  ["init, Linear, softmax", "default"],
])("%s of %s comes without it", async (names, entry) => {
  const files = await filesIn(names, entry);
  expect(files).toContain("ts/nn/linear.ts");
  expect(files.filter(isOfLora)).toEqual([]);
});

it("merging comes with it, and without attention", async () => {
  const files = await filesIn("loadLora, mergeLora", "nn");
  expect(files.filter(isOfLora)).toContain("ts/nn/lora-files.ts");
  expect(files.filter((file) => /attention/.test(file))).toEqual([]);
});
