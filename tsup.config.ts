import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { defineConfig, type Options } from "tsup";

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

export default defineConfig({
  entry: { index: "ts/entry/default.ts" },
  format: ["esm", "cjs"],
  target: "es2022",
  platform: "neutral",
  // Later entries share the runtime's state by a common chunk, in CommonJS too.
  splitting: true,
  sourcemap: true,
  clean: true,
  // Without it `[Symbol.dispose]()` in the declarations fails to compile for users whose `lib` lacks it.
  dts: { banner: '/// <reference lib="esnext.disposable" />' },
  esbuildPlugins: [bytesWithoutSourceMap],
});
