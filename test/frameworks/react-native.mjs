// React Native: Metro bundles the package with React Native's own settings and Babel preset, Hermes' compiler takes the
// bundle, and Hermes runs it up to `init`, which says that there is no WebAssembly. In Node, which has it, the bundle works.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { getDefaultConfig, mergeConfig } from "@react-native/metro-config";
import { runBuild } from "metro";
import { run, tools } from "./project.mjs";

/** How Metro is asked. For Hermes classes stay, but private members become others, on which less can be done. */
const builds = [
  { entry: "import.js", platform: "ios", dev: true, minify: false, profile: "default" },
  { entry: "require.js", platform: "android", dev: false, minify: true, profile: "hermes-stable" },
  { entry: "import.js", platform: "web", dev: false, minify: true, profile: "default" },
];

const machine = `${process.platform} ${process.arch}`;
/** Where the packages of Hermes have their programs. @type {string | undefined} */
const system = {
  "linux x64": "linux64-bin",
  "darwin x64": "osx-bin",
  "darwin arm64": "osx-bin",
  "win32 x64": "win64-bin",
}[machine];

/** Hermes compiles a bundle, and runs it as far as it can. @param {string} bundle */
function tryHermes(bundle) {
  if (system === undefined) return;
  const compiler = join(tools, "hermes-compiler/hermesc", system, "hermesc");
  run(tools, compiler, ["-w", "-emit-binary", "-out", `${bundle}.hbc`, bundle]);
  const hermes = join(tools, "hermes-engine-cli", system, "hermes");
  const { code, message } = JSON.parse(run(tools, hermes, ["-w", "-Xmicrotask-queue", bundle]).stdout);
  assert.equal(code, "ERR_NO_WEBASSEMBLY", `${bundle} in Hermes: ${message}`);
}

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
    const out = join(folder, `${platform}-${entry}`);
    await runBuild(settings(project), {
      entry: join(folder, entry),
      out,
      platform,
      dev,
      minify,
      unstable_transformProfile: profile,
    });
    tryHermes(out);
    const found = JSON.parse(run(folder, process.execPath, [out]).stdout);
    assert.deepEqual(found, { result: [true, 0.5, 0.5, 4], left: 0 }, `${out} in Node`);
  }
  const { version } = JSON.parse(readFileSync(join(tools, "@react-native/metro-config/package.json"), "utf8"));
  return `React Native ${version}${system === undefined ? `, without Hermes, which ${machine} has not` : ""}`;
}
