/** The committed files, read as Node reads them; test/matrix/bundle.mjs puts a module that holds the bytes in this one's place. */
import { readdirSync, readFileSync } from "node:fs";
import { sep } from "node:path";

/** The names of all files: `onnx/attention` and so on. */
export const STORED_FILES: readonly string[] = readdirSync(new URL(".", import.meta.url), {
  recursive: true,
  encoding: "utf8",
})
  .filter((name) => name.endsWith(".safetensors"))
  .map((name) => name.replaceAll(sep, "/").replace(".safetensors", ""))
  .sort();

/** The bytes of `test/conformance/<name>.safetensors`. */
export const storedFile = (name: string): Uint8Array => readFileSync(new URL(`./${name}.safetensors`, import.meta.url));
