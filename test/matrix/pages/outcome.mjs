// How a program's end travels from worker to page to server.

/** @typedef {{ result: unknown } | { error: string }} Outcome */

/**
 * What `run` returns or throws.
 * @param {() => Promise<unknown>} run
 * @returns {Promise<Outcome>}
 */
export async function outcomeOf(run) {
  try {
    return { result: await run() };
  } catch (error) {
    // Not all engines repeat the message in the stack.
    const stack = error instanceof Error ? error.stack : undefined;
    return { error: [String(error), ...(stack === undefined ? [] : [stack])].join("\n") };
  }
}

/**
 * What the program elsewhere returned. Throws the text of what it threw: an Error would add a stack that says nothing.
 * @param {Outcome} outcome
 */
export function resultOf(outcome) {
  if ("error" in outcome) throw outcome.error;
  return outcome.result;
}
