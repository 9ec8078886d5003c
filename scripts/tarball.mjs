// The package as users get it: packed from dist/ as it is, installed in a folder of its own.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** @param {string} folder @param {string[]} parameters */
const npm = (folder, ...parameters) =>
  execFileSync("npm", parameters, { cwd: folder, encoding: "utf8", shell: process.platform === "win32" });

/**
 * @typedef {object} Tarball as `npm pack` describes it, but for its path
 * @property {string} path
 * @property {number} size in bytes
 * @property {number} unpackedSize
 * @property {{ path: string }[]} files
 */

/** Writes the tarball into a folder. */
export function pack(/** @type {string} */ folder) {
  const packed = npm(root, "pack", "--json", "--ignore-scripts", "--pack-destination", folder);
  const [{ filename, size, unpackedSize, files }] = /** @type {(Tarball & { filename: string })[]} */ (
    JSON.parse(packed)
  );
  return { path: join(folder, filename), size, unpackedSize, files };
}

/**
 * Installs packages in the project of a folder, which has a package.json; nothing else, and without a network.
 * @param {string} project
 * @param {...string} packages tarballs, and folders, which are copied
 */
export function install(project, ...packages) {
  const options = ["--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--install-links"];
  npm(project, "install", ...options, ...packages);
}
