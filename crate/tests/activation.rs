//! The activation functions against float64, over a sweep of all exponents.

#[path = "cases/error_bounds.rs"]
mod error_bounds;
#[path = "oracle/activation_gradient.rs"]
mod gradient_oracle;
#[path = "oracle/activation.rs"]
mod oracle;

use error_bounds::powers;
use wasm_attention::activation::{Activation, gelu, gelu_tanh, relu, sigmoid, silu, swiglu, swiglu_backward, tanh};
use wasm_attention::dtype::CANONICAL_NAN;

/// float32 numbers of both signs over all exponents, subnormals included, and closer together where the tails end.
fn sweep() -> Vec<f32> {
    let ends = [(9.9_f32, 13.5_f32), (86.0, 104.5)];
    let positive = (0..=f32::MAX.to_bits()).step_by(3001);
    let dense = ends.into_iter().flat_map(|(low, high)| (low.to_bits()..high.to_bits()).step_by(101));
    positive.chain(dense).map(f32::from_bits).flat_map(|x| [x, -x]).collect()
}

fn run(function: fn(&mut [f32], &[f32]), input: &[f32]) -> Vec<f32> {
    let mut output = vec![f32::NAN; input.len()];
    function(&mut output, input);
    output
}

/// Fails where a result is off by more than `relative(x)` of the truth. Below `tail_end` `tail_error` more is allowed, and
/// what isn't 0 there must be a normal number; above it only what rounding costs subnormal results.
fn check(
    name: &str,
    function: fn(&mut [f32], &[f32]),
    truth: fn(f64) -> f64,
    relative: impl Fn(f64) -> f64,
    (tail_end, tail_error): (f32, f64),
) {
    let inputs = sweep();
    let mut worst = (0.0, 0.0);
    for (&x, y) in inputs.iter().zip(run(function, &inputs)) {
        let truth = truth(f64::from(x));
        let error = (f64::from(y) - truth).abs();
        let allowed = relative(f64::from(x)) * truth.abs();
        let is_tail = x < tail_end;
        let floor = if is_tail { tail_error } else { 2_f64.powi(-149) };
        assert!(error <= allowed + floor, "{name}({x:e}) = {y:e}, expected {truth:e}");
        assert!(!is_tail || y == 0.0 || y.is_normal(), "{name}({x:e}) = {y:e}");
        let units = error / truth.abs() * 16_777_216.0;
        if y.is_normal() && units > worst.0 {
            worst = (units, x);
        }
    }
    println!("{name}: {:.2} · 2^-24 at {:e}", worst.0, worst.1);
}

#[test]
fn gelu_is_within_the_stated_error() {
    let [relative, tail] = powers("gelu", ["|result|", ""]);
    check("gelu", gelu, oracle::gelu, |_| relative, (-12.5, tail));
    assert_eq!(run(gelu, &[-12.6, -1e30, 0.0, 20.0]), [0.0, 0.0, 0.0, 20.0]);
}

#[test]
fn gelu_tanh_is_within_the_stated_error() {
    let [unit, tail] = powers("gelu with approximate \"tanh\"", ["(3 + 4 · |u|) · |result|", ""]);
    // Beyond u = ±44.4 results are x or 0.
    let relative = |x: f64| unit * (3.0 + 4.0 * oracle::gelu_tanh_argument(x).abs().min(44.4));
    check("gelu_tanh", gelu_tanh, oracle::gelu_tanh, relative, (-10.06, tail));
    // tanh's form, with the cancellation of float64 in its tail
    let inputs: Vec<f32> = sweep().into_iter().filter(|x| *x >= -10.0).collect();
    for (&x, y) in inputs.iter().zip(run(gelu_tanh, &inputs)) {
        let x = f64::from(x);
        let tanh = 0.5 * x * (1.0 + oracle::gelu_tanh_argument(x).tanh());
        assert!((f64::from(y) - tanh).abs() <= tanh.abs() * 1e-5 + 1e-15);
    }
}

