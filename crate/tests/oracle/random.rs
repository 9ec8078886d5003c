//! Box–Muller in float64, from the generator's words.

/// Two normal numbers from two words.
pub fn normal_pair(word: u32, turn: u32) -> [f64; 2] {
    let radius = (-2.0 * ((f64::from(word) + 1.0) / 2_f64.powi(32)).ln()).sqrt();
    let angle = std::f64::consts::TAU * f64::from(turn) / 2_f64.powi(32);
    [radius * angle.cos(), radius * angle.sin()]
}
