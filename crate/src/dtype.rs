//! float16 and bfloat16, stored as their bits, to and from float32; the one form in which NaN is stored.
//!
//! Widening is exact. Narrowing rounds to the nearest value, ties to even; beyond the largest finite value comes
//! infinity. Everything here is integer arithmetic or exact float arithmetic on normal numbers, so both arithmetics
//! give the same bits, and subnormal float16 inputs cost no more than others.

use crate::numbered::numbered;
use crate::simd::{F32x4, I32x4, LANES};

/// The bits of the one float32 NaN that is ever stored: WebAssembly leaves the payload of a computed NaN open.
pub const CANONICAL_NAN: u32 = 0x7fc0_0000;

numbered! {
    /// The floating-point types of tensors.
    pub enum Dtype {
        /// IEEE 754 binary32.
        Float32 = "float32",
        /// IEEE 754 binary16.
        Float16 = "float16",
        /// The upper half of a binary32.
        BFloat16 = "bfloat16",
    }
}

/// `values` with every NaN in its canonical form.
#[inline(always)]
pub fn canonical(values: F32x4) -> F32x4 {
    values.eq(values).select(values, I32x4::splat(CANONICAL_NAN.cast_signed()).from_bits())
}

/// `value`, or the canonical NaN.
#[inline(always)]
pub fn canonical_scalar(value: f32) -> f32 {
    if value.is_nan() { f32::from_bits(CANONICAL_NAN) } else { value }
}

/// The float32 of float16 bits, exactly.
pub fn float16_to_float32(bits: u16) -> f32 {
    widen_float16()(I32x4::splat(i32::from(bits))).to_array()[0]
}

/// The float16 bits nearest to `value`; NaN gives 0x7e00.
pub fn float32_to_float16(value: f32) -> u16 {
    low_half(narrow_float16(F32x4::splat(value)).to_array()[0])
}

/// The float32 of bfloat16 bits, exactly.
pub fn bfloat16_to_float32(bits: u16) -> f32 {
    widen_bfloat16(I32x4::splat(i32::from(bits))).to_array()[0]
}

/// The bfloat16 bits nearest to `value`; NaN gives 0x7fc0.
pub fn float32_to_bfloat16(value: f32) -> u16 {
    low_half(narrow_bfloat16(F32x4::splat(value)).to_array()[0])
}

/// `output[i]` = the float32 of `input[i]`, bits of `dtype`, a 16-bit type.
#[inline(never)]
pub fn widen(output: &mut [f32], input: &[u16], dtype: Dtype) {
    if dtype == Dtype::Float16 {
        widen_with(output, input, widen_float16());
    } else {
        widen_with(output, input, widen_bfloat16);
    }
}

/// `output[i]` = the bits of `input[i]` rounded to `dtype`, a 16-bit type.
#[inline(never)]
pub fn narrow(output: &mut [u16], input: &[f32], dtype: Dtype) {
    if dtype == Dtype::Float16 {
        narrow_with(output, input, narrow_float16);
    } else {
        narrow_with(output, input, narrow_bfloat16);
    }
}

/// As `widen` and `narrow` after each other, between the two 16-bit types (or within one, which canonicalises NaN).
pub fn convert_half(output: &mut [u16], input: &[u16], output_dtype: Dtype, input_dtype: Dtype) {
    const CHUNK: usize = 64;
    assert_eq!(output.len(), input.len());
    let mut wide = [0.0; CHUNK];
    for (output, input) in output.chunks_mut(CHUNK).zip(input.chunks(CHUNK)) {
        let wide = &mut wide[..input.len()];
        widen(wide, input, input_dtype);
        narrow(output, wide, output_dtype);
    }
}

#[inline(always)]
fn widen_with(output: &mut [f32], input: &[u16], convert: impl Fn(I32x4) -> F32x4) {
    assert_eq!(output.len(), input.len());
    let (input_body, input_tail) = input.as_chunks::<LANES>();
    let (output_body, output_tail) = output.as_chunks_mut::<LANES>();
    for (output, input) in output_body.iter_mut().zip(input_body) {
        convert(I32x4::load_u16(input)).store(output);
    }
    for (output, input) in output_tail.iter_mut().zip(input_tail) {
        *output = convert(I32x4::splat(i32::from(*input))).to_array()[0];
    }
}

#[inline(always)]
fn narrow_with(output: &mut [u16], input: &[f32], convert: impl Fn(F32x4) -> I32x4) {
    assert_eq!(output.len(), input.len());
    let (input_body, input_tail) = input.as_chunks::<LANES>();
    let (output_body, output_tail) = output.as_chunks_mut::<LANES>();
    for (output, input) in output_body.iter_mut().zip(input_body) {
        *output = convert(F32x4::load(input)).to_array().map(low_half);
    }
    for (output, input) in output_tail.iter_mut().zip(input_tail) {
        *output = low_half(convert(F32x4::splat(*input)).to_array()[0]);
    }
}

