// `npm run bench:browser -- <arguments>`.
import { runBenchmark } from "./run-benchmark.mjs";

await runBenchmark("browser/main.mjs");