#[test]
fn silu_is_within_the_stated_error() {
    let [relative, tail] = powers("silu", ["|result|", ""]);
    check("silu", silu, oracle::silu, |_| relative, (-88.72, tail));
}

#[test]
fn sigmoid_is_within_the_stated_error() {
    let [relative, tail] = powers("sigmoid", ["|result|", ""]);
    check("sigmoid", sigmoid, oracle::sigmoid, |_| relative, (-86.98, tail));
    assert_eq!(run(sigmoid, &[f32::INFINITY, f32::NEG_INFINITY, 0.0, f32::MAX, f32::MIN]), [1.0, 0.0, 0.5, 1.0, 0.0]);
}

#[test]
fn tanh_is_within_the_stated_error() {
    let [relative, rounding] = powers("tanh", ["|result|", ""]);
    assert_eq!(rounding, 2_f64.powi(-149));
    check("tanh", tanh, f64::tanh, |_| relative, (f32::NEG_INFINITY, rounding));
    let output = run(tanh, &[f32::INFINITY, f32::NEG_INFINITY, 0.0, -0.0]);
    assert_eq!(output.iter().map(|y| y.to_bits()).collect::<Vec<_>>(), [1.0_f32, -1.0, 0.0, -0.0].map(f32::to_bits));
}

