// The machine and the versions that a figure belongs to.
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { systemName } from "../scripts/system-name.mjs";

/**
 * Taken before the run, so that the load is that of others.
 * @returns {import("./record.mjs").Environment}
 */
export function describeEnvironment() {
  return {
    date: new Date().toISOString(),
    node: process.versions.node,
    v8: process.versions.v8,
    system: systemName(),
    processor: cpus()[0]?.model.trim() ?? "unknown",
    processors: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    loadAverage: Number(loadavg()[0].toFixed(2)),
  };
}
