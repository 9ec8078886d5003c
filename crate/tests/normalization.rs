//! Layer norm and RMS norm against float64.

#[path = "cases/error_bounds.rs"]
mod error_bounds;
#[path = "oracle/normalization.rs"]
mod oracle;
#[path = "oracle/sample.rs"]
mod sample;

use error_bounds::powers;
use oracle::Normalized;
use sample::sample;
use wasm_attention::axis::along_axis;
use wasm_attention::dtype::CANONICAL_NAN;
use wasm_attention::normalization::{
    backward_scratch_length, layer_norm, norm_backward, normalize, normalize_backward, rms_norm,
};

fn widths() -> impl Iterator<Item = usize> {
    (1..40).chain([63, 768, 1023, 1025, 4097])
}

/// The bound on the error of an element, of its norm before weight and bias, its weight, its result, and the row's c and s.
type Bound<'a> = &'a dyn Fn(f64, f64, f64, &Normalized) -> f64;

fn layer_norm_bound(columns: usize) -> impl Fn(f64, f64, f64, &Normalized) -> f64 {
    let quantities = ["((8 + n/16) · (|z| + c) · |weight| + |result|)", "(1 + |weight| + |weight| / s)"];
    let [unit, subnormal] = powers("layerNorm", quantities);
    move |z, weight, result, row| {
        let c = row.offset.min(17.0);
        unit * ((8.0 + columns as f64 / 16.0) * (z.abs() + c) * weight.abs() + result.abs())
            + subnormal * (1.0 + weight.abs() + weight.abs() / row.deviation)
    }
}

fn rms_norm_bound(columns: usize) -> impl Fn(f64, f64, f64, &Normalized) -> f64 {
    let [unit, subnormal] = powers("rmsNorm", ["(9 + n/16) · |result|", "(1 + |weight|)"]);
    move |_, weight, result, _| unit * (9.0 + columns as f64 / 16.0) * result.abs() + subnormal * (1.0 + weight.abs())
}

fn check(output: &[f32], expected: &Normalized, weight: Option<&[f32]>, bias: Option<&[f32]>, bound: Bound<'_>) {
    let columns = output.len();
    for (c, &y) in output.iter().enumerate() {
        let weight = weight.map_or(1.0, |weight| f64::from(weight[c]));
        let bias = bias.map_or(0.0, |bias| f64::from(bias[c]));
        let truth = expected.normal[c] * weight + bias;
        if truth.is_nan() {
            assert_eq!(y.to_bits(), CANONICAL_NAN, "{columns} columns, {c}");
            continue;
        }
        let bound = bound(expected.normal[c], weight, truth, expected);
        assert!((f64::from(y) - truth).abs() <= bound, "{columns} columns, {c}: {y:e}, expected {truth:e} ± {bound:e}");
    }
}

/// Three rows of input · scale + offset, against the oracle.
fn check_layer_norm(columns: usize, scale: f32, offset: f32, epsilon: f32) {
    let bound = layer_norm_bound(columns);
    let input: Vec<f32> = sample(3 * columns, 1).iter().map(|x| x * scale + offset).collect();
    let weight = sample(columns, 2);
    let bias = sample(columns, 3);
    for (weight, bias) in
        [(None, None), (Some(&weight[..]), None), (None, Some(&bias[..])), (Some(&weight[..]), Some(&bias[..]))]
    {
        let mut output = vec![f32::NAN; 3 * columns];
        layer_norm(&mut output, &input, weight, bias, 3, columns, epsilon);
        for (output, input) in output.chunks(columns).zip(input.chunks(columns)) {
            check(output, &oracle::layer_norm(input, epsilon), weight, bias, &bound);
        }
    }
}

fn check_rms_norm(columns: usize, scale: f32, epsilon: f32) {
    let bound = rms_norm_bound(columns);
    let input: Vec<f32> = sample(3 * columns, 4).iter().map(|x| x * scale).collect();
    let weight = sample(columns, 5);
    for weight in [None, Some(&weight[..])] {
        let mut output = vec![f32::NAN; 3 * columns];
        rms_norm(&mut output, &input, weight, 3, columns, epsilon);
        for (output, input) in output.chunks(columns).zip(input.chunks(columns)) {
            check(output, &oracle::rms_norm(input, epsilon), weight, None, &bound);
        }
    }
}

