// The loss of each step and the accuracy after each epoch, as curves.
import uPlot from "./node_modules/uplot/dist/uPlot.esm.js";
import { EPOCHS, STEPS } from "./task.js";

const HEIGHT = 280;

/** @param {HTMLElement} place @returns what draws a curve in place of the last one */
export function makeChart(place) {
  const color = getComputedStyle(place).color;
  const axis = { stroke: color, grid: { stroke: "#8884" }, ticks: { stroke: "#8884" } };
  const chart = new uPlot(
    {
      width: place.clientWidth,
      height: HEIGHT,
      scales: { x: { time: false, range: [0, STEPS] }, loss: { range: [0, 2.5] }, accuracy: { range: [0, 1] } },
      axes: [
        { ...axis, label: "step" },
        { ...axis, label: "loss", scale: "loss" },
        { ...axis, label: "accuracy", scale: "accuracy", side: 1, grid: { show: false } },
      ],
      series: [
        { label: "step" },
        { label: "loss", scale: "loss", stroke: "#2a788e" },
        { label: "accuracy", scale: "accuracy", stroke: "#e07b00", spanGaps: true, points: { show: true } },
      ],
    },
    [[], [], []],
    place,
  );
  addEventListener("resize", () => chart.setSize({ width: place.clientWidth, height: HEIGHT }));

  /** @param {import("./kept-training.js").Curve} curve */
  return ({ losses, accuracies }) => {
    const steps = losses.map((_, index) => index + 1);
    const perEpoch = STEPS / EPOCHS;
    chart.setData([
      steps,
      losses,
      steps.map((step) => (step % perEpoch === 0 ? accuracies[step / perEpoch - 1] : null)),
    ]);
  };
}
