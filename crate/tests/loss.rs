//! Losses and their gradients against float64.

#[path = "oracle/loss.rs"]
mod oracle;
#[path = "oracle/sample.rs"]
mod sample;

use sample::sample;
use wasm_attention::dtype::CANONICAL_NAN;
use wasm_attention::loss::{
    CtcCall, Factors, Targets, binary_cross_entropy, binary_cross_entropy_backward, cross_entropy,
    cross_entropy_backward, ctc, ctc_scratch_length, mean_squared_error, mean_squared_error_backward, reduce,
};

const UNIT: f64 = 1.0 / 16_777_216.0;

fn scaled(length: usize, seed: u64, amplitude: f32) -> Vec<f32> {
    sample(length, seed).iter().map(|x| x * amplitude).collect()
}

fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

fn assert_near(actual: f32, expected: f64, bound: f64, what: &str) {
    assert!((f64::from(actual) - expected).abs() <= bound, "{what}: {actual}, expected {expected} within {bound:e}");
}

/// The spread of a row of logits, in whose units a logarithm of a probability is rounded.
fn range(row: &[f32]) -> f64 {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let least = row.iter().copied().fold(f32::INFINITY, f32::min);
    f64::from(largest - least)
}

#[test]
fn cross_entropy_is_within_its_error() {
    for (columns, amplitude) in [1, 2, 3, 4, 5, 31, 257, 1031].iter().flat_map(|&c| [(c, 0.1), (c, 5.0), (c, 60.0)]) {
        for (smoothing, has_weight, scale) in
            [(0.0, false, 1.0), (0.1, false, 0.25), (0.0, true, 2.0), (0.3, true, 1.0), (1.0, true, 1.0)]
        {
            let rows = 3;
            let logits = scaled(rows * columns, columns as u64, amplitude);
            let weight: Vec<f32> = sample(columns, 7).iter().map(|x| x + 1.0).collect();
            let weight = has_weight.then_some(&weight[..]);
            let classes: Vec<i32> = (0..rows).map(|row| (row * 5 % columns) as i32).collect();
            let probabilities: Vec<f32> = sample(rows * columns, 3).iter().map(|x| (x + 1.0).max(0.5) - 0.5).collect();
            for targets in
                [Targets::Classes { classes: &classes, ignored: -100 }, Targets::Probabilities(&probabilities)]
            {
                let mut losses = vec![f32::NAN; rows];
                cross_entropy(&mut losses, &logits, targets, weight, columns, smoothing, scale);
                let mut gradient = vec![f32::NAN; rows * columns];
                let factors = [0.5, -2.0, 3.0];
                let (given, all) = (Factors(&factors), &mut gradient);
                cross_entropy_backward(all, &logits, targets, weight, given, columns, smoothing, scale);
                for row in 0..rows {
                    let q: Vec<f64> = (0..columns)
                        .map(|c| {
                            let target = match targets {
                                Targets::Classes { classes, .. } => f64::from(u8::from(classes[row] as usize == c)),
                                Targets::Probabilities(all) => f64::from(all[row * columns + c]),
                            };
                            let share = smoothing / columns as f64 + (1.0 - smoothing) * target;
                            weight.map_or(1.0, |weight| f64::from(weight[c])) * share
                        })
                        .collect();
                    let x = &logits[row * columns..][..columns];
                    let scaled: Vec<f64> = x.iter().map(|&x| f64::from(x) * f64::from(scale)).collect();
                    let (loss, slopes) = oracle::cross_entropy(&scaled, &q);
                    let total: f64 = q.iter().sum();
                    let units = 20.0 + 3.0 * range(x) * f64::from(scale) + columns as f64 / 16.0;
                    assert_near(losses[row], loss, UNIT * units * (total + loss), "loss");
                    for c in 0..columns {
                        let factor = f64::from(factors[row]);
                        let bound = UNIT * units * factor.abs() * (slopes[c] + 2.0 * q[c] + 2.0 * UNIT * total);
                        assert_near(gradient[row * columns + c], factor * slopes[c], bound, "gradient");
                    }
                }
            }
        }
    }
}

