// The browsers of this machine, which tests and benchmarks drive.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** @typedef {"chromium" | "firefox"} BrowserName */

/** The programs' names where the PATH has them, the first one being that of Debian's package. */
const names = {
  chromium: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
  firefox: ["firefox-esr", "firefox"],
};

/** Where macOS and Windows have them. */
const places = {
  chromium: [
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
  ],
  firefox: ["/Applications/Firefox.app/Contents/MacOS/firefox", "C:/Program Files/Mozilla Firefox/firefox.exe"],
};

/** What Chromium starts with, besides what puppeteer adds. */
export const chromiumArguments = [
  // It refuses to run as root with a sandbox, as in most containers.
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

function isExecutable(/** @type {string} */ path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * The path of the first of the names that is in the PATH.
 * @param {readonly string[]} names
 */
export function findProgram(names) {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(isExecutable);
}

/** The path of a browser, or undefined. */
export const findBrowser = (/** @type {BrowserName} */ name) =>
  findProgram(names[name]) ?? places[name].find(isExecutable);
