//! Convolution along one axis against float64, forward and backward.

#[path = "cases/error_bounds.rs"]
mod error_bounds;
#[path = "oracle/convolution.rs"]
mod oracle;
#[path = "oracle/sample.rs"]
mod sample;

use error_bounds::powers;
use oracle::Sum;
use sample::sample;
use wasm_attention::convolution::{Sizes, bias_backward, conv1d, input_backward, weight_backward};
use wasm_attention::dtype::CANONICAL_NAN;

/// Memory with what was there before, which must not matter.
fn dirty(length: usize) -> Vec<f32> {
    vec![f32::NAN; length]
}

fn run(input: &[f32], weight: &[f32], bias: Option<&[f32]>, sizes: &Sizes) -> Vec<f32> {
    let mut output = dirty(sizes.batch * sizes.out_channels * sizes.output_length().unwrap());
    conv1d(&mut output, input, weight, bias, &mut dirty(sizes.scratch_length().unwrap()), sizes);
    output
}

fn run_backward(gradient: &[f32], input: &[f32], weight: &[f32], sizes: &Sizes) -> [Vec<f32>; 3] {
    let mut gradients = [input.len(), weight.len(), sizes.out_channels].map(dirty);
    let [of_input, of_weight, of_bias] = &mut gradients;
    let mut scratch = dirty(sizes.scratch_length().unwrap());
    input_backward(of_input, gradient, weight, &mut scratch, sizes);
    scratch.fill(f32::NAN);
    weight_backward(of_weight, gradient, input, &mut scratch, sizes);
    bias_backward(of_bias, gradient, sizes);
    gradients
}

/// input, weight, bias and the output's gradient.
fn operands(sizes: &Sizes) -> [Vec<f32>; 4] {
    let outputs = sizes.output_length().unwrap();
    [
        sample(sizes.batch * sizes.channels * sizes.length, 1),
        sample(sizes.out_channels * sizes.channels / sizes.groups * sizes.kernel_size, 2),
        sample(sizes.out_channels, 3),
        sample(sizes.batch * sizes.out_channels * outputs, 4),
    ]
}

/// On and off the tiles: strips of rows, panels, blocks of 96 and of 256 outputs.
fn cases() -> Vec<Sizes> {
    let sizes = |[batch, channels, length, out_channels, kernel_size]: [usize; 5],
                 [stride, padding, dilation, groups]: [usize; 4]| Sizes {
        batch,
        channels,
        length,
        out_channels,
        kernel_size,
        stride,
        padding,
        dilation,
        groups,
    };
    let mut cases = vec![
        sizes([1, 1, 1, 1, 1], [1, 0, 1, 1]),
        sizes([2, 3, 11, 5, 3], [1, 1, 1, 1]),
        sizes([1, 4, 20, 6, 3], [2, 1, 1, 2]),
        sizes([2, 6, 17, 6, 4], [1, 3, 2, 6]),
        sizes([1, 2, 5, 3, 2], [3, 4, 3, 1]),
        // Whole panels of padding, and a stride over all.
        sizes([1, 2, 3, 4, 2], [1, 20, 1, 1]),
        sizes([1, 2, 9, 4, 9], [50, 30, 2, 2]),
        sizes([1, 2, 9, 4, 3], [usize::MAX / 3, 1, 1, 1]),
    ];
    if !cfg!(miri) {
        cases.extend([
            sizes([1, 7, 97, 13, 3], [1, 1, 1, 1]),
            sizes([2, 8, 300, 12, 5], [1, 2, 1, 2]),
            sizes([1, 3, 600, 9, 3], [2, 1, 1, 1]),
            sizes([1, 5, 263, 1, 7], [1, 0, 3, 1]),
            sizes([1, 30, 40, 40, 1], [1, 0, 1, 10]),
        ]);
    }
    cases
}

