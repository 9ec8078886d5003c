/** Where elements go: for every element of a result the tensor (of `cat`) and the element of it that it is a copy of. */
type Shape = readonly number[];

const count = (shape: Shape): number => shape.reduce((product, size) => product * size, 1);

/** The indices of every element of a shape, in order. */
function* indices(shape: Shape): Generator<number[]> {
  for (let element = 0; element < count(shape); element++) {
    let rest = element;
    yield shape
      .map((size) => size)
      .reverse()
      .map((size) => {
        const index = rest % size;
        rest = Math.floor(rest / size);
        return index;
      })
      .reverse();
  }
}

const placeOf = (shape: Shape, index: Shape): number =>
  shape.reduce((place, size, axis) => place * size + index[axis], 0);

const replaced = (shape: Shape, axis: number, value: number): number[] =>
  shape.map((own, n) => (n === axis ? value : own));

export function cat(
  shapes: readonly Shape[],
  axis: number,
): { shape: number[]; from: [tensor: number, element: number][] } {
  const shape = replaced(
    shapes[0],
    axis,
    shapes.reduce((sum, sizes) => sum + sizes[axis], 0),
  );
  const from = [...indices(shape)].map((index): [number, number] => {
    let along = index[axis];
    let tensor = 0;
    while (along >= shapes[tensor][axis]) along -= shapes[tensor++][axis];
    return [tensor, placeOf(shapes[tensor], replaced(index, axis, along))];
  });
  return { shape, from };
}

export function narrow(input: Shape, axis: number, start: number, length: number): { shape: number[]; from: number[] } {
  const shape = replaced(input, axis, length);
  return {
    shape,
    from: [...indices(shape)].map((index) => placeOf(input, replaced(index, axis, index[axis] + start))),
  };
}

export function transpose(input: Shape, first: number, second: number): { shape: number[]; from: number[] } {
  const exchanged = (values: Shape): number[] =>
    values.map((value, axis) => (axis === first ? values[second] : axis === second ? values[first] : value));
  const shape = exchanged(input);
  return { shape, from: [...indices(shape)].map((index) => placeOf(input, exchanged(index))) };
}
