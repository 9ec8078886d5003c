//! Layer norm and RMS norm in float64, one row at a time.

pub struct Normalized {
    /// Before weight and bias.
    pub normal: Vec<f64>,
    /// √(variance + ε).
    pub deviation: f64,
    /// Mean of |input| over the deviation, which is how much an error of the mean counts.
    pub offset: f64,
}

pub fn layer_norm(row: &[f32], epsilon: f32) -> Normalized {
    normalize(row, row.iter().map(|&x| f64::from(x)).sum::<f64>() / row.len() as f64, epsilon)
}

pub fn rms_norm(row: &[f32], epsilon: f32) -> Normalized {
    Normalized { offset: 0.0, ..normalize(row, 0.0, epsilon) }
}

fn normalize(row: &[f32], center: f64, epsilon: f32) -> Normalized {
    let count = row.len() as f64;
    let square = row.iter().map(|&x| (f64::from(x) - center).powi(2)).sum::<f64>() / count;
    let deviation = (square + f64::from(epsilon)).sqrt();
    Normalized {
        normal: row.iter().map(|&x| (f64::from(x) - center) / deviation).collect(),
        deviation,
        offset: row.iter().map(|&x| f64::from(x).abs()).sum::<f64>() / count / deviation,
    }
}
