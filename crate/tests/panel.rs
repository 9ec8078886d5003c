//! Panels of every width: rows side by side and back, and what is joined of the lanes of a row.

#[path = "oracle/sample.rs"]
mod sample;

use sample::sample;
use wasm_attention::attention::panel;
use wasm_attention::simd::{F32x4, I32x4};

const WIDTHS: [usize; 3] = [1, 4, 8];

#[test]
fn from_rows_puts_them_side_by_side() {
    for width in WIDTHS {
        for size in 0..=17 {
            let elements = sample(width * size, 1);
            let rows: Vec<&[f32]> = (0..width).map(|c| &elements[c * size..(c + 1) * size]).collect();
            let mut side_by_side = vec![9.0; (size + 1) * width];
            panel::from_rows(&mut side_by_side, &rows, -3.0);
            for (n, value) in side_by_side.iter().enumerate() {
                let (d, c) = (n / width, n % width);
                let expected = if d < size { -3.0 * rows[c][d] } else { 9.0 };
                assert_eq!(*value, expected, "width {width}, size {size}, element {d} of row {c}");
            }
        }
    }
}

#[test]
fn to_rows_writes_each_row_at_its_start_and_nothing_else() {
    for width in WIDTHS {
        for size in 0..=17 {
            let side_by_side = sample(width * size, 2);
            // Close together, with gaps, and from the end to the beginning.
            for (gap, is_reversed) in [(0, false), (3, false), (3, true)] {
                for count in 1..=width {
                    let starts: Vec<usize> =
                        (0..count).map(|c| 2 + (size + gap) * if is_reversed { count - 1 - c } else { c }).collect();
                    let mut output = vec![9.0; 4 + (size + gap) * count];
                    panel::to_rows(&mut output, &starts, &side_by_side, width, size);
                    let mut expected = vec![9.0; output.len()];
                    for (c, start) in starts.iter().enumerate() {
                        (0..size).for_each(|d| expected[start + d] = side_by_side[d * width + c]);
                    }
                    assert_eq!(output, expected, "width {width}, size {size}, {count} rows at {starts:?}");
                }
            }
        }
    }
}

#[test]
fn the_maximum_of_the_lanes_of_a_row() {
    let values = [3.0, f32::NEG_INFINITY, -1e8, 0.5, 2.0, 7.0, 1e-3, -4.0];
    for width in WIDTHS {
        for turn in 0..8 {
            let value = |lane: usize| values[(lane + turn) % 8];
            let maximum = panel::maximum(F32x4::lanes(value), width).map(F32x4::to_array).concat();
            for (lane, actual) in maximum.into_iter().enumerate() {
                let of_row = (0..8).filter(|other| other % width == lane % width).map(value);
                assert_eq!(
                    actual,
                    of_row.fold(f32::NEG_INFINITY, f32::max),
                    "width {width}, turned by {turn}, lane {lane}"
                );
            }
        }
    }
}

#[test]
fn any_and_all_of_the_lanes_of_a_row() {
    for bits in 0..256 {
        let is_set = |lane: usize| bits >> lane & 1 == 1;
        let mask = I32x4::lanes(|lane| -i32::from(is_set(lane)));
        for width in WIDTHS {
            let of_row = |lane: usize| (0..8).filter(move |other| other % width == lane % width);
            let any = I32x4::lanes(|lane| -i32::from(of_row(lane).any(is_set)));
            let all = I32x4::lanes(|lane| -i32::from(of_row(lane).all(is_set)));
            let arrays = |mask: [I32x4; 2]| mask.map(I32x4::to_array);
            assert_eq!(arrays(panel::any(mask, width)), arrays(any), "any of {bits:08b}, width {width}");
            assert_eq!(arrays(panel::all(mask, width)), arrays(all), "all of {bits:08b}, width {width}");
        }
    }
}
