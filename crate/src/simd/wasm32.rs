//! The vectors as SIMD128 instructions; multiply-add is relaxed where the build allows it.

use core::arch::wasm32::*;
use core::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Sub};

/// Four float32 lanes.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct F32x4(v128);

/// Four int32 lanes; as a mask, all bits of a lane are set or none.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct I32x4(v128);

impl F32x4 {
    #[inline(always)]
    pub fn zero() -> Self {
        Self(f32x4_splat(0.0))
    }
    #[inline(always)]
    pub fn splat(value: f32) -> Self {
        Self(f32x4_splat(value))
    }
    #[inline(always)]
    pub fn from_array(array: [f32; 4]) -> Self {
        Self(f32x4(array[0], array[1], array[2], array[3]))
    }
    #[inline(always)]
    pub fn to_array(self) -> [f32; 4] {
        [
            f32x4_extract_lane::<0>(self.0),
            f32x4_extract_lane::<1>(self.0),
            f32x4_extract_lane::<2>(self.0),
            f32x4_extract_lane::<3>(self.0),
        ]
    }
    /// Loads four elements.
    ///
    /// # Safety
    /// `pointer` is aligned to 4 bytes and valid for reading four elements.
    #[inline(always)]
    pub unsafe fn load_pointer(pointer: *const f32) -> Self {
        // SAFETY: the caller's contract; wasm loads have no alignment to keep.
        Self(unsafe { v128_load(pointer.cast()) })
    }
    /// Loads one element into every lane.
    ///
    /// # Safety
    /// `pointer` is aligned and valid for reading one element.
    #[inline(always)]
    pub unsafe fn splat_pointer(pointer: *const f32) -> Self {
        // SAFETY: the caller's contract.
        Self(unsafe { v128_load32_splat(pointer.cast()) })
    }
    /// Stores four elements.
    ///
    /// # Safety
    /// `pointer` is aligned to 4 bytes and valid for writing four elements.
    #[inline(always)]
    pub unsafe fn store_pointer(self, pointer: *mut f32) {
        // SAFETY: the caller's contract; wasm stores have no alignment to keep.
        unsafe { v128_store(pointer.cast(), self.0) }
    }
    /// `self · factor + addend`, rounded as the arithmetic says.
    #[inline(always)]
    pub fn mul_add(self, factor: Self, addend: Self) -> Self {
        #[cfg(target_feature = "relaxed-simd")]
        return Self(f32x4_relaxed_madd(self.0, factor.0, addend.0));
        #[cfg(not(target_feature = "relaxed-simd"))]
        return self * factor + addend;
    }
    /// `addend − self · factor`, rounded as the arithmetic says.
    #[inline(always)]
    pub fn negative_mul_add(self, factor: Self, addend: Self) -> Self {
        #[cfg(target_feature = "relaxed-simd")]
        return Self(f32x4_relaxed_nmadd(self.0, factor.0, addend.0));
        #[cfg(not(target_feature = "relaxed-simd"))]
        return addend - self * factor;
    }
    /// `self < other ? other : self`: keeps `self` where either is NaN.
    #[inline(always)]
    pub fn pseudo_max(self, other: Self) -> Self {
        // With relaxed SIMD LLVM turns f32x4_pmax into f32x4.relaxed_max, whose result for NaN depends on the host.
        #[cfg(target_feature = "relaxed-simd")]
        return self.lt(other).select(other, self);
        #[cfg(not(target_feature = "relaxed-simd"))]
        return Self(f32x4_pmax(self.0, other.0));
    }
    /// `other < self ? other : self`: keeps `self` where either is NaN.
    #[inline(always)]
    pub fn pseudo_min(self, other: Self) -> Self {
        // As for the maximum.
        #[cfg(target_feature = "relaxed-simd")]
        return other.lt(self).select(other, self);
        #[cfg(not(target_feature = "relaxed-simd"))]
        return Self(f32x4_pmin(self.0, other.0));
    }
    #[inline(always)]
    pub fn abs(self) -> Self {
        Self(f32x4_abs(self.0))
    }
    #[inline(always)]
    pub fn sqrt(self) -> Self {
        Self(f32x4_sqrt(self.0))
    }
    /// Rounded up to an integer.
    #[inline(always)]
    pub fn ceil(self) -> Self {
        Self(f32x4_ceil(self.0))
    }
    /// Rounded down to an integer.
    #[inline(always)]
    pub fn floor(self) -> Self {
        Self(f32x4_floor(self.0))
    }
    /// Rounded to the nearest integer, ties to even.
    #[inline(always)]
    pub fn nearest(self) -> Self {
        Self(f32x4_nearest(self.0))
    }
    /// Mask of the lanes where `self < other`.
    #[inline(always)]
    pub fn lt(self, other: Self) -> I32x4 {
        I32x4(f32x4_lt(self.0, other.0))
    }
    /// Mask of the lanes where `self <= other`.
    #[inline(always)]
    pub fn le(self, other: Self) -> I32x4 {
        I32x4(f32x4_le(self.0, other.0))
    }
    /// Mask of the lanes where `self == other`.
    #[inline(always)]
    pub fn eq(self, other: Self) -> I32x4 {
        I32x4(f32x4_eq(self.0, other.0))
    }
    /// The bits of the lanes.
    #[inline(always)]
    pub fn to_bits(self) -> I32x4 {
        I32x4(self.0)
    }
    /// Truncated to int32, saturating; NaN gives 0.
    #[inline(always)]
    pub fn truncate(self) -> I32x4 {
        I32x4(i32x4_trunc_sat_f32x4(self.0))
    }
    /// `[a0, b0, a1, b1]`.
    #[inline(always)]
    pub fn interleave_low(self, other: Self) -> Self {
        Self(i32x4_shuffle::<0, 4, 1, 5>(self.0, other.0))
    }
    /// `[a2, b2, a3, b3]`.
    #[inline(always)]
    pub fn interleave_high(self, other: Self) -> Self {
        Self(i32x4_shuffle::<2, 6, 3, 7>(self.0, other.0))
    }
    /// `[a0, a1, b0, b1]`.
    #[inline(always)]
    pub(super) fn low_halves(self, other: Self) -> Self {
        Self(i32x4_shuffle::<0, 1, 4, 5>(self.0, other.0))
    }
    /// `[a2, a3, b2, b3]`.
    #[inline(always)]
    pub(super) fn high_halves(self, other: Self) -> Self {
        Self(i32x4_shuffle::<2, 3, 6, 7>(self.0, other.0))
    }
}

