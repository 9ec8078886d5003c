import type { Shape } from "./shape.js";

/** Longer axes show this many elements at either end. */
const EDGE = 3;

function formatAxis(shape: Shape, axis: number, offset: number, elementAt: (index: number) => string): string {
  const size = shape[axis];
  if (size === undefined) return elementAt(offset);
  const stride = shape.slice(axis + 1).reduce((product, inner) => product * inner, 1);
  const shown = Array.from({ length: Math.min(size, 2 * EDGE) }, (_, position) => {
    const index = size > 2 * EDGE && position >= EDGE ? size - 2 * EDGE + position : position;
    return formatAxis(shape, axis + 1, offset + index * stride, elementAt);
  });
  if (size > 2 * EDGE) shown.splice(EDGE, 0, "…");
  const isInnermost = axis === shape.length - 1;
  return `[${shown.join(isInnermost ? ", " : `,\n${" ".repeat(axis + 1)}`)}]`;
}

/** Elements in brackets, a line a row; of long axes the ends alone. */
export const formatElements = (shape: Shape, elementAt: (index: number) => string): string =>
  formatAxis(shape, 0, 0, elementAt);
