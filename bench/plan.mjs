// Which cases a run measures, and for how long.
import { cases, quickCases } from "./cases.mjs";

/** Seconds of timing for each case, milliseconds of warm-up for everyone before them. */
export const fullLength = { seconds: 8, warmUpMilliseconds: 300 };
export const quickLength = { seconds: 2, warmUpMilliseconds: 100 };
/** For each of a sweep's hundreds of cases: the code is hot from the ones before. */
export const sweepLength = { seconds: 0.4, warmUpMilliseconds: 30 };

/**
 * @param {readonly string[] | undefined} texts
 * @param {string} name
 */
export const isChosen = (texts, name) => texts?.some((text) => name.includes(text)) ?? true;

/**
 * @param {object} options
 * @param {readonly string[]} [options.filter] only cases whose names or groups contain one of the texts
 * @param {boolean} [options.quick]
 */
export const chooseCases = ({ filter, quick }) =>
  (quick ? quickCases : cases).filter(({ name, group }) => isChosen(filter, `${group}: ${name}`));