#[test]
fn relu_is_exact() {
    for (x, y) in sweep().iter().zip(run(relu, &sweep())) {
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
fn tails_of_a_slice_are_like_the_rest() {
    for length in 0..9 {
        let input: Vec<f32> = (0..length).map(|i| f32::from(i as i8) / 3.0 - 1.0).collect();
        for function in [gelu, gelu_tanh, silu, relu] {
            let alone: Vec<f32> = input.iter().flat_map(|&x| run(function, &[x])).collect();
            assert_eq!(run(function, &input), alone);
        }
    }
}

#[test]
fn swiglu_is_within_the_stated_error() {
    let [relative, tail, rounding] = powers("swiglu", ["|result|", "|b|", ""]);
    let a = sweep();
    for factor in [1.0, -0.3, 1e-20, 1e20, 0.0] {
        // As many as the lanes, one more and so on, so that every place in a vector has every factor.
        let b: Vec<f32> = (0..a.len()).map(|i| factor * [1.0, -2.0, 0.7][i % 3]).collect();
        let mut output = vec![f32::NAN; a.len()];
        swiglu(&mut output, &a, &b);
        for ((&a, &b), y) in a.iter().zip(&b).zip(output) {
            let b = f64::from(b);
            let truth = oracle::silu(f64::from(a)) * b;
            // Beyond the range of float32 comes infinity.
            if truth.abs() > f64::from(f32::MAX) / 1.001 {
                continue;
            }
            let allowed = relative * truth.abs() + tail * b.abs() + rounding;
            assert!((f64::from(y) - truth).abs() <= allowed, "swiglu({a:e}, {b:e}) = {y:e}, expected {truth:e}");
        }
    }
}

#[test]
fn swiglu_is_silu_and_a_product_at_any_length() {
    for length in 0..9_u8 {
        let a: Vec<f32> = (0..length).map(|i| f32::from(i) - 3.5).collect();
        let b: Vec<f32> = (0..length).map(|i| f32::from(i) * 0.3 - 1.0).collect();
        let mut output = vec![f32::NAN; a.len()];
        swiglu(&mut output, &a, &b);
        let product: Vec<f32> = run(silu, &a).iter().zip(&b).map(|(y, b)| y * b).collect();
        assert_eq!(output, product);
    }
    let mut output = [0.0; 2];
    swiglu(&mut output, &[0.0, f32::INFINITY], &[f32::INFINITY, 1.0]);
    assert_eq!((output[0].to_bits(), output[1]), (CANONICAL_NAN, f32::INFINITY));
}

/// A derivative's stated error: relative to the sum of its terms' magnitudes at x, and what becomes 0 in the tails.
struct Derivative {
    activation: Activation,
    terms: fn(f64) -> gradient_oracle::Terms,
    relative: fn(f64) -> f64,
    tail: i32,
}

const DERIVATIVES: [Derivative; 5] = [
    Derivative {
        activation: Activation::Gelu,
        terms: gradient_oracle::gelu_derivative,
        relative: |_| 2_f64.powi(-20),
        tail: -110,
    },
    Derivative {
        activation: Activation::GeluTanh,
        terms: gradient_oracle::gelu_tanh_derivative,
        // Beyond u = ±44.4 derivatives are 1 or 0.
        relative: |x| 2_f64.powi(-23) * (7.0 + 4.0 * oracle::gelu_tanh_argument(x).abs().min(44.4)),
        tail: -117,
    },
    Derivative {
        activation: Activation::Silu,
        terms: gradient_oracle::silu_derivative,
        relative: |_| 2_f64.powf(-20.5),
        tail: -118,
    },
    Derivative {
        activation: Activation::Sigmoid,
        terms: gradient_oracle::sigmoid_derivative,
        relative: |_| 2_f64.powf(-20.5),
        tail: -125,
    },
    Derivative {
        activation: Activation::Tanh,
        terms: gradient_oracle::tanh_derivative,
        relative: |_| 2_f64.powf(-20.5),
        tail: -123,
    },
];

fn backward(activation: Activation, output_gradient: &[f32], input: &[f32]) -> Vec<f32> {
    let mut gradient = vec![f32::NAN; input.len()];
    activation.apply_backward(&mut gradient, output_gradient, input);
    gradient
}

#[test]
fn gradients_are_within_the_stated_error() {
    let inputs = sweep();
    for Derivative { activation, terms, relative, tail } in DERIVATIVES {
        let dy: Vec<f32> = (0..inputs.len()).map(|i| [1.0, -2.0, 0.7, 1e-20, -1e20][i % 5]).collect();
        let mut worst = (0.0, 0.0);
        for ((&x, &dy), dx) in inputs.iter().zip(&dy).zip(backward(activation, &dy, &inputs)) {
            let (x, dy) = (f64::from(x), f64::from(dy));
            let [first, second] = terms(x);
            let error = (f64::from(dx) - dy * (first + second)).abs();
            let size = first.abs() + second.abs();
            let allowed = dy.abs() * (relative(x) * size + 2_f64.powi(tail)) + 2_f64.powi(-149);
            assert!(error <= allowed, "{activation:?}: {dx:e} at {x:e}, off by {error:e} > {allowed:e}");
            if error / allowed > worst.0 {
                worst = (error / allowed, x);
            }
        }
        println!("{activation:?}: {:.2} of the bound at {:e}", worst.0, worst.1);
    }
}

#[test]
fn gradients_at_known_points() {
    let close = |x: f32, expected: f32| assert!((x - expected).abs() < 1e-6, "{x}, expected {expected}");
    let gelu = backward(Activation::Gelu, &[1.0, 1.0], &[-1.0, 0.5]);
    let gelu_tanh = backward(Activation::GeluTanh, &[1.0, 1.0], &[-1.0, 0.5]);
    for (x, expected) in gelu.iter().chain(&gelu_tanh).zip([-0.083_315_5, 0.867_495_1, -0.082_964_1, 0.867_369_9]) {
        close(*x, expected);
    }
    let (infinity, nan) = (f32::INFINITY, -f32::NAN);
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let points = [0.0, -0.0, 3.0, -3.0, nan, infinity, -infinity, f32::MAX, f32::MIN];
    let expected = [0.0, 0.0, 2.0, 0.0, 2.0, 2.0, 0.0, 2.0, 0.0];
    assert_eq!(bits(&backward(Activation::Relu, &[2.0; 9], &points)), bits(&expected));
    // Where relu hides its input, it hides the gradient too.
    assert_eq!(bits(&backward(Activation::Relu, &[nan, nan], &[-1.0, 1.0])), [0, CANONICAL_NAN]);
    for activation in [Activation::Gelu, Activation::GeluTanh, Activation::Silu] {
        let gradient = backward(activation, &[2.0; 6], &[nan, infinity, -infinity, 0.0, f32::MAX, f32::MIN]);
        assert_eq!(bits(&gradient[..3]), [CANONICAL_NAN; 3], "{activation:?}");
        assert_eq!(gradient[3..], [1.0, 2.0, 0.0], "{activation:?}");
    }
    for (activation, middle) in [(Activation::Sigmoid, 0.5), (Activation::Tanh, 2.0)] {
        let gradient = backward(activation, &[2.0; 6], &[nan, infinity, -infinity, f32::MAX, f32::MIN, 0.0]);
        assert_eq!(bits(&gradient), bits(&[f32::NAN, 0.0, 0.0, 0.0, 0.0, middle]), "{activation:?}");
        assert_eq!(bits(&backward(activation, &[infinity], &[infinity])), [CANONICAL_NAN]);
    }
    assert_eq!(bits(&backward(Activation::Identity, &[2.0, -0.0], &[7.0, infinity])), bits(&[2.0, -0.0]));
}

#[test]
fn gradients_of_a_slice_are_those_of_its_elements() {
    let activations = DERIVATIVES.map(|derivative| derivative.activation);
    for length in 0..9_u8 {
        let input: Vec<f32> = (0..length).map(|i| f32::from(i) / 3.0 - 1.0).collect();
        let dy: Vec<f32> = (0..length).map(|i| f32::from(i) - 3.5).collect();
        for activation in activations.into_iter().chain([Activation::Relu]) {
            let alone: Vec<f32> =
                input.iter().zip(&dy).flat_map(|(&x, &dy)| backward(activation, &[dy], &[x])).collect();
            assert_eq!(backward(activation, &dy, &input), alone);
        }
    }
}

#[test]
fn the_gradients_of_swiglu_are_within_the_stated_error() {
    let [relative, tail, rounding] = powers("swiglu", ["|result|", "|b|", ""]);
    // Off the chunks of 64.
    let a: Vec<f32> = sweep().into_iter().step_by(7).collect();
    assert_ne!(a.len() % 64, 0);
    let b: Vec<f32> = (0..a.len()).map(|i| [0.5, -1.5, 2.5, 0.0][i % 4]).collect();
    let dy: Vec<f32> = (0..a.len()).map(|i| [1.0, -0.3, 1e-10, 1e10, 0.0][i % 5]).collect();
    let mut a_gradient = vec![f32::NAN; a.len()];
    swiglu_backward(&mut a_gradient, &dy, &a, &b);
    let mut b_gradient = vec![f32::NAN; a.len()];
    swiglu(&mut b_gradient, &a, &dy);
    for i in 0..a.len() {
        let [x, factor, dy] = [a[i], b[i], dy[i]].map(f64::from);
        let [first, second] = gradient_oracle::silu_derivative(x);
        let truth = dy * factor * (first + second);
        let size = (dy * factor).abs();
        let terms = first.abs() + second.abs();
        let allowed = size * (2_f64.powi(-20) * terms + 2_f64.powi(-118)) + 2_f64.powi(-149);
        assert!((f64::from(a_gradient[i]) - truth).abs() <= allowed, "da at {x:e}: {:e}", a_gradient[i]);
        let truth = dy * oracle::silu(x);
        let allowed = relative * truth.abs() + tail * dy.abs() + rounding;
        let is_beyond = truth.abs() > f64::from(f32::MAX) / 1.001;
        assert!(is_beyond || (f64::from(b_gradient[i]) - truth).abs() <= allowed, "db at {x:e}: {:e}", b_gradient[i]);
    }
}