fn check(name: &str, sizes: &Sizes, results: &[f32], expected: &[Sum], bound: impl Fn(f64) -> f64) {
    assert_eq!(results.len(), expected.len());
    for (i, (&y, &(sum, absolute))) in results.iter().zip(expected).enumerate() {
        assert!((f64::from(y) - sum).abs() <= bound(absolute), "{name} {sizes:?} element {i}: {y}, expected {sum}");
    }
}

#[test]
fn is_within_the_stated_error() {
    let [unit] = powers("conv1d", ["(n + 1) · (Σ |input · weight| + |bias|)"]);
    for sizes in cases() {
        let [input, weight, bias, _] = operands(&sizes);
        let depth = weight.len() / sizes.out_channels;
        for bias in [None, Some(&bias[..])] {
            let output = run(&input, &weight, bias, &sizes);
            let expected = oracle::conv1d(&input, &weight, bias, &sizes);
            check("output", &sizes, &output, &expected, |absolute| unit * (depth + 1) as f64 * absolute);
        }
    }
}

#[test]
fn gradients_are_within_the_stated_error() {
    for sizes in cases() {
        let [input, weight, _, gradient] = operands(&sizes);
        let results = run_backward(&gradient, &input, &weight, &sizes);
        let expected = oracle::backward(&gradient, &input, &weight, &sizes);
        let outputs = sizes.batch * sizes.output_length().unwrap();
        let counts = [sizes.out_channels / sizes.groups * sizes.kernel_size, outputs, outputs];
        for (((name, result), expected), count) in
            ["input", "weight", "bias"].into_iter().zip(&results).zip(&expected).zip(counts)
        {
            let bound = |absolute| (count + 2) as f64 / 16_777_216.0 * absolute;
            check(name, &sizes, result, expected, bound);
        }
    }
}

#[test]
fn infinity_and_nan_stay_with_the_outputs_that_see_them() {
    let sizes = Sizes {
        batch: 2,
        channels: 4,
        length: 23,
        out_channels: 6,
        kernel_size: 3,
        stride: 2,
        padding: 1,
        dilation: 2,
        groups: 2,
    };
    let outputs = sizes.output_length().unwrap();
    let [mut input, weight, bias, _] = operands(&sizes);
    let clean = run(&input, &weight, Some(&bias), &sizes);
    // Batch 1, channel 2, the second group's, place 7: seen where 2t + 2k − 1 = 7.
    input[(4 + 2) * 23 + 7] = -f32::NAN;
    let output = run(&input, &weight, Some(&bias), &sizes);
    for (i, (dirty, clean)) in output.iter().zip(clean).enumerate() {
        let (b, o, t) = (i / outputs / 6, i / outputs % 6, i % outputs);
        if b == 1 && o >= 3 && (2..=4).contains(&t) {
            assert_eq!(dirty.to_bits(), CANONICAL_NAN);
        } else {
            assert_eq!(dirty.to_bits(), clean.to_bits());
        }
    }
}

#[test]
fn gradients_that_are_not_finite_stay_where_the_formulas_have_them() {
    let sizes = Sizes {
        batch: 1,
        channels: 2,
        length: 19,
        out_channels: 4,
        kernel_size: 2,
        stride: 3,
        padding: 2,
        dilation: 1,
        groups: 2,
    };
    let outputs = sizes.output_length().unwrap();
    let [input, mut weight, _, mut gradient] = operands(&sizes);
    // Output channel 1 at t = 2 sees places 4 and 5 of channel 0; channel 3's weight at k = 1 meets every third place of channel 1.
    gradient[outputs + 2] = -f32::NAN;
    weight[3 * 2 + 1] = f32::INFINITY;
    let [of_input, of_weight, of_bias] = run_backward(&gradient, &input, &weight, &sizes);
    for (i, dx) in of_input.iter().enumerate() {
        let (channel, place) = (i / 19, i % 19);
        if channel == 0 && (place == 4 || place == 5) {
            assert_eq!(dx.to_bits(), CANONICAL_NAN, "{i}");
        } else {
            assert_eq!(dx.is_finite(), channel == 0 || place % 3 != 2, "{i}: {dx}");
        }
    }
    let is_nan = |values: &[f32]| values.iter().map(|value| value.to_bits() == CANONICAL_NAN).collect::<Vec<_>>();
    assert_eq!(is_nan(&of_weight), [false, false, true, true, false, false, false, false]);
    assert_eq!(is_nan(&of_bias), [false, true, false, false]);
}

