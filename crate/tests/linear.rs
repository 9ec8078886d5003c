//! The linear layer against float64, at sizes on and off the tiles.

#[path = "oracle/activation.rs"]
mod activation_oracle;
#[path = "cases/error_bounds.rs"]
mod error_bounds;
#[path = "oracle/linear.rs"]
mod oracle;
#[path = "oracle/sample.rs"]
mod sample;

use error_bounds::powers;
use sample::sample;
use wasm_attention::activation::Activation;
use wasm_attention::dtype::CANONICAL_NAN;
use wasm_attention::linear::register_tile::{multiply_row, multiply_strip};
use wasm_attention::linear::{
    linear, multiply_transposed, multiply_transposed_scratch_length, pack_columns, pack_weight, packed_length,
    scratch_length, sum_rows,
};
use wasm_attention::simd::F32x4;
use wasm_attention::tiles::{INPUT_BLOCK, PANEL, ROW_BLOCK, TILE};

fn run(input: &[f32], weight: &[f32], bias: Option<&[f32]>, sizes: [usize; 3]) -> Vec<f32> {
    run_activated(input, weight, bias, Activation::Identity, sizes)
}

fn run_activated(
    input: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    activation: Activation,
    sizes: [usize; 3],
) -> Vec<f32> {
    let [rows, in_features, out_features] = sizes;
    // What is there before must not matter.
    let mut packed = vec![f32::NAN; packed_length(in_features, out_features).unwrap()];
    pack_weight(&mut packed, weight, in_features, out_features);
    let mut scratch = vec![f32::NAN; scratch_length(rows, in_features).unwrap()];
    let mut output = vec![f32::NAN; rows * out_features];
    linear(&mut output, input, &packed, bias, &mut scratch, rows, in_features, out_features, activation);
    output
}

fn input_gradient(output_gradient: &[f32], weight: &[f32], sizes: [usize; 3]) -> Vec<f32> {
    let [rows, in_features, out_features] = sizes;
    let mut packed = vec![f32::NAN; packed_length(out_features, in_features).unwrap()];
    pack_columns(&mut packed, weight, out_features, in_features);
    let mut scratch = vec![f32::NAN; scratch_length(rows, out_features).unwrap()];
    let mut gradient = vec![f32::NAN; rows * in_features];
    let identity = Activation::Identity;
    linear(&mut gradient, output_gradient, &packed, None, &mut scratch, rows, out_features, in_features, identity);
    gradient
}

fn weight_gradient(output_gradient: &[f32], input: &[f32], sizes: [usize; 3]) -> Vec<f32> {
    let [rows, in_features, out_features] = sizes;
    let length = multiply_transposed_scratch_length(rows, out_features, in_features).unwrap();
    let mut scratch = vec![f32::NAN; length];
    // What is there is added to.
    let mut gradient = vec![0.0; out_features * in_features];
    multiply_transposed(&mut gradient, output_gradient, input, &mut scratch, rows, out_features, in_features);
    gradient
}

fn bias_gradient(output_gradient: &[f32], out_features: usize) -> Vec<f32> {
    let mut gradient = vec![f32::NAN; out_features];
    sum_rows(&mut gradient, output_gradient, out_features);
    gradient
}