#[test]
fn layer_norm_is_within_the_stated_error() {
    // A mean of 9 is 15.6 deviations, of 9.5 it is 16.5: on either side of the limit.
    for columns in widths() {
        for (scale, offset) in [(1.0, 0.0), (1.0, 9.0), (1.0, 9.5), (1.0, 100.0), (1e-3, 0.5), (1e6, 1e5)] {
            check_layer_norm(columns, scale, offset, 1e-5);
        }
        // Large means, to where the differences are a few units in the last place, or one element's alone.
        for (scale, offset) in [(1.0, 1e4), (1.0, -1e6), (0.3, 1e7), (1e-7, 1.0)] {
            check_layer_norm(columns, scale, offset, 0.0);
            check_layer_norm(columns, scale, offset, 1e-5);
        }
    }
}

#[test]
fn rms_norm_is_within_the_stated_error() {
    for columns in widths() {
        for scale in [1.0, 1e-6, 1e6] {
            check_rms_norm(columns, scale, 1e-6);
        }
    }
}

/// 1e-38 is subnormal.
const EPSILONS: [f32; 6] = [0.0, 1e-38, 1e-30, 1e-5, 1.0, 3e38];

#[test]
fn every_finite_row_has_its_norm() {
    for columns in widths() {
        for exponent in (-148..=127).step_by(5) {
            let scale = 2_f64.powi(exponent) as f32;
            for epsilon in EPSILONS {
                check_rms_norm(columns, scale, epsilon);
                check_layer_norm(columns, scale, 0.0, epsilon);
                check_layer_norm(columns, scale * 0.5, scale * -0.5, epsilon);
                check_layer_norm(columns, scale * 1e-5, scale, epsilon);
            }
        }
        check_layer_norm(columns, 0.0, f32::MAX, 0.0);
        check_layer_norm(columns, f32::MAX, 0.0, 0.0);
        check_rms_norm(columns, f32::MAX, 0.0);
    }
}

#[test]
fn rows_of_every_magnitude_at_once() {
    for (large, small) in [(1e30, 1e-30), (f32::MAX, 1e-45), (1.0, 1e-45), (1e-22, 1e-45)] {
        let input = [large, small, -large, small, large, 0.0, -small];
        for epsilon in EPSILONS {
            let mut output = [f32::NAN; 7];
            layer_norm(&mut output, &input, None, None, 1, 7, epsilon);
            check(&output, &oracle::layer_norm(&input, epsilon), None, None, &layer_norm_bound(7));
            rms_norm(&mut output, &input, None, 1, 7, epsilon);
            check(&output, &oracle::rms_norm(&input, epsilon), None, None, &rms_norm_bound(7));
        }
    }
}

#[test]
fn equal_values_become_exactly_zero() {
    for columns in (1..40).chain([63, 767, 768, 1000, 1023, 1025, 3000, 4097, 4999, 5000]) {
        for value in [0.0, 1e-45, 1e-38, 3.3e-30, 1e-19, 0.001, 0.1, 1.0, 1234.567, 16_777_215.0, 1e19, 3e38, f32::MAX]
        {
            for (value, epsilon) in [(value, 1e-5), (-value, 1e-5), (value, 1e-45), (-value, 3e38)] {
                let mut output = vec![f32::NAN; columns];
                layer_norm(&mut output, &vec![value; columns], None, None, 1, columns, epsilon);
                assert!(output.iter().all(|y| *y == 0.0), "{columns} times {value:e}, {epsilon:e}: {:e}", output[0]);
            }
            let mut output = vec![0.0; columns];
            layer_norm(&mut output, &vec![value; columns], None, None, 1, columns, 0.0);
            assert!(output.iter().all(|y| y.to_bits() == CANONICAL_NAN));
        }
    }
}

