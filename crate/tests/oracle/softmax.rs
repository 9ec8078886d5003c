//! Softmax in float64.

/// The softmax of one row.
pub fn softmax(row: &[f32]) -> Vec<f64> {
    let maximum = row.iter().fold(f64::NEG_INFINITY, |largest, &x| largest.max(f64::from(x)));
    let exponentials: Vec<f64> = row.iter().map(|&x| (f64::from(x) - maximum).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.iter().map(|exponential| exponential / sum).collect()
}
