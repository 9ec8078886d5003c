//! The vectors as arrays: what each instruction of `wasm32.rs` computes, lane by lane.

use super::FUSED;
use core::ops::{Add, BitAnd, BitOr, BitXor, Div, Mul, Neg, Not, Sub};

/// Four float32 lanes.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
pub struct F32x4([f32; 4]);

/// Four int32 lanes; as a mask, all bits of a lane are set or none.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(16))]
pub struct I32x4([i32; 4]);

#[inline(always)]
fn lanes<A: Copy, R>(a: [A; 4], function: impl Fn(A) -> R) -> [R; 4] {
    a.map(function)
}

#[inline(always)]
fn lanes2<A: Copy, R>(a: [A; 4], b: [A; 4], function: impl Fn(A, A) -> R) -> [R; 4] {
    [function(a[0], b[0]), function(a[1], b[1]), function(a[2], b[2]), function(a[3], b[3])]
}

#[inline(always)]
fn mask(a: F32x4, b: F32x4, compare: impl Fn(f32, f32) -> bool) -> I32x4 {
    I32x4(lanes2(a.0, b.0, |x, y| -i32::from(compare(x, y))))
}

impl F32x4 {
    #[inline(always)]
    pub fn zero() -> Self {
        Self([0.0; 4])
    }
    #[inline(always)]
    pub fn splat(value: f32) -> Self {
        Self([value; 4])
    }
    #[inline(always)]
    pub fn from_array(array: [f32; 4]) -> Self {
        Self(array)
    }
    #[inline(always)]
    pub fn to_array(self) -> [f32; 4] {
        self.0
    }
    /// Loads four elements.
    ///
    /// # Safety
    /// `pointer` is aligned to 4 bytes and valid for reading four elements.
    #[inline(always)]
    pub unsafe fn load_pointer(pointer: *const f32) -> Self {
        // SAFETY: the caller's contract.
        Self(unsafe { pointer.cast::<[f32; 4]>().read() })
    }
    /// Loads one element into every lane.
    ///
    /// # Safety
    /// `pointer` is aligned and valid for reading one element.
    #[inline(always)]
    pub unsafe fn splat_pointer(pointer: *const f32) -> Self {
        // SAFETY: the caller's contract.
        Self::splat(unsafe { pointer.read() })
    }
    /// Stores four elements.
    ///
    /// # Safety
    /// `pointer` is aligned to 4 bytes and valid for writing four elements.
    #[inline(always)]
    pub unsafe fn store_pointer(self, pointer: *mut f32) {
        // SAFETY: the caller's contract.
        unsafe { pointer.cast::<[f32; 4]>().write(self.0) }
    }
    /// `self · factor + addend`, rounded as the arithmetic says.
    #[inline(always)]
    pub fn mul_add(self, factor: Self, addend: Self) -> Self {
        if FUSED {
            Self(core::array::from_fn(|i| self.0[i].mul_add(factor.0[i], addend.0[i])))
        } else {
            self * factor + addend
        }
    }
    /// `addend − self · factor`, rounded as the arithmetic says.
    #[inline(always)]
    pub fn negative_mul_add(self, factor: Self, addend: Self) -> Self {
        if FUSED {
            Self(core::array::from_fn(|i| (-self.0[i]).mul_add(factor.0[i], addend.0[i])))
        } else {
            addend - self * factor
        }
    }
    /// `self < other ? other : self`: keeps `self` where either is NaN.
    #[inline(always)]
    pub fn pseudo_max(self, other: Self) -> Self {
        Self(lanes2(self.0, other.0, |a, b| if a < b { b } else { a }))
    }
    /// `other < self ? other : self`: keeps `self` where either is NaN.
    #[inline(always)]
    pub fn pseudo_min(self, other: Self) -> Self {
        Self(lanes2(self.0, other.0, |a, b| if b < a { b } else { a }))
    }
    #[inline(always)]
    pub fn abs(self) -> Self {
        Self(lanes(self.0, f32::abs))
    }
    #[inline(always)]
    pub fn sqrt(self) -> Self {
        Self(lanes(self.0, f32::sqrt))
    }
    /// Rounded up to an integer.
    #[inline(always)]
    pub fn ceil(self) -> Self {
        Self(lanes(self.0, f32::ceil))
    }
    /// Rounded down to an integer.
    #[inline(always)]
    pub fn floor(self) -> Self {
        Self(lanes(self.0, f32::floor))
    }
    /// Rounded to the nearest integer, ties to even.
    #[inline(always)]
    pub fn nearest(self) -> Self {
        Self(lanes(self.0, f32::round_ties_even))
    }
    /// Mask of the lanes where `self < other`.
    #[inline(always)]
    pub fn lt(self, other: Self) -> I32x4 {
        mask(self, other, |a, b| a < b)
    }
    /// Mask of the lanes where `self <= other`.
    #[inline(always)]
    pub fn le(self, other: Self) -> I32x4 {
        mask(self, other, |a, b| a <= b)
    }
    /// Mask of the lanes where `self == other`.
    #[inline(always)]
    pub fn eq(self, other: Self) -> I32x4 {
        mask(self, other, |a, b| a == b)
    }
    /// The bits of the lanes.
    #[inline(always)]
    pub fn to_bits(self) -> I32x4 {
        I32x4(lanes(self.0, |a| a.to_bits().cast_signed()))
    }
    /// Truncated to int32, saturating; NaN gives 0.
    #[inline(always)]
    pub fn truncate(self) -> I32x4 {
        I32x4(lanes(self.0, |a| a as i32))
    }
    /// `[a0, b0, a1, b1]`.
    #[inline(always)]
    pub fn interleave_low(self, other: Self) -> Self {
        Self([self.0[0], other.0[0], self.0[1], other.0[1]])
    }
    /// `[a2, b2, a3, b3]`.
    #[inline(always)]
    pub fn interleave_high(self, other: Self) -> Self {
        Self([self.0[2], other.0[2], self.0[3], other.0[3]])
    }
    /// `[a0, a1, b0, b1]`.
    #[inline(always)]
    pub(super) fn low_halves(self, other: Self) -> Self {
        Self([self.0[0], self.0[1], other.0[0], other.0[1]])
    }
    /// `[a2, a3, b2, b3]`.
    #[inline(always)]
    pub(super) fn high_halves(self, other: Self) -> Self {
        Self([self.0[2], self.0[3], other.0[2], other.0[3]])
    }
}

