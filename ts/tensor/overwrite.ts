import type { Elements } from "./source.js";
import { markChanged, type Tensor } from "./tensor.js";

/** Gives a tensor other elements, of its dtype and number, in place. */
export function overwrite(tensor: Tensor, elements: Elements): void {
  (tensor.view() as { set(elements: ArrayLike<number>): void }).set(elements);
  markChanged(tensor);
}
