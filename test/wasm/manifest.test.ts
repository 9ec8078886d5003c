import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import binaryen from "binaryen";
import { describe, expect, it } from "vitest";
import { buildNames, builds, hashSources, sha256 } from "../../scripts/wasm-recipe.mjs";
import { unpack } from "../../ts/entry/unpack.js";
import packed from "../../ts/wasm/builds.bytes.js";
import { arithmetics, INTERFACE_HASH } from "../../ts/wasm/interface.js";
import * as glue from "../../ts/wasm/wasm_attention_bg.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const folder = `${root}/ts/wasm`;

interface Manifest {
  sources: string;
  toolchain: Record<string, string>;
  initialMemoryPages: Record<string, number>;
  files: Record<string, { bytes: number; sha256: string }>;
}

const manifest = JSON.parse(readFileSync(`${folder}/manifest.json`, "utf8")) as Manifest;

/** What every host with SIMD128 supports. */
const features = [
  "bulk-memory",
  "bulk-memory-opt",
  "call-indirect-overlong",
  "multivalue",
  "mutable-globals",
  "nontrapping-fptoint",
  "reference-types",
  "sign-ext",
  "simd128",
];

/** The names in a module's "target_features" section: a count, then for each "+" (43), a length and the name. */
function targetFeatures(module: WebAssembly.Module): string[] {
  const [section] = WebAssembly.Module.customSections(module, "target_features");
  const bytes = new Uint8Array(section);
  const names: string[] = [];
  for (let position = 1; position < bytes.length; position += 2 + bytes[position + 1]) {
    expect(bytes[position]).toBe("+".charCodeAt(0));
    names.push(new TextDecoder().decode(bytes.subarray(position + 2, position + 2 + bytes[position + 1])));
  }
  expect(names).toHaveLength(bytes[0]);
  return names.sort();
}

describe("the manifest of the built WebAssembly", () => {
  it("matches the Rust sources (else: npm run build:wasm)", () => {
    expect(manifest.sources).toBe(hashSources(root));
  });

  it("names the pinned versions of wasm-bindgen and binaryen", () => {
    const bindgen = /name = "wasm-bindgen"\nversion = "(.*)"/.exec(readFileSync(`${root}/Cargo.lock`, "utf8"))?.[1];
    const { devDependencies } = JSON.parse(readFileSync(`${root}/package.json`, "utf8")) as {
      devDependencies: Record<string, string>;
    };
    expect(manifest.toolchain["wasm-bindgen"]).toBe(bindgen);
    expect(manifest.toolchain["binaryen"]).toBe(devDependencies["binaryen"]);
  });

  it("lists exactly the files that there are, with size and sha256", () => {
    const names = readdirSync(folder).filter((name) => name !== "manifest.json");
    const actual = names.map((name) => {
      const content = readFileSync(`${folder}/${name}`);
      return [name, { bytes: content.length, sha256: sha256(content) }];
    });
    expect(manifest.files).toEqual(Object.fromEntries(actual));
  });
});

describe.each(buildNames)("%s.wasm", (name) => {
  const wasm = readFileSync(`${folder}/${name}.wasm`);

  it("is what the compressed copy in the package unpacks to", async () => {
    expect(sha256(await unpack(packed, buildNames.indexOf(name)))).toBe(sha256(wasm));
  });

  it("holds no path of the machine that built it", () => {
    const text = wasm.toString("latin1");
    expect(text).not.toMatch(/\/(home|root|Users|rustc|cargo)\/|\.rustup|\.cargo/);
  });

  it("has no relaxed instruction but those whose bits are the same on every host that fuses", () => {
    const module = binaryen.readBinary(wasm);
    const relaxed = new Set(module.emitText().match(/\w+\.relaxed_\w+/g));
    module.dispose();
    expect([...relaxed].sort()).toEqual(builds[name].relaxedInstructions);
  });

  // Node 20 compiles relaxed SIMD only with a flag, which vitest.config.ts passes.
  const isRelaxed = builds[name].relaxedInstructions.length > 0;
  const compiles = !isRelaxed || WebAssembly.validate(wasm);

  describe.skipIf(!compiles)("compiled", () => {
    const module = compiles ? new WebAssembly.Module(wasm) : (undefined as never);

    it("asks for no other features than expected", () => {
      expect(targetFeatures(module)).toEqual([...features, ...(isRelaxed ? ["relaxed-simd"] : [])].sort());
      for (const section of ["name", "producers"]) {
        expect(WebAssembly.Module.customSections(module, section)).toEqual([]);
      }
    });

    it("imports only what wasm-bindgen's glue gives it", () => {
      expect(WebAssembly.Module.imports(module)).toEqual([
        { module: "./wasm_attention_bg.js", name: "__wbindgen_init_externref_table", kind: "function" },
      ]);
    });

    const imports = { "./wasm_attention_bg.js": { ...glue } as WebAssembly.ModuleImports };
    const exports = compiles
      ? (new WebAssembly.Instance(module, imports).exports as unknown as typeof glue & {
          memory: WebAssembly.Memory;
          interface_hash: WebAssembly.Global;
        })
      : (undefined as never);

    it("tells the interface and the arithmetic that the package counts on", () => {
      expect(Number(exports.interface_hash.value) >>> 0).toBe(INTERFACE_HASH);
      expect(exports.arithmetic()).toBe(arithmetics[name]);
    });

    it("starts with the memory that the manifest says", () => {
      const { memory } = exports;
      expect(memory.buffer.byteLength / 65536).toBe(manifest.initialMemoryPages[name]);
    });
  });
});
