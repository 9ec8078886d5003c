//! The WebAssembly exports, by family: numbers in, a status out.
//!
//! Pointers are byte addresses in the linear memory, sizes count elements. Here they become slices, once, after a check
//! that they lie inside the memory and are aligned, so that a mistake in the calling layer is a status and not a trap.
//! Sizes that the kernels multiply are multiplied with a check first. Natively a "pointer" has no meaning, so the
//! exports exist on wasm32 alone; native tests call the kernels.
//!
//! A pointer whose name begins with `optional` may be 0, for an operand that is not there.
//!
//! What the checks can't see is the calling layer's duty, and every SAFETY note below refers to it as *the contract*:
//! outputs and scratch are allocated blocks that overlap no other argument, and nothing else runs meanwhile.

#![allow(unsafe_code)]

pub mod parameters;

#[cfg(target_arch = "wasm32")]
mod activation;
#[cfg(target_arch = "wasm32")]
mod attention;
#[cfg(target_arch = "wasm32")]
mod dtype;
#[cfg(target_arch = "wasm32")]
mod embedding;
#[cfg(target_arch = "wasm32")]
mod linear;
#[cfg(target_arch = "wasm32")]
mod memory;
#[cfg(target_arch = "wasm32")]
mod normalization;
#[cfg(target_arch = "wasm32")]
mod random;
#[cfg(target_arch = "wasm32")]
mod rotary_embedding;
#[cfg(target_arch = "wasm32")]
mod rotary_frequencies;
#[cfg(target_arch = "wasm32")]
mod runtime;
#[cfg(target_arch = "wasm32")]
mod sinusoidal_positions;
#[cfg(target_arch = "wasm32")]
mod slices;
#[cfg(target_arch = "wasm32")]
mod softmax;

/// What an export answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// A pointer outside the memory or misaligned, or sizes whose product overflows.
    InvalidArgument = 1,
    /// An index outside its table.
    IndexOutOfRange = 2,
}

/// The number of this interface; the calling layer compares it with its own before anything else.
pub const ABI_VERSION: u32 = 3;
