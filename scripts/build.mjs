// Builds dist/ afresh, with declarations: what the package ships.
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "tsup";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
// Not by tsup's own option: the builds of both formats run at once and would remove each other's files.
rmSync("dist", { recursive: true, force: true });
await build({});
