// An extension of Manifest V3 around the pages and the clean project.
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeScratchFolder } from "./processes.mjs";

const pagesFolder = fileURLToPath(new URL("../../pages", import.meta.url));

/** What a user's extension needs; without it the browser's own policy forbids WebAssembly. */
export const wasmPolicy = "script-src 'self' 'wasm-unsafe-eval'; object-src 'self'";

/**
 * The extension's folder. Browsers don't follow links out of it, so everything is copied.
 * @param {string} folder the clean project
 * @param {string} [contentSecurityPolicy] in place of the browser's own
 */
export function writeExtension(folder, contentSecurityPolicy) {
  const extension = makeScratchFolder("extension");
  cpSync(pagesFolder, extension, { recursive: true });
  for (const path of ["suite.js", "node_modules/wasm-attention"]) {
    cpSync(join(folder, path), join(extension, path), { recursive: true, dereference: true });
  }
  const manifest = {
    manifest_version: 3,
    name: "wasm-attention",
    version: "1.0",
    background: { service_worker: "extension-service-worker-scope.mjs", type: "module" },
    // Where its page posts the outcome.
    host_permissions: ["http://127.0.0.1/*"],
    ...(contentSecurityPolicy && { content_security_policy: { extension_pages: contentSecurityPolicy } }),
  };
  writeFileSync(join(extension, "manifest.json"), JSON.stringify(manifest));
  return extension;
}
