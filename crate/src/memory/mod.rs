//! The allocator of the linear memory: it can fail, and says so by a null pointer.
//!
//! The crate is no_std on wasm32, where std's allocator would cost more bytes than many kernels and aborts where a
//! caller wants an error. Every tensor and every scratch buffer of the package is a block of this heap.
//!
//! | file | what it holds |
//! |---|---|
//! | `heap` | the algorithm, over any source of pages: it runs natively and under Miri as it does in WebAssembly |
//! | `wasm32` | pages by `memory.grow`, the one heap of an instance, and Rust's global allocator over it |

#![allow(unsafe_code)]

pub mod heap;

#[cfg(target_arch = "wasm32")]
mod wasm32;

#[cfg(target_arch = "wasm32")]
pub use wasm32::{allocate, bytes_in_use, bytes_peak, free, set_limit};
