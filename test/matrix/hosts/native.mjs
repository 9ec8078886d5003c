// What all runtimes are compared with: the hash of the same cases in a native build of the Rust core.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const run = promisify(execFile);

/** The hash of each arithmetic; undefined where cargo isn't installed. */
export async function nativeHashes() {
  try {
    await run("cargo", ["--version"], { cwd: root });
  } catch {
    return undefined;
  }
  const hashOf = async (/** @type {string[]} */ ...features) => {
    const parameters = ["test", "--locked", ...features, "--test", "bits", "--", "--nocapture"];
    const { stdout } = await run("cargo", parameters, { cwd: root, maxBuffer: 2 ** 24 });
    const [, hash] = /^bits of \w+ arithmetic: (\w+)$/m.exec(stdout) ?? [];
    if (hash === undefined) throw new Error(`cargo test --test bits printed no hash:\n${stdout}`);
    return hash;
  };
  return { separate: await hashOf(), fused: await hashOf("--features", "fused") };
}