#[test]
fn constant_rows_become_the_bias() {
    let mut output = [f32::NAN; 6];
    layer_norm(&mut output, &[3.0; 6], Some(&[2.0; 6]), Some(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 1, 6, 1e-5);
    assert_eq!(output, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}

#[test]
fn nan_and_infinity_stay_in_their_row() {
    let mut input = sample(4 * 9, 6);
    let mut clean = vec![0.0; 36];
    layer_norm(&mut clean, &input, None, None, 4, 9, 1e-5);
    input[9 + 8] = -f32::NAN;
    input[3 * 9] = f32::INFINITY;
    let mut output = vec![0.0; 36];
    layer_norm(&mut output, &input, None, None, 4, 9, 1e-5);
    for row in [0, 2] {
        assert_eq!(output[row * 9..][..9], clean[row * 9..][..9]);
    }
    for row in [1, 3] {
        assert!(output[row * 9..][..9].iter().all(|y| y.to_bits() == CANONICAL_NAN));
    }
    let mut output = [0.0; 6];
    rms_norm(&mut output, &[1.0, f32::NAN, -1.0, 1.0, -f32::INFINITY, 2.0], None, 2, 3, 0.0);
    assert_eq!(output.map(f32::to_bits), [CANONICAL_NAN, CANONICAL_NAN, CANONICAL_NAN, 0, CANONICAL_NAN, 0]);
    // A parameter that isn't finite spoils its own column, in float64 too.
    for scale in [1.0, 1e30] {
        let mut output = [0.0; 3];
        let bias = [0.0, 0.0, f32::INFINITY];
        layer_norm(&mut output, &[scale, -scale, 0.0], Some(&[1.0, -f32::NAN, 1.0]), Some(&bias), 1, 3, 0.0);
        assert!((output[0] - 1.5_f32.sqrt()).abs() < 1e-6);
        assert_eq!([output[1].to_bits(), output[2].to_bits()], [CANONICAL_NAN, f32::INFINITY.to_bits()]);
    }
}

#[test]
fn empty_sizes() {
    layer_norm(&mut [], &[], None, None, 0, 5, 1e-5);
    layer_norm(&mut [], &[], None, None, 5, 0, 1e-5);
    rms_norm(&mut [], &[], None, 5, 0, 1e-5);
}

/// The gradients of input, weight and bias of `[rows, columns]`.
struct Gradients {
    input: Vec<f32>,
    weight: Vec<f32>,
    bias: Vec<f32>,
}

fn run_backward(
    dy: &[f32],
    input: &[f32],
    weight: Option<&[f32]>,
    [rows, columns]: [usize; 2],
    epsilon: f32,
    is_centered: bool,
) -> Gradients {
    let new = |length: usize| vec![f32::NAN; length];
    let mut gradients = Gradients { input: new(rows * columns), weight: new(columns), bias: new(columns) };
    let Gradients { input: dx, weight: dw, bias: db } = &mut gradients;
    let mut scratch = new(backward_scratch_length(columns).unwrap());
    norm_backward(Some(dx), Some(dw), Some(db), dy, input, weight, &mut scratch, rows, columns, epsilon, is_centered);
    gradients
}

/// Gradients of rows of input · scale + offset, against the oracle.
fn check_backward(sizes: [usize; 2], scale: f32, offset: f32, epsilon: f32, is_centered: bool) {
    check_scaled_backward(sizes, scale, offset, epsilon, is_centered, 1.0);
}

/// As `check_backward`, for gradients of the output of this magnitude.
fn check_scaled_backward(
    [rows, columns]: [usize; 2],
    scale: f32,
    offset: f32,
    epsilon: f32,
    is_centered: bool,
    gradient_scale: f32,
) {
    let input: Vec<f32> = sample(rows * columns, 1).iter().map(|x| x * scale + offset).collect();
    let dy: Vec<f32> = sample(rows * columns, 2).iter().map(|dy| dy * gradient_scale).collect();
    let weight = sample(columns, 3);
    let n = columns as f64;
    let unit = 2_f64.powi(-24);
    for weight in [None, Some(&weight[..])] {
        let gradients = run_backward(&dy, &input, weight, [rows, columns], epsilon, is_centered);
        let [mut dw, mut dw_size, mut db, mut db_size] = [(); 4].map(|()| vec![0.0_f64; columns]);
        let mut dw_floor = 0.0;
        for row in 0..rows {
            let here = row * columns..(row + 1) * columns;
            let mut norm = if is_centered {
                oracle::layer_norm(&input[here.clone()], epsilon)
            } else {
                oracle::rms_norm(&input[here.clone()], epsilon)
            };
            norm.offset = norm.offset.min(17.0);
            let (truth, quantity) = oracle::backward(&dy[here.clone()], weight, &norm, is_centered);
            // What is subnormal in z (of which the rows in float64 have less) and in the products.
            let r = 1.0 / norm.deviation;
            let z_floor = f64::from(gradient_scale) * (1.0 + r.min(2_f64.powi(50)));
            let floor = 2_f64.powi(-147) * (1.0 + n) * (1.0 + r * (1.0 + z_floor));
            dw_floor += 2_f64.powi(-148) * (1.0 + z_floor);
            for c in 0..columns {
                let dx = f64::from(gradients.input[row * columns + c]);
                let bound = unit * (12.0 + n / 16.0) * quantity[c] + floor;
                let what = format!("dx[{row}, {c}] of [{rows}, {columns}] · {scale:e} + {offset:e}, {epsilon:e}");
                // Beyond the range of float32 comes infinity, and near it either.
                if truth[c].abs() + bound > f64::from(f32::MAX) {
                    assert!(truth[c].abs() - bound < f64::from(f32::MAX) || dx.is_infinite(), "{what}: {dx:e}");
                } else {
                    assert!((dx - truth[c]).abs() <= bound, "{what}: {dx:e}, expected {:e} ± {bound:e}", truth[c]);
                }
                let dy = f64::from(dy[row * columns + c]);
                dw[c] += dy * norm.normal[c];
                dw_size[c] += dy.abs() * (norm.normal[c].abs() + norm.offset);
                db[c] += dy;
                db_size[c] += dy.abs();
            }
        }
        let count = rows as f64;
        for c in 0..columns {
            let bound = unit * (10.0 + n / 16.0 + count) * dw_size[c] + dw_floor;
            assert!((f64::from(gradients.weight[c]) - dw[c]).abs() <= bound, "dw[{c}] of [{rows}, {columns}]");
            assert!((f64::from(gradients.bias[c]) - db[c]).abs() <= unit * count * db_size[c], "db[{c}]");
        }
    }
}

#[test]
fn gradients_of_norms_are_within_the_stated_error() {
    for columns in widths() {
        for rows in [1, 2, 3] {
            check_backward([rows, columns], 1.0, 0.0, 1e-5, false);
            check_backward([rows, columns], 1.0, 0.0, 1e-5, true);
        }
        // A mean of 9 is 15.6 deviations, of 9.5 it is 16.5: on either side of the limit.
        for (scale, offset) in [(1.0, 9.0), (1.0, 9.5), (1.0, 100.0), (1e-3, 0.5), (1e6, 1e5), (0.3, 1e7), (1e-7, 1.0)]
        {
            check_backward([3, columns], scale, offset, 1e-5, true);
        }
        for scale in [1e-6, 1e6] {
            check_backward([3, columns], scale, 0.0, 1e-6, false);
        }
    }
    // Blocks of 64 rows.
    for rows in [63, 64, 65, 128, 200] {
        for is_centered in [false, true] {
            check_backward([rows, 5], 1.0, 0.0, 1e-5, is_centered);
        }
    }
}

#[test]
fn gradients_of_rows_of_every_magnitude() {
    for columns in [2, 3, 17, 64] {
        for exponent in (-144..=126).step_by(6) {
            for epsilon in [0.0, 1e-30, 1e-5, 3e38] {
                for (is_centered, gradient_scale) in
                    [(false, 1.0), (true, 1.0), (false, 1e-25), (true, 1e-25), (false, 1e20), (true, 1e20)]
                {
                    let scale = 2_f64.powi(exponent) as f32;
                    check_scaled_backward([2, columns], scale, 0.0, epsilon, is_centered, gradient_scale);
                }
            }
        }
    }
}

#[test]
fn gradients_at_a_known_point() {
    let gradients = run_backward(&[1.0, 0.0, -1.0], &[1.0, 2.0, 4.0], Some(&[1.0, 2.0, 3.0]), [1, 3], 1e-5, true);
    for (dx, expected) in gradients.input.iter().zip([-0.114_530_8, 0.171_812_6, -0.057_281_7]) {
        assert!((dx - expected).abs() < 1e-6, "{dx}, expected {expected}");
    }
    assert_eq!(gradients.bias, [1.0, 0.0, -1.0]);
}

#[test]
fn gradients_that_are_not_wanted_change_nothing_of_the_others() {
    let [rows, columns] = [67, 13];
    let (input, dy, weight) = (sample(rows * columns, 4), sample(rows * columns, 5), sample(columns, 6));
    let all = run_backward(&dy, &input, Some(&weight), [rows, columns], 1e-5, true);
    for wanted in 0..8 {
        let want = |bit: usize, length: usize| (wanted & (1 << bit) != 0).then(|| vec![f32::NAN; length]);
        let (mut dx, mut dw, mut db) = (want(0, rows * columns), want(1, columns), want(2, columns));
        let mut scratch = vec![f32::NAN; backward_scratch_length(columns).unwrap()];
        norm_backward(
            dx.as_deref_mut(),
            dw.as_deref_mut(),
            db.as_deref_mut(),
            &dy,
            &input,
            Some(&weight),
            &mut scratch,
            rows,
            columns,
            1e-5,
            true,
        );
        assert!(dx.is_none_or(|dx| dx == all.input), "{wanted}");
        assert!(dw.is_none_or(|dw| dw == all.weight), "{wanted}");
        assert!(db.is_none_or(|db| db == all.bias), "{wanted}");
    }
}

#[test]
fn gradients_of_rows_that_have_no_norm() {
    // Equal values without epsilon, NaN, and infinity: their own rows, and the weight's gradient.
    for (row, epsilon) in [([2.0; 3], 0.0), ([1.0, -f32::NAN, 2.0], 1e-5), ([1.0, f32::INFINITY, 2.0], 1e-5)] {
        let input = [[1.0, 2.0, 4.0], row, [3.0, -1.0, 0.0]];
        let gradients = run_backward(&[1.0, 2.0, 4.0].repeat(3), input.as_flattened(), None, [3, 3], epsilon, true);
        assert!(gradients.input[3..6].iter().chain(&gradients.weight).all(|x| x.to_bits() == CANONICAL_NAN));
        assert!(gradients.input[..3].iter().chain(&gradients.input[6..]).all(|x| x.is_finite()));
        assert_eq!(gradients.bias, [3.0, 6.0, 12.0]);
    }
    // A row of equal values has z = 0 and r = 1/√ε.
    let gradients = run_backward(&[1.0, 2.0, 6.0], &[7.0; 3], None, [1, 3], 1.0 / 16.0, true);
    assert_eq!(gradients.input, [-8.0, -4.0, 12.0]);
    assert_eq!(gradients.weight, [0.0; 3]);
    let gradients = run_backward(&[1.0, 2.0, 6.0], &[0.0; 3], None, [1, 3], 1.0 / 16.0, false);
    assert_eq!(gradients.input, [4.0, 8.0, 24.0]);
}

#[test]
fn gradients_of_nothing() {
    let gradients = run_backward(&[], &[], None, [0, 5], 1e-5, true);
    assert_eq!((gradients.weight, gradients.bias), (vec![0.0; 5], vec![0.0; 5]));
    assert!(run_backward(&[], &[], None, [5, 0], 1e-5, true).input.is_empty());
}

#[test]
fn normalize_and_its_gradient_are_within_the_stated_error() {
    let [unit, subnormal] = powers("normalize", ["(5 + n/32) · |result|", ""]);
    for columns in widths() {
        let n = columns as f64;
        // Norms below 1e-12, about it, and those whose squares overflow, or that overflow themselves.
        for scale in [0.0, 1e-44, 1e-30, 1e-13, 1e-12, 1e-9, 1.0, 1e10, 1e19, 1e25, f32::MAX] {
            let input: Vec<f32> = sample(columns, 7).iter().map(|x| x * scale).collect();
            let mut output = vec![f32::NAN; columns];
            normalize(&mut output, &input, &[]);
            let (truth, norm) = oracle::normalize(&input);
            for (&y, truth) in output.iter().zip(truth) {
                let bound = unit * (5.0 + n / 32.0) * truth.abs() + subnormal;
                assert!((f64::from(y) - truth).abs() <= bound, "{columns} · {scale:e}: {y:e}, expected {truth:e}");
            }
            for gradient_scale in [1.0, 1e20] {
                let dy: Vec<f32> = sample(columns, 8).iter().map(|dy| dy * gradient_scale).collect();
                normalize_backward(&mut output, &dy, &input);
                let (truth, quantity) = oracle::normalize_backward(&dy, &input);
                let floor = subnormal * (1.0 + (1.0 + n) * f64::from(gradient_scale) / norm);
                for ((&dx, truth), quantity) in output.iter().zip(truth).zip(quantity) {
                    let bound = unit * (20.0 + n / 8.0) * quantity + floor;
                    let error = (f64::from(dx) - truth).abs();
                    assert!(error <= bound, "{columns} · {scale:e}: {dx:e}, expected {truth:e}");
                }
            }
        }
    }
}

#[test]
fn normalize_of_special_rows() {
    let (infinity, nan) = (f32::INFINITY, -f32::NAN);
    let rows = [[0.0, -0.0, 0.0], [3.0, 0.0, -4.0], [1.0, nan, 0.0], [1.0, infinity, -infinity]];
    let mut output = [9.0; 12];
    along_axis(&mut output, rows.as_flattened(), &[], &mut [], [4, 3, 1], normalize);
    assert_eq!(output[..6], [0.0, 0.0, 0.0, 0.6, 0.0, -0.8]);
    assert!(output[6..9].iter().all(|y| y.to_bits() == CANONICAL_NAN));
    assert_eq!(output[9..].iter().map(|y| y.to_bits()).collect::<Vec<_>>(), [0, CANONICAL_NAN, CANONICAL_NAN]);
    let dy = [1.0, 2.0, 3.0].repeat(4);
    along_axis(&mut output, &dy, rows.as_flattened(), &mut [], [4, 3, 1], normalize_backward);
    assert!(output[..3].iter().zip(&dy).all(|(dx, dy)| (dx / dy / 1e12 - 1.0).abs() < 1e-6));
    assert!(output[6..].iter().all(|dx| dx.to_bits() == CANONICAL_NAN));
}