#[test]
fn an_output_has_the_same_bits_whatever_stands_beside_it() {
    let sizes = Sizes {
        batch: 2,
        channels: 6,
        length: 230,
        out_channels: 14,
        kernel_size: 3,
        stride: 1,
        padding: 1,
        dilation: 1,
        groups: 2,
    };
    let outputs = sizes.output_length().unwrap();
    let [input, weight, bias, _] = operands(&sizes);
    let all = run(&input, &weight, Some(&bias), &sizes);
    for (b, o) in [(0, 0), (1, 5), (1, 13)] {
        let group = o / 7;
        let alone = Sizes { batch: 1, channels: 3, out_channels: 1, groups: 1, ..sizes };
        let input = &input[(b * 6 + group * 3) * 230..][..3 * 230];
        let output = run(input, &weight[o * 9..][..9], Some(&bias[o..=o]), &alone);
        let expected = &all[(b * 14 + o) * outputs..][..outputs];
        assert!(output.iter().zip(expected).all(|(a, b)| a.to_bits() == b.to_bits()));
    }
}

#[test]
fn sizes_that_are_no_convolution_have_no_output() {
    let sound = Sizes {
        batch: 1,
        channels: 4,
        length: 5,
        out_channels: 6,
        kernel_size: 3,
        stride: 2,
        padding: 0,
        dilation: 2,
        groups: 2,
    };
    assert_eq!(sound.output_length(), Some(1));
    for wrong in [
        Sizes { length: 4, ..sound },
        Sizes { kernel_size: 0, ..sound },
        Sizes { stride: 0, ..sound },
        Sizes { dilation: 0, ..sound },
        Sizes { groups: 0, ..sound },
        Sizes { groups: 4, ..sound },
        Sizes { groups: 3, ..sound },
        Sizes { padding: usize::MAX / 2 + 1, ..sound },
        Sizes { padding: usize::MAX / 4 + 1, ..sound },
        Sizes { dilation: usize::MAX / 2, ..sound },
    ] {
        assert_eq!(wrong.output_length(), None, "{wrong:?}");
        assert_eq!(wrong.scratch_length(), None, "{wrong:?}");
    }
    assert_eq!(Sizes { out_channels: usize::MAX / 4 * 2, ..sound }.scratch_length(), None);
}

#[test]
fn empty_sizes() {
    let some = Sizes {
        batch: 2,
        channels: 3,
        length: 4,
        out_channels: 2,
        kernel_size: 3,
        stride: 1,
        padding: 1,
        dilation: 1,
        groups: 1,
    };
    let bias = [0.5, -1.0];
    for sizes in [
        Sizes { batch: 0, ..some },
        Sizes { channels: 0, ..some },
        Sizes { out_channels: 0, ..some },
        Sizes { length: 0, padding: 2, ..some },
    ] {
        let [input, weight, _, gradient] = operands(&sizes);
        let output = run(&input, &weight, Some(&bias[..sizes.out_channels]), &sizes);
        let outputs = sizes.output_length().unwrap();
        // No products: the bias alone.
        assert!(output.iter().enumerate().all(|(i, &y)| y == bias[i / outputs % sizes.out_channels]));
        let [of_input, of_weight, of_bias] = run_backward(&gradient, &input, &weight, &sizes);
        assert!(of_input.iter().all(|&dx| dx == 0.0) && of_weight.iter().all(|&dw| dw == 0.0));
        assert!(of_bias.iter().all(|&db| (db.to_bits() == 0) == (sizes.batch == 0)));
    }
}
