//! A call of the backward pass: what it reads and writes, and the parts that it is cut into.

use super::arrays::{Heads, Strides};
use super::call::Attention;
use super::mask::Mask;
use super::matrix::Matrix;
use super::weights::WeightsMode;
use crate::tiles::PANEL;
use core::ops::Range;

/// What the forward pass has left.
#[derive(Clone, Copy)]
pub struct Forward<'a> {
    /// O `[B, H, L, Dv]` in float32.
    pub output: Heads<'a>,
    /// r `[B, H, L]`.
    pub references: &'a [f32],
    /// 1 / s `[B, H, L]`.
    pub inverses: &'a [f32],
}

/// The gradients of what the forward pass gave.
#[derive(Clone, Copy)]
pub struct Cotangents<'a> {
    /// dO `[B, H, L, Dv]` in float32.
    pub output: Heads<'a>,
    /// Of the present keys `[B, Hkv, T, D]`, in float32, which are added to their gradient.
    pub present_key: Option<Heads<'a>>,
    /// Of the present values `[B, Hkv, T, Dv]`, likewise.
    pub present_value: Option<Heads<'a>>,
    /// dL `[B, H, L]`.
    pub log_sum_exp: Option<&'a [f32]>,
    pub weights: Option<WeightsCotangent<'a>>,
}

/// The gradient of attention weights.
#[derive(Clone, Copy)]
pub struct WeightsCotangent<'a> {
    /// `Score`, `Softmax` or `Dropout`.
    pub mode: WeightsMode,
    /// `[B, heads, rows, T]`.
    pub elements: &'a [f32],
    pub heads: usize,
    pub rows: usize,
    /// T.
    pub key_length: usize,
    /// `[H]`: where a query head stands among `heads`; negative where it doesn't.
    pub head_places: &'a [i32],
    /// `[L]`: where a query row stands among `rows`; negative where it doesn't.
    pub row_places: &'a [i32],
    /// `[H]`: a factor of the head's.
    pub head_factors: &'a [f32],
}

/// A gradient to write: float32 at strides.
pub struct HeadGradients<'a> {
    pub elements: &'a mut [f32],
    pub strides: Strides,
}

/// What the backward pass writes; what is None is not wanted.
pub struct Gradients<'a> {
    /// `[B, H, L, D]`.
    pub query: Option<HeadGradients<'a>>,
    /// `[B, Hkv, S, D]`, of the new keys.
    pub key: Option<HeadGradients<'a>>,
    /// `[B, Hkv, S, Dv]`, of the new values.
    pub value: Option<HeadGradients<'a>>,
    /// `[B, Hkv, P, D]`.
    pub past_key: Option<HeadGradients<'a>>,
    /// `[B, Hkv, P, Dv]`.
    pub past_value: Option<HeadGradients<'a>>,
    /// As long as the mask.
    pub mask: Option<&'a mut [f32]>,
    /// As long as the slopes.
    pub slopes: Option<&'a mut [f32]>,
    /// `[H]`.
    pub sinks: Option<&'a mut [f32]>,
}

/// What every part of the pass reads, for one batch and key head.
pub struct Task<'a> {
    pub attention: &'a Attention<'a>,
    pub forward: &'a Forward<'a>,
    pub cotangents: &'a Cotangents<'a>,
    pub b: usize,
    pub key_head: usize,
    pub keys: Matrix<'a>,
    pub values: Matrix<'a>,
}

/// The gradients of a task's keys `[T, D]` and values `[T, Dv]`; rows are filled up to whole vectors of 8.
pub struct KeySums<'a> {
    pub keys: &'a mut [f32],
    pub values: &'a mut [f32],
}

impl Task<'_> {
    /// D and Dv, filled up to whole vectors of 8.
    pub fn widths(&self) -> (usize, usize) {
        let sizes = &self.attention.sizes;
        (sizes.head_size.next_multiple_of(PANEL), sizes.value_head_size.next_multiple_of(PANEL))
    }
}

/// The elements of the mask that a task's query heads read: where they begin, and how far they go.
pub fn mask_place(attention: &Attention<'_>, mask: &Mask<'_>, b: usize, key_head: usize) -> Range<usize> {
    let sizes = &attention.sizes;
    let start = b * mask.batch_stride + key_head * sizes.group() * mask.head_stride;
    start..start + mask_reach(attention, mask).unwrap()
}

/// Whether several tasks read the same elements.
pub fn is_mask_shared(attention: &Attention<'_>, mask: &Mask<'_>) -> bool {
    let sizes = &attention.sizes;
    (mask.batch_stride == 0 && sizes.batch > 1) || (mask.head_stride == 0 && sizes.key_heads > 1)
}

/// Floats that a task's sums of the mask need; 0 where they are the gradient itself. None when that overflows.
pub fn mask_extent(attention: &Attention<'_>) -> Option<usize> {
    let Some(mask) = attention.mask.as_ref().filter(|mask| is_mask_shared(attention, mask)) else {
        return Some(0);
    };
    mask_reach(attention, mask)
}

/// Elements from the first to the last that a task reads; None when that overflows.
fn mask_reach(attention: &Attention<'_>, mask: &Mask<'_>) -> Option<usize> {
    let sizes = &attention.sizes;
    let heads = (sizes.group() - 1).checked_mul(mask.head_stride)?;
    let rows = (sizes.query_length.max(1) - 1).checked_mul(mask.row_stride)?;
    heads.checked_add(rows)?.checked_add(if mask.key_stride == 0 { 1 } else { mask.keys })
}
