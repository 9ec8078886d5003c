//! Rotary embedding in float64, of one head.

/// The head after the turn by the angles of one table row.
pub fn rotary(head: &[f32], cosine: &[f32], sine: &[f32], interleaved: bool) -> Vec<f64> {
    let pairs = cosine.len();
    let mut output: Vec<f64> = head.iter().map(|&x| f64::from(x)).collect();
    for i in 0..pairs {
        let (real, imaginary) = if interleaved { (2 * i, 2 * i + 1) } else { (i, i + pairs) };
        let (x, y) = (f64::from(head[real]), f64::from(head[imaginary]));
        let (cos, sin) = (f64::from(cosine[i]), f64::from(sine[i]));
        output[real] = cos * x - sin * y;
        output[imaginary] = sin * x + cos * y;
    }
    output
}

/// position · base^(−2i / size)
pub fn angle(position: usize, i: usize, size: usize, base: f64) -> f64 {
    position as f64 * base.powf(-((2 * i) as f64) / size as f64)
}
