//! Softmax in float64.

/// The softmax of one row.
pub fn softmax(row: &[f32]) -> Vec<f64> {
    let maximum = row.iter().fold(f64::NEG_INFINITY, |largest, &x| largest.max(f64::from(x)));
    let exponentials: Vec<f64> = row.iter().map(|&x| (f64::from(x) - maximum).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.iter().map(|exponential| exponential / sum).collect()
}

/// Its logarithm.
pub fn log_softmax(row: &[f32]) -> Vec<f64> {
    let maximum = row.iter().fold(f64::NEG_INFINITY, |largest, &x| largest.max(f64::from(x)));
    let logarithm = row.iter().map(|&x| (f64::from(x) - maximum).exp()).sum::<f64>().ln();
    row.iter().map(|&x| f64::from(x) - maximum - logarithm).collect()
}

/// y · (dy − Σ y · dy), of a row of results y.
pub fn softmax_backward(dy: &[f32], y: &[f32]) -> Vec<f64> {
    let total: f64 = y.iter().zip(dy).map(|(&y, &dy)| f64::from(y) * f64::from(dy)).sum();
    y.iter().zip(dy).map(|(&y, &dy)| f64::from(y) * (f64::from(dy) - total)).collect()
}

/// dy − exp(y) · Σ dy.
pub fn log_softmax_backward(dy: &[f32], y: &[f32]) -> Vec<f64> {
    let total: f64 = dy.iter().map(|&dy| f64::from(dy)).sum();
    y.iter().zip(dy).map(|(&y, &dy)| f64::from(dy) - f64::from(y).exp() * total).collect()
}
