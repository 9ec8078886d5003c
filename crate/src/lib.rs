//! Attention kernels for WebAssembly SIMD128.
//!
//! For each batch b, head h and query row i
//!
//! ```text
//! score[j]  = scale · Σ_d query[i, d] · key[j, d]      then softcap, ALiBi, masks
//! weight[j] = exp(score[j] − m) / Σ_j exp(score[j] − m)          m = max_j score[j]
//! output[i] = Σ_j weight[j] · value[j]
//! ```
//!
//! Letters: B batch, H query heads, Hkv key/value heads (H a multiple of Hkv), L query length, S key length,
//! T = past + S all keys, D query/key head size, Dv value head size. Arrays are row-major; sizes count elements.
//!
//! | module | what it holds |
//! |---|---|
//! | `abi` | the WebAssembly exports: numbers in, at most a number out; pointers become slices here |
//! | `memory` | the allocator of the linear memory, which can fail |
//! | `simd` | four lanes of float32 and int32, with one of two multiply-adds |
//! | `math` | exp, log, tanh, the normal distribution, sin and cos with stated errors |
//! | `dtype` | float16 and bfloat16 bits to and from float32 |
//! | `attention` | scaled dot-product attention, forward and backward |
//! | `masks` | PyTorch's modules' masks as one |
//! | `linear` | x·Wᵀ + b over packed weights, its gradients, products of matrices |
//! | `convolution` | convolution along one axis, forward and backward |
//! | `masked_mean`, `topk` | the mean of what a mask lets through, the largest elements |
//! | `normalization`, `softmax`, `activation`, `rotary_embedding`, `rotary_frequencies`, `embedding`, `sinusoidal_positions` | the other layers' kernels |
//! | `elementwise`, `reduction`, `matmul`, `rearrangement` | sums and products, of operands that `broadcast` reads; copies in another order |
//! | `loss` | losses, forward and backward |
//! | `optimizer` | steps of SGD and Adam, clipping, averages of parameters |
//! | `numbered` | enumerations that cross the interface as numbers |
//! | `lanes` | the vectors of a slice |
//! | `tiles` | the sizes of register tiles and blocks |
//! | `sum` | sums over a row in a fixed order |
//! | `axis` | rows along any axis |
//! | `random`, `dropout` | Philox4x32-10, uniform and normal; elements dropped by it |
//!
//! Kernels never allocate: whoever calls them hands over outputs and scratch memory. Every sum has an order that
//! depends on the shapes alone.

#![cfg_attr(target_arch = "wasm32", no_std)]

pub mod abi;
pub mod activation;
pub mod attention;
pub mod axis;
pub mod broadcast;
pub mod convolution;
pub mod dropout;
pub mod dtype;
pub mod elementwise;
pub mod embedding;
pub mod indices;
mod lanes;
pub mod linear;
pub mod loss;
pub mod masked_mean;
pub mod masks;
pub mod math;
pub mod matmul;
pub mod memory;
pub mod normalization;
mod numbered;
pub mod optimizer;
pub mod random;
pub mod rearrangement;
pub mod reduction;
pub mod rotary_embedding;
pub mod rotary_frequencies;
pub mod simd;
pub mod sinusoidal_positions;
pub mod softmax;
pub mod sum;
pub mod tiles;
pub mod topk;

/// A panic is a bug of this crate: trap, so that the host sees it and stops using the instance.
#[cfg(target_arch = "wasm32")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    core::arch::wasm32::unreachable()
}
