// What the components of docs/frameworks.md are given, as plain arrays. The test computes what they must show.

/** A layer of width 2 with one head. Queries are doubled, keys and values are the input itself. */
export const parameters = {
  in_proj_weight: { data: [2, 0, 0, 2, 1, 0, 0, 1, 1, 0, 0, 1], shape: [6, 2] },
  in_proj_bias: { data: [0, 0, 0, 0, 0, 0], shape: [6] },
  "out_proj.weight": { data: [1, 0, 0, 1], shape: [2, 2] },
  "out_proj.bias": { data: [0, 0], shape: [2] },
};

/** Three words, each of two numbers. */
export const inputs = [
  { data: [1, 0, 0, 1, 1, 1], shape: [3, 2] },
  { data: [0.5, -1, 2, 0.25, -1, -1], shape: [3, 2] },
];

export const scores = { data: [1, 2, 4], shape: [3] };
