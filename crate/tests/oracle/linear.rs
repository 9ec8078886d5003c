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
