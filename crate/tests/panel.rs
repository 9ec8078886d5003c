//! Panels of every number of columns: rows side by side and back, and what is joined of the lanes of a row.

#[path = "oracle/sample.rs"]
mod sample;

use sample::sample;
use wasm_attention::attention::panel;
use wasm_attention::simd::{F32x8, I32x4, I32x8};

const COLUMNS: [usize; 3] = [1, 4, 8];

#[test]
fn from_rows_puts_them_side_by_side() {
    for columns in COLUMNS {
        for size in 0..=17 {
            let elements = sample(columns * size, 1);
            let rows: Vec<&[f32]> = (0..columns).map(|c| &elements[c * size..(c + 1) * size]).collect();
            let mut side_by_side = vec![9.0; (size + 1) * columns];
            panel::from_rows(&mut side_by_side, &rows, -3.0);
            for (n, value) in side_by_side.iter().enumerate() {
                let (d, c) = (n / columns, n % columns);
                let expected = if d < size { -3.0 * rows[c][d] } else { 9.0 };
                assert_eq!(*value, expected, "{columns} columns, size {size}, element {d} of row {c}");
            }
        }
    }
}

#[test]
fn to_rows_writes_each_row_at_its_start_and_nothing_else() {
    for columns in COLUMNS {
        for size in 0..=17 {
            let side_by_side = sample(columns * size, 2);
            // Close together, with gaps, and from the end to the beginning.
            for (gap, is_reversed) in [(0, false), (3, false), (3, true)] {
                for count in 1..=columns {
                    let starts: Vec<usize> =
                        (0..count).map(|c| 2 + (size + gap) * if is_reversed { count - 1 - c } else { c }).collect();
                    let mut output = vec![9.0; 4 + (size + gap) * count];
                    panel::to_rows(&mut output, &side_by_side, &starts, size, columns);
                    let mut expected = vec![9.0; output.len()];
                    for (c, start) in starts.iter().enumerate() {
                        (0..size).for_each(|d| expected[start + d] = side_by_side[d * columns + c]);
                    }
                    assert_eq!(output, expected, "{columns} columns, size {size}, {count} rows at {starts:?}");
                }
            }
        }
    }
}

#[test]
fn the_maximum_of_the_lanes_of_a_row() {
    let values = [3.0, f32::NEG_INFINITY, -1e8, 0.5, 2.0, 7.0, 1e-3, -4.0];
    for columns in COLUMNS {
        for turn in 0..8 {
            let value = |lane: usize| values[(lane + turn) % 8];
            let maximum = panel::maximum(F32x8::from_fn(value), columns).to_array();
            for (lane, actual) in maximum.into_iter().enumerate() {
                let of_row = (0..8).filter(|other| other % columns == lane % columns).map(value);
                assert_eq!(
                    actual,
                    of_row.fold(f32::NEG_INFINITY, f32::max),
                    "{columns} columns, turned by {turn}, lane {lane}"
                );
            }
        }
    }
}

#[test]
fn any_and_all_of_the_lanes_of_a_row() {
    for bits in 0..256 {
        let is_set = |lane: usize| bits >> lane & 1 == 1;
        let mask = I32x8::from_fn(|lane| -i32::from(is_set(lane)));
        for columns in COLUMNS {
            let of_row = |lane: usize| (0..8).filter(move |other| other % columns == lane % columns);
            let any = I32x8::from_fn(|lane| -i32::from(of_row(lane).any(is_set)));
            let all = I32x8::from_fn(|lane| -i32::from(of_row(lane).all(is_set)));
            let arrays = |mask: I32x8| mask.halves().map(I32x4::to_array);
            assert_eq!(arrays(panel::any(mask, columns)), arrays(any), "any of {bits:08b}, {columns} columns");
            assert_eq!(arrays(panel::all(mask, columns)), arrays(all), "all of {bits:08b}, {columns} columns");
        }
    }
}
