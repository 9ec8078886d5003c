//! The mean of the rows that a mask lets through, one for each batch.
//!
//! ```text
//! output[b, e]      = Σ_l mask[b, l] · input[b, l, e] / d[b]          d[b] = max(Σ_l mask[b, l], 1e-9)
//! gradient[b, l, e] = mask[b, l] / d[b] · output gradient[b, e]
//! ```
//!
//! Rows whose mask is 0 enter no sum, whatever they hold, and have a gradient of 0: no NaN leaks from padding or into it. Where
//! nothing is seen the output is 0. Sums go over ascending l; that of the mask is one of float64. With n = L and a mask that is
//! nowhere negative the error is at most 2^-24 · (n + 3) · Σ |mask · input| / d; that of the gradient 2^-23 · |gradient|.

use crate::dtype::{canonical, canonical_scalar};
use crate::simd::{F32x4, LANES};

const SMALLEST_SUM: f64 = 1e-9;

/// max(Σ mask, 1e-9); NaN stays.
#[inline(never)]
fn denominator(mask: &[f32]) -> f64 {
    let sum: f64 = mask.iter().map(|&m| f64::from(m)).sum();
    if sum < SMALLEST_SUM { SMALLEST_SUM } else { sum }
}

/// output `[batch, columns]`, input `[batch, length, columns]`, mask `[batch, length]`.
pub fn masked_mean(output: &mut [f32], input: &[f32], mask: &[f32], batch: usize, length: usize, columns: usize) {
    assert!(output.len() == batch * columns && input.len() == output.len() * length && mask.len() == batch * length);
    for b in 0..batch {
        let output = &mut output[b * columns..][..columns];
        let mask = &mask[b * length..][..length];
        output.fill(0.0);
        for (l, &m) in mask.iter().enumerate() {
            if m != 0.0 {
                add_multiple(output, &input[(b * length + l) * columns..][..columns], m);
            }
        }
        let denominator = denominator(mask) as f32;
        for sum in output {
            *sum = canonical_scalar(*sum / denominator);
        }
    }
}

/// sums += factor · row
#[inline(never)]
fn add_multiple(sums: &mut [f32], row: &[f32], factor: f32) {
    let factor = F32x4::splat(factor);
    let add = |sums, row: F32x4| canonical(row.mul_add(factor, sums));
    let (body, tail) = sums.as_chunks_mut::<LANES>();
    let (row_body, row_tail) = row.as_chunks::<LANES>();
    for (sums, row) in body.iter_mut().zip(row_body) {
        *sums = add(F32x4::from_array(*sums), F32x4::from_array(*row)).to_array();
    }
    add(F32x4::load_partial(tail, 0.0), F32x4::load_partial(row_tail, 0.0)).store_partial(tail);
}

/// input_gradient `[batch, length, columns]`, gradient `[batch, columns]`, mask `[batch, length]`.
pub fn masked_mean_backward(
    input_gradient: &mut [f32],
    gradient: &[f32],
    mask: &[f32],
    batch: usize,
    length: usize,
    columns: usize,
) {
    assert!(gradient.len() == batch * columns && mask.len() == batch * length);
    assert!(input_gradient.len() == gradient.len() * length);
    for b in 0..batch {
        let gradient = &gradient[b * columns..][..columns];
        let mask = &mask[b * length..][..length];
        let denominator = denominator(mask);
        for (l, &m) in mask.iter().enumerate() {
            let row = &mut input_gradient[(b * length + l) * columns..][..columns];
            row.fill(0.0);
            if m != 0.0 {
                add_multiple(row, gradient, (f64::from(m) / denominator) as f32);
            }
        }
    }
}
