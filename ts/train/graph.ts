import { misuseError } from "../errors.js";
import type { FloatOperand } from "../ops/float-operand.js";
import type { Operand } from "../ops/operand.js";
import { type FloatDType, isFloat } from "../tensor/dtype.js";
import { type Origin, Track } from "../tensor/recorder.js";
import { keep } from "../tensor/scope.js";
import { isTensor, setTrack, shareTensor, type Tensor, tensorFromSource, versionOf } from "../tensor/tensor.js";
import type { Session } from "./session.js";
import type { Gradient, GradientTensor } from "./rule.js";

/** Something that a node has kept for its backward pass. */
interface Saved {
  readonly tensor: Tensor;
  readonly version: number;
}

/** A node's backward pass: the gradients of its inputs from those of its results. */
export type NodeBackward = (gradients: readonly GradientTensor[], session: Session) => readonly Gradient[];

let lastNumber = 0;

/**
 * A call in the graph of what is to be differentiated. It is owned by its results, by the nodes that were computed from them,
 * and by a backward pass while it runs; without owners it frees what it has saved.
 */
export class Node implements Origin {
  /** Counts nodes in the order of their creation: the backward pass takes them in reverse. */
  readonly number: number;
  readonly resultCount: number;
  /** What the inputs are; undefined for those that need no gradient. */
  readonly inputs: readonly (Track | undefined)[];
  readonly #name: string;
  readonly #saved: Saved[] = [];
  #backward: NodeBackward | undefined;
  #owners = 0;

  /** `rule` gets the node, to save what the backward pass reads, which it returns. Nothing is kept when it throws. */
  constructor(
    name: string,
    inputs: readonly (Track | undefined)[],
    resultCount: number,
    rule: (node: Node) => NodeBackward,
  ) {
    lastNumber += 1;
    this.number = lastNumber;
    this.#name = name;
    this.inputs = inputs;
    this.resultCount = resultCount;
    try {
      this.#backward = rule(this);
    } catch (error) {
      this.#disposeSaved();
      throw error;
    }
    for (const parent of this.parents()) parent.retain();
  }

  /** The nodes that computed the inputs. */
  parents(): Node[] {
    return this.inputs.flatMap((track) => (track?.origin === undefined ? [] : [track.origin as Node]));
  }

  /** Keeps the memory of a tensor, or a copy of a constant. */
  save(content: Tensor | Operand): FloatOperand {
    const given = isTensor(content) ? content : content.content;
    const tensor = isTensor(given) ? shareTensor(given) : keep(tensorFromSource("backward", given));
    this.#saved.push({ tensor, version: versionOf(tensor) });
    return { argument: this.#name, shape: tensor.shape, dtype: tensor.dtype as FloatDType, content: tensor };
  }

  /** Throws a TypeError unless the node can still run. */
  check(operation: string): void {
    if (this.#backward === undefined) {
      const text = "the graph has been freed by an earlier backward; { retainGraph: true } keeps it";
      throw misuseError(operation, "this", text);
    }
    if (this.#saved.every(({ tensor, version }) => versionOf(tensor) === version)) return;
    const text = `a tensor that ${this.#name} has saved for its gradient has been changed since, as by an optimizer's step`;
    throw misuseError(operation, "this", text);
  }

  run(gradients: readonly GradientTensor[], session: Session): readonly Gradient[] {
    return this.#backward?.(gradients, session) ?? [];
  }

  retain(): void {
    this.#owners += 1;
  }

  release(): void {
    this.#owners -= 1;
    if (this.#owners === 0) this.free();
  }

  /** Frees what has been saved. The node can't run any more. */
  free(): void {
    if (this.#backward === undefined) return;
    this.#backward = undefined;
    this.#disposeSaved();
    for (const parent of this.parents()) parent.release();
  }

  #disposeSaved(): void {
    for (const { tensor } of this.#saved) tensor.dispose();
  }
}

/** Makes results those of a node, which is made as `Node` says: floats among them require gradients from then on. */
export function addNode(
  name: string,
  inputs: readonly (Track | undefined)[],
  results: readonly Tensor[],
  rule: (node: Node) => NodeBackward,
): void {
  const node = new Node(name, inputs, results.length, rule);
  results.forEach((result, index) => {
    if (!isFloat(result.dtype)) return;
    node.retain();
    setTrack(result, new Track(true, result.shape, node, index));
  });
}
