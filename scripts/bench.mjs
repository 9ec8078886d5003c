// `npm run bench -- <arguments>`.
import { runBenchmark } from "./run-benchmark.mjs";

await runBenchmark("main.mjs");
