// What a run leaves behind: the JSON of `--json`, which bench/record/ keeps, and which the README's figures come from.

/**
 * @typedef {object} Environment the machine and the versions that the figures belong to
 * @property {string} date
 * @property {string} node
 * @property {string} v8
 * @property {string} [browser] where the engines ran in one; Node only steered it
 * @property {string} system
 * @property {string} processor
 * @property {number} processors
 * @property {number} memoryGiB
 * @property {number} loadAverage of others, before the run
 */

/**
 * @typedef {object} EngineVersion
 * @property {string} name
 * @property {"separate" | "fused" | "native"} arithmetic
 * @property {string} version
 */

/**
 * @typedef {object} Peak over the whole run
 * @property {string} name
 * @property {"separate" | "fused"} [arithmetic] of multiplying and adding
 * @property {1 | 4 | 8} [streams] of reading memory
 * @property {number} [bytes] that are read over and over: what fits a cache is read faster
 * @property {"GFLOP/s" | "GB/s"} unit
 * @property {number} best
 * @property {number} median
 */

/**
 * @typedef {object} Summary milliseconds of a call
 * @property {number} best
 * @property {number} lowerQuartile
 * @property {number} median
 * @property {number} upperQuartile
 */

/**
 * @typedef {object} Measurement one case on one engine
 * @property {string} case
 * @property {string} group
 * @property {string} engine
 * @property {number | null} largestError from the oracle, absolute; null for NaN
 * @property {number} tolerance
 * @property {string} [failure] what the engine said in place of a result
 * @property {number} samples calls that were timed: none when the error exceeds the tolerance
 * @property {Summary} [milliseconds]
 * @property {number} flops of one call
 * @property {number} bytes that one call has to read or write at least
 * @property {number} [gflops] GFLOP/s of the best call
 * @property {number} [gigabytesPerSecond] of the best call
 * @property {"arithmetic" | "memory"} [bound] which of the two is reached first
 * @property {number} [peak] that bound in its unit, by the best of the samples that were interleaved with this case
 * @property {number} [shareOfPeak] of that, from 0 to 1, reached by the best call
 * @property {number} [shareOfRunPeak] of the best of the whole run
 * @property {Backward} [backward] of gradients, where the engine tells it from the forward pass
 * @property {number} [timesReference] the best time of onnxruntime-web, by its faster operator, over this one's
 */

/**
 * @typedef {object} Backward the backward pass of calls that have both
 * @property {Summary} milliseconds
 * @property {number} gflops GFLOP/s of the best one
 * @property {number} [shareOfPeak] of the peak beside it
 * @property {number} timesForward the best backward pass over the best forward pass
 */

/**
 * @typedef {object} BestAndMedian
 * @property {number} best
 * @property {number} median
 */

/**
 * @typedef {object} Cost of one engine before it computes
 * @property {string} engine
 * @property {number} bytes of its JavaScript, bundled and minified, and its WebAssembly
 * @property {number} gzipBytes of the same, each file by itself
 * @property {BestAndMedian} initMilliseconds from the start of its import until it is ready
 * @property {BestAndMedian} firstCallMilliseconds from arrays to the output, whatever has to be prepared for it
 */

/**
 * @typedef {object} Scaling of one engine
 * @property {string} engine
 * @property {number[]} lengths L = S
 * @property {number[]} milliseconds the best time of each
 * @property {number} exponent e in time = c · (L · S)^e: 1 is linear
 * @property {number} largestDeviation of a time from c · (L · S)^e, as a share of that
 */

/**
 * @typedef {object} MemoryUse
 * @property {string} engine
 * @property {string} case
 * @property {number} extraBytes beside inputs and output, at the peak
 */

/**
 * @typedef {object} TrainingMemory of a training step of attention layers, batch 1, causal, with AdamW
 * @property {string} engine
 * @property {number} layers
 * @property {number} width E
 * @property {number} heads H
 * @property {boolean} hasCheckpoint of each layer
 * @property {readonly number[]} lengths L
 * @property {number[]} bytes the peak at each
 * @property {number} bytesPerPosition the slope of the line through them, by least squares
 * @property {number} bytesAtZero where that line begins: the parameters, their gradients and averages
 * @property {number} largestDeviation of a peak from that line, as a share of it
 */

/**
 * @typedef {object} Results what every run has
 * @property {EngineVersion[]} engines
 * @property {{ name: string, reason: string }[]} skipped
 * @property {Peak[]} peaks
 * @property {Measurement[]} measurements
 */

/**
 * @typedef {object} Rest absent where a filter left it out, or where the run was in a browser
 * @property {Cost[]} [costs]
 * @property {Scaling[]} [scaling]
 * @property {MemoryUse[]} [memory]
 * @property {TrainingMemory[]} [trainingMemory]
 */

/** @typedef {{ environment: Environment } & Results & Rest} Record */

export {};
