/** Builds dist/ once, before the tests that run the package as users do. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export default function setup(): void {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  execFileSync(process.execPath, ["scripts/build-js.mjs"], { cwd: root, stdio: "inherit" });
}
