import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { defineConfig, type Options } from "tsup";
import { buildNames } from "./scripts/wasm-recipe.mjs";

type EsbuildPlugin = NonNullable<Options["esbuildPlugins"]>[number];

/**
 * A map would repeat the WebAssembly bytes in its `sourcesContent`. esbuild takes over the map that a source brings
 * along, so these bring one whose source is empty.
 */
const bytesWithoutSourceMap: EsbuildPlugin = {
  name: "bytes-without-source-map",
  setup(build) {
    build.onLoad({ filter: /\.bytes\.ts$/ }, async ({ path }) => {
      const map = { version: 3, sources: [basename(path)], sourcesContent: [""], mappings: "AAAA" };
      const url = `data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString("base64")}`;
      return { contents: `${await readFile(path, "utf8")}//# sourceMappingURL=${url}\n`, loader: "ts" };
    });
  },
};

/** The `.wasm` files stay files of the package, imported by the entries for hosts that make modules of files. */
const wasmFilesAsTheyAre: EsbuildPlugin = {
  name: "wasm-files-as-they-are",
  setup(build) {
    build.onResolve({ filter: /\.wasm(\?module)?$/ }, ({ path }) => ({
      path: `../ts/wasm/${basename(path)}`,
      external: true,
    }));
  },
};

const common: Options = {
  target: "es2022",
  platform: "neutral",
  // All entries share the runtime's state by common chunks, in CommonJS too.
  splitting: true,
  sourcemap: true,
  dts: {
    // Without it `[Symbol.dispose]()` in the declarations fails to compile for users whose `lib` lacks it.
    banner: '/// <reference lib="esnext.disposable" />',
    compilerOptions: { stripInternal: true },
  },
  esbuildPlugins: [bytesWithoutSourceMap, wasmFilesAsTheyAre],
};

const entries = {
  index: "ts/entry/default.ts",
  slim: "ts/entry/slim.ts",
  nn: "ts/entry/nn.ts",
  io: "ts/entry/io.ts",
  train: "ts/entry/train.ts",
};

export default defineConfig([
  {
    ...common,
    format: "esm",
    entry: {
      ...entries,
      workerd: "ts/entry/workerd.ts",
      "edge-light": "ts/entry/edge-light.ts",
      "slim-module-only": "ts/entry/slim-module-only.ts",
      ...Object.fromEntries(buildNames.map((name) => [`edge-light-${name}`, `ts/entry/edge-light-${name}.ts`])),
    },
  },
  // tsup's own way to split CommonJS rewrites classes and names the building machine's paths in the maps; with
  // `treeshake` Rollup does it.
  { ...common, format: "cjs", entry: entries, treeshake: true },
]);
