/** The committed files, read as Node reads them; test/matrix/bundle.mjs puts a module that holds the bytes in this one's place. */
import { readdirSync, readFileSync } from "node:fs";

/** The names of all files: `onnx/attention` and so on. */
export const STORED_FILES: readonly string[] = ["onnx", "peft", "pytorch", "transformers", "keras", "metrics"].flatMap(
  (folder) =>
    readdirSync(new URL(`${folder}/`, import.meta.url))
      .filter((name) => name.endsWith(".safetensors"))
      .map((name) => `${folder}/${name.replace(".safetensors", "")}`),
);

/** The bytes of `test/conformance/<name>.safetensors`. */
export const storedFile = (name: string): Uint8Array => readFileSync(new URL(`./${name}.safetensors`, import.meta.url));
