//! Rotary embedding and its tables against float64.

#[path = "oracle/rotary.rs"]
mod oracle;
#[path = "oracle/sample.rs"]
mod sample;

use sample::sample;
use wasm_attention::embedding::IndexOutOfRange;
use wasm_attention::numeric::CANONICAL_NAN;
use wasm_attention::rotary::{RotaryLayout, rotary_embedding, rotary_tables};

/// `[B, H, L, D]` or `[B, L, H, D]`.
fn layout([batch, sequence, heads, head_size]: [usize; 4], heads_first: bool) -> RotaryLayout {
    let (sequence_stride, head_stride) =
        if heads_first { (head_size, sequence * head_size) } else { (heads * head_size, head_size) };
    let batch_stride = heads * sequence * head_size;
    RotaryLayout { batch, sequence, heads, head_size, batch_stride, sequence_stride, head_stride }
}

#[test]
fn turns_every_head_in_every_layout() {
    let [batch, sequence, heads] = [2, 3, 2];
    for (head_size, rotary_size) in [(2, 2), (8, 8), (8, 4), (18, 10), (64, 64), (7, 6), (5, 0)] {
        for (interleaved, heads_first, by_id) in
            [(false, false, false), (false, true, true), (true, true, false), (true, false, true)]
        {
            let layout = layout([batch, sequence, heads, head_size], heads_first);
            let input = sample(batch * layout.batch_stride, 1);
            let pairs = rotary_size / 2;
            let cosine = sample(batch * sequence * pairs, 2);
            let sine = sample(batch * sequence * pairs, 3);
            let ids = [5, 0, 2, 2, 1, 4];
            let mut output = vec![f32::NAN; input.len()];
            let ids_given = by_id.then_some(&ids[..]);
            rotary_embedding(&mut output, &input, &cosine, &sine, ids_given, layout, rotary_size, interleaved).unwrap();
            for b in 0..batch {
                for s in 0..sequence {
                    let row = if by_id { ids[b * sequence + s] as usize } else { b * sequence + s };
                    let table = row * pairs..(row + 1) * pairs;
                    for h in 0..heads {
                        let start = b * layout.batch_stride + s * layout.sequence_stride + h * layout.head_stride;
                        let head = &input[start..start + head_size];
                        let expected = oracle::rotary(head, &cosine[table.clone()], &sine[table.clone()], interleaved);
                        for (d, (&y, expected)) in output[start..].iter().zip(expected).enumerate() {
                            // Two products and a sum, each rounded; none of the terms is above 1.
                            let bound = if d < rotary_size { 2_f64.powi(-23) } else { 0.0 };
                            assert!((f64::from(y) - expected).abs() <= bound);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn memory_between_the_heads_is_left_alone() {
    let layout = RotaryLayout {
        batch: 2,
        sequence: 2,
        heads: 1,
        head_size: 4,
        batch_stride: 20,
        sequence_stride: 7,
        head_stride: 4,
    };
    let input = sample(31, 4);
    let mut output = vec![9.0; 31];
    rotary_embedding(&mut output, &input, &[1.0; 8], &[0.0; 8], None, layout, 4, false).unwrap();
    let starts = [0, 7, 20, 27];
    for (i, (y, x)) in output.iter().zip(&input).enumerate() {
        let inside = starts.iter().any(|start| (*start..start + 4).contains(&i));
        assert_eq!(*y, if inside { *x } else { 9.0 });
    }
}

#[test]
fn positions_outside_the_table_are_refused_before_anything_is_written() {
    let layout = layout([1, 2, 1, 4], true);
    let input = sample(8, 5);
    for ids in [[0, 3], [-1, 0], [0, i32::MIN], [0, i32::MAX]] {
        let mut output = [9.0; 8];
        let result = rotary_embedding(&mut output, &input, &[1.0; 6], &[0.0; 6], Some(&ids), layout, 4, false);
        assert_eq!((result, output), (Err(IndexOutOfRange), [9.0; 8]));
    }
    let mut output = [9.0; 8];
    let result = rotary_embedding(&mut output, &input, &[1.0; 2], &[0.0; 2], None, layout, 4, false);
    assert_eq!(result, Err(IndexOutOfRange));
}

#[test]
fn nan_stays_in_its_pair() {
    let mut input = [1.0; 8];
    input[1] = -f32::NAN;
    for (interleaved, pair) in [(false, [1, 5]), (true, [0, 1])] {
        let mut output = [0.0; 8];
        let layout = layout([1, 1, 1, 8], true);
        rotary_embedding(&mut output, &input, &[0.5; 4], &[0.5; 4], None, layout, 8, interleaved).unwrap();
        for (d, y) in output.iter().enumerate() {
            assert_eq!(y.is_nan(), pair.contains(&d));
            assert!(!y.is_nan() || y.to_bits() == CANONICAL_NAN);
        }
    }
}

#[test]
fn tables_are_within_the_stated_error() {
    let rows = 4096;
    for base in [10_000.0_f32, 500_000.0, 1.5, 1e-3, 1e30] {
        for size in [2, 6, 64] {
            let pairs = size / 2;
            let mut cosine = vec![f32::NAN; rows * pairs];
            let mut sine = cosine.clone();
            rotary_tables(&mut cosine, &mut sine, rows, size, base);
            for position in 0..rows {
                for i in 0..pairs {
                    let angle = oracle::angle(position, i, size, f64::from(base));
                    // With a base below 1 frequencies grow.
                    if angle > 1e6 {
                        continue;
                    }
                    let at = position * pairs + i;
                    assert!((f64::from(cosine[at]) - angle.cos()).abs() <= 2_f64.powi(-24), "cos({angle})");
                    assert!((f64::from(sine[at]) - angle.sin()).abs() <= 2_f64.powi(-24), "sin({angle})");
                }
            }
        }
    }
}

#[test]
fn tables_are_accurate_up_to_a_million_positions() {
    let rows = 1_000_001;
    let mut cosine = vec![0.0; rows * 2];
    let mut sine = vec![0.0; rows * 2];
    rotary_tables(&mut cosine, &mut sine, rows, 4, 1.01);
    for position in (0..rows).step_by(997).chain([1_000_000]) {
        for i in 0..2 {
            let angle = oracle::angle(position, i, 4, f64::from(1.01_f32));
            assert!((f64::from(cosine[position * 2 + i]) - angle.cos()).abs() <= 2_f64.powi(-24));
            assert!((f64::from(sine[position * 2 + i]) - angle.sin()).abs() <= 2_f64.powi(-24));
        }
    }
}
