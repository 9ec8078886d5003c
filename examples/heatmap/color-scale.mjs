/** @typedef {readonly [red: number, green: number, blue: number]} Color from 0 to 255 */

/**
 * A function from 0 … 1 to the colours between the stops, which are evenly spaced.
 * @param {readonly Color[]} stops
 * @returns {(share: number) => Color}
 */
export const colorScale = (stops) => (share) => {
  const position = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const index = Math.min(Math.floor(position), stops.length - 2);
  /** @param {0 | 1 | 2} channel */
  const mix = (channel) =>
    Math.round(stops[index][channel] + (position - index) * (stops[index + 1][channel] - stops[index][channel]));
  return [mix(0), mix(1), mix(2)];
};

/**
 * Whether white text is easier to read on a colour than black text.
 * @param {Color} color
 */
export function isDark([red, green, blue]) {
  // The relative luminance of WCAG 2, with a gamma of 2.2.
  const luminance = 0.2126 * (red / 255) ** 2.2 + 0.7152 * (green / 255) ** 2.2 + 0.0722 * (blue / 255) ** 2.2;
  // Where both have the same contrast.
  return luminance < 0.179;
}
