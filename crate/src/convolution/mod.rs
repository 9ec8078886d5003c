//! Convolution along one axis, forward and backward.
//!
//! ```text
//! output[b, o, t] = bias[o] + Σ_{c,k} weight[o, c, k] · input[b, c of o's group, t · stride + k · dilation − padding]
//! ```
//!
//! Outside of the input's L elements there are zeros. input `[B, C, L]`, weight `[O, C / groups, K]`, output `[B, O, T]` with
//! T = ⌊(L + 2 · padding − dilation · (K − 1) − 1) / stride⌋ + 1; channels c and o belong to the same of the groups, into which
//! both are cut in order.
//!
//! For one batch and group this is a product of matrices, the weights `[O / groups, C / groups · K]` with the columns that they
//! see, and it runs on the linear layer's register tiles: strips of weights, which are packed once, and panels of 8 neighbouring
//! outputs, whose columns are gathered by blocks. Every output is one sum over ascending c and in it k, whatever the tile, and
//! then the bias. The error is at most 2^-24 · (n + 1) · (Σ |input · weight| + |bias|), with n = C / groups · K.
//!
//! | module | what it does |
//! |---|---|
//! | `columns` | the elements of the input that the outputs see, as panels |
//! | `backward` | the gradients of input, weight and bias |

mod backward;
mod columns;

pub use backward::{bias_backward, input_backward, weight_backward};

use crate::dtype::canonical;
use crate::linear::pack_strip;
use crate::linear::register_tile::{multiply_strip, tile_rows};
use crate::simd::{F32x4, map};
use crate::tiles::{INPUT_BLOCK, PANEL, ROW_BLOCK, TILE};
use core::ops::Range;

/// What a call is about.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// B
    pub batch: usize,
    /// C
    pub channels: usize,
    /// L
    pub length: usize,
    /// O
    pub out_channels: usize,
    /// K
    pub kernel_size: usize,
    pub stride: usize,
    pub padding: usize,
    pub dilation: usize,
    pub groups: usize,
}

impl Sizes {
    /// T; none where the sizes are no convolution's, the kernel is longer than the padded input, or a product overflows.
    #[inline(never)]
    pub fn output_length(&self) -> Option<usize> {
        let is_sound = self.kernel_size != 0 && self.stride != 0 && self.dilation != 0 && self.groups != 0;
        if !is_sound || !self.channels.is_multiple_of(self.groups) || !self.out_channels.is_multiple_of(self.groups) {
            return None;
        }
        // Places before the input are negative.
        let padded = self.padding.checked_mul(2)?.checked_add(self.length).filter(|&end| end <= isize::MAX as usize)?;
        let reach = self.dilation.checked_mul(self.kernel_size - 1)?.checked_add(1)?;
        Some(padded.checked_sub(reach)? / self.stride + 1)
    }

    /// Products in an output: C / groups · K.
    fn depth(&self) -> usize {
        self.channels / self.groups * self.kernel_size
    }

    /// O / groups.
    fn group_outputs(&self) -> usize {
        self.out_channels / self.groups
    }

    /// The input's channels of a group of a batch.
    fn planes<'a>(&self, input: &'a [f32], b: usize, group: usize) -> &'a [f32] {
        let count = self.channels / self.groups;
        &input[(b * self.channels + group * count) * self.length..][..count * self.length]
    }

    /// Elements of scratch memory that the call and each part of its backward pass need.
    pub fn scratch_length(&self) -> Option<usize> {
        self.output_length()?;
        let depth = (self.channels / self.groups).checked_mul(self.kernel_size)?;
        let outputs = self.group_outputs();
        let strips = self.out_channels.checked_mul(depth)?;
        let block = depth.max(outputs).checked_mul(INPUT_BLOCK)?.checked_add(strips)?;
        Some(block.max(outputs.checked_add(INPUT_BLOCK)?.checked_mul(ROW_BLOCK)?))
    }
}

/// The strips of a matrix of so many rows: for each the rows that a register tile has.
fn strips(rows: usize) -> impl Iterator<Item = Range<usize>> {
    let mut row = 0;
    core::iter::from_fn(move || {
        (row < rows).then(|| {
            let strip = row..row + tile_rows(rows - row);
            row = strip.end;
            strip
        })
    })
}

/// Multiplies packed rows, `strips` of `[rows, depth]`, with `panels` of so many columns, at most `INPUT_BLOCK`, and calls `visit` with
/// every row's number and products, in ascending order.
#[inline(never)]
fn multiply_block(
    packed: &[f32],
    panels: &[f32],
    rows: usize,
    depth: usize,
    columns: usize,
    visit: &mut dyn FnMut(usize, &[f32]),
) {
    for strip in strips(rows) {
        let packed = &packed[strip.start * depth..strip.end * depth];
        let mut products = [[0.0; INPUT_BLOCK]; TILE];
        for panel in 0..columns.div_ceil(PANEL) {
            let mut sums = [[0.0; PANEL]; TILE];
            let sums = &mut sums[..strip.len()];
            multiply_strip(sums, packed, &panels[panel * depth * PANEL..][..depth * PANEL]);
            for (products, sums) in products.iter_mut().zip(sums) {
                products[panel * PANEL..][..PANEL].copy_from_slice(sums);
            }
        }
        for (row, products) in strip.zip(&products) {
            visit(row, &products[..columns]);
        }
    }
}

/// The blocks of so many columns.
fn blocks(columns: usize) -> impl Iterator<Item = Range<usize>> {
    (0..columns).step_by(INPUT_BLOCK).map(move |start| start..columns.min(start + INPUT_BLOCK))
}

/// output `[B, O, T]`, input `[B, C, L]`, weight `[O, C / groups, K]`, bias `[O]`, scratch: `scratch_length` elements.
pub fn conv1d(
    output: &mut [f32],
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    scratch: &mut [f32],
    sizes: &Sizes,
) {
    let outputs = sizes.output_length().unwrap();
    let (depth, rows) = (sizes.depth(), sizes.group_outputs());
    assert!(output.len() == sizes.batch * sizes.out_channels * outputs && weight.len() == sizes.out_channels * depth);
    assert!(input.len() == sizes.batch * sizes.channels * sizes.length);
    if rows == 0 {
        return;
    }
    let (packed, panels) = scratch.split_at_mut(weight.len());
    for first in (0..sizes.out_channels).step_by(rows) {
        for strip in strips(rows) {
            let range = (first + strip.start) * depth..(first + strip.end) * depth;
            pack_strip(&mut packed[range.clone()], &weight[range], strip.len(), depth);
        }
    }
    for (n, output) in output.chunks_exact_mut(rows * outputs).enumerate() {
        let (b, group) = (n / sizes.groups, n % sizes.groups);
        let packed = &packed[group * rows * depth..][..rows * depth];
        for block in blocks(outputs) {
            let panels = columns::gather(panels, sizes.planes(input, b, group), block.clone(), sizes);
            multiply_block(packed, panels, rows, depth, block.len(), &mut |row, sums| {
                let bias = bias.map_or(0.0, |bias| bias[group * rows + row]);
                let output = &mut output[row * outputs..][block.clone()];
                map(output, sums, |sums| canonical(sums + F32x4::splat(bias)));
            });
        }
    }
}
