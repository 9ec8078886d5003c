// The command line of the benchmark in a browser: README.md says how to run it.
import { writeFileSync } from "node:fs";
import { Command, Option } from "commander";
import { launch } from "puppeteer-core";
import { chromiumArguments, findBrowser } from "../../scripts/installed-browsers.mjs";
import { collect, parseFile, parseSeconds } from "../arguments.mjs";
import { describeEnvironment } from "../environment.mjs";
import { chooseCases, fullLength, quickLength } from "../plan.mjs";
import { describeRecord } from "../table.mjs";
import { serve } from "./server.mjs";

const command = new Command("npm run bench:browser --")
  .description(
    "Times attention on one thread in a browser: wasm-attention beside onnxruntime-web, plain loops and the peak.",
  )
  .addOption(new Option("--browser <name>", "which browser").choices(["chromium", "firefox"]).default("chromium"))
  .option("--executable <path>", "the browser's program, where it isn't found by itself")
  .option("--filter <text>", "only the cases whose names or groups contain the text; may be repeated", collect)
  .option("--quick", `a few cases, for ${quickLength.seconds} seconds each`)
  .option("--seconds <number>", `how long to time each case (default: ${fullLength.seconds})`, parseSeconds)
  .option("--json <file>", "write the environment, the peaks and every measurement to a file", parseFile)
  .option("--serve", "only serve the page and print its address, for a browser of your own")
  .showSuggestionAfterError(false)
  .parse();

/**
 * @type {{ browser: "chromium" | "firefox", executable?: string, filter?: string[], quick?: true, seconds?: number,
 *   json?: string, serve?: true }}
 */
const { browser: name, executable, filter, quick, seconds, json, serve: onlyServe } = command.opts();

/** @param {string} executablePath */
const launchBrowser = (executablePath) =>
  launch({
    executablePath,
    browser: name === "firefox" ? "firefox" : "chrome",
    // Beside these, puppeteer forbids Chromium to slow down what it takes for the background.
    args: name === "firefox" ? [] : chromiumArguments,
    // A clock in steps of 20 microseconds is too coarse for the shortest calls.
    extraPrefsFirefox: {
      "privacy.reduceTimerPrecision": false,
      "privacy.reduceTimerPrecision.unconditional": false,
    },
    // One call from here is the whole run.
    protocolTimeout: 0,
  });

/** @param {string} executablePath */
async function run(executablePath) {
  const environment = describeEnvironment();
  const server = await serve();
  const browser = await launchBrowser(executablePath);
  try {
    const page = await browser.newPage();
    page.on("console", (message) => console.error(message.text()));
    await page.goto(server.address);
    await page.waitForFunction("'runBenchmark' in window");
    const results = await page.evaluate(
      // Runs in the page.
      (options) => /** @type {{ runBenchmark: typeof import("./page.mjs").run }} */ (globalThis).runBenchmark(options),
      { filter, quick, seconds },
    );
    return { environment: { ...environment, browser: await browser.version() }, ...results };
  } finally {
    await browser.close();
    server.close();
  }
}

if (onlyServe) {
  const { address } = await serve();
  console.log(`${address}\nEnd with Ctrl+C.`);
} else {
  const executablePath = executable ?? findBrowser(name);
  if (executablePath === undefined) command.error(`error: ${name} isn't found; say where it is by --executable`);
  if (chooseCases({ filter, quick }).length === 0) {
    command.error("error: --filter: no case has such a name; npm run bench -- --help lists them");
  }
  try {
    const record = await run(executablePath);
    console.log(describeRecord(record));
    if (json !== undefined) writeFileSync(json, `${JSON.stringify(record, null, 2)}\n`);
    if (record.measurements.some(({ samples }) => samples === 0)) process.exitCode = 1;
  } catch (error) {
    command.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  }
}
