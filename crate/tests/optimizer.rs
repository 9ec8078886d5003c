//! Steps of optimizers: the bits of plain float32 arithmetic, in which no product is fused with an addition, in both builds, near to
//! float64.

#[path = "oracle/sample.rs"]
mod sample;

use sample::sample;
use wasm_attention::dtype::CANONICAL_NAN;
use wasm_attention::optimizer::{AdamCoefficients, SgdCoefficients, adam, average, clamp, scale, sgd};

const LENGTHS: [usize; 7] = [0, 1, 3, 4, 7, 8, 33];

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

/// One number through several steps: p, m, v and the largest v.
fn adam_of_one([p, m, v, most]: [f32; 4], g: f32, c: &AdamCoefficients, amsgrad: bool) -> [f32; 4] {
    let p = p * c.decay;
    let g = if c.weight_decay == 0.0 { g } else { g + c.weight_decay * p };
    let m = m + c.first_share * (g - m);
    let v = v * c.second_decay + (c.second_share * g) * g;
    let most = if amsgrad { v.max(most) } else { v };
    [p + (c.step_size * m) / (most.sqrt() / c.correction + c.epsilon), m, v, most]
}

#[test]
fn adam_rounds_every_product() {
    let (lr, beta1, beta2, lambda) = (0.1, 0.9, 0.999, 0.1);
    for length in LENGTHS {
        for (is_decoupled, amsgrad) in [(true, false), (false, false), (true, true)] {
            let start = sample(length, 1);
            let mut states: Vec<[f32; 4]> = start.iter().map(|&p| [p, 0.0, 0.0, 0.0]).collect();
            let mut truth: Vec<[f64; 4]> = start.iter().map(|&p| [f64::from(p), 0.0, 0.0, 0.0]).collect();
            let mut parameter = start;
            let [mut first, mut second, mut largest] = [(); 3].map(|()| vec![0.0; length]);
            for step in 1..6 {
                let gradient = sample(length, 1 + step);
                let [correction1, correction2] = [beta1, beta2].map(|beta: f64| 1.0 - beta.powi(step as i32));
                let c = AdamCoefficients {
                    decay: if is_decoupled { (1.0 - lr * lambda) as f32 } else { 1.0 },
                    weight_decay: if is_decoupled { 0.0 } else { lambda as f32 },
                    first_share: (1.0 - beta1) as f32,
                    second_decay: beta2 as f32,
                    second_share: (1.0 - beta2) as f32,
                    step_size: (-lr / correction1) as f32,
                    correction: correction2.sqrt() as f32,
                    epsilon: 1e-8,
                };
                let most = amsgrad.then_some(&mut largest[..]);
                adam(&mut parameter, &mut first, &mut second, most, &gradient, &c);
                for ((state, truth), &g) in states.iter_mut().zip(&mut truth).zip(&gradient) {
                    *state = adam_of_one(*state, g, &c, amsgrad);
                    let ([p, m, v, most], g) = (*truth, f64::from(g));
                    let p = if is_decoupled { p * (1.0 - lr * lambda) } else { p };
                    let g = if is_decoupled { g } else { g + lambda * p };
                    let (m, v) = (beta1 * m + (1.0 - beta1) * g, beta2 * v + (1.0 - beta2) * g * g);
                    let most = if amsgrad { v.max(most) } else { v };
                    *truth = [p - lr / correction1 * m / ((most / correction2).sqrt() + 1e-8), m, v, most];
                }
                let of = |part: usize| states.iter().map(|state| state[part]).collect::<Vec<_>>();
                assert_eq!(bits(&parameter), bits(&of(0)));
                assert_eq!(bits(&first), bits(&of(1)));
                assert_eq!(bits(&second), bits(&of(2)));
                assert!(!amsgrad || bits(&largest) == bits(&of(3)));
                for (p, truth) in parameter.iter().zip(&truth) {
                    assert!((f64::from(*p) - truth[0]).abs() < 1e-5, "{p}, expected {}", truth[0]);
                }
            }
        }
    }
}

#[test]
fn sgd_rounds_every_product() {
    for length in LENGTHS {
        for (momentum, share, nesterov, weight_decay) in
            [(0.0, 1.0, false, 0.0), (0.0, 1.0, false, 0.3), (0.9, 0.7, false, 0.0), (0.9, 1.0, true, 0.1)]
        {
            let mut parameter = sample(length, 1);
            let mut expected = parameter.clone();
            let mut buffer = vec![f32::NAN; length];
            let mut buffers = vec![0.0; length];
            for step in 0..4 {
                let gradient = sample(length, 2 + step);
                let c =
                    SgdCoefficients { step_size: -0.1, weight_decay, momentum, share, nesterov, is_first: step == 0 };
                sgd(&mut parameter, (momentum != 0.0).then_some(&mut buffer[..]), &gradient, &c);
                for ((p, b), &g) in expected.iter_mut().zip(&mut buffers).zip(&gradient) {
                    let g = if weight_decay == 0.0 { g } else { g + weight_decay * *p };
                    *b = if step == 0 || momentum == 0.0 { g } else { momentum * *b + share * g };
                    *p += -0.1 * if nesterov { g + momentum * *b } else { *b };
                }
                assert_eq!(bits(&parameter), bits(&expected));
                assert!(momentum == 0.0 || bits(&buffer) == bits(&buffers));
            }
        }
    }
}

#[test]
fn averages_and_clipping() {
    for length in LENGTHS {
        let (start, parameter) = (sample(length, 1), sample(length, 2));
        let mut averages = start.clone();
        average(&mut averages, &parameter, 0.9, 0.1);
        let expected: Vec<f32> = start.iter().zip(&parameter).map(|(e, p)| 0.9 * e + 0.1 * p).collect();
        assert_eq!(bits(&averages), bits(&expected));
        let mut values = start.clone();
        scale(&mut values, 3.0);
        assert_eq!(bits(&values), bits(&start.iter().map(|x| x * 3.0).collect::<Vec<_>>()));
        clamp(&mut values, -1.0, 2.0);
        assert_eq!(bits(&values), bits(&start.iter().map(|x| (x * 3.0).clamp(-1.0, 2.0)).collect::<Vec<_>>()));
    }
    let mut special = [f32::NAN, f32::INFINITY, -f32::INFINITY, 1.0, 0.0];
    clamp(&mut special, -2.0, 2.0);
    assert_eq!(special[0].to_bits(), CANONICAL_NAN);
    assert_eq!(special[1..], [2.0, -2.0, 1.0, 0.0]);
    let mut special = [f32::INFINITY, 1.0];
    scale(&mut special, 0.0);
    assert_eq!(bits(&special), [CANONICAL_NAN, 0]);
}
