// Runs examples/edge-function in a host: a thousand requests, then all that is wrong with a request.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { edgeCases, variedRequests } from "./edge-requests.mjs";
import { send } from "./http-client.mjs";

const REQUESTS = 1000;
const AT_ONCE = 16;
/**
 * By how much the process may grow while it answers what it has answered before. Nothing else than garbage may come of
 * that, and garbage is collected; the weights of these requests alone are 60 MB.
 */
const MOST_GROWTH_IN_MEGABYTES = 10;

/** Half of them, each sent twice. */
const requests = variedRequests(REQUESTS / 2);

/** The resident memory of a host without its garbage, in MB. @param {import("./edge-hosts.mjs").Host} host */
async function residentMegabytes({ collect, pid }) {
  await collect();
  return Number(execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" })) / 1024;
}

/**
 * Checks what every good answer promises.
 * @param {(typeof requests)[number]} request
 * @param {import("./http-client.mjs").Answer} answer
 */
function checkAnswer({ query, top = 5 }, { status, headers, body }) {
  assert.equal(status, 200, body);
  assert.equal(headers["content-type"], "application/json; charset=utf-8");
  assert.equal(headers["x-bytes-in-use"], "0", "tensors were forgotten");
  const { tokens, queryTokens, attention, keywords, sentences, trained, ...others } = JSON.parse(body);
  assert.deepEqual(others, {});
  assert.equal(trained, false);
  const rows = query === undefined ? tokens : queryTokens;
  assert.deepEqual(
    attention.map((/** @type {{ token: string }} */ { token }) => token),
    rows,
  );
  attention.forEach((/** @type {{ attendsTo: any[] }} */ { attendsTo }, /** @type {number} */ row) => {
    assert.ok(attendsTo.length <= top);
    // A token attends to something, unless it is alone.
    if (query !== undefined || tokens.length > 1) assert.ok(attendsTo.length > 0);
    let total = 0;
    let last = 1;
    for (const { index, token, weight } of attendsTo) {
      assert.equal(tokens[index], token);
      assert.ok(weight >= 0 && weight <= last, "weights fall");
      if (query === undefined) assert.notEqual(index, row, "a token attends to itself");
      last = weight;
      total += weight;
    }
    assert.ok(total < 1 + 1e-4 * attendsTo.length, `weights sum to ${total}`);
  });
  assert.equal(keywords === undefined, query !== undefined);
  assert.ok(sentences.length <= top);
}

/** @param {number[]} sorted @param {number} share */
const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];

/**
 * @param {import("./edge-hosts.mjs").Host} host
 * @returns {Promise<{ row: Record<string, string | number>, answers: string[] }>} a row of the table, and the answers
 */
export async function runEdgeFunction(host) {
  const { name, url } = host;
  const bodies = requests.map((request) => JSON.stringify(request));
  /** @param {number} index */
  const ask = (index) => send(url, { body: bodies[index % bodies.length] });

  // A new isolate, and many requests that all want the runtime started.
  const firsts = await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => ask(index)));
  firsts.forEach((answer, index) => checkAnswer(requests[index], answer));

  /** @type {string[]} */
  const answers = [];
  /** @type {number[]} */
  const times = [];
  let warm = 0;
  for (let index = 0; index < REQUESTS; index++) {
    const answer = await ask(index);
    checkAnswer(requests[index % bodies.length], answer);
    times.push(answer.milliseconds);
    if (index < bodies.length) answers.push(answer.body);
    else assert.equal(answer.body, answers[index - bodies.length], "equal requests have equal answers");
    if (index + 1 === bodies.length) warm = await residentMegabytes(host);
  }
  firsts.forEach(({ body }, index) => assert.equal(body, answers[index]));
  const end = await residentMegabytes(host);
  assert.ok(end - warm < MOST_GROWTH_IN_MEGABYTES, `${name} grew from ${warm} to ${end} MB`);

  for (const { name: what, status, code, allow, content } of edgeCases) {
    const answer = await send(url, content).catch((error) => assert.fail(`${name}, ${what}: ${error}`));
    assert.equal(answer.status, status, `${name}, ${what}: ${answer.status} ${answer.body}`);
    assert.equal(answer.headers.allow, allow);
    const { error } = JSON.parse(answer.body);
    assert.equal(error?.code, code, `${name}, ${what}`);
    if (code !== undefined) assert.ok(error.message.length > 10);
  }
  const after = await ask(0);
  checkAnswer(requests[0], after);
  assert.equal(after.body, answers[0], "the refused requests left something behind");

  times.sort((a, b) => a - b);
  const milliseconds = (/** @type {number} */ time) => Number(time.toFixed(2));
  return {
    row: {
      host: name,
      requests: REQUESTS,
      "p50 ms": milliseconds(quantile(times, 0.5)),
      "p99 ms": milliseconds(quantile(times, 0.99)),
      "warm MB": Math.round(warm),
      "end MB": Math.round(end),
      "refused as they should be": edgeCases.filter(({ status }) => status !== 200).length,
    },
    answers,
  };
}