impl I32x4 {
    #[inline(always)]
    pub fn splat(value: i32) -> Self {
        Self(i32x4_splat(value))
    }
    #[inline(always)]
    pub fn from_array(array: [i32; 4]) -> Self {
        Self(i32x4(array[0], array[1], array[2], array[3]))
    }
    #[inline(always)]
    pub fn to_array(self) -> [i32; 4] {
        [
            i32x4_extract_lane::<0>(self.0),
            i32x4_extract_lane::<1>(self.0),
            i32x4_extract_lane::<2>(self.0),
            i32x4_extract_lane::<3>(self.0),
        ]
    }
    /// Unsigned 16-bit numbers.
    #[inline(always)]
    pub fn load_u16(numbers: &[u16; 4]) -> Self {
        // SAFETY: the array holds the eight bytes; wasm loads have no alignment to keep.
        Self(unsafe { u32x4_load_extend_u16x4(numbers.as_ptr()) })
    }
    /// The lanes' bits as float32.
    #[inline(always)]
    pub fn from_bits(self) -> F32x4 {
        F32x4(self.0)
    }
    /// Converted to float32, rounded to nearest.
    #[inline(always)]
    pub fn to_f32(self) -> F32x4 {
        F32x4(f32x4_convert_i32x4(self.0))
    }
    /// Shifted left by `bits` < 32.
    #[inline(always)]
    pub fn shift_left(self, bits: u32) -> Self {
        Self(i32x4_shl(self.0, bits))
    }
    /// Shifted right by `bits` < 32, zeros coming in.
    #[inline(always)]
    pub fn shift_right_logical(self, bits: u32) -> Self {
        Self(u32x4_shr(self.0, bits))
    }
    /// The upper and the lower halves of the lanes' 64-bit products, all unsigned.
    #[inline(always)]
    pub fn multiply_wide(self, factor: Self) -> [Self; 2] {
        let low_lanes = u64x2_extmul_low_u32x4(self.0, factor.0);
        let high_lanes = u64x2_extmul_high_u32x4(self.0, factor.0);
        [
            Self(i32x4_shuffle::<1, 3, 5, 7>(low_lanes, high_lanes)),
            Self(i32x4_shuffle::<0, 2, 4, 6>(low_lanes, high_lanes)),
        ]
    }
    /// Mask of the lanes where `self < other` (signed).
    #[inline(always)]
    pub fn lt(self, other: Self) -> Self {
        Self(i32x4_lt(self.0, other.0))
    }
    /// Mask of the lanes where `self < other` (unsigned).
    #[inline(always)]
    pub fn lt_unsigned(self, other: Self) -> Self {
        Self(u32x4_lt(self.0, other.0))
    }
    /// Mask of the lanes where `self == other`.
    #[inline(always)]
    pub fn eq(self, other: Self) -> Self {
        Self(i32x4_eq(self.0, other.0))
    }
    /// As a mask: lanes of `chosen` where set, of `otherwise` elsewhere.
    #[inline(always)]
    pub fn select(self, chosen: F32x4, otherwise: F32x4) -> F32x4 {
        // One instruction in place of three. The specification leaves hosts a choice only where a lane's bits are mixed.
        #[cfg(target_feature = "relaxed-simd")]
        return F32x4(i32x4_relaxed_laneselect(chosen.0, otherwise.0, self.0));
        #[cfg(not(target_feature = "relaxed-simd"))]
        return F32x4(v128_bitselect(chosen.0, otherwise.0, self.0));
    }
    /// Whether any bit is set.
    #[inline(always)]
    pub fn any(self) -> bool {
        v128_any_true(self.0)
    }
    /// Whether every lane is non-zero.
    #[inline(always)]
    pub fn all(self) -> bool {
        i32x4_all_true(self.0)
    }
}

macro_rules! operator {
    ($vector:ident, $trait:ident, $method:ident, $instruction:ident) => {
        impl $trait for $vector {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self($instruction(self.0, other.0))
            }
        }
    };
}

operator!(F32x4, Add, add, f32x4_add);
operator!(F32x4, Sub, sub, f32x4_sub);
operator!(F32x4, Mul, mul, f32x4_mul);
operator!(F32x4, Div, div, f32x4_div);
operator!(I32x4, Add, add, i32x4_add);
operator!(I32x4, Sub, sub, i32x4_sub);
operator!(I32x4, BitAnd, bitand, v128_and);
operator!(I32x4, BitOr, bitor, v128_or);
operator!(I32x4, BitXor, bitxor, v128_xor);

impl Neg for F32x4 {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self(f32x4_neg(self.0))
    }
}

impl Not for I32x4 {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        Self(v128_not(self.0))
    }
}

/// The square root of one float64, which core alone doesn't have.
#[inline(always)]
pub fn sqrt_double(value: f64) -> f64 {
    f64x2_extract_lane::<0>(f64x2_sqrt(f64x2_splat(value)))
}