#[test]
fn cross_entropy_of_special_rows() {
    let (infinity, nan) = (f32::INFINITY, f32::NAN);
    let logits = [[0.0, -infinity, 0.0], [1.0, nan, 2.0], [0.0, -infinity, 0.0], [5.0, 6.0, 7.0], [-infinity; 3]];
    let classes = [0, 0, 1, -100, 0];
    let targets = Targets::Classes { classes: &classes, ignored: -100 };
    let mut losses = [nan; 5];
    cross_entropy(&mut losses, logits.as_flattened(), targets, None, 3, 0.0, 1.0);
    assert_eq!(losses.map(f32::is_nan), [false, true, false, false, true]);
    assert_eq!([losses[0], losses[2], losses[3]], [core::f32::consts::LN_2, infinity, 0.0]);
    assert_eq!(losses[1].to_bits(), CANONICAL_NAN);
    let mut gradient = [nan; 15];
    cross_entropy_backward(&mut gradient, logits.as_flattened(), targets, None, Factors(&[1.0]), 3, 0.0, 1.0);
    assert_eq!(gradient[..3], [-0.5, 0.0, 0.5]);
    assert!(gradient[3..6].iter().chain(&gradient[12..]).all(|x| x.to_bits() == CANONICAL_NAN));
    assert_eq!(gradient[6..12], [0.5, -1.0, 0.5, 0.0, 0.0, 0.0]);
    // Terms of q = 0 are left out; with smoothing there are none.
    cross_entropy(&mut losses, logits.as_flattened(), targets, Some(&[1.0, 0.0, 1.0]), 3, 0.5, 1.0);
    assert!(losses[0].is_finite());
    cross_entropy(&mut losses, logits.as_flattened(), targets, None, 3, 0.5, 1.0);
    assert_eq!(losses[0], infinity);
}

#[test]
fn reductions() {
    assert_eq!(reduce(&[1.0, 2.0, 4.0], 2.0), 3.5);
    assert_eq!(reduce(&[1.0, 2.0], 0.0), 0.0);
    assert_eq!(reduce(&[], 0.0), 0.0);
    // In float64.
    assert_eq!(reduce(&[1e8, 1.0, -1e8], 1.0), 1.0);
}

#[test]
fn binary_cross_entropy_is_within_its_error() {
    for length in (0..10).chain([33]) {
        for amplitude in [0.5, 20.0, 200.0] {
            let logits = scaled(length, 1, amplitude);
            let targets: Vec<f32> = sample(length, 2).iter().map(|x| (x * 2.0).clamp(-0.5, 0.5) + 0.5).collect();
            let [weight, positive] =
                [3, 4].map(|seed| -> Vec<f32> { sample(length, seed).iter().map(|x| x + 1.5).collect() });
            for (weight, positive) in
                [(None, None), (Some(&weight[..]), None), (None, Some(&positive[..])), (Some(&weight), Some(&positive))]
            {
                let mut losses = vec![f32::NAN; length];
                binary_cross_entropy(&mut losses, &logits, &targets, weight, positive);
                let mut gradient = losses.clone();
                let factors = Factors(&[-1.5]);
                binary_cross_entropy_backward(&mut gradient, &logits, &targets, weight, positive, factors);
                for i in 0..length {
                    let [w, p] = [weight, positive].map(|all| all.map_or(1.0, |all| f64::from(all[i])));
                    let (x, z) = (f64::from(logits[i]), f64::from(targets[i]));
                    let (loss, slope) = oracle::binary_cross_entropy(x, z, w, p);
                    let softplus = oracle::binary_cross_entropy(x, 1.0, 1.0, 1.0).0;
                    let terms = w * ((1.0 - z) * x.abs() + (1.0 + (p - 1.0) * z) * softplus);
                    assert_near(losses[i], loss, 16.0 * UNIT * terms + 2_f64.powi(-120), "loss");
                    let terms = 1.5 * w * (1.0 - z + p.max(1.0));
                    assert_near(gradient[i], -1.5 * slope, 16.0 * UNIT * terms, "gradient");
                }
            }
        }
    }
    // Small losses keep their digits.
    let mut loss = [0.0];
    binary_cross_entropy(&mut loss, &[30.0], &[1.0], None, None);
    assert_near(loss[0], (-30.0_f64).exp(), 1e-6 * (-30.0_f64).exp(), "loss");
}

#[test]
fn mean_squared_error_is_within_its_error() {
    for length in (0..10).chain([33]) {
        let (a, b) = (scaled(length, 1, 3.0), scaled(length, 2, 3.0));
        let mut losses = vec![f32::NAN; length];
        mean_squared_error(&mut losses, &a, &b);
        let mut gradient = losses.clone();
        let factors = scaled(length, 3, 1.0);
        mean_squared_error_backward(&mut gradient, &a, &b, Factors(if length == 1 { &factors[..1] } else { &factors }));
        for i in 0..length {
            let difference = f64::from(a[i]) - f64::from(b[i]);
            let truth = difference * difference;
            assert_near(losses[i], truth, 4.0 * UNIT * truth, "loss");
            let truth = 2.0 * difference * f64::from(factors[i]);
            assert_near(gradient[i], truth, 4.0 * UNIT * truth.abs(), "gradient");
        }
    }
}

