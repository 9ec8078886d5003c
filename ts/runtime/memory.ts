import { outOfMemoryError } from "../errors.js";
import { currentMemory, fateOf, requireInstance } from "./instance.js";
import { callKernel, kernelSize } from "./kernels.js";
import { LARGEST_MEMORY } from "./options.js";

/** Memory of the runtime, in bytes. */
export interface MemoryUsage {
  /** In tensors and packed parameters that have not been disposed. */
  readonly bytesInUse: number;
  /** What the WebAssembly memory takes from the host; it never shrinks. */
  readonly bytesReserved: number;
  /** The most that `bytesInUse` has been, work space of running operations included. */
  readonly bytesPeak: number;
}

const LARGEST_ALLOCATION = 2 ** 31;

/**
 * The memory that the runtime uses.
 *
 * @returns Bytes: those in use, those taken from the host, and the most that were in use.
 * @throws {AttentionError} before `init`, and once the runtime has failed.
 */
export function memoryUsage(): MemoryUsage {
  const { memory } = requireInstance("memoryUsage");
  return {
    bytesInUse: kernelSize("memoryUsage", (kernels) => kernels.bytes_in_use()),
    bytesReserved: memory.buffer.byteLength,
    bytesPeak: kernelSize("memoryUsage", (kernels) => kernels.bytes_peak()),
  };
}

/** A block of memory, 16-byte aligned, with arbitrary content. Detaches every view. */
export function allocate(operation: string, bytes: number): number {
  const { maximumMemory } = requireInstance(operation);
  // Arguments wrap in silence on their way into WebAssembly: larger ones must not get there.
  const pointer = bytes < LARGEST_ALLOCATION ? kernelSize(operation, (kernels) => kernels.allocate(bytes)) : 0;
  if (pointer === 0) {
    const limit = maximumMemory === LARGEST_MEMORY ? "4 GiB" : `maximumMemory, ${maximumMemory} bytes`;
    throw outOfMemoryError(
      `${operation}: out of memory: ${bytes} bytes more than the ${memoryUsage().bytesInUse} in use; ` +
        `one allocation must stay below 2 GiB, and all memory within ${limit}, or what the host allows`,
    );
  }
  return pointer;
}

/** Gives a block of the instance with this number back; nothing when that instance is gone. */
export function free(instanceNumber: number, pointer: number): void {
  if (fateOf(instanceNumber) !== "running") return;
  callKernel("free", (kernels) => kernels.free(pointer));
}

// Any allocation can grow the memory, which detaches all views: they are made when needed, and never kept.
const buffer = (): ArrayBuffer => requireInstance("view").memory.buffer;

/** A view of `length` elements at `pointer`, good until the next allocation; so are those below. */
export const float32View = (pointer: number, length: number): Float32Array<ArrayBuffer> =>
  new Float32Array(buffer(), pointer, length);

export const float64View = (pointer: number, length: number): Float64Array<ArrayBuffer> =>
  new Float64Array(buffer(), pointer, length);

export const int32View = (pointer: number, length: number): Int32Array<ArrayBuffer> =>
  new Int32Array(buffer(), pointer, length);

export const uint32View = (pointer: number, length: number): Uint32Array<ArrayBuffer> =>
  new Uint32Array(buffer(), pointer, length);

export const uint16View = (pointer: number, length: number): Uint16Array<ArrayBuffer> =>
  new Uint16Array(buffer(), pointer, length);

export const uint8View = (pointer: number, length: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(buffer(), pointer, length);

/** Whether a buffer is the runtime's memory, whose views an allocation detaches. */
export const isRuntimeMemory = (candidate: ArrayBufferLike): boolean => candidate === currentMemory()?.buffer;
