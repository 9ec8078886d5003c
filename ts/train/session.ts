import { type Call, runCall } from "../ops/call.js";
import { bytesPerElement } from "../tensor/dtype.js";
import type { Track } from "../tensor/recorder.js";
import { scope } from "../tensor/scope.js";
import { elementCount } from "../tensor/shape.js";
import { isShared, isTensor, pointerOf, type Tensor } from "../tensor/tensor.js";
import type { Node } from "./graph.js";
import { inMode } from "./mode.js";
import type { Gradient, GradientTensor, PartialGradient } from "./rule.js";

/**
 * One backward pass: the gradients that have arrived so far, and the nodes that have still to run, the youngest first. Whatever is
 * computed from a node's results is younger, so their gradients are complete when it runs, and sums have one order.
 * Everything that it makes belongs to the open scope.
 */
export class Session {
  readonly #operation: string;
  readonly #keepsGraph: boolean;
  /** Of leaves, and of results of nodes that have not run. */
  readonly #gradients = new Map<Track, GradientTensor>();
  /** The results of each node that a gradient has arrived for. */
  readonly #arrived = new Map<Node, Set<Track>>();
  /** By ascending number. */
  readonly #pending: Node[] = [];
  readonly #known = new Set<Node>();
  readonly #complete = new Map<Track, GradientTensor>();

  constructor(operation: string, keepsGraph: boolean) {
    this.#operation = operation;
    this.#keepsGraph = keepsGraph;
  }

  /** Takes in the nodes that lead to some tensors. Throws a TypeError when one of them can't run. */
  include(tracks: readonly Track[]): void {
    const open = tracks.map(({ origin }) => origin as Node | undefined);
    while (open.length > 0) {
      const node = open.pop();
      if (node === undefined || this.#known.has(node)) continue;
      node.check(this.#operation);
      node.retain();
      this.#known.add(node);
      this.#pending.push(node);
      open.push(...node.parents());
    }
    this.#pending.sort((a, b) => a.number - b.number);
  }

  /** Adds what has arrived for a tensor: of its shape, or a part. The gradient becomes the session's. */
  add(track: Track, gradient: GradientTensor | PartialGradient): void {
    const node = track.origin as Node | undefined;
    if (node !== undefined) this.#arrived.set(node, (this.#arrived.get(node) ?? new Set()).add(track));
    const sum = this.#gradients.get(track);
    if (isTensor(gradient)) {
      this.#gradients.set(track, sum === undefined ? gradient : addTo(exclusive(sum), gradient));
    } else {
      const { tensor, start } = gradient;
      this.#gradients.set(
        track,
        sum === undefined ? placed(tensor, start, track) : addTo(exclusive(sum), tensor, start),
      );
    }
  }

  /** Runs all nodes. Returns the gradients of leaves, and of others that keep theirs, each in memory of its own. */
  run(): Map<Track, GradientTensor> {
    for (let node = this.#pending.pop(); node !== undefined; node = this.#pending.pop()) this.#runNode(node);
    for (const [track, gradient] of this.#gradients) this.#complete.set(track, gradient);
    this.#gradients.clear();
    for (const [track, gradient] of this.#complete) this.#complete.set(track, exclusive(gradient));
    return this.#complete;
  }

  /** Lets go of all nodes, and of what was left on the way. */
  end(): void {
    for (const node of this.#known) node.release();
    for (const gradient of this.#gradients.values()) gradient.dispose();
  }

  #runNode(node: Node): void {
    const tracks = this.#arrived.get(node);
    if (tracks !== undefined) this.#differentiate(node, tracks);
    if (!this.#keepsGraph) node.free();
  }

  #differentiate(node: Node, tracks: ReadonlySet<Track>): void {
    const gradients = new Array<GradientTensor>(node.resultCount);
    for (const track of tracks) {
      gradients[track.index] = this.#gradients.get(track) as GradientTensor;
      this.#gradients.delete(track);
    }
    const results = scope(() => inMode("off", () => separated(node.run(gradients, this), gradients)));
    for (const track of tracks) {
      const gradient = gradients[track.index];
      if (track.retainsGrad) this.#complete.set(track, gradient);
      else gradient.dispose();
    }
    node.inputs.forEach((track, index) => {
      const gradient = results[index];
      if (track !== undefined && gradient !== undefined) this.add(track, gradient);
    });
  }
}

/** What a rule gives, each as a tensor of its own, which may share the memory of others. */
function separated(results: readonly Gradient[], gradients: readonly GradientTensor[]): readonly Gradient[] {
  const taken = new Set<Tensor>(gradients);
  return results.map((result) => {
    if (!isTensor(result)) return result;
    if (taken.has(result)) return result.detach();
    taken.add(result);
    return result;
  });
}

/** A gradient in memory that no other tensor shares. */
function exclusive(gradient: GradientTensor): GradientTensor {
  if (!isShared(gradient)) return gradient;
  const copy = gradient.to("float32");
  gradient.dispose();
  return copy;
}

/** The gradient of a whole tensor of which one part has arrived. */
function placed(part: GradientTensor, start: number, { shape }: Track): GradientTensor {
  const count = elementCount(part.shape);
  if (count === elementCount(shape)) return part.reshape(shape);
  return runCall("backward", (call: Call) => {
    const whole = call.output(shape, "float32");
    const elements = whole.view();
    elements.fill(0, 0, start).set(part.view(), start);
    elements.fill(0, start + count);
    return whole;
  });
}

/** Adds a gradient to a sum, in place, from element `start` on. Returns the sum. */
export function addTo(sum: GradientTensor, gradient: GradientTensor, start = 0): GradientTensor {
  runCall("backward", (call) => {
    const target = pointerOf(sum) + start * bytesPerElement.float32;
    const addend = pointerOf(gradient);
    call.kernel((kernels) => kernels.accumulate(target, addend, elementCount(gradient.shape)));
  });
  gradient.dispose();
  return sum;
}
