import { isFloat } from "../tensor/dtype.js";
import { type RecordedInput, type Recorder, Track } from "../tensor/recorder.js";
import { isTensor, setTrack, type Tensor, trackOf } from "../tensor/tensor.js";
import { runBackward } from "./backward.js";
import { rules } from "./gradients/rules.js";
import { Node } from "./graph.js";
import { isRecorded } from "./mode.js";

/** What an input is, if it requires gradients. */
function requiringTrack(input: RecordedInput | undefined): Track | undefined {
  const track = input !== undefined && isTensor(input.content) ? trackOf(input.content) : undefined;
  return track?.requiresGrad === true ? track : undefined;
}

function record(
  name: string,
  inputs: readonly (RecordedInput | undefined)[],
  outputs: readonly Tensor[],
  details: unknown,
): void {
  const rule = rules[name];
  const tracks = inputs.map(requiringTrack);
  const needs = tracks.map((track) => track !== undefined);
  const node = new Node(name, tracks, outputs.length, (node) =>
    rule({
      inputs,
      outputs,
      details: details as never,
      needs,
      save: (content) => node.save(content),
    }),
  );
  outputs.forEach((output, index) => {
    if (!isFloat(output.dtype)) return;
    node.retain();
    setTrack(output, new Track(true, output.shape, node, index));
  });
}

/** Records what is computed from tensors that require gradients. */
export const tape: Recorder = {
  records: (inputs) => isRecorded(() => inputs.some((input) => requiringTrack(input) !== undefined)),
  record,
  backward: runBackward,
};
