// Where labels stand so that they cover neither each other nor the points: each at the nearest free place around its point.

/** @typedef {{ x: number, y: number }} Place */

const DIRECTIONS = 24;
const RINGS = 14;
const FIRST_RADIUS = 9;
const RING_DISTANCE = 7;

/**
 * @param {readonly Place[]} points
 * @param {{ width: number, height: number }} size of a label
 * @returns {Place[]} the middle of each label
 */
export function placeLabels(points, { width, height }) {
  /** @type {Place[]} */
  const placed = [];
  const isFree = (/** @type {Place} */ { x, y }) =>
    placed.every((other) => Math.abs(other.x - x) >= width || Math.abs(other.y - y) >= height) &&
    points.every((point) => Math.abs(point.x - x) >= width / 2 + 2 || Math.abs(point.y - y) >= height / 2 + 2);
  for (const point of points) {
    const candidates = Array.from({ length: RINGS * DIRECTIONS }, (_, index) => {
      const radius = FIRST_RADIUS + RING_DISTANCE * Math.floor(index / DIRECTIONS);
      const angle = (2 * Math.PI * (index % DIRECTIONS)) / DIRECTIONS;
      return { x: point.x + radius * Math.cos(angle), y: point.y + radius * Math.sin(angle) };
    });
    placed.push(candidates.find(isFree) ?? candidates[0]);
  }
  return placed;
}
