// What is built and how: a bundler's own command, in a project that has no configuration besides it. Only Next.js has one.

/**
 * @typedef {object} Application
 * @property {string} name
 * @property {string} [bundler] the package whose version is shown; without one the page is served as it is
 * @property {readonly string[]} folders of this test; the project holds their files, a later folder's in place of an
 *   earlier one's
 * @property {readonly string[]} [command] a program of node_modules/.bin and its arguments
 * @property {string} output the folder that is made public
 * @property {number} [budget] in bytes, of all that the page loads, gzipped: a polyfill would not fit in
 * @property {readonly string[]} [subpathFolders] a further folder, with the settings that let it find the package's subpaths
 * @property {string} [computes] what its page shows. Default: attention
 * @property {boolean} [hasTape] it imports the tape, as workers do and some pages of Next.js
 * @property {boolean} [isNext] its own server runs it, and it has edge routes too
 * @property {string} [worker] what it builds is no page but a Cloudflare Worker: the file that starts it, in the folder
 * @property {boolean} [isRendered] the worker renders a page with the result in it, too
 * @property {boolean} [needsNode22] what Node 20 doesn't run
 */

const page = ["app", "page"];
const html = "index.html";
const script = "main.js";
const budget = 108 * 1024;
/** How applications get the tape: by its effect alone, or with a function. */
export const learningWays = ["bare-import", "loss"];
/** What the tape may add. */
const learningBudget = 20 * 1024;

const server = ["app", "nitro"];

/** Those that understand CommonJS also build an application that has a dependency in it. @type {Application[]} */
const withCommonJs = [
  { name: "Vite", bundler: "vite", folders: page, command: ["vite", "build"], output: "dist", budget },
  {
    name: "webpack",
    bundler: "webpack",
    folders: page,
    command: ["webpack", "--mode", "production", "--entry", `./${script}`],
    output: "dist",
    budget,
  },
  {
    name: "esbuild",
    bundler: "esbuild",
    folders: page,
    command: ["esbuild", script, "--bundle", "--minify", "--format=esm", "--outdir=dist"],
    output: "dist",
    budget,
  },
  {
    name: "Rspack",
    bundler: "@rspack/core",
    folders: page,
    command: ["rspack", "build", "--mode", "production", "--entry", `./${script}`],
    output: "dist",
    budget,
  },
  {
    name: "Parcel",
    bundler: "parcel",
    folders: page,
    subpathFolders: ["parcel"],
    command: ["parcel", "build", html],
    output: "dist",
    budget,
  },
];

/** With those that learn. @returns {Application[]} */
const withLearning = (/** @type {Application} */ application) => [
  application,
  ...learningWays.map((way) => ({
    ...application,
    name: `${application.name}, learning by ${way}`,
    folders: [...application.folders, ...(application.subpathFolders ?? []), `learn-by-${way}`],
    budget: application.budget && application.budget + learningBudget,
    computes: `learning by ${way}`,
    hasTape: true,
  })),
];

/** @type {readonly Application[]} */
export const applications = [
  ...withLearning({ name: "no bundler, import map", folders: [...page, "unbundled"], output: "." }),
  ...withLearning({
    name: "Rollup",
    bundler: "rollup",
    folders: page,
    command: [
      ...["rollup", script, "--file", `dist/${script}`],
      ...["--plugin", "@rollup/plugin-node-resolve", "--plugin", "@rollup/plugin-terser"],
    ],
    output: "dist",
    budget,
  }),
  ...withCommonJs.flatMap((application) => [
    ...withLearning(application),
    {
      ...application,
      name: `${application.name}, import and require`,
      folders: [...application.folders, ...(application.subpathFolders ?? []), "commonjs"],
      // Of what is required, everything is packed.
      budget: undefined,
      hasTape: true,
    },
  ]),
  ...["Turbopack", "webpack"].map((bundler) => ({
    name: `Next.js, ${bundler}`,
    bundler: "next",
    folders: ["app", "next", `next-${bundler.toLowerCase()}`],
    command: ["next", "build", `--${bundler.toLowerCase()}`],
    output: ".next/static",
    isNext: true,
  })),
  {
    name: "wrangler",
    bundler: "wrangler",
    folders: ["app", "worker"],
    command: ["wrangler", "deploy", "--dry-run", "--outdir", "dist"],
    output: "dist",
    worker: "worker.js",
    needsNode22: true,
  },
  {
    name: "Vite, Cloudflare's plugin",
    bundler: "@cloudflare/vite-plugin",
    folders: ["app", "worker", "worker-vite"],
    command: ["vite", "build"],
    output: "dist/worker",
    worker: "index.js",
    needsNode22: true,
  },
  {
    name: "Nitro 2",
    bundler: "nitropack",
    folders: [...server, "nitro-2"],
    command: ["nitropack", "build"],
    output: ".output/server",
    worker: "index.mjs",
  },
  {
    name: "Nitro 3",
    bundler: "nitro",
    folders: [...server, "nitro-3"],
    // Nitro 2 brings a program of this name as well.
    command: ["../nitro/dist/cli/index.mjs", "build"],
    output: ".output/server",
    worker: "index.mjs",
  },
  {
    name: "Nuxt",
    bundler: "nuxt",
    folders: [...server, "nuxt"],
    command: ["nuxt", "build"],
    output: ".output/server",
    worker: "index.mjs",
    isRendered: true,
    needsNode22: true,
  },
];
