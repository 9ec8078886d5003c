//! What the calling layer asks before it uses an instance.

use super::ABI_VERSION;
use crate::simd::{F32x4, FUSED};
use wasm_bindgen::prelude::wasm_bindgen;

/// The number of this interface.
#[wasm_bindgen]
pub fn abi_version() -> u32 {
    ABI_VERSION
}

/// The arithmetic of this build: 0 separate, 1 fused.
#[wasm_bindgen]
pub fn arithmetic() -> u32 {
    u32::from(FUSED)
}

/// a·b + c as the kernels compute it: shows whether the host really fuses.
#[wasm_bindgen]
pub fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    F32x4::splat(a).mul_add(F32x4::splat(b), F32x4::splat(c)).to_array()[0]
}
