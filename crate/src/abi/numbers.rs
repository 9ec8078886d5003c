//! What the calling layer knows by numbers and the kernels by types of their own.

use crate::numbered::numbered;
use crate::simd::FUSED;

/// What an export answers in place of a size that overflows.
pub const OVERFLOW: u32 = u32::MAX;

numbered! {
    /// How a build multiplies and adds.
    pub enum Arithmetic {
        /// Two roundings.
        Separate = "separate",
        /// One, where the host really fuses.
        Fused = "fused",
    }
}

impl Arithmetic {
    /// This build's.
    pub const OWN: Self = if FUSED { Self::Fused } else { Self::Separate };
}

numbered! {
    /// The elements of a mask.
    pub enum MaskDtype {
        /// The floats are added to the scores.
        Float32 = "float32",
        Float16 = "float16",
        BFloat16 = "bfloat16",
        /// Bytes: 0 hides.
        Bool = "bool",
    }
}

numbered! {
    /// Where the diagonal of a causal mask begins.
    pub enum CausalAlignment {
        /// Query i stands at P + i.
        UpperLeft = "upper-left",
        /// Query i stands at T − L + i.
        LowerRight = "lower-right",
    }
}
