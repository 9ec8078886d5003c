//! The linear layer in float64.

/// output[m, n] = Σ_k input[m, k] · weight[n, k] + bias[n], and beside each the sum of the absolute values of its terms.
pub fn linear(input: &[f32], weight: &[f32], bias: Option<&[f32]>, sizes: [usize; 3]) -> Vec<(f64, f64)> {
    let [rows, in_features, out_features] = sizes;
    let mut output = Vec::new();
    for m in 0..rows {
        for n in 0..out_features {
            let mut sum = bias.map_or(0.0, |bias| f64::from(bias[n]));
            let mut absolute = sum.abs();
            for k in 0..in_features {
                let term = f64::from(input[m * in_features + k]) * f64::from(weight[n * in_features + k]);
                sum += term;
                absolute += term.abs();
            }
            output.push((sum, absolute));
        }
    }
    output
}

/// The gradients of `linear` in float64, beside each element the sum of the absolute values of its terms.
pub struct Gradients {
    /// input[m, k] = Σ_n output[m, n] · weight[n, k]
    pub input: Vec<(f64, f64)>,
    /// weight[n, k] = Σ_m output[m, n] · input[m, k]
    pub weight: Vec<(f64, f64)>,
    /// bias[n] = Σ_m output[m, n]
    pub bias: Vec<(f64, f64)>,
}

pub fn gradients(output_gradient: &[f32], input: &[f32], weight: &[f32], sizes: [usize; 3]) -> Gradients {
    let [rows, in_features, out_features] = sizes;
    let mut gradients = Gradients {
        input: vec![(0.0, 0.0); rows * in_features],
        weight: vec![(0.0, 0.0); out_features * in_features],
        bias: vec![(0.0, 0.0); out_features],
    };
    let add = |(sum, absolute): &mut (f64, f64), term: f64| {
        *sum += term;
        *absolute += term.abs();
    };
    for m in 0..rows {
        for n in 0..out_features {
            let d = f64::from(output_gradient[m * out_features + n]);
            add(&mut gradients.bias[n], d);
            for k in 0..in_features {
                add(&mut gradients.input[m * in_features + k], d * f64::from(weight[n * in_features + k]));
                add(&mut gradients.weight[n * in_features + k], d * f64::from(input[m * in_features + k]));
            }
        }
    }
    gradients
}