impl I32x4 {
    #[inline(always)]
    pub fn splat(value: i32) -> Self {
        Self([value; 4])
    }
    #[inline(always)]
    pub fn from_array(array: [i32; 4]) -> Self {
        Self(array)
    }
    #[inline(always)]
    pub fn to_array(self) -> [i32; 4] {
        self.0
    }
    /// Unsigned 16-bit numbers.
    #[inline(always)]
    pub fn load_u16(numbers: &[u16; 4]) -> Self {
        Self(numbers.map(i32::from))
    }
    /// The lanes' bits as float32.
    #[inline(always)]
    pub fn from_bits(self) -> F32x4 {
        F32x4(lanes(self.0, |a| f32::from_bits(a.cast_unsigned())))
    }
    /// Converted to float32, rounded to nearest.
    #[inline(always)]
    pub fn to_f32(self) -> F32x4 {
        F32x4(lanes(self.0, |a| a as f32))
    }
    /// Shifted left by `bits` < 32.
    #[inline(always)]
    pub fn shift_left(self, bits: u32) -> Self {
        Self(lanes(self.0, |a| a << bits))
    }
    /// Shifted right by `bits` < 32, zeros coming in.
    #[inline(always)]
    pub fn shift_right_logical(self, bits: u32) -> Self {
        Self(lanes(self.0, |a| (a.cast_unsigned() >> bits).cast_signed()))
    }
    /// The upper and the lower halves of the lanes' 64-bit products, all unsigned.
    #[inline(always)]
    pub fn multiply_wide(self, factor: Self) -> [Self; 2] {
        let product = |a: i32, b: i32| u64::from(a.cast_unsigned()) * u64::from(b.cast_unsigned());
        [
            Self(lanes2(self.0, factor.0, |a, b| ((product(a, b) >> 32) as u32).cast_signed())),
            Self(lanes2(self.0, factor.0, |a, b| (product(a, b) as u32).cast_signed())),
        ]
    }
    /// Mask of the lanes where `self < other` (signed).
    #[inline(always)]
    pub fn lt(self, other: Self) -> Self {
        Self(lanes2(self.0, other.0, |a, b| -i32::from(a < b)))
    }
    /// Mask of the lanes where `self < other` (unsigned).
    #[inline(always)]
    pub fn lt_unsigned(self, other: Self) -> Self {
        Self(lanes2(self.0, other.0, |a, b| -i32::from(a.cast_unsigned() < b.cast_unsigned())))
    }
    /// Mask of the lanes where `self == other`.
    #[inline(always)]
    pub fn eq(self, other: Self) -> Self {
        Self(lanes2(self.0, other.0, |a, b| -i32::from(a == b)))
    }
    /// As a mask: lanes of `chosen` where set, of `otherwise` elsewhere.
    #[inline(always)]
    pub fn select(self, chosen: F32x4, otherwise: F32x4) -> F32x4 {
        // The relaxed instruction of the wasm build gives the same on every host only then.
        debug_assert!(self.0.iter().all(|&lane| lane == 0 || lane == -1), "a mask with mixed bits: {:x?}", self.0);
        ((self & chosen.to_bits()) | (!self & otherwise.to_bits())).from_bits()
    }
    /// Whether any bit is set.
    #[inline(always)]
    pub fn any(self) -> bool {
        self.0 != [0; 4]
    }
    /// Whether every lane is non-zero.
    #[inline(always)]
    pub fn all(self) -> bool {
        self.0.iter().all(|&lane| lane != 0)
    }
}

macro_rules! operator {
    ($vector:ident, $trait:ident, $method:ident, $function:expr) => {
        impl $trait for $vector {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self(lanes2(self.0, other.0, $function))
            }
        }
    };
}

operator!(F32x4, Add, add, |a, b| a + b);
operator!(F32x4, Sub, sub, |a, b| a - b);
operator!(F32x4, Mul, mul, |a, b| a * b);
operator!(F32x4, Div, div, |a, b| a / b);
operator!(I32x4, Add, add, i32::wrapping_add);
operator!(I32x4, Sub, sub, i32::wrapping_sub);
operator!(I32x4, BitAnd, bitand, |a, b| a & b);
operator!(I32x4, BitOr, bitor, |a, b| a | b);
operator!(I32x4, BitXor, bitxor, |a, b| a ^ b);

impl Neg for F32x4 {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self(lanes(self.0, |a| -a))
    }
}

impl Not for I32x4 {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        Self(lanes(self.0, |a| !a))
    }
}

/// The square root of one float64.
#[inline(always)]
pub fn sqrt_double(value: f64) -> f64 {
    value.sqrt()
}
