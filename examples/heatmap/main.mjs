// Attention on real input, and its weights as a heatmap: `npm start -- --help`.
import { EXAMPLE_TEXT, failWith, readCommandLine } from "./command-line.mjs";
import { fileError, messageOf } from "./errors.mjs";
import { showTensors } from "./show-tensors.mjs";
import { showText } from "./show-text.mjs";
import { readPipedText, readStandardInput } from "./standard-input.mjs";

/** @param {import("./command-line.mjs").Request} request */
async function run(request) {
  switch (request.kind) {
    case "tensors":
      return showTensors(request.file, request.options);
    case "standard input":
      return showText(await readStandardInput(), request.options);
    case "text":
      return showText(request.text ?? (await readPipedText()) ?? EXAMPLE_TEXT, request.options);
  }
}

process.stdout.on("error", (/** @type {NodeJS.ErrnoException} */ error) => {
  // Whoever reads the output has seen enough.
  if (error.code === "EPIPE") process.exit(0);
  failWith(messageOf(fileError("write", "standard output", error)));
});

try {
  await run(readCommandLine(process.argv.slice(2)));
} catch (error) {
  failWith(messageOf(error));
}
