import { typeError } from "../errors.js";
import { withCollections } from "../nn/weights-collection.js";
import { atPosition, generatorPosition } from "../ops/random.js";
import { scope } from "../tensor/scope.js";
import { isTensor, setTrack, shareTensor, type Tensor, trackOf } from "../tensor/tensor.js";
import { addNode } from "./graph.js";
import { inMode, isRecording, watch } from "./mode.js";

/** What a checkpointed function may return. */
export type CheckpointResult = Tensor | readonly Tensor[] | Readonly<Record<string, Tensor | undefined>>;

const tensorsIn = (result: CheckpointResult): Tensor[] =>
  isTensor(result) ? [result] : Object.values(result as Record<string, unknown>).filter(isTensor);

/** Throws a TypeError for what holds no tensor. */
function checkResult<Result extends CheckpointResult>(result: Result): Result {
  if (typeof result === "object" && result !== null && tensorsIn(result).length > 0) return result;
  throw typeError("checkpoint", "fn", "a function that returns tensors", result);
}

/**
 * Computes `fn(...inputs)` without saving what its gradient needs; `backward` computes it once more for that. It lowers the memory of
 * a step, for the time of a second forward pass, and changes no bit: dropout draws the same seeds. As PyTorch's
 * `utils.checkpoint`. (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost".)
 *
 * @example
 * ```js
 * import { init, Linear, Tensor } from "wasm-attention";
 * import { checkpoint } from "wasm-attention/train";
 *
 * await init();
 * const layer = new Linear(2, 2, { activation: "gelu" });
 * const output = checkpoint((x) => layer.forward(x), Tensor.from([[1, 2]]));
 * output.backward(Tensor.from([[1, 1]]));
 * console.log(layer.weight.grad?.shape); // [2, 2]
 * ```
 *
 * @param fn A function of tensors that computes the same when it is called again, with whatever parameters. It is done when it
 *   returns.
 * @param inputs What `fn` gets. Tensors are kept until the backward pass.
 * @returns What `fn` returns: a tensor, or an array or an object of tensors.
 * @throws {TypeError} when `fn` is no function, and when it returns something else.
 * @throws Whatever `fn` throws.
 */
export function checkpoint<Inputs extends readonly unknown[], Result extends CheckpointResult>(
  fn: (...inputs: Inputs) => Result,
  ...inputs: Inputs
): Result {
  if (typeof fn !== "function") throw typeError("checkpoint", "fn", "a function", fn);
  if (!isRecording()) return fn(...inputs);
  const position = generatorPosition();
  return scope(() => {
    const { result, requiresGrad } = watch(() => scope(() => detached(checkResult(fn(...inputs)), inputs)));
    const outputs = tensorsIn(result);
    const tracks = inputs.map((input) => (isTensor(input) ? trackOf(input) : undefined));
    if (!requiresGrad && !tracks.some((track) => track?.requiresGrad)) return result;

    addNode("checkpoint", tracks, outputs, (node) => {
      const saved = inputs.map((input) => (isTensor(input) ? node.save(input).content : input));
      return (gradients, session) => {
        const again = saved.map((value, index) => {
          if (!isTensor(value)) return value;
          const input = shareTensor(value);
          const track = tracks[index];
          if (track !== undefined) setTrack(input, track, false);
          return input;
        });
        const arrived = scope(() => {
          const repeat = (): Result => atPosition(position, () => fn(...(again as unknown as Inputs)));
          // Attention weights were collected the first time.
          const repeated = inMode("recording", () => withCollections([], repeat));
          const starts = tensorsIn(repeated).flatMap((output, index) => {
            const [track, gradient] = [trackOf(output), gradients[index]];
            return track?.requiresGrad === true && gradient !== undefined ? [{ track, gradient }] : [];
          });
          session.include(starts.map(({ track }) => track));
          return starts;
        });
        for (const { track, gradient } of arrived) session.add(track, shareTensor(gradient));
        for (const input of again) if (isTensor(input)) input.dispose();
        // They have arrived.
        return [];
      };
    });
    return result;
  });
}

/** A result in which inputs that `fn` gives back are tensors of their own. */
function detached<Result extends CheckpointResult>(result: Result, inputs: readonly unknown[]): Result {
  const own = (tensor: unknown): unknown => (isTensor(tensor) && inputs.includes(tensor) ? tensor.detach() : tensor);
  if (isTensor(result)) return own(result) as Result;
  const entries = Object.entries(result).map(([name, value]) => [name, own(value)] as const);
  return (Array.isArray(result) ? entries.map(([, value]) => value) : Object.fromEntries(entries)) as Result;
}
