//! The allocator's exports. Sizes and statistics are in bytes, the limit in pages of 64 KiB.

use crate::memory;
use wasm_bindgen::prelude::wasm_bindgen;

/// A 16-byte aligned block, or 0 when there is no memory for it.
#[wasm_bindgen]
pub fn allocate(bytes: usize) -> usize {
    memory::allocate(bytes) as usize
}

/// Gives a block back.
#[wasm_bindgen]
pub fn free(pointer: usize) {
    // SAFETY: the pointer came from `allocate` and is freed once, by the contract.
    unsafe { memory::free(pointer as *mut u8) }
}

/// Bytes in allocated blocks.
#[wasm_bindgen]
pub fn bytes_in_use() -> usize {
    memory::bytes_in_use()
}

/// The most that `bytes_in_use` has been.
#[wasm_bindgen]
pub fn bytes_peak() -> usize {
    memory::bytes_peak()
}

/// The memory never grows beyond `pages`.
#[wasm_bindgen]
pub fn set_memory_limit(pages: usize) {
    memory::set_limit(pages);
}
