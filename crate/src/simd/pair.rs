//! Eight lanes: the vectors, two by two. Every operation is that of `F32x4` or `I32x4` on both halves.

use super::{F32x4, I32x4, LANES};
use core::array::from_fn;
use core::ops::{Add, BitAnd, BitOr, Div, Mul, Not, Sub};

/// Eight float32 lanes.
#[derive(Clone, Copy, Debug)]
pub struct F32x8 {
    low: F32x4,
    high: F32x4,
}

/// Eight int32 lanes; as a mask, all bits of a lane are set or none.
#[derive(Clone, Copy, Debug)]
pub struct I32x8 {
    low: I32x4,
    high: I32x4,
}

macro_rules! halves {
    ($pair:ident, $vector:ident, $element:ident) => {
        impl $pair {
            /// The same four lanes twice.
            #[inline(always)]
            pub fn repeat(half: $vector) -> Self {
                Self { low: half, high: half }
            }
            #[inline(always)]
            pub fn splat(value: $element) -> Self {
                Self::repeat($vector::splat(value))
            }
            #[inline(always)]
            pub fn from_fn(function: impl Fn(usize) -> $element) -> Self {
                let half = |first: usize| $vector::from_array(from_fn(|lane| function(first + lane)));
                Self { low: half(0), high: half(LANES) }
            }
            /// Lanes 0 to 3 and 4 to 7.
            #[inline(always)]
            pub fn halves(self) -> [$vector; 2] {
                [self.low, self.high]
            }
            /// `function` of each half.
            #[inline(always)]
            pub fn map(self, function: impl Fn($vector) -> $vector) -> Self {
                Self { low: function(self.low), high: function(self.high) }
            }
        }
    };
}

halves!(F32x8, F32x4, f32);
halves!(I32x8, I32x4, i32);

/// Methods of the halves; the operands are pairs too.
macro_rules! by_halves {
    ($pair:ident: $($method:ident($($operand:ident: $type:ident),*) -> $result:ident;)+) => {
        impl $pair {
            $(
                #[inline(always)]
                pub fn $method(self $(, $operand: $type)*) -> $result {
                    $result {
                        low: self.low.$method($($operand.low),*),
                        high: self.high.$method($($operand.high),*),
                    }
                }
            )+
        }
    };
}

by_halves! { F32x8:
    mul_add(factor: F32x8, addend: F32x8) -> F32x8;
    negative_mul_add(factor: F32x8, addend: F32x8) -> F32x8;
    pseudo_max(other: F32x8) -> F32x8;
    pseudo_min(other: F32x8) -> F32x8;
    abs() -> F32x8;
    lt(other: F32x8) -> I32x8;
    eq(other: F32x8) -> I32x8;
}

by_halves! { I32x8:
    lt(other: I32x8) -> I32x8;
    select(chosen: F32x8, otherwise: F32x8) -> F32x8;
    to_f32() -> F32x8;
}

macro_rules! operator {
    ($pair:ident, $trait:ident, $method:ident) => {
        impl $trait for $pair {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self { low: self.low.$method(other.low), high: self.high.$method(other.high) }
            }
        }
    };
}

operator!(F32x8, Add, add);
operator!(F32x8, Sub, sub);
operator!(F32x8, Mul, mul);
operator!(F32x8, Div, div);
operator!(I32x8, Add, add);
operator!(I32x8, Sub, sub);
operator!(I32x8, BitAnd, bitand);
operator!(I32x8, BitOr, bitor);

impl Not for I32x8 {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        self.map(|half| !half)
    }
}

impl F32x8 {
    #[inline(always)]
    pub fn zero() -> Self {
        Self::repeat(F32x4::zero())
    }

    /// Loads `slice[0..8]`; panics if it is shorter.
    #[inline(always)]
    pub fn load(slice: &[f32]) -> Self {
        Self { low: F32x4::load(slice), high: F32x4::load(&slice[LANES..]) }
    }

    /// Loads eight elements.
    ///
    /// # Safety
    /// `pointer` is aligned to 4 bytes and valid for reading eight elements.
    #[inline(always)]
    pub unsafe fn load_pointer(pointer: *const f32) -> Self {
        // SAFETY: the caller's contract.
        unsafe { Self { low: F32x4::load_pointer(pointer), high: F32x4::load_pointer(pointer.add(LANES)) } }
    }

    /// Loads one element into every lane.
    ///
    /// # Safety
    /// `pointer` is aligned and valid for reading one element.
    #[inline(always)]
    pub unsafe fn splat_pointer(pointer: *const f32) -> Self {
        // SAFETY: the caller's contract.
        Self::repeat(unsafe { F32x4::splat_pointer(pointer) })
    }

    /// Stores eight elements.
    ///
    /// # Safety
    /// `pointer` is aligned to 4 bytes and valid for writing eight elements.
    #[inline(always)]
    pub unsafe fn store_pointer(self, pointer: *mut f32) {
        // SAFETY: the caller's contract.
        unsafe {
            self.low.store_pointer(pointer);
            self.high.store_pointer(pointer.add(LANES));
        }
    }

    /// Stores to `slice[0..8]`; panics if it is shorter.
    #[inline(always)]
    pub fn store(self, slice: &mut [f32]) {
        self.low.store(slice);
        self.high.store(&mut slice[LANES..]);
    }

    #[inline(always)]
    pub fn to_array(self) -> [f32; 2 * LANES] {
        let mut array = [0.0; 2 * LANES];
        self.store(&mut array);
        array
    }
}

impl I32x8 {
    /// Whether any bit is set.
    #[inline(always)]
    pub fn any(self) -> bool {
        (self.low | self.high).any()
    }

    /// Whether every lane is non-zero.
    #[inline(always)]
    pub fn all(self) -> bool {
        self.low.all() && self.high.all()
    }
}
