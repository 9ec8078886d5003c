//! The gradients of a convolution, from that of its output.
//!
//! ```text
//! input_gradient[b, c, s]  = Σ_{o,k,t} weight[o, c, k] · gradient[b, o, t]     over those with t · stride + k · dilation − padding = s
//! weight_gradient[o, c, k] = Σ_{b,t} gradient[b, o, t] · input[b, c, t · stride + k · dilation − padding]
//! bias_gradient[o]         = Σ_{b,t} gradient[b, o, t]
//! ```
//!
//! All by register tiles, as forward. Of the input: the sums over o are products of the transposed weights with the gradient, which
//! are then added at their places, outputs by blocks of 96, in each k ascending. Of the weight: sums over 256 outputs at a time,
//! added in ascending order, as are the batches. An element of the padding is a 0 that the weight's gradient has as a factor,
//! and has no gradient itself. A sum of N products is off by at most 2^-24 · (N + 2) · Σ |products|.

use super::columns;
use super::{Sizes, blocks, multiply_block, strips};
use crate::dtype::canonical_scalar;
use crate::linear::{pack_column_strips, pack_strip};
use crate::sum::{accumulate, sum};
use crate::tiles::{INPUT_BLOCK, ROW_BLOCK};

/// input_gradient `[B, C, L]`, gradient `[B, O, T]`, weight `[O, C / groups, K]`, scratch: `Sizes::scratch_length` elements.
pub fn input_backward(
    input_gradient: &mut [f32],
    gradient: &[f32],
    weight: &[f32],
    scratch: &mut [f32],
    sizes: &Sizes,
) {
    let outputs = sizes.output_length().unwrap();
    let (depth, rows) = (sizes.depth(), sizes.group_outputs());
    assert!(input_gradient.len() == sizes.batch * sizes.channels * sizes.length);
    assert!(gradient.len() == sizes.batch * sizes.out_channels * outputs && weight.len() == sizes.out_channels * depth);
    input_gradient.fill(0.0);
    if input_gradient.is_empty() || rows == 0 {
        return;
    }
    let (packed, panels) = scratch.split_at_mut(weight.len());
    for (packed, weight) in packed.chunks_exact_mut(rows * depth).zip(weight.chunks_exact(rows * depth)) {
        pack_column_strips(packed, weight, rows, depth, 0);
    }
    // What the rows are multiplied with lies as a channel's elements do.
    let gathered = Sizes {
        channels: rows,
        length: outputs,
        kernel_size: 1,
        stride: 1,
        padding: 0,
        dilation: 1,
        groups: 1,
        ..*sizes
    };
    let planes = input_gradient.chunks_exact_mut(sizes.channels / sizes.groups * sizes.length);
    for (n, (planes, gradient)) in planes.zip(gradient.chunks_exact(rows * outputs)).enumerate() {
        let packed = &packed[n % sizes.groups * rows * depth..][..rows * depth];
        for block in blocks(outputs) {
            let panels = columns::gather(panels, gradient, block.clone(), &gathered);
            multiply_block(packed, panels, depth, rows, block.len(), &mut |row, products| {
                let (channel, k) = (row / sizes.kernel_size, row % sizes.kernel_size);
                let (seen, from) = columns::seen(block.start, block.len(), k, sizes);
                let elements = &mut planes[channel * sizes.length..][from..sizes.length];
                for (element, product) in elements.iter_mut().step_by(sizes.stride).zip(&products[seen]) {
                    *element += product;
                }
            });
        }
    }
    input_gradient.iter_mut().for_each(|element| *element = canonical_scalar(*element));
}

/// weight_gradient `[O, C / groups, K]`, gradient `[B, O, T]`, input `[B, C, L]`, scratch: `Sizes::scratch_length` elements.
pub fn weight_backward(
    weight_gradient: &mut [f32],
    gradient: &[f32],
    input: &[f32],
    scratch: &mut [f32],
    sizes: &Sizes,
) {
    let outputs = sizes.output_length().unwrap();
    let (depth, rows) = (sizes.depth(), sizes.group_outputs());
    assert!(input.len() == sizes.batch * sizes.channels * sizes.length);
    assert!(gradient.len() == sizes.batch * sizes.out_channels * outputs);
    assert!(weight_gradient.len() == sizes.out_channels * depth);
    weight_gradient.fill(0.0);
    if weight_gradient.is_empty() {
        return;
    }
    let (panels, packed) = scratch.split_at_mut(ROW_BLOCK * INPUT_BLOCK);
    for (n, gradient) in gradient.chunks_exact(rows * outputs).enumerate() {
        let (b, group) = (n / sizes.groups, n % sizes.groups);
        let weight_gradient = &mut weight_gradient[group * rows * depth..][..rows * depth];
        for start in (0..outputs).step_by(ROW_BLOCK) {
            let terms = start..outputs.min(start + ROW_BLOCK);
            for strip in strips(rows) {
                let packed = &mut packed[strip.start * terms.len()..strip.end * terms.len()];
                let rows = &gradient[strip.start * outputs + start..(strip.end - 1) * outputs + terms.end];
                pack_strip(packed, rows, strip.len(), outputs);
            }
            for block in blocks(depth) {
                let input = sizes.planes(input, b, group);
                let panels = columns::gather_transposed(panels, input, terms.clone(), block.clone(), sizes);
                multiply_block(packed, panels, rows, terms.len(), block.len(), &mut |row, sums| {
                    accumulate(&mut weight_gradient[row * depth..][block.clone()], sums);
                });
            }
        }
    }
}

/// bias_gradient `[O]`, gradient `[B, O, T]`.
pub fn bias_backward(bias_gradient: &mut [f32], gradient: &[f32], sizes: &Sizes) {
    let outputs = sizes.output_length().unwrap();
    assert!(gradient.len() == sizes.batch * sizes.out_channels * outputs && bias_gradient.len() == sizes.out_channels);
    for (o, element) in bias_gradient.iter_mut().enumerate() {
        let row = |b| sum(&gradient[(b * sizes.out_channels + o) * outputs..][..outputs]);
        *element = canonical_scalar((0..sizes.batch).fold(0.0, |total, b| total + row(b)));
    }
}
