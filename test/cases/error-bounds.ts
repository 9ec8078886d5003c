/**
 * How far off results of float32 may be, as error-bounds.json has it for the tests here, for those of the crate and for the
 * documentation: a sum of powers of two, each times a quantity that has a name.
 */
import bounds from "./error-bounds.json";

export type BoundName = keyof typeof bounds;

type Term = readonly [power: string, quantity?: string];

const termsOf = (name: BoundName): readonly Term[] => bounds[name] as readonly unknown[] as readonly Term[];

/** As the documentation writes it. */
export const formulaOf = (name: BoundName): string =>
  termsOf(name)
    .map((term) => term.join(" · "))
    .join(" + ");

/** Every bound that there is. */
export const boundNames = Object.keys(bounds) as BoundName[];

/** The bound, for what its quantities are. Throws when it has another one. */
export function errorBound(name: BoundName, quantities: Readonly<Record<string, number>>): number {
  return termsOf(name).reduce((sum, [power, quantity]) => {
    const factor = quantity === undefined ? 1 : quantities[quantity];
    if (factor === undefined) throw new Error(`the error bound of ${name} has the quantity ${quantity}`);
    return sum + 2 ** Number(power.replace("2^", "")) * factor;
  }, 0);
}
