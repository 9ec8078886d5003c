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
use crate::simd::{F32x4, LANES, map};

/// output of the shape that `axes` tell = a + b.
pub fn add(output: &mut [f32], a: &[f32], b: &[f32], axes: &[Axis]) {
    combine(output, a, b, axes, |x, y| canonical(x + y));
}

/// output of the shape that `axes` tell = a · b.
pub fn mul(output: &mut [f32], a: &[f32], b: &[f32], axes: &[Axis]) {
    combine(output, a, b, axes, |x, y| canonical(x * y));
}

/// The fastest axis is a row, in which each operand advances by 1 or by 0.
#[inline(always)]
fn combine(output: &mut [f32], a: &[f32], b: &[f32], axes: &[Axis], function: impl Fn(F32x4, F32x4) -> F32x4) {
    let ([length, strides @ ..], outer) = axes.split_first().map_or(([1, 0, 0], axes), |(row, outer)| (*row, outer));
    let length = length as usize;
    if length == 0 {
        return;
    }
    for_each_position(outer, |row, [place_of_a, place_of_b]| {
        let output = &mut output[row * length..][..length];
        let (a, b) = (&a[place_of_a..], &b[place_of_b..]);
        match strides {
            [0, 0] => output.fill(function(F32x4::splat(a[0]), F32x4::splat(b[0])).to_array()[0]),
            [0, _] => map(output, &b[..length], |y| function(F32x4::splat(a[0]), y)),
            [_, 0] => map(output, &a[..length], |x| function(x, F32x4::splat(b[0]))),
            _ => zip(output, &a[..length], &b[..length], &function),
        }
    });
}

#[inline(always)]
fn zip(output: &mut [f32], a: &[f32], b: &[f32], function: impl Fn(F32x4, F32x4) -> F32x4) {
    let (outputs, outputs_rest) = output.as_chunks_mut::<LANES>();
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    for ((output, x), y) in outputs.iter_mut().zip(a).zip(b) {
        *output = function(F32x4::from_array(*x), F32x4::from_array(*y)).to_array();
    }
    function(F32x4::load_partial(a_rest, 0.0), F32x4::load_partial(b_rest, 0.0)).store_partial(outputs_rest);
}
