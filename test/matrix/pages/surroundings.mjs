// Where a program finds itself: what its row claims to try.

/** @typedef {{ scope: string, crossOriginIsolated: boolean, evaluatesStrings: boolean }} Surroundings */

function evaluatesStrings() {
  try {
    return new Function("return true")();
  } catch {
    return false;
  }
}

/** @returns {Surroundings} */
export const describeSurroundings = () => ({
  scope: Object.prototype.toString.call(globalThis).slice("[object ".length, -1),
  crossOriginIsolated,
  evaluatesStrings: evaluatesStrings(),
});
