//! The activation functions against float64, over a sweep of all exponents.

#[path = "oracle/activation.rs"]
mod oracle;

use wasm_attention::activation::{gelu, gelu_tanh, relu, silu};
use wasm_attention::numeric::CANONICAL_NAN;

/// float32 numbers of both signs up to a magnitude, from the smallest normal one on.
fn sweep(largest: f32) -> Vec<f32> {
    let bits = (f32::MIN_POSITIVE.to_bits()..=largest.to_bits()).step_by(3001);
    bits.map(f32::from_bits).flat_map(|x| [x, -x]).collect()
}

fn run(function: fn(&mut [f32], &[f32]), input: &[f32]) -> Vec<f32> {
    let mut output = vec![f32::NAN; input.len()];
    function(&mut output, input);
    output
}

/// Relative errors beyond `bound(x)`, in units of 2^-24, fail; results may be subnormal for the smallest x.
fn check(
    name: &str,
    function: fn(&mut [f32], &[f32]),
    truth: fn(f64) -> f64,
    bound: fn(f64) -> f64,
    inputs: impl Iterator<Item = f32>,
) {
    let inputs: Vec<f32> = inputs.collect();
    let mut worst = (0.0, 0.0);
    for (&x, y) in inputs.iter().zip(run(function, &inputs)) {
        let truth = truth(f64::from(x));
        let unit = (truth.abs() / 16_777_216.0).max(2_f64.powi(-149));
        let error = (f64::from(y) - truth).abs() / unit;
        if error > worst.0 {
            worst = (error, x);
        }
        assert!(error <= bound(f64::from(x)), "{name}({x:e}) = {y:e}, expected {truth:e}");
    }
    println!("{name}: {:.2} · 2^-24 at {:e}", worst.0, worst.1);
}

#[test]
fn gelu_is_within_the_stated_error() {
    check("gelu", gelu, oracle::gelu, |_| 11.0, sweep(1e38).into_iter().filter(|&x| x >= -12.5));
    assert_eq!(run(gelu, &[-12.6, -1e30, 0.0, 20.0]), [0.0, 0.0, 0.0, 20.0]);
}

#[test]
fn gelu_tanh_is_within_the_stated_error() {
    let bound = |x: f64| 6.0 + 8.0 * oracle::gelu_tanh_argument(x).abs().min(44.4);
    let inputs = || sweep(1e38).into_iter().filter(|&x| x >= -10.0);
    check("gelu_tanh", gelu_tanh, oracle::gelu_tanh, bound, inputs());
    // tanh's form, with the cancellation of float64 in its tail
    for (x, y) in inputs().zip(run(gelu_tanh, &inputs().collect::<Vec<_>>())) {
        let x = f64::from(x);
        let tanh = 0.5 * x * (1.0 + oracle::gelu_tanh_argument(x).tanh());
        assert!((f64::from(y) - tanh).abs() <= tanh.abs() * 1e-5 + 1e-15);
    }
}

#[test]
fn silu_is_within_the_stated_error() {
    check("silu", silu, oracle::silu, |_| 4.0, sweep(1e38).into_iter().filter(|&x| x >= -88.0));
}

#[test]
fn relu_is_exact() {
    for (x, y) in sweep(1e38).iter().zip(run(relu, &sweep(1e38))) {
        assert_eq!(y, if *x < 0.0 { 0.0 } else { *x });
    }
}

#[test]
fn special_values() {
    let infinity = f32::INFINITY;
    for function in [gelu, gelu_tanh, silu, relu] {
        let output = run(function, &[f32::NAN, -f32::NAN, infinity, 0.0, -0.0]);
        assert_eq!(output[..2].iter().map(|y| y.to_bits()).collect::<Vec<_>>(), [CANONICAL_NAN; 2]);
        assert_eq!(output[2], infinity);
        assert_eq!((output[3].to_bits(), output[4].to_bits()), (0, 0x8000_0000));
        assert_eq!(run(function, &[f32::MAX, f32::MIN])[0], f32::MAX);
        assert_eq!(run(function, &[f32::MAX, f32::MIN])[1].abs(), 0.0);
    }
    for function in [gelu, gelu_tanh, silu] {
        assert_eq!(run(function, &[-infinity])[0].to_bits(), CANONICAL_NAN);
    }
    assert_eq!(run(relu, &[-infinity]), [0.0]);
}

#[test]
fn no_result_of_a_normal_input_is_subnormal_in_the_tails() {
    for function in [gelu, gelu_tanh, silu] {
        let inputs: Vec<f32> = sweep(200.0).into_iter().filter(|x| *x < -1.0).collect();
        assert!(run(function, &inputs).iter().all(|y| *y == 0.0 || y.is_normal()));
    }
}

#[test]
fn tails_of_a_slice_are_like_the_rest() {
    for length in 0..9 {
        let input: Vec<f32> = (0..length).map(|i| f32::from(i as i8) / 3.0 - 1.0).collect();
        for function in [gelu, gelu_tanh, silu, relu] {
            let alone: Vec<f32> = input.iter().flat_map(|&x| run(function, &[x])).collect();
            assert_eq!(run(function, &input), alone);
        }
    }
}
