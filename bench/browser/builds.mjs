// The engines that a page measures.
import { engineBuilds, ourBuilds, referenceBuilds } from "../engines.mjs";

export const browserBuilds = [
  ...ourBuilds,
  ...referenceBuilds,
  ...engineBuilds.filter(({ name }) => name === "naive TypeScript"),
];
