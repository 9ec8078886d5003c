//! Sums and products of two operands, element by element, as they are broadcast.
//!
//! ```text
//! add    output = a + b
//! mul    output = a · b
//! ```
//!
//! Both are rounded once: add's error is at most 2^-24 · |result|, mul's 2^-24 · |result| + 2^-150.

use crate::broadcast::{Axis, for_each_position};
use crate::dtype::canonical;
use crate::simd::{F32x4, LANES};

/// output of the shape that `axes` tell = a + b.
pub fn add(output: &mut [f32], a: &[f32], b: &[f32], axes: &[Axis]) {
    combine(output, a, b, axes, |x, y| canonical(x + y));
}

/// output of the shape that `axes` tell = a · b.
pub fn mul(output: &mut [f32], a: &[f32], b: &[f32], axes: &[Axis]) {
    combine(output, a, b, axes, |x, y| canonical(x * y));
}

/// The fastest axis is a row, in which each operand advances by 1 or by 0. `function` is commutative.
#[inline(always)]
fn combine(output: &mut [f32], a: &[f32], b: &[f32], axes: &[Axis], function: impl Fn(F32x4, F32x4) -> F32x4) {
    let ([length, strides @ ..], outer) = axes.split_first().map_or(([1, 0, 0], axes), |(row, outer)| (*row, outer));
    let length = length as usize;
    if length == 0 {
        return;
    }
    for_each_position(outer, |row, [place_of_a, place_of_b]| {
        let output = &mut output[row * length..][..length];
        let (mut a, mut b) = (&a[place_of_a..], &b[place_of_b..]);
        if strides[0] == 0 {
            core::mem::swap(&mut a, &mut b);
        }
        match strides {
            [0, 0] => output.fill(function(F32x4::splat(a[0]), F32x4::splat(b[0])).to_array()[0]),
            [stride, other] => combine_row(output, a, b, (stride & other) as usize, &function),
        }
    });
}

/// A row, in which b advances by `stride`, 1 or 0.
#[inline(always)]
fn combine_row(output: &mut [f32], a: &[f32], b: &[f32], stride: usize, function: impl Fn(F32x4, F32x4) -> F32x4) {
    let whole = output.len() - output.len() % LANES;
    let (outputs, _) = output.as_chunks_mut::<LANES>();
    let (a_vectors, _) = a.as_chunks::<LANES>();
    if stride == 0 {
        let repeated = F32x4::splat(b[0]);
        for (output, x) in outputs.iter_mut().zip(a_vectors) {
            *output = function(F32x4::from_array(*x), repeated).to_array();
        }
    } else {
        let (b_vectors, _) = b.as_chunks::<LANES>();
        for ((output, x), y) in outputs.iter_mut().zip(a_vectors).zip(b_vectors) {
            *output = function(F32x4::from_array(*x), F32x4::from_array(*y)).to_array();
        }
    }
    for n in whole..output.len() {
        output[n] = function(F32x4::splat(a[n]), F32x4::splat(b[n * stride])).to_array()[0];
    }
}
