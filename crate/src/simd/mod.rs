//! Four lanes of float32 and of int32, the only vectors that the kernels use, and pairs of them.
//!
//! `wasm32.rs` maps each operation to one SIMD128 instruction, `native.rs` computes the same lane by lane on
//! `[f32; 4]`, so that natively built tests see the very bits of the wasm build.
//!
//! The two *arithmetics* differ in `mul_add` alone: *separate* rounds the product and then the sum, *fused* rounds
//! once (relaxed SIMD on wasm32, the feature `fused` natively).

#![allow(unsafe_code)]

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod native;
mod pair;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm32;

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
pub use native::{F32x4, I32x4, sqrt_double};
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub use wasm32::{F32x4, I32x4, sqrt_double};

pub use pair::{F32x8, I32x8};

/// Lanes of a vector.
pub const LANES: usize = 4;

/// Whether `mul_add` rounds once.
#[cfg(target_arch = "wasm32")]
pub const FUSED: bool = cfg!(target_feature = "relaxed-simd");
/// Whether `mul_add` rounds once.
#[cfg(not(target_arch = "wasm32"))]
pub const FUSED: bool = cfg!(feature = "fused");

impl F32x4 {
    /// Loads `slice[0..4]`; panics if it is shorter.
    #[inline(always)]
    pub fn load(slice: &[f32]) -> Self {
        assert!(slice.len() >= LANES);
        // SAFETY: the slice holds at least four elements.
        unsafe { Self::load_pointer(slice.as_ptr()) }
    }

    /// Stores to `slice[0..4]`; panics if it is shorter.
    #[inline(always)]
    pub fn store(self, slice: &mut [f32]) {
        assert!(slice.len() >= LANES);
        // SAFETY: the slice holds at least four elements.
        unsafe { self.store_pointer(slice.as_mut_ptr()) }
    }

    /// Loads up to four elements; the lanes beyond the slice hold `padding`.
    #[inline(always)]
    pub fn load_partial(slice: &[f32], padding: f32) -> Self {
        let mut lanes = [padding; LANES];
        for (lane, value) in lanes.iter_mut().zip(slice) {
            *lane = *value;
        }
        Self::from_array(lanes)
    }

    /// Stores as many lanes as the slice has room for.
    #[inline(always)]
    pub fn store_partial(self, slice: &mut [f32]) {
        for (value, lane) in slice.iter_mut().zip(self.to_array()) {
            *value = lane;
        }
    }

    /// The sum of the lanes in the fixed order (0 + 2) + (1 + 3).
    #[inline(always)]
    pub fn sum(self) -> f32 {
        let [a, b, c, d] = self.to_array();
        (a + c) + (b + d)
    }

    /// The largest lane; NaN where a lane is NaN.
    #[inline(always)]
    pub fn maximum(self) -> f32 {
        self.to_array()
            .into_iter()
            .fold(f32::NEG_INFINITY, |largest, lane| if largest < lane || lane.is_nan() { lane } else { largest })
    }

    /// Transposes the 4 × 4 matrix whose rows are given.
    #[inline(always)]
    pub fn transpose(rows: [Self; 4]) -> [Self; 4] {
        let [a, b, c, d] = rows;
        let ab_low = a.interleave_low(b);
        let ab_high = a.interleave_high(b);
        let cd_low = c.interleave_low(d);
        let cd_high = c.interleave_high(d);
        [
            ab_low.low_halves(cd_low),
            ab_low.high_halves(cd_low),
            ab_high.low_halves(cd_high),
            ab_high.high_halves(cd_high),
        ]
    }
}

/// Applies `function` to every element, four at a time; the last lanes are padded with zeros.
#[inline(always)]
pub fn map(output: &mut [f32], input: &[f32], function: impl Fn(F32x4) -> F32x4) {
    map2(output, input, input, |x, _| function(x));
}

/// As `map`, of two inputs.
#[inline(always)]
pub fn map2(output: &mut [f32], a: &[f32], b: &[f32], function: impl Fn(F32x4, F32x4) -> F32x4) {
    body_and_tail(output, a, b, &function);
}

/// Calls `step` with 0 to N − 1, up to 11, as code without a loop, also where the compiler would not unroll it.
#[inline(always)]
pub fn unrolled<const N: usize>(mut step: impl FnMut(usize)) {
    const { assert!(N <= 12) };
    macro_rules! steps {
        ($($n:literal)*) => { $(if N > $n { step($n) })* };
    }
    steps!(0 1 2 3 4 5 6 7 8 9 10 11);
}

type Vectors = [[f32; LANES]];

/// What is computed of two vectors.
trait Compute {
    fn compute(&self, output: &mut Vectors, a: &Vectors, b: &Vectors);
}

impl<F: Fn(F32x4, F32x4) -> F32x4> Compute for F {
    fn compute(&self, output: &mut Vectors, a: &Vectors, b: &Vectors) {
        for (output, (a, b)) in output.iter_mut().zip(a.iter().zip(b)) {
            *output = self(F32x4::from_array(*a), F32x4::from_array(*b)).to_array();
        }
    }
}

/// Computes whole vectors, and what is left as one more, so that the code of either is there once.
#[inline(never)]
fn body_and_tail(output: &mut [f32], a: &[f32], b: &[f32], function: &dyn Compute) {
    assert!(output.len() == a.len() && output.len() == b.len());
    let (a_body, a_tail) = a.as_chunks();
    let (b_body, b_tail) = b.as_chunks();
    let (output_body, output_tail) = output.as_chunks_mut();
    function.compute(output_body, a_body, b_body);
    if !output_tail.is_empty() {
        let mut last = [[0.0; LANES]];
        let padded = |tail| [F32x4::load_partial(tail, 0.0).to_array()];
        function.compute(&mut last, &padded(a_tail), &padded(b_tail));
        output_tail.copy_from_slice(&last[0][..output_tail.len()]);
    }
}