/// ln of probabilities of each frame, `[frames, batch, classes]`.
fn log_probabilities(frames: usize, batch: usize, classes: usize, seed: u64) -> Vec<f32> {
    let logits = scaled(frames * batch * classes, seed, 2.0);
    logits.chunks(classes).flat_map(|row| oracle::softmax(&wide(row)).1).map(|n| -n as f32).collect()
}

fn losses_and_gradient(call: &CtcCall, factors: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let frames = call.log_probabilities.len() / call.classes / call.input_lengths.len();
    let labels = *call.target_lengths.iter().max().unwrap() as usize;
    let mut losses = vec![f32::NAN; factors.len()];
    let mut scratch = vec![f32::NAN; ctc_scratch_length(1, labels).unwrap()];
    ctc(&mut losses, None, call, &mut scratch);
    let mut gradient = vec![f32::NAN; call.log_probabilities.len()];
    let mut scratch = vec![f32::NAN; ctc_scratch_length(frames, labels).unwrap()];
    let mut again = vec![f32::NAN; factors.len()];
    ctc(&mut again, Some((&mut gradient, Factors(factors))), call, &mut scratch);
    assert!(losses.iter().zip(&again).all(|(a, b)| a.to_bits() == b.to_bits()));
    (losses, gradient)
}

#[test]
fn ctc_counts_every_path() {
    let (frames, classes) = (5, 4);
    let targets: [&[i32]; 8] = [&[], &[1], &[1, 2], &[1, 1], &[2, 1, 3], &[3, 3, 1], &[1, 2, 1, 2], &[1, 1, 1]];
    let input_lengths = [5, 4, 5, 3, 5, 5, 4, 5];
    let target_lengths = targets.map(|target| target.len() as i32);
    for blank in [0, 3] {
        let log_probabilities = log_probabilities(frames, targets.len(), classes, 7);
        // Labels other than the blank.
        let swap = |label: i32| if label == blank { 0 } else { label };
        let all: Vec<i32> = targets.iter().flat_map(|target| target.iter().map(|&label| swap(label))).collect();
        let call = CtcCall {
            log_probabilities: &log_probabilities,
            targets: &all,
            input_lengths: &input_lengths,
            target_lengths: &target_lengths,
            classes,
            blank: blank as usize,
            zero_infinity: false,
        };
        let factors = [1.0, 0.5, -1.0, 2.0, 1.0, 1.0, 1.0, 3.0];
        let (losses, gradient) = losses_and_gradient(&call, &factors);
        for (b, target) in targets.iter().enumerate() {
            let row = |t: usize| &log_probabilities[(t * targets.len() + b) * classes..][..classes];
            let probabilities: Vec<Vec<f64>> =
                (0..input_lengths[b] as usize).map(|t| row(t).iter().map(|&x| f64::from(x).exp()).collect()).collect();
            let target: Vec<usize> = target.iter().map(|&label| swap(label) as usize).collect();
            let (total, shares) = oracle::ctc(&probabilities, &target, blank as usize);
            assert_near(losses[b], -total.ln(), 1e-6 * (4.0 - total.ln()), "loss");
            for t in 0..frames {
                for c in 0..classes {
                    let truth = shares.get(t).map_or(0.0, |share| -f64::from(factors[b]) * share[c] / total);
                    let slope = gradient[(t * targets.len() + b) * classes + c];
                    assert_near(slope, truth, 4e-6 * truth.abs(), &format!("batch {b}, frame {t}, class {c}"));
                }
            }
        }
    }
}

