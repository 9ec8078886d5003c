//! The masks of PyTorch's modules as the one that attention takes.
//!
//! ```text
//! boolean  combined[b, h, i, j] = no mask[b, h, i, j] is true, nor is the key hidden by a rule
//! float    combined[b, h, i, j] = Σ mask[b, h, i, j]        −∞ where a boolean mask is true; −∞ where a rule hides the key
//! ```
//!
//! PyTorch's modules hide where a boolean mask is **true**; attention, and so the combined mask, attends there. The combined
//! mask is `[batch, heads, rows, columns]` and starts as 1, or 0.0, everywhere. Masks and rules are about the first `keys` of a
//! row; those after them, which modules append, stay visible. Floats are added in float32, in the order of the calls.

use crate::attention::arrays::Strides;

/// The combined mask, and what hides a key there: 0 or −∞.
pub enum Combined<'a> {
    /// Of boolean masks alone.
    Boolean(&'a mut [u8]),
    /// Of masks of which some may be float.
    Float(&'a mut [f32]),
}

/// A mask that is to be combined, with strides of 0 where it repeats. A row's keys are contiguous.
#[derive(Clone, Copy)]
pub enum Mask<'a> {
    /// Anything but 0 hides.
    Boolean(&'a [u8]),
    /// Added to the scores.
    Float(&'a [f32]),
}

/// Sizes of the combined mask.
#[derive(Clone, Copy)]
pub struct Sizes {
    /// B, or 1 for a mask that is the same for all.
    pub batch: usize,
    /// H, or 1.
    pub heads: usize,
    /// L, or 1.
    pub rows: usize,
    /// S.
    pub keys: usize,
    /// S and the keys that are appended.
    pub columns: usize,
}

impl Sizes {
    /// Calls `visit` for each row with its batch, its number in its head, and where it begins in the combined mask and in one
    /// of these strides.
    #[inline(never)]
    fn each_row(&self, strides: &Strides, visit: &mut dyn FnMut(usize, usize, usize, usize)) {
        let mut start = 0;
        for b in 0..self.batch {
            for h in 0..self.heads {
                for i in 0..self.rows {
                    visit(b, i, start, strides.start(b, h, i));
                    start += self.columns;
                }
            }
        }
    }
}

/// Takes a mask into the combined one. Panics for a float mask where that is boolean.
pub fn combine_mask(combined: &mut Combined, mask: Mask, strides: &Strides, sizes: &Sizes) {
    let keys = sizes.keys;
    sizes.each_row(strides, &mut |_, _, start, mask_start| match (&mut *combined, mask) {
        (Combined::Boolean(combined), Mask::Boolean(mask)) => {
            for (combined, &hides) in combined[start..][..keys].iter_mut().zip(&mask[mask_start..][..keys]) {
                *combined &= u8::from(hides == 0);
            }
        }
        (Combined::Float(combined), Mask::Boolean(mask)) => {
            for (combined, &hides) in combined[start..][..keys].iter_mut().zip(&mask[mask_start..][..keys]) {
                *combined += if hides == 0 { 0.0 } else { f32::NEG_INFINITY };
            }
        }
        (Combined::Float(combined), Mask::Float(mask)) => {
            for (combined, added) in combined[start..][..keys].iter_mut().zip(&mask[mask_start..][..keys]) {
                *combined += added;
            }
        }
        (Combined::Boolean(_), Mask::Float(_)) => panic!("a boolean mask can't hold floats"),
    });
}

/// Hides, whatever masks say, the keys from a batch's length on, and where the mask is causal those that come after the query.
pub fn hide_keys(combined: &mut Combined, key_lengths: Option<&[i32]>, is_causal: bool, sizes: &Sizes) {
    let keys = sizes.keys;
    let nowhere = Strides { batch: 0, head: 0, row: 0 };
    sizes.each_row(&nowhere, &mut |b, i, start, _| {
        let length = key_lengths.map_or(keys, |lengths| keys.min(lengths[b].max(0) as usize));
        let visible = if is_causal { length.min(i + 1) } else { length };
        let hidden = start + visible..start + keys;
        match combined {
            Combined::Boolean(combined) => combined[hidden].fill(0),
            Combined::Float(combined) => combined[hidden].fill(f32::NEG_INFINITY),
        }
    });
}
