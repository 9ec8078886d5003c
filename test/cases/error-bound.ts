/** How far off results of float32 may be: a sum of powers of two, each times a quantity that has a name. */

/** A power, as "2^-24", and the quantity, as "|result|"; without one the power alone. */
export type ErrorBound = readonly (readonly [power: string, quantity?: string])[];

/** As the documentation writes it. */
export const formulaOf = (bound: ErrorBound): string => bound.map((term) => term.join(" · ")).join(" + ");

/** The bound, for what its quantities are. Throws when it has another one. */
export const evaluate = (bound: ErrorBound, quantities: Readonly<Record<string, number>>): number =>
  bound.reduce((sum, [power, quantity]) => {
    const factor = quantity === undefined ? 1 : quantities[quantity];
    if (factor === undefined) throw new Error(`the error bound has the quantity ${quantity}`);
    return sum + 2 ** Number(power.replace("2^", "")) * factor;
  }, 0);
