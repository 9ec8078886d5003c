// The gradients of TensorFlow.js. Its build for Node has none, and its modules, which register them, are written for bundlers.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Registers them: the registry is one for all copies of TensorFlow.js in a process. */
export async function registerGradients() {
  const { outputFiles } = await build({
    stdin: {
      contents: `import "@tensorflow/tfjs-core/dist/register_all_gradients";`,
      resolveDir: fileURLToPath(new URL(".", import.meta.url)),
    },
    bundle: true,
    format: "esm",
    platform: "node",
    write: false,
  });
  // A module is run once, however often it is imported.
  await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
}