/// Columns `first` to `end` of a matrix.
fn columns(matrix: &[f32], width: usize, first: usize, end: usize) -> Vec<f32> {
    matrix.chunks(width).flat_map(|row| &row[first..end]).copied().collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn is_within_the_stated_error() {
    let [unit] = powers("linear", ["(n + 1) · (Σ |input · weight| + |bias|)"]);
    let rows: &[usize] = if cfg!(miri) { &[1, 13] } else { &[1, 2, 3, 4, 5, 6, 7, 11, 12, 13, 17, 96, 97, 203] };
    let depths: &[usize] = if cfg!(miri) { &[1, 5] } else { &[1, 2, 3, 5, 64, 257] };
    let outputs: &[usize] = if cfg!(miri) { &[3, 37] } else { &[1, 3, 4, 5, 7, 8, 9, 12, 31, 32, 33, 63, 65, 100] };
    for &rows in rows {
        for &in_features in depths {
            for &out_features in outputs {
                let sizes = [rows, in_features, out_features];
                let input = sample(rows * in_features, 1);
                let weight = sample(out_features * in_features, 2);
                let bias = sample(out_features, 3);
                for bias in [None, Some(&bias[..])] {
                    let output = run(&input, &weight, bias, sizes);
                    let expected = oracle::linear(&input, &weight, bias, sizes);
                    for (i, (&y, (sum, absolute))) in output.iter().zip(expected).enumerate() {
                        let bound = unit * (in_features + 1) as f64 * absolute;
                        assert!((f64::from(y) - sum).abs() <= bound, "{sizes:?} element {i}: {y}, expected {sum}");
                    }
                }
            }
        }
    }
}

const ACTIVATIONS: [Activation; 6] =
    [Activation::Gelu, Activation::GeluTanh, Activation::Silu, Activation::Relu, Activation::Sigmoid, Activation::Tanh];

/// The activation in float64, and its stated relative error. (relu is exact.)
fn activated(activation: Activation, x: f64) -> (f64, f64) {
    match activation {
        Activation::Identity => (x, 0.0),
        Activation::Gelu => (activation_oracle::gelu(x), powers("gelu", ["|result|", ""])[0]),
        Activation::GeluTanh => {
            let [unit, _] = powers("gelu with approximate \"tanh\"", ["(3 + 4 · |u|) · |result|", ""]);
            let argument = activation_oracle::gelu_tanh_argument(x);
            (activation_oracle::gelu_tanh(x), unit * (3.0 + 4.0 * argument.abs()))
        }
        Activation::Silu => (activation_oracle::silu(x), powers("silu", ["|result|", ""])[0]),
        Activation::Relu => (x.max(0.0), 0.0),
        Activation::Sigmoid => (activation_oracle::sigmoid(x), powers("sigmoid", ["|result|", ""])[0]),
        Activation::Tanh => (x.tanh(), powers("tanh", ["|result|", ""])[0]),
    }
}

#[test]
fn the_activation_is_applied_to_sums_and_bias() {
    let [unit] = powers("linear", ["(n + 1) · (Σ |input · weight| + |bias|)"]);
    /// No activation's slope is larger.
    const SLOPE: f64 = 1.13;
    let rows: &[usize] = if cfg!(miri) { &[1, 7] } else { &[1, 2, 5, 6, 7, 13, 103] };
    let widths: &[[usize; 2]] = if cfg!(miri) { &[[3, 9]] } else { &[[1, 1], [3, 9], [5, 8], [40, 33], [131, 77]] };
    for &rows in rows {
        for &[in_features, out_features] in widths {
            let sizes = [rows, in_features, out_features];
            let input = sample(rows * in_features, 12);
            let weight = sample(out_features * in_features, 13);
            let bias = sample(out_features, 14);
            for bias in [None, Some(&bias[..])] {
                let sums = run(&input, &weight, bias, sizes);
                let expected = oracle::linear(&input, &weight, bias, sizes);
                for activation in ACTIVATIONS {
                    let output = run_activated(&input, &weight, bias, activation, sizes);
                    let mut afterwards = vec![f32::NAN; sums.len()];
                    activation.apply(&mut afterwards, &sums);
                    assert_eq!(bits(&output), bits(&afterwards), "{activation:?} {sizes:?}");
                    for (i, (&y, &(sum, absolute))) in output.iter().zip(&expected).enumerate() {
                        let (truth, relative) = activated(activation, sum);
                        let before = SLOPE * unit * (in_features + 1) as f64 * absolute;
                        let bound = before + relative * (truth.abs() + before);
                        let error = (f64::from(y) - truth).abs();
                        assert!(error <= bound, "{activation:?} {sizes:?} element {i}: {y}, expected {truth}");
                    }
                }
            }
        }
    }
}

#[test]
fn the_interface_knows_every_activation_by_its_number() {
    for activation in [Activation::Identity].into_iter().chain(ACTIVATIONS) {
        assert_eq!(Activation::from_number(activation as u32), Some(activation));
    }
    assert_eq!(Activation::from_number(7), None);
}

#[test]
fn a_row_has_the_same_bits_alone_and_in_any_batch() {
    let [in_features, out_features] = if cfg!(miri) { [3, 41] } else { [131, 77] };
    let rows = if cfg!(miri) { 13 } else { 109 };
    let input = sample(rows * in_features, 4);
    let weight = sample(out_features * in_features, 5);
    let bias = sample(out_features, 6);
    let alone: Vec<u32> = input
        .chunks(in_features)
        .flat_map(|row| bits(&run(row, &weight, Some(&bias), [1, in_features, out_features])))
        .collect();
    for count in 2..=rows {
        if cfg!(miri) && count < 12 {
            continue;
        }
        let batch = run(&input[..count * in_features], &weight, Some(&bias), [count, in_features, out_features]);
        assert_eq!(bits(&batch), alone[..count * out_features], "{count} rows");
    }
}

#[test]
fn sums_go_over_ascending_k_with_the_arithmetics_multiply_add() {
    let in_features = 37;
    let row = sample(in_features, 7);
    let weight = sample(in_features, 8);
    let mut sum = F32x4::zero();
    for (x, w) in row.iter().zip(&weight) {
        sum = F32x4::splat(*x).mul_add(F32x4::splat(*w), sum);
    }
    assert_eq!(bits(&run(&row, &weight, None, [1, in_features, 1])), [sum.to_array()[0].to_bits()]);
}

#[test]
fn weights_are_packed_in_panels() {
    let (in_features, out_features) = (3, 10);
    let weight: Vec<f32> = (0..30_u8).map(f32::from).collect();
    let mut packed = vec![f32::NAN; packed_length(in_features, out_features).unwrap()];
    pack_weight(&mut packed, &weight, in_features, out_features);
    for (i, value) in packed.iter().enumerate() {
        let (panel, k, c) = (i / 24, i / PANEL % 3, i % PANEL);
        let n = panel * PANEL + c;
        assert_eq!(*value, if n < out_features { weight[n * in_features + k] } else { 0.0 });
    }
}

#[test]
fn columns_are_packed_as_the_rows_of_the_transpose() {
    for [rows, width] in [[1, 1], [3, 10], [5, 16], [6, 7], [9, 24]] {
        let matrix = sample(rows * width, 15);
        let transpose: Vec<f32> = (0..width).flat_map(|c| columns(&matrix, width, c, c + 1)).collect();
        let mut packed = vec![f32::NAN; packed_length(rows, width).unwrap()];
        pack_columns(&mut packed, &matrix, rows, width);
        let mut expected = vec![f32::NAN; packed.len()];
        pack_weight(&mut expected, &transpose, rows, width);
        assert_eq!(packed, expected, "{rows} × {width}");
    }
}

#[test]
fn gradients_are_within_the_stated_error() {
    let rows: &[usize] = if cfg!(miri) { &[0, 1, 5] } else { &[0, 1, 2, 3, 5, 8, 67, 255, 256, 257, 600] };
    let widths: &[usize] = if cfg!(miri) { &[1, 11] } else { &[1, 2, 4, 5, 6, 7, 8, 9, 31, 97, 203] };
    for &rows in rows {
        for &in_features in widths {
            for &out_features in widths {
                let sizes = [rows, in_features, out_features];
                let input = sample(rows * in_features, 16);
                let weight = sample(out_features * in_features, 17);
                let output_gradient = sample(rows * out_features, 18);
                let expected = oracle::gradients(&output_gradient, &input, &weight, sizes);
                let check = |name: &str, gradient: Vec<f32>, expected: &[(f64, f64)], terms: usize| {
                    assert_eq!(gradient.len(), expected.len());
                    for (i, (&x, (sum, absolute))) in gradient.iter().zip(expected).enumerate() {
                        let bound = 2_f64.powi(-24) * (terms + 2) as f64 * absolute;
                        let error = (f64::from(x) - sum).abs();
                        assert!(error <= bound, "{name} {sizes:?} element {i}: {x}, expected {sum}");
                    }
                };
                check("input", input_gradient(&output_gradient, &weight, sizes), &expected.input, out_features);
                check("weight", weight_gradient(&output_gradient, &input, sizes), &expected.weight, rows);
                check("bias", bias_gradient(&output_gradient, out_features), &expected.bias, rows);
            }
        }
    }
}

#[test]
fn sums_over_rows_are_cut_into_blocks() {
    let rows = if cfg!(miri) { ROW_BLOCK + 2 } else { 2 * ROW_BLOCK + 3 };
    let [input, output_gradient] = [19, 20].map(|seed| sample(rows, seed));
    let [mut product_sum, mut sum] = [F32x4::zero(); 2];
    for (x, d) in input.chunks(ROW_BLOCK).zip(output_gradient.chunks(ROW_BLOCK)) {
        let [mut product_block, mut block] = [F32x4::zero(); 2];
        for (x, d) in x.iter().zip(d) {
            product_block = F32x4::splat(*d).mul_add(F32x4::splat(*x), product_block);
            block = block + F32x4::splat(*d);
        }
        product_sum = product_sum + product_block;
        sum = sum + block;
    }
    assert_eq!(weight_gradient(&output_gradient, &input, [rows, 1, 1]), product_sum.to_array()[..1]);
    // Added to what is there, a block at a time.
    let mut gradient = [0.0];
    for (x, d) in input.chunks(ROW_BLOCK).zip(output_gradient.chunks(ROW_BLOCK)) {
        let mut scratch = vec![f32::NAN; multiply_transposed_scratch_length(x.len(), 1, 1).unwrap()];
        multiply_transposed(&mut gradient, d, x, &mut scratch, x.len(), 1, 1);
    }
    assert_eq!(gradient, product_sum.to_array()[..1]);
    assert_eq!(bias_gradient(&output_gradient, 1), sum.to_array()[..1]);
}

#[test]
fn an_element_of_a_gradient_has_the_same_bits_in_any_region() {
    let [rows, in_features, out_features] =
        if cfg!(miri) { [3, 10, TILE + 5] } else { [ROW_BLOCK + 44, 37, INPUT_BLOCK + 55] };
    let input = sample(rows * in_features, 21);
    let output_gradient = sample(rows * out_features, 22);
    let whole = weight_gradient(&output_gradient, &input, [rows, in_features, out_features]);
    let bias = bias_gradient(&output_gradient, out_features);
    for [first, end] in [[0, 1], [1, 3], [2, TILE + 3], [1, out_features]] {
        let part = columns(&output_gradient, out_features, first, end);
        let gradient = weight_gradient(&part, &input, [rows, in_features, end - first]);
        assert_eq!(bits(&gradient), bits(&whole[first * in_features..end * in_features]), "rows {first} to {end}");
        assert_eq!(bits(&bias_gradient(&part, end - first)), bits(&bias[first..end]));
    }
    for [first, end] in [[0, 1], [1, 10], [3, in_features]] {
        let part = columns(&input, in_features, first, end);
        let gradient = weight_gradient(&output_gradient, &part, [rows, end - first, out_features]);
        assert_eq!(bits(&gradient), bits(&columns(&whole, in_features, first, end)), "columns {first} to {end}");
    }
}

#[test]
fn infinity_and_nan_stay_in_their_part_of_a_gradient() {
    let sizes @ [rows, in_features, out_features] = if cfg!(miri) { [3, 9, 7] } else { [300, 20, 35] };
    let mut input = sample(rows * in_features, 23);
    let mut weight = sample(out_features * in_features, 24);
    let mut output_gradient = sample(rows * out_features, 25);
    let run = |input: &[f32], weight: &[f32], output_gradient: &[f32]| {
        [
            input_gradient(output_gradient, weight, sizes),
            weight_gradient(output_gradient, input, sizes),
            bias_gradient(output_gradient, out_features),
        ]
    };
    let clean = run(&input, &weight, &output_gradient);
    input[in_features + 3] = f32::INFINITY;
    weight[4 * in_features + 8] = -f32::NAN;
    // In the first block and in the last.
    output_gradient[2 * out_features + 5] = -f32::NAN;
    output_gradient[(rows - 1) * out_features + 6] = -f32::NAN;
    let dirty = run(&input, &weight, &output_gradient);
    let check = |name: &str, index: usize, width: usize, is_nan: &dyn Fn(usize, usize) -> bool| {
        for (i, (dirty, clean)) in dirty[index].iter().zip(&clean[index]).enumerate() {
            let (row, column) = (i / width, i % width);
            if is_nan(row, column) {
                assert_eq!(dirty.to_bits(), CANONICAL_NAN, "{name} {row} {column}");
            } else if index == 1 && column == 3 {
                assert_eq!(*dirty, f32::INFINITY.copysign(output_gradient[out_features + row]));
            } else {
                assert_eq!(dirty.to_bits(), clean.to_bits(), "{name} {row} {column}");
            }
        }
    };
    check("input", 0, in_features, &|row, column| row == 2 || row == rows - 1 || column == 8);
    check("weight", 1, in_features, &|row, _| row == 5 || row == 6);
    check("bias", 2, out_features, &|_, column| column == 5 || column == 6);
}

#[test]
fn infinity_and_nan_stay_in_their_rows_and_columns() {
    let (rows, in_features, out_features) = (9, 20, 35);
    let mut input = sample(rows * in_features, 9);
    let mut weight = sample(out_features * in_features, 10);
    let clean = run(&input, &weight, None, [rows, in_features, out_features]);
    input[7 * in_features + 3] = -f32::NAN;
    input[2 * in_features + 5] = f32::INFINITY;
    weight[34 * in_features + 19] = f32::NAN;
    let output = run(&input, &weight, None, [rows, in_features, out_features]);
    for (i, (dirty, clean)) in output.iter().zip(clean).enumerate() {
        let (row, column) = (i / out_features, i % out_features);
        if row == 7 || column == 34 {
            assert_eq!(dirty.to_bits(), CANONICAL_NAN);
        } else if row == 2 {
            assert_eq!(*dirty, f32::INFINITY.copysign(weight[column * in_features + 5]));
        } else {
            assert_eq!(dirty.to_bits(), clean.to_bits());
        }
    }
}

#[test]
fn empty_sizes() {
    assert!(run(&[], &[1.0, 2.0], None, [0, 2, 1]).is_empty());
    assert!(run(&[1.0, 2.0], &[], None, [1, 2, 0]).is_empty());
    assert!(run(&[1.0, 2.0, 3.0, 4.0], &[], None, [2, 2, 0]).is_empty());
    assert_eq!(run(&[], &[], Some(&[5.0]), [1, 0, 1]), [5.0]);
    assert_eq!(run(&[], &[], Some(&[5.0]), [3, 0, 1]), [5.0; 3]);
    for [rows, in_features, out_features] in [[0, 2, 3], [2, 0, 3], [2, 3, 0]] {
        let sizes = [rows, in_features, out_features];
        let [input, weight, output_gradient] =
            [rows * in_features, out_features * in_features, rows * out_features].map(|length| vec![1.0; length]);
        let filled = |length: usize, terms: usize| vec![terms as f32; length];
        assert_eq!(input_gradient(&output_gradient, &weight, sizes), filled(rows * in_features, out_features));
        assert_eq!(weight_gradient(&output_gradient, &input, sizes), filled(out_features * in_features, rows));
        assert_eq!(bias_gradient(&output_gradient, out_features), filled(out_features, rows));
    }
}

#[test]
fn lengths_that_overflow_are_none() {
    assert_eq!(packed_length(768, 2304), Some(768 * 2304));
    assert_eq!(packed_length(2, usize::MAX), None);
    assert_eq!(packed_length(usize::MAX, 1), None);
    assert_eq!((scratch_length(0, usize::MAX), scratch_length(1, usize::MAX)), (Some(0), Some(0)));
    assert_eq!((scratch_length(2, usize::MAX), scratch_length(1000, 10)), (None, Some(960)));
    assert_eq!(multiply_transposed_scratch_length(2, 5, 9), Some(2 * (5 + 16)));
    assert_eq!(multiply_transposed_scratch_length(1000, 100, 9), Some(256 * (96 + 16)));
    assert_eq!(multiply_transposed_scratch_length(2, usize::MAX, usize::MAX), None);
}

#[test]
fn register_tiles_compute_products() {
    for depth in [0, 1, 2, 7] {
        let panels = [1, 2, 3, 4].map(|seed| sample(depth * PANEL, seed));
        for rows in [1, 2, 4, TILE] {
            let strip = sample(depth * rows, 11);
            let mut sums = vec![[f32::NAN; PANEL]; rows];
            multiply_strip(&mut sums, &strip, &panels[0]);
            for (r, sums) in sums.iter().enumerate() {
                for (c, sum) in sums.iter().enumerate() {
                    let product = |k: usize| f64::from(strip[k * rows + r]) * f64::from(panels[0][k * PANEL + c]);
                    assert!((f64::from(*sum) - (0..depth).map(product).sum::<f64>()).abs() < 1e-6);
                }
            }
        }
        let row = sample(depth, 11);
        let mut together = [[f32::NAN; PANEL]; 4];
        multiply_row(&mut together, &row, [&panels[0], &panels[1], &panels[2], &panels[3]]);
        for (together, panel) in together.iter().zip(&panels) {
            let mut alone = [[f32::NAN; PANEL]];
            multiply_strip(&mut alone, &row, panel);
            assert_eq!(bits(together), bits(&alone[0]));
        }
    }
}

#[test]
#[should_panic]
fn a_tile_of_another_height_is_refused() {
    multiply_strip(&mut [[0.0; PANEL]; 3], &[0.0; 3], &[0.0; PANEL]);
}
