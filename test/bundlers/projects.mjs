// Projects outside of the repository, each with the tarball installed, and the bundlers within its reach.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { install, pack } from "../../scripts/tarball.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
export const tools = join(here, "node_modules");

export const environment = {
  ...process.env,
  // Commands run on the Node that runs the test.
  PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
  NEXT_TELEMETRY_DISABLED: "1",
  NUXT_TELEMETRY_DISABLED: "1",
  WRANGLER_SEND_METRICS: "false",
  // Above it stands whether there is a newer version, for which it would ask the registry.
  WRANGLER_HIDE_BANNER: "true",
  NO_COLOR: "1",
};

/** For bundlers that don't run on Node 20. */
export const node22 =
  Number.parseInt(process.versions.node) >= 22
    ? {}
    : { PATH: `${join(tools, "node-22/bin")}${delimiter}${environment.PATH}` };

/**
 * Runs a program and returns what it prints; where it fails, that is the error.
 * @param {string} folder
 * @param {string} program
 * @param {readonly string[]} parameters
 * @param {NodeJS.ProcessEnv} [variables]
 */
export function run(folder, program, parameters, variables) {
  const { error, status, stdout, stderr } = spawnSync(program, parameters, {
    cwd: folder,
    encoding: "utf8",
    // What tools keep for themselves stays in the project.
    env: { ...environment, XDG_CONFIG_HOME: join(folder, ".config"), ...variables },
    shell: process.platform === "win32",
    timeout: 300_000,
  });
  if (status !== 0) throw new Error(`${program} ${parameters.join(" ")}\n${stdout}${stderr}`, { cause: error });
  return stdout;
}

/** Packs the package; the projects that `make` makes have it installed. */
export function openWorkspace() {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "wasm-attention-bundlers-")));
  // Commands and plugins are found here; the package is not.
  symlinkSync(tools, join(folder, "node_modules"), "junction");
  const tarball = pack(folder);
  return {
    /** @param {string} name @param {readonly string[]} sources folders of this test */
    make(name, sources) {
      const project = join(folder, name.replaceAll(/\W+/g, "-"));
      mkdirSync(project);
      writeFileSync(join(project, "package.json"), '{ "private": true, "type": "module" }\n');
      install(project, tarball.path);
      for (const source of sources) cpSync(join(here, source), project, { recursive: true });
      return project;
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
