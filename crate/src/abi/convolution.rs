//! The exports of convolution.

use super::arguments::ConvolutionArguments;
use super::numbers::OVERFLOW;
use super::slices::{optional_slice, optional_slice_mut, product, read, slice, slice_mut};
use crate::convolution::{self, Sizes};
use wasm_bindgen::prelude::wasm_bindgen;

fn sizes(arguments: &ConvolutionArguments) -> Sizes {
    Sizes {
        batch: arguments.batch as usize,
        channels: arguments.channels as usize,
        length: arguments.length as usize,
        out_channels: arguments.out_channels as usize,
        kernel_size: arguments.kernel_size as usize,
        stride: arguments.stride as usize,
        padding: arguments.padding as usize,
        dilation: arguments.dilation as usize,
        groups: arguments.groups as usize,
    }
}

/// What a call holds, with the elements of each operand.
struct Operands {
    arguments: ConvolutionArguments,
    sizes: Sizes,
    input: usize,
    weight: usize,
    output: usize,
    scratch: usize,
}

fn operands(arguments: usize) -> Operands {
    let arguments = read::<ConvolutionArguments>(arguments);
    let sizes = sizes(&arguments);
    let outputs = sizes.output_length().unwrap();
    Operands {
        arguments,
        sizes,
        input: product(&[sizes.batch, sizes.channels, sizes.length]),
        weight: product(&[sizes.out_channels, sizes.channels / sizes.groups, sizes.kernel_size]),
        output: product(&[sizes.batch, sizes.out_channels, outputs]),
        scratch: sizes.scratch_length().unwrap(),
    }
}

/// Elements of scratch memory that a call of the argument block at `arguments` needs; `OVERFLOW` when that overflows.
#[wasm_bindgen]
pub fn conv1d_scratch_length(arguments: usize) -> usize {
    sizes(&read::<ConvolutionArguments>(arguments)).scratch_length().unwrap_or(OVERFLOW as usize)
}

/// Convolution over the argument block at `arguments`.
#[wasm_bindgen]
pub fn conv1d(arguments: usize) {
    let Operands { arguments, sizes, input, weight, output, scratch } = operands(arguments);
    convolution::conv1d(
        slice_mut(arguments.output as usize, output),
        slice(arguments.input as usize, input),
        slice(arguments.weight as usize, weight),
        optional_slice(arguments.bias as usize, sizes.out_channels),
        slice_mut(arguments.scratch as usize, scratch),
        &sizes,
    );
}

/// The gradients of a convolution that the argument block at `arguments` asks for.
#[wasm_bindgen]
pub fn conv1d_backward(arguments: usize) {
    let Operands { arguments, sizes, input, weight, output, scratch } = operands(arguments);
    let gradient = slice(arguments.output as usize, output);
    let scratch = || slice_mut(arguments.scratch as usize, scratch);
    if let Some(input_gradient) = optional_slice_mut(arguments.input_gradient as usize, input) {
        let weight = slice(arguments.weight as usize, weight);
        convolution::input_backward(input_gradient, gradient, weight, scratch(), &sizes);
    }
    if let Some(weight_gradient) = optional_slice_mut(arguments.weight_gradient as usize, weight) {
        let input = slice(arguments.input as usize, input);
        convolution::weight_backward(weight_gradient, gradient, input, scratch(), &sizes);
    }
    if let Some(bias_gradient) = optional_slice_mut(arguments.bias_gradient as usize, sizes.out_channels) {
        convolution::bias_backward(bias_gradient, gradient, &sizes);
    }
}
