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
    norm_of(row, row.iter().map(|&x| f64::from(x)).sum::<f64>() / row.len() as f64, epsilon)
}

pub fn rms_norm(row: &[f32], epsilon: f32) -> Normalized {
    Normalized { offset: 0.0, ..norm_of(row, 0.0, epsilon) }
}

fn norm_of(row: &[f32], center: f64, epsilon: f32) -> Normalized {
    let count = row.len() as f64;
    let square = row.iter().map(|&x| (f64::from(x) - center).powi(2)).sum::<f64>() / count;
    let deviation = (square + f64::from(epsilon)).sqrt();
    Normalized {
        normal: row.iter().map(|&x| (f64::from(x) - center) / deviation).collect(),
        deviation,
        offset: row.iter().map(|&x| f64::from(x).abs()).sum::<f64>() / count / deviation,
    }
}

/// The input's gradient, with what its error is measured by, of dy, the weight and the norm of a row.
pub fn backward(dy: &[f32], weight: Option<&[f32]>, row: &Normalized, is_centered: bool) -> (Vec<f64>, Vec<f64>) {
    let n = dy.len() as f64;
    let g: Vec<f64> = dy
        .iter()
        .enumerate()
        .map(|(c, &dy)| f64::from(dy) * weight.map_or(1.0, |weight| f64::from(weight[c])))
        .collect();
    let mean = if is_centered { g.iter().sum::<f64>() / n } else { 0.0 };
    let slope = g.iter().zip(&row.normal).map(|(g, z)| g * z).sum::<f64>() / n;
    let offset = row.offset.min(17.0);
    let size = g.iter().map(|g| g.abs()).sum::<f64>() / n;
    let product = g.iter().zip(&row.normal).map(|(g, z)| g.abs() * (z.abs() + offset)).sum::<f64>() / n;
    let terms = g.iter().zip(&row.normal);
    terms
        .map(|(g, z)| {
            let quantity = g.abs() + size + 3.0 * (z.abs() + offset) * product;
            ((g - mean - z * slope) / row.deviation, quantity / row.deviation)
        })
        .unzip()
}

/// A row divided by its norm or by 1e-12, which is given too.
pub fn normalize(row: &[f32]) -> (Vec<f64>, f64) {
    let norm = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt().max(1e-12);
    (row.iter().map(|&x| f64::from(x) / norm).collect(), norm)
}

/// (dy − y · Σ y · dy) / norm, or dy / 1e-12, with what the error is measured by.
pub fn normalize_backward(dy: &[f32], row: &[f32]) -> (Vec<f64>, Vec<f64>) {
    let (y, norm) = normalize(row);
    let is_clamped = norm == 1e-12;
    let products = || y.iter().zip(dy).map(|(y, &dy)| y * f64::from(dy));
    let slope = if is_clamped { 0.0 } else { products().sum::<f64>() };
    let size = products().map(f64::abs).sum::<f64>();
    let terms = y.iter().zip(dy);
    terms.map(|(y, &dy)| ((f64::from(dy) - y * slope) / norm, (f64::from(dy).abs() + y.abs() * size) / norm)).unzip()
}
