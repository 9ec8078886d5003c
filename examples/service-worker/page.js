// Registers the service worker, asks it, and shows what it answers.
import { find, make, makeList } from "./elements.js";

/**
 * @typedef {{ token: string, attendsTo: { token: string, weight: number }[] }} Row
 * @typedef {{ attention: Row[], sentences: { text: string, weight: number }[],
 *   keywords?: { word: string, weight: number }[] }} Attention
 */

const text = find("#text", HTMLTextAreaElement);
const query = find("#query", HTMLInputElement);
const button = find("button", HTMLButtonElement);
const status = find("#status", HTMLParagraphElement);
const results = find("#results", HTMLElement);

/** @param {number} weight */
const percent = (weight) => `${(weight * 100).toFixed(1)}%`;

/** @param {Attention} attention */
function show({ keywords, sentences, attention }) {
  const words = keywords?.map(({ word, weight }) => `${word} ${percent(weight)}`);
  const texts = sentences.map((sentence) => `${sentence.text} ${percent(sentence.weight)}`);
  const rows = attention.map(({ token, attendsTo }) => {
    const others = attendsTo.map((other) => `${other.token} ${percent(other.weight)}`).join(", ");
    return make("tr", [make("th", [token]), make("td", [others])]);
  });
  results.replaceChildren(
    ...(words === undefined ? [] : makeList("Keywords", words)),
    ...makeList("Sentences", texts),
    make("h2", ["What each token attends to"]),
    make("table", rows),
  );
}

async function ask() {
  const parameters = new URLSearchParams({ text: text.value });
  if (query.value.trim() !== "") parameters.set("query", query.value);
  const response = await fetch(`attend?${parameters}`);
  /** @type {Attention & { error?: { message: string } }} */
  const answer = await response.json();
  if (answer.error !== undefined) throw new Error(answer.error.message);
  show(answer);
}

/** Whatever a promise fails with becomes the status. @param {() => Promise<unknown>} action @param {string} done */
async function report(action, done) {
  button.disabled = true;
  try {
    await action();
    status.textContent = done;
  } catch (error) {
    results.replaceChildren();
    status.textContent = `It failed: ${error instanceof Error ? error.message : String(error)}`;
  }
  button.disabled = false;
}

async function start() {
  if (!("serviceWorker" in navigator)) {
    throw new Error("this browser has no service workers here; they need https: or localhost");
  }
  const { serviceWorker } = navigator;
  const claimed = new Promise((resolve) => serviceWorker.addEventListener("controllerchange", resolve, { once: true }));
  await serviceWorker.register("service-worker.js", { type: "module" });
  // The first time it takes the page over a moment later.
  if (serviceWorker.controller === null) await claimed;
}

find("form", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  void report(ask, "Answered by the service worker.");
});
void report(start, "The service worker is ready.");
