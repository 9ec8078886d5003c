/** PyTorch's broadcasting: shapes are aligned at their last axes, and an axis of size 1 or one that is missing goes with any size. */
type Shape = readonly number[];

const count = (shape: Shape): number => shape.reduce((product, size) => product * size, 1);

/** The shape that both are broadcast to. */
export function broadcastShape(a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  const [first, second] = [a, b].map((shape) => [...Array.from({ length: rank - shape.length }, () => 1), ...shape]);
  return first.map((size, axis) => (size === 1 ? second[axis] : size));
}

/** For every element of a shape the element of an operand that stands for it. */
export function elementsOf(shape: Shape, operand: Shape): number[] {
  const missing = shape.length - operand.length;
  return Array.from({ length: count(shape) }, (_, element) => {
    let rest = element;
    const index = shape.map(() => 0);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = rest % shape[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    return operand.reduce((place, size, axis) => place * size + (size === 1 ? 0 : index[missing + axis]), 0);
  });
}

/** The sums of what stands for each element of an operand. */
export function sumTo(values: ArrayLike<number>, shape: Shape, operand: Shape): Float64Array {
  const sums = new Float64Array(count(operand));
  elementsOf(shape, operand).forEach((place, element) => (sums[place] += values[element]));
  return sums;
}
