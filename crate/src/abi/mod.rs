//! The WebAssembly exports, by family: numbers in, at most a number out.
//!
//! Pointers are byte addresses in the linear memory, sizes count elements. Here they become slices, once, after a check
//! that they lie inside the memory and are aligned. Sizes that the kernels multiply are multiplied with a check first. A mistake
//! in the calling layer is a bug, and so a panic, before anything is written. Natively a "pointer" has no meaning, so the
//! exports exist on wasm32 alone; native tests call the kernels.
//!
//! Signatures have outputs first, then inputs, sizes and scalars. A call of more than a dozen numbers takes a block of them
//! (`arguments`). A pointer whose name begins with `optional` may be 0, for an operand that is not there.
//!
//! What the checks can't see is the calling layer's duty, and every SAFETY note below refers to it as *the contract*:
//! outputs and scratch are allocated blocks that overlap no other argument, and nothing else runs meanwhile.

#![allow(unsafe_code)]

pub mod arguments;
pub mod numbers;

#[cfg(target_arch = "wasm32")]
mod activation;
#[cfg(target_arch = "wasm32")]
mod attention;
#[cfg(target_arch = "wasm32")]
mod axis;
#[cfg(target_arch = "wasm32")]
mod broadcast;
#[cfg(target_arch = "wasm32")]
mod concatenation;
#[cfg(target_arch = "wasm32")]
mod convolution;
#[cfg(target_arch = "wasm32")]
mod dropout;
#[cfg(target_arch = "wasm32")]
mod dtype;
#[cfg(target_arch = "wasm32")]
mod elementwise;
#[cfg(target_arch = "wasm32")]
mod embedding;
#[cfg(target_arch = "wasm32")]
mod linear;
#[cfg(target_arch = "wasm32")]
mod loss;
#[cfg(target_arch = "wasm32")]
mod masked_mean;
#[cfg(target_arch = "wasm32")]
mod masks;
#[cfg(target_arch = "wasm32")]
mod matmul;
#[cfg(target_arch = "wasm32")]
mod memory;
#[cfg(target_arch = "wasm32")]
mod normalization;
#[cfg(target_arch = "wasm32")]
mod optimizer;
#[cfg(target_arch = "wasm32")]
mod random;
#[cfg(target_arch = "wasm32")]
mod rearrangement;
#[cfg(target_arch = "wasm32")]
mod reduction;
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
#[cfg(target_arch = "wasm32")]
mod sum;
#[cfg(target_arch = "wasm32")]
mod topk;
