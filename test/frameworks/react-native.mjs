// React Native: Metro bundles the package with React Native's own settings and Babel preset, Hermes' compiler takes the
// bundle, and Hermes runs it up to `init`, which says that there is no WebAssembly. In Node, which has it, the bundle works.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { getDefaultConfig, mergeConfig } from "@react-native/metro-config";
import { runBuild } from "metro";
import { run, tools } from "./project.mjs";

/** How Metro is asked: for Hermes as React Native ships it, which knows classes, for others, and by Expo for the web. */
const builds = [
  { entry: "import.js", platform: "ios", dev: true, minify: false, profile: "default" },
  { entry: "require.js", platform: "android", dev: false, minify: true, profile: "default" },
  { entry: "import.js", platform: "android", dev: false, minify: true, profile: "hermes-stable" },
];

/** Where the packages of Hermes have their programs, by the system. */
const systems = { linux: "linux64-bin", darwin: "osx-bin", win32: "win64-bin" };
const system = systems[/** @type {keyof typeof systems} */ (process.platform)];
const compiler = join(tools, "hermes-compiler/hermesc", system, "hermesc");
const hermes = join(tools, "hermes-engine-cli", system, "hermes");

/** @param {string} project */
function settings(project) {
  return mergeConfig(getDefaultConfig(project), {
    projectRoot: project,
    // The frameworks are outside of the project.
    watchFolders: [project, tools],
    resolver: { nodeModulesPaths: [tools] },
    // Of React Native itself, which isn't installed, nothing is needed.
    serializer: { getModulesRunBeforeMainModule: () => [] },
    cacheStores: [],
    maxWorkers: 1,
    reporter: { update() {} },
  });
}

/** @param {string} project */
export async function testReactNative(project) {
  const folder = join(project, "react-native");
  for (const { entry, platform, dev, minify, profile } of builds) {
    const out = join(folder, `${profile}-${entry}`);
    await runBuild(settings(project), {
      entry: join(folder, entry),
      out,
      platform,
      dev,
      minify,
      unstable_transformProfile: profile,
    });
    run(folder, compiler, ["-w", "-emit-binary", "-out", `${out}.hbc`, out]);
    const { code, message } = JSON.parse(run(folder, hermes, ["-w", "-Xmicrotask-queue", out]));
    assert.deepEqual(code, "ERR_NO_WEBASSEMBLY", `${out} in Hermes: ${message}`);
    const found = JSON.parse(run(folder, process.execPath, [out]));
    assert.deepEqual(found, { result: [true, 0.5, 0.5], left: 0 }, `${out} in Node`);
  }
  const { version } = JSON.parse(readFileSync(join(tools, "@react-native/metro-config/package.json"), "utf8"));
  return `React Native ${version}`;
}