#[test]
fn ctc_of_impossible_targets() {
    let log_probabilities = log_probabilities(3, 5, 3, 9);
    let (targets, input_lengths, target_lengths) = ([1, 1, 1, 2, 1, 1], [2, 0, 0, 1, 3], [2, 0, 1, 1, 2]);
    let call = |zero_infinity| CtcCall {
        log_probabilities: &log_probabilities,
        targets: &targets,
        input_lengths: &input_lengths,
        target_lengths: &target_lengths,
        classes: 3,
        blank: 0,
        zero_infinity,
    };
    let (losses, gradient) = losses_and_gradient(&call(false), &[1.0; 5]);
    assert_eq!(losses[..3], [f32::INFINITY, 0.0, f32::INFINITY]);
    assert!(losses[3..].iter().all(|loss| loss.is_finite() && *loss > 0.0));
    let of = |gradient: &[f32], frame: usize, batch: usize| gradient[(frame * 5 + batch) * 3..][..3].to_vec();
    for frame in 0..3 {
        for (batch, &length) in input_lengths.iter().enumerate() {
            let slopes = of(&gradient, frame, batch);
            match (frame < length as usize, batch) {
                (false, _) => assert_eq!(slopes, [0.0; 3]),
                (true, 0) => assert!(slopes.iter().all(|slope| slope.to_bits() == CANONICAL_NAN)),
                (true, _) => assert!(slopes.iter().all(|slope| slope.is_finite())),
            }
        }
    }
    let (losses, gradient) = losses_and_gradient(&call(true), &[1.0; 5]);
    assert_eq!(losses[..3], [0.0; 3]);
    assert_eq!(of(&gradient, 0, 0), [0.0; 3]);
    assert!(of(&gradient, 0, 3).iter().any(|&slope| slope != 0.0));
}

#[test]
fn ctc_of_many_frames_stays_exact() {
    // α and β in float64, by the equations.
    let (frames, classes, labels) = (700, 29, 180);
    let x = log_probabilities(frames, 1, classes, 11);
    let targets: Vec<i32> = (0..labels).map(|n| 1 + (n * n % 28) as i32).collect();
    let call = CtcCall {
        log_probabilities: &x,
        targets: &targets,
        input_lengths: &[frames as i32],
        target_lengths: &[labels as i32],
        classes,
        blank: 0,
        zero_infinity: false,
    };
    let (losses, gradient) = losses_and_gradient(&call, &[1.0]);
    let states = 2 * labels + 1;
    let label = |s: usize| if s.is_multiple_of(2) { 0 } else { targets[s / 2] as usize };
    let leads = |from: usize, to: usize| {
        to == from || to == from + 1 || to == from + 2 && label(to) != 0 && label(to) != label(from)
    };
    let at = |t: usize, s: usize| f64::from(x[t * classes + label(s)]);
    let log_sum = |terms: &[f64]| {
        let most = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if most == f64::NEG_INFINITY { most } else { most + terms.iter().map(|t| (t - most).exp()).sum::<f64>().ln() }
    };
    let mut alpha = vec![vec![f64::NEG_INFINITY; states]; frames];
    let mut beta = alpha.clone();
    (alpha[0][0], alpha[0][1]) = (at(0, 0), at(0, 1));
    for t in 1..frames {
        for s in 0..states {
            let from = (s.saturating_sub(2)..=s).filter(|&from| leads(from, s)).map(|from| alpha[t - 1][from]);
            alpha[t][s] = log_sum(&from.collect::<Vec<_>>()) + at(t, s);
        }
    }
    beta[frames - 1][states - 2..].fill(0.0);
    for t in (1..frames).rev() {
        for s in 0..states {
            let to = (s..states.min(s + 3)).filter(|&to| leads(s, to)).map(|to| beta[t][to] + at(t, to));
            beta[t - 1][s] = log_sum(&to.collect::<Vec<_>>());
        }
    }
    let total = log_sum(&alpha[frames - 1][states - 2..]);
    let depth = (0..frames)
        .flat_map(|t| {
            let most = alpha[t].iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let (alpha, beta) = (&alpha, &beta);
            (0..states).filter(move |&s| alpha[t][s] + beta[t][s] - total > -20.0).map(move |s| most - alpha[t][s])
        })
        .fold(0.0, f64::max);
    let units = frames as f64 * (16.0 + 4.0 * depth);
    println!("depth {depth}, loss off {:e} of {:e}", f64::from(losses[0]) + total, UNIT * (units - total));
    assert_near(losses[0], -total, UNIT * (units - total), "loss");
    for t in 0..frames {
        let mut occupancy = vec![0.0; classes];
        for s in 0..states {
            occupancy[label(s)] += (alpha[t][s] + beta[t][s] - total).exp();
        }
        for (c, truth) in occupancy.iter().enumerate() {
            let bound = 2.0 * UNIT * units * truth + 2_f64.powi(-99);
            assert_near(gradient[t * classes + c], -truth, bound, "gradient");
        }
    }
}
