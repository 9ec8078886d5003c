import { AttentionError } from "../errors.js";
import type { arithmetics } from "../wasm/interface.js";

/** How a build multiplies and adds: two roundings, or one where the host really fuses. */
export type Arithmetic = keyof typeof arithmetics;

const bytesFromHex = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));

// `WebAssembly.validate` answers without code generation, so it works in every host and under every policy.
const accepts = (moduleInHex: string): boolean => WebAssembly.validate(bytesFromHex(moduleInHex));

/** A function that splats an i32 into a vector. */
const SIMD_MODULE = "0061736d010000000105016000017b030201000a080106004100fd0f0b";

/** `f(a, b, c)`: a · b + c by f32x4.relaxed_madd. */
const RELAXED_MULTIPLY_ADD_MODULE =
  "0061736d0100000001080160037d7d7d017d03020100070501016600000a160114002000fd132001fd132002fd13fd8502fd1f000b";

/** The module of `RELAXED_MULTIPLY_ADD_MODULE`, for hosts that compile bytes. */
export const relaxedMultiplyAddBytes = (): Uint8Array<ArrayBuffer> => bytesFromHex(RELAXED_MULTIPLY_ADD_MODULE);

/** Throws when the host can't run any build. */
export function requireSimd(operation: string): void {
  if (typeof WebAssembly === "undefined") {
    throw new AttentionError(
      "ERR_NO_WEBASSEMBLY",
      `${operation}: this host has no WebAssembly (React Native's Hermes, iOS Lockdown Mode and node --jitless have none)`,
    );
  }
  if (!accepts(SIMD_MODULE)) {
    throw new AttentionError(
      "ERR_NO_SIMD",
      `${operation}: this host's WebAssembly has no SIMD; Chrome 91, Firefox 89, Safari 16.4, Node 16.4 and later have it`,
    );
  }
}

/** Whether the host knows relaxed SIMD, which does not say that it fuses. */
export const acceptsRelaxedSimd = (): boolean => accepts(RELAXED_MULTIPLY_ADD_MODULE);

/**
 * Whether a multiply-add rounds once: with a = 1 + 2^-12, a · a - (1 + 2^-11) is 2^-24, which a rounded product loses.
 * All tiers of an engine agree, so one call decides.
 */
export function roundsOnce(multiplyAdd: (a: number, b: number, c: number) => number): boolean {
  const a = 1 + 2 ** -12;
  return multiplyAdd(a, a, -(1 + 2 ** -11)) === 2 ** -24;
}
