//! Sinusoidal positions against float64.

#[path = "cases/error_bounds.rs"]
mod error_bounds;

use error_bounds::powers;
use wasm_attention::sinusoidal_positions::sinusoidal_positions;

#[test]
fn sinusoidal_positions_are_within_the_stated_error() {
    let [bound] = powers("sinusoidalPositions", [""]);
    let rows = 3000;
    for width in [1, 2, 7, 64] {
        let mut output = vec![f32::NAN; rows * width];
        sinusoidal_positions(&mut output, rows, width);
        for (at, &y) in output.iter().enumerate() {
            let (position, column) = (at / width, at % width);
            let i = column / 2;
            let angle = position as f64 / 10_000_f64.powf((2 * i) as f64 / width as f64);
            let truth = if column % 2 == 0 { angle.sin() } else { angle.cos() };
            assert!((f64::from(y) - truth).abs() <= bound, "width {width}, position {position}, {column}");
        }
    }
}
