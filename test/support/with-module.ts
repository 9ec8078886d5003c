import type { Module } from "../../ts/entry/default.js";
import { withoutLeak } from "./without-leak.js";

/** Runs it with a module, which is disposed, and requires that all memory is given back. */
export function withModule<M extends Module>(create: () => M, run: (module: M) => void): void {
  withoutLeak(() => {
    const module = create();
    try {
      run(module);
    } finally {
      module.dispose();
    }
  });
}
