// The program that runs the suite in the service worker of an extension: its page's end.
import { resultOf } from "./outcome.mjs";

export const run = async () => resultOf(await chrome.runtime.sendMessage("run"));
