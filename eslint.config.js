import js from "@eslint/js";
import { createNodeResolver, importX } from "eslint-plugin-import-x";
import { defineConfig } from "eslint/config";
import globals from "globals";
import tseslint from "typescript-eslint";

/** The layers of ts/, from the user's side down; parts of a layer stand side by side. A layer imports only lower ones. */
const layers = [["entry"], ["train"], ["surface.ts", "nn"], ["io"], ["ops"], ["tensor"], ["runtime"]];

/** For every part of a layer: the layers above it and the other parts of its own. */
const upward = layers.slice(1).flatMap((parts, index) =>
  parts.map((part) => ({
    target: `./ts/${part}`,
    from: [...layers.slice(0, index + 1).flat(), ...parts.filter((other) => other !== part)].map(
      (path) => `./ts/${path}`,
    ),
    message: "Imports go entry → train → surface, nn → io → ops → tensor → runtime.",
  })),
);

/** What the layers share (errors and the like) stands in ts/ itself and imports no layer. */
const sharedFiles = {
  target: "./ts/!(surface).ts",
  from: layers.flat().map((path) => `./ts/${path}`),
  message: "A file that every layer may import imports none of them.",
};

/** The built files: entries hold the bytes, the runtime the glue; the interface's numbers are for whoever calls a kernel. */
const generated = [
  { target: ["./ts/surface.ts", "./ts/nn", "./ts/io", "./ts/!(surface).ts"], except: [] },
  { target: ["./ts/train", "./ts/ops", "./ts/tensor"], except: ["./interface.ts"] },
  { target: "./ts/runtime", except: ["./interface.ts", "./wasm_attention_bg.js", "./wasm_attention_bg.d.ts"] },
].map((zone) => ({ ...zone, from: "./ts/wasm", message: "Entries alone import the built WebAssembly." }));

export default defineConfig(
  { ignores: ["dist/", "target/", "coverage/", "ts/wasm/", "**/node_modules/"] },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  js.configs.recommended,
  {
    files: ["**/*.ts", "{scripts,examples}/**/*.{js,mjs}"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/explicit-module-boundary-types": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowArray: true }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      "@typescript-eslint/unbound-method": "off",
      eqeqeq: ["error", "always", { null: "ignore" }],
    },
  },
  {
    files: ["test/cases/operations/*.ts"],
    // The type of a record says what its functions return, which the rule doesn't see through arrays.
    rules: { "@typescript-eslint/explicit-module-boundary-types": "off" },
  },
  { files: ["**/*.{js,mjs}"], languageOptions: { globals: globals.nodeBuiltin } },
  {
    files: [
      "bench/browser/*.mjs",
      "examples/{edge-function,service-worker,train-in-page,worker-page}/**/*.js",
      // Parts of these run in pages.
      "test/examples/*.mjs",
      "test/bundlers/{app,commonjs,page,unbundled,next*}/**/*.{js,mjs}",
      "test/frameworks/pages.mjs",
      "test/frameworks/{react-native,vite}/*.js",
      "test/matrix/pages/*.mjs",
    ],
    languageOptions: { globals: { ...globals.browser, ...globals.serviceworker, ...globals.webextensions } },
  },
  { files: ["test/frameworks/{runners,state}/*.test.js"], languageOptions: { globals: globals.vitest } },
  { files: ["test/frameworks/react-native/require.js"], languageOptions: { globals: globals.commonjs } },
  {
    files: ["{scripts,examples}/**/*.{js,mjs}"],
    rules: {
      "@typescript-eslint/explicit-module-boundary-types": "off",
      // Casts in comments are seen by the compiler, not by this rule.
      "@typescript-eslint/no-unsafe-assignment": "off",
    },
  },
  {
    files: ["ts/**/*.ts"],
    plugins: { "import-x": importX },
    settings: {
      "import-x/resolver-next": [createNodeResolver({ extensionAlias: { ".js": [".ts", ".js"] } })],
    },
    rules: {
      "import-x/no-default-export": "error",
      "import-x/no-cycle": "error",
      "import-x/no-restricted-paths": [
        "error",
        { basePath: import.meta.dirname, zones: [...upward, sharedFiles, ...generated] },
      ],
      // Bundlers answer these names with polyfills, or fail: a host's builtins come through globalThis.
      "no-restricted-globals": ["error", "process", "Buffer", "require", "module"],
      "no-restricted-imports": [
        "error",
        { patterns: [{ regex: "^[^.]", message: "The package imports only its own files." }] },
      ],
    },
  },
);
