//! What the calling layer asks before it uses an instance.

use super::numbers::Arithmetic;
use crate::simd::F32x4;
use wasm_bindgen::prelude::wasm_bindgen;

/// The `Arithmetic` of this build.
#[wasm_bindgen]
pub fn arithmetic() -> u32 {
    Arithmetic::OWN as u32
}

/// a·b + c as the kernels compute it: shows whether the host really fuses.
#[wasm_bindgen]
pub fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    F32x4::splat(a).mul_add(F32x4::splat(b), F32x4::splat(c)).to_array()[0]
}
