// A roofline chart (Williams, Waterman and Patterson, 2009): what each call reaches, beside what the processor allows for
// so many operations with each byte.
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { learningGroups } from "./cases.mjs";
import { ourBuilds, referenceBuilds } from "./engines.mjs";
import { placeLabels } from "./label-placement.mjs";

/** @typedef {import("./record.mjs").Record} Record */

const WIDTH = 1180;
const HEIGHT = 760;
const MARGIN = { top: 56, right: 270, bottom: 44, left: 52 };
const LEGEND_LINE = 14;
const LABEL = { width: 13, height: 10 };
const TICKS = [0.01, 0.1, 1, 10, 100, 1000].flatMap((power) => [power, 2 * power, 5 * power]);

const colors = new Map([
  [ourBuilds[0].name, "#1f77b4"],
  [ourBuilds[1].name, "#d62728"],
  [referenceBuilds[0].name, "#767676"],
]);
const colorOf = (/** @type {{ engine: string }} */ { engine }) => colors.get(engine);

/**
 * Points bear the number of their case, which the list at the right names.
 * @param {Record} record
 * @returns {string} an SVG file
 */
export function drawRoofline({ environment, peaks, measurements }) {
  const points = measurements.flatMap(({ case: name, group, engine, flops, bytes, gflops }) =>
    gflops === undefined || !colors.has(engine) || [...learningGroups, "scaling"].includes(group)
      ? []
      : [{ name, engine, intensity: flops / bytes, gflops }],
  );
  const names = [...new Set(points.map(({ name }) => name))];
  const multiplyAdd = peaks.filter(({ arithmetic }) => arithmetic !== undefined);
  const highest = Math.max(...multiplyAdd.map(({ best }) => best));
  const intensities = points.map(({ intensity }) => intensity);
  const rates = points.map(({ gflops }) => gflops);
  const left = Math.min(0.4, ...intensities) / 1.3;
  const right = Math.max(100, ...intensities) * 2;
  const bottom = Math.min(...rates) / 1.4;
  const top = Math.max(highest, ...rates) * 1.25;

  /** @type {Plot.ScaleOptions} */
  const x = {
    type: "log",
    domain: [left, right],
    range: [MARGIN.left, WIDTH - MARGIN.right],
    label: "operations with a byte (FLOP / byte)",
    labelAnchor: "center",
    ticks: TICKS.filter((tick) => tick > left && tick < right),
    tickFormat: String,
    grid: true,
  };
  /** @type {Plot.ScaleOptions} */
  const y = {
    type: "log",
    domain: [bottom, top],
    range: [HEIGHT - MARGIN.bottom, MARGIN.top],
    ticks: TICKS.filter((tick) => tick > bottom && tick < top),
    tickFormat: String,
    label: "GFLOP/s",
    labelAnchor: "center",
    grid: true,
  };

  const reads = bestReads(peaks);
  const slowest = Math.min(...reads.map(({ best }) => best));
  const roofs = [
    ...multiplyAdd.map(({ arithmetic, best }) => ({
      label: `multiply-add ${arithmetic}, ${best.toFixed(0)} GFLOP/s`,
      from: { intensity: left, gflops: best },
      to: { intensity: right, gflops: best },
      labelAt: best,
      // Where nothing is gained by fusing, both lie on each other.
      labelOffset: { dx: 4, dy: arithmetic === "fused" ? -8 : 10 },
      dashes: "none",
    })),
    ...reads.map(({ bytes, best }, index) => ({
      label: `reading ${(bytes / 1e6).toFixed(1)} MB, ${best.toFixed(0)} GB/s${index > 0 ? " (dashed)" : ""}`,
      from: { intensity: Math.max(left, bottom / best), gflops: Math.max(left * best, bottom) },
      to: { intensity: highest / best, gflops: highest },
      // They start close to each other: both labels stand below the lower line.
      labelAt: Math.max(left * slowest, bottom),
      labelOffset: { dx: 20, dy: 4 + LEGEND_LINE * index },
      dashes: index > 0 ? "5 4" : "none",
    })),
  ];

  const [scaleX, scaleY] = [Plot.scale({ x }), Plot.scale({ y })];
  const places = placeLabels(
    points.map(({ intensity, gflops }) => ({ x: scaleX.apply(intensity), y: scaleY.apply(gflops) })),
    LABEL,
  );
  const labels = points.map(({ name, engine, intensity, gflops }, index) => ({
    text: String(names.indexOf(name) + 1),
    engine,
    point: { intensity, gflops },
    place: { intensity: scaleX.invert?.(places[index].x), gflops: scaleY.invert?.(places[index].y) },
  }));

  /** A line of text beside or above the frame. @param {string} text @param {object} options */
  const note = (text, options) => Plot.text([text], { textAnchor: "start", ...options });
  const { document } = parseHTML("<html></html>");
  const svg = Plot.plot({
    document,
    width: WIDTH,
    height: HEIGHT,
    marginTop: MARGIN.top,
    marginRight: MARGIN.right,
    marginBottom: MARGIN.bottom,
    marginLeft: MARGIN.left,
    style: { fontFamily: "sans-serif", fontSize: "11px", background: "white", color: "black" },
    x,
    y,
    marks: [
      ...roofs.map(({ from, to, dashes }) =>
        Plot.line([from, to], { x: "intensity", y: "gflops", strokeWidth: 1.5, strokeDasharray: dashes }),
      ),
      ...roofs.map(({ label, labelAt, labelOffset }) =>
        Plot.text([label], {
          x: [left],
          y: [labelAt],
          textAnchor: "start",
          ...labelOffset,
          fontWeight: "bold",
          fill: "black",
          stroke: "white",
        }),
      ),
      Plot.link(labels, {
        x1: ({ point }) => point.intensity,
        y1: ({ point }) => point.gflops,
        x2: ({ place }) => place.intensity,
        y2: ({ place }) => place.gflops,
        stroke: colorOf,
        strokeOpacity: 0.4,
        strokeWidth: 0.75,
      }),
      Plot.dot(points, { x: "intensity", y: "gflops", r: 3, fill: colorOf }),
      Plot.text(labels, {
        x: ({ place }) => place.intensity,
        y: ({ place }) => place.gflops,
        text: "text",
        fill: colorOf,
        stroke: "white",
        strokeWidth: 2,
        fontSize: 9,
      }),
      note(`${environment.processor}, Node ${environment.node}, ${environment.date.slice(0, 10)}`, {
        frameAnchor: "top-left",
        dy: -44,
        fontWeight: "bold",
      }),
      ...[...colors].map(([engine, fill], index) =>
        note(`● ${engine}`, { frameAnchor: "top-left", dx: 60 + 190 * index, dy: -24, fill }),
      ),
      ...names.map((name, index) =>
        note(`${index + 1}  ${name}`, { frameAnchor: "top-right", dx: 14, dy: LEGEND_LINE * index - 20, fontSize: 10 }),
      ),
    ],
  });
  svg.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return `${svg.outerHTML}\n`;
}

/**
 * The best read by several streams of the most and of the fewest bytes: from memory and, where these fit one, from a cache.
 * @param {Record["peaks"]} peaks
 */
function bestReads(peaks) {
  const reads = peaks.flatMap(({ streams = 1, bytes, best }) =>
    streams > 1 && bytes !== undefined ? [{ bytes, best }] : [],
  );
  const sizes = [...new Set(reads.map(({ bytes }) => bytes))].sort((a, b) => b - a);
  return [...new Set([sizes[0], sizes.at(-1)])].flatMap((size) => {
    const rates = reads.filter(({ bytes }) => bytes === size).map(({ best }) => best);
    return size === undefined ? [] : [{ bytes: size, best: Math.max(...rates) }];
  });
}
