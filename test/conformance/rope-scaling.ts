import type { RopeScaling } from "../../ts/entry/default.js";

/** What decides the frequencies, as the records have it. */
export interface RopeAttributes {
  readonly rope_theta: number;
  readonly rope_scaling: Readonly<Record<string, unknown>> | null;
  readonly max_position_embeddings: number;
}

const camelCase = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());

/** A configuration's `rope_scaling` as the option here, with what dynamic scaling takes from beside it. */
export function ropeScalingOf({ rope_scaling, max_position_embeddings }: RopeAttributes): RopeScaling | undefined {
  if (rope_scaling === null) return undefined;
  const named = Object.fromEntries(Object.entries(rope_scaling).map(([name, value]) => [camelCase(name), value]));
  if (named["ropeType"] === "dynamic") named["maxPositionEmbeddings"] = max_position_embeddings;
  return named as unknown as RopeScaling;
}
