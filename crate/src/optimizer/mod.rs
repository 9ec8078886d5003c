//! What changes parameters in place, element by element. Products are rounded before they are added, in both arithmetics, so that these
//! give the same bits; coefficients come rounded once from float64.

mod adam;
mod average;
mod clip;
mod sgd;

pub use adam::{AdamCoefficients, adam};
pub use average::average;
pub use clip::{clamp, scale};
pub use sgd::{SgdCoefficients, sgd};

use crate::dtype::canonical;
use crate::lanes::{load, store};
use crate::simd::{F32x4, LANES};

/// Replaces the elements of N arrays of equal length by what `step` makes of them and of those of M others; it also gets their index.
#[inline(always)]
fn update<const N: usize, const M: usize>(
    mut changed: [&mut [f32]; N],
    read: [&[f32]; M],
    mut step: impl FnMut(usize, [F32x4; N], [F32x4; M]) -> [F32x4; N],
) {
    let length = changed[0].len();
    assert!(changed.iter().all(|array| array.len() == length) && read.iter().all(|array| array.len() == length));
    let mut index = 0;
    while index < length {
        let old = core::array::from_fn(|n| load(changed[n], index));
        let new = step(index, old, core::array::from_fn(|n| load(read[n], index)));
        for (array, value) in changed.iter_mut().zip(new) {
            store(array, index, canonical(value));
        }
        index += LANES;
    }
}
