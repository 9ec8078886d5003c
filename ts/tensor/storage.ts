import { fateOf, requireInstance } from "../runtime/instance.js";
import { allocate, free } from "../runtime/memory.js";

/** A block of WebAssembly memory that tensors share, given back when the last of them lets go. */
export class Storage {
  readonly pointer: number;
  /** How often its content has been replaced: what was derived from it compares this. */
  version = 0;
  readonly #instanceNumber: number;
  #owners = 1;

  constructor(operation: string, bytes: number) {
    this.#instanceNumber = requireInstance(operation).number;
    this.pointer = allocate(operation, bytes);
  }

  /** What became of the instance that the block lies in. */
  get fate(): "running" | "failed" | "gone" {
    return fateOf(this.#instanceNumber);
  }

  /** Whether there are several owners. */
  get isShared(): boolean {
    return this.#owners > 1;
  }

  /** One more owner. */
  retain(): this {
    this.#owners += 1;
    return this;
  }

  /** One owner less. */
  release(): void {
    this.#owners -= 1;
    if (this.#owners === 0) free(this.#instanceNumber, this.pointer);
  }
}

let registry: FinalizationRegistry<Storage> | undefined;

/**
 * Releases for an owner that is collected without having been disposed. A net, not a plan: the collector doesn't see
 * WebAssembly memory, and some hosts have no FinalizationRegistry.
 */
export function releaseWhenCollected(owner: object, storage: Storage): void {
  if (typeof FinalizationRegistry === "undefined") return;
  registry ??= new FinalizationRegistry((collected) => {
    try {
      collected.release();
    } catch {
      // The runtime is marked as failed, which the next call tells; nobody could catch an error here.
    }
  });
  registry.register(owner, storage, owner);
}

/** The owner has been disposed. */
export function disposedByHand(owner: object): void {
  registry?.unregister(owner);
}