#[inline(always)]
fn low_half(bits: i32) -> u16 {
    bits.cast_unsigned() as u16
}

/// A mask's lanes of `chosen` where set, of `otherwise` elsewhere.
#[inline(always)]
fn select(mask: I32x4, chosen: I32x4, otherwise: I32x4) -> I32x4 {
    mask.select(chosen.from_bits(), otherwise.from_bits()).to_bits()
}

/// The numbers of `widen_float16`, as vectors in memory: engines rebuild a vector constant at each use, in several
/// instructions, but read a vector from memory in none of its own.
static FLOAT16: [[i32; 4]; 8] = {
    /// By this much float32's exponents are larger, in place.
    const EXPONENT_OFFSET: i32 = (127 - 15) << 23;
    [
        [0x8000; 4],
        [0x7fff; 4],
        [EXPONENT_OFFSET; 4],
        [EXPONENT_OFFSET + (1 << 23); 4],
        [0x0400; 4],
        [0x7c00; 4],
        [f32::INFINITY.to_bits().cast_signed(); 4],
        [CANONICAL_NAN.cast_signed(); 4],
    ]
};

/// From float16 bits in the low halves of the lanes.
#[inline(always)]
fn widen_float16() -> impl Fn(I32x4) -> F32x4 {
    let constants = core::hint::black_box(&FLOAT16).map(I32x4::from_array);
    let [sign_bit, magnitude_bits, exponent_offset, smallest_normal, normal_from, infinity_bits, infinity, nan] =
        constants;
    move |bits| {
        let sign = (bits & sign_bit).shift_left(16);
        let magnitude = bits & magnitude_bits;
        let shifted = magnitude.shift_left(13);
        let normal = shifted + exponent_offset;
        // A subnormal m·2^-24 as the difference (2^-14 + m·2^-24) − 2^-14 of normal numbers.
        let subnormal = (shifted + smallest_normal).from_bits() - smallest_normal.from_bits();
        let finite = select(magnitude.lt(normal_from), subnormal.to_bits(), normal);
        let infinite = select(magnitude.eq(infinity_bits), sign | infinity, nan);
        select(magnitude.lt(infinity_bits), sign | finite, infinite).from_bits()
    }
}

/// bfloat16 bits in the low halves of the lanes.
#[inline(always)]
fn widen_bfloat16(bits: I32x4) -> F32x4 {
    canonical(bits.shift_left(16).from_bits())
}

/// float16 bits in the low halves of the lanes; the upper halves are zero.
#[inline(always)]
fn narrow_float16(values: F32x4) -> I32x4 {
    /// 65536: from here on infinity. (65520 and above round up to it.)
    const OVERFLOW: i32 = (127 + 16) << 23;
    /// 2^-14, float16's smallest normal number.
    const SMALLEST_NORMAL: i32 = (127 - 14) << 23;
    /// ½: its unit in the last place is 2^-24, float16's subnormal step.
    const SUBNORMAL_ROUNDER: f32 = 0.5;
    let sign = (values.to_bits() & I32x4::splat(i32::MIN)).shift_right_logical(16);
    let magnitude = values.to_bits() & I32x4::splat(i32::MAX);
    // The addition rounds to a multiple of 2^-24, which ends up in the low bits.
    let rounder = F32x4::splat(SUBNORMAL_ROUNDER);
    let subnormal = (magnitude.from_bits() + rounder).to_bits() - rounder.to_bits();
    let odd = magnitude.shift_right_logical(13) & I32x4::splat(1);
    let rebiased = magnitude - I32x4::splat((127 - 15) << 23);
    let normal = (rebiased + I32x4::splat(0x0fff) + odd).shift_right_logical(13);
    let finite = select(magnitude.lt(I32x4::splat(SMALLEST_NORMAL)), subnormal, normal);
    let number = sign | select(magnitude.lt(I32x4::splat(OVERFLOW)), finite, I32x4::splat(0x7c00));
    select(values.eq(values), number, I32x4::splat(0x7e00))
}

/// bfloat16 bits in the low halves of the lanes; the upper halves are zero.
#[inline(always)]
fn narrow_bfloat16(values: F32x4) -> I32x4 {
    let bits = values.to_bits();
    let odd = bits.shift_right_logical(16) & I32x4::splat(1);
    let number = (bits + I32x4::splat(0x7fff) + odd).shift_right_logical(16);
    select(values.eq(values), number, I32x4::splat(0x7fc0))
}
