// WebKitGTK, steered by its WebDriver on a display without a screen. One driver serves all rows; each row has a session, which
// is a browser of its own.
import { Builder } from "selenium-webdriver";
import { waitForServer } from "selenium-webdriver/http/util.js";
import { findFreePort } from "selenium-webdriver/net/portprober.js";
import { findProgram } from "../../../../scripts/installed-browsers.mjs";
import { HostStartError } from "../host.mjs";
import { end, makeScratchFolder, start } from "./processes.mjs";
import { within } from "./run-page.mjs";

/** @typedef {import("node:child_process").ChildProcess} ChildProcess */

const secondsToStart = 30;
const secondsToQuit = 10;

const packages = { WebKitWebDriver: "webkit2gtk-driver", Xvfb: "xvfb" };

/** @param {keyof typeof packages} name */
function pathOf(name) {
  const path = findProgram([name]);
  if (path === undefined) throw new Error(`${name} isn't installed`);
  return path;
}

/** The number of a new display. @param {(child: ChildProcess) => void} onStart */
async function startDisplay(onStart) {
  const display = start(pathOf("Xvfb"), ["-displayfd", "3", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  onStart(display);
  const output = /** @type {import("node:stream").Readable} */ (display.stdio[3]);
  const number = await within(
    new Promise((resolve, reject) => {
      output.once("data", (bytes) => resolve(String(bytes).trim()));
      display.once("exit", () => reject(new Error("Xvfb ended")));
    }),
    secondsToStart,
    "Xvfb",
  );
  return `:${number}`;
}

function makeEngine() {
  /** @type {ChildProcess[]} */
  let children = [];
  /** @type {Promise<{ address: string, driver: ChildProcess }> | undefined} */
  let started;

  async function startDriver() {
    const display = await startDisplay((child) => children.push(child));
    const port = await findFreePort("127.0.0.1");
    const driver = start(pathOf("WebKitWebDriver"), [`--port=${port}`, "--host=127.0.0.1"], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        DISPLAY: display,
        TMPDIR: makeScratchFolder("webkit"),
        // It needs namespaces, which most containers forbid.
        WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: "1",
        // There is no graphics processor to be found.
        LIBGL_ALWAYS_SOFTWARE: "1",
        WEBKIT_DISABLE_COMPOSITING_MODE: "1",
        WEBKIT_DISABLE_DMABUF_RENDERER: "1",
      },
    });
    children.push(driver);
    const address = `http://127.0.0.1:${port}`;
    await waitForServer(address, secondsToStart * 1000);
    return { address, driver };
  }

  async function close() {
    const ending = children;
    children = [];
    started = undefined;
    // The display last.
    for (const child of ending.reverse()) await end(child);
  }

  return {
    name: "WebKitGTK",
    fuses: false,

    missing() {
      const absent = Object.entries(packages).filter(([program]) => findProgram([program]) === undefined);
      if (absent.length === 0) return undefined;
      const [programs, names] = [absent.map(([program]) => program), absent.map(([, name]) => name)];
      return `${programs.join(", ")}: apt-get install ${names.join(" ")}`;
    },

    /** @type {import("./run-page.mjs").Open} */
    async open(origin, query) {
      try {
        started ??= startDriver();
        const { address, driver } = await started;
        const lost = new Promise((_, reject) => driver.once("exit", () => reject(new Error("WebKitWebDriver ended"))));
        // Nobody listens while the page loads.
        lost.catch(() => {});
        const session = await new Builder()
          .usingServer(address)
          .withCapabilities({
            browserName: "MiniBrowser",
            "webkitgtk:browserOptions": { args: ["--automation"] },
          })
          .build();
        const version = (await session.getCapabilities()).getBrowserVersion() ?? "unknown";
        await session.get(`${origin}/index.html?${query}`);
        return {
          version,
          lost: /** @type {Promise<never>} */ (lost),
          // A page that computes answers nobody: then all ends.
          close: () => within(session.quit(), secondsToQuit, "WebKitGTK's end").catch(close),
        };
      } catch (cause) {
        await close();
        throw new HostStartError(`WebKitGTK: ${/** @type {Error} */ (cause).message}`, { cause });
      }
    },

    close,
  };
}

export const webkit = makeEngine();
