//! Rotary embedding and its tables against float64.

#[path = "oracle/rotary_embedding.rs"]
mod oracle;
#[path = "oracle/sample.rs"]
mod sample;

use sample::sample;
use wasm_attention::dtype::CANONICAL_NAN;
use wasm_attention::indices::IndexOutOfRange;
use wasm_attention::rotary_embedding::{RotaryLayout, rotary_embedding, rotary_tables};
use wasm_attention::rotary_frequencies::{RopeScaling, rotary_frequencies};

/// `[B, H, L, D]` or `[B, L, H, D]`; a position for each row.
fn layout([batch, sequence, heads, head_size]: [usize; 4], heads_first: bool) -> RotaryLayout {
    let (sequence_stride, head_stride) =
        if heads_first { (head_size, sequence * head_size) } else { (heads * head_size, head_size) };
    RotaryLayout {
        batch,
        sequence,
        heads,
        head_size,
        batch_stride: heads * sequence * head_size,
        sequence_stride,
        head_stride,
        position_stride: sequence,
    }
}

#[test]
fn turns_every_head_in_every_layout() {
    let [batch, sequence, heads] = [2, 3, 2];
    for (head_size, rotary_size) in [(2, 2), (8, 8), (8, 4), (18, 10), (64, 64), (7, 6), (5, 0)] {
        for case in 0..16 {
            let [interleaved, heads_first, by_id, shared] = [1, 2, 4, 8].map(|bit| case & bit != 0);
            let position_stride = if shared { 0 } else { sequence };
            let layout = RotaryLayout { position_stride, ..layout([batch, sequence, heads, head_size], heads_first) };
            let input = sample(batch * layout.batch_stride, 1);
            let pairs = rotary_size / 2;
            let cosine = sample(batch * sequence * pairs, 2);
            let sine = sample(batch * sequence * pairs, 3);
            let ids = [5, 0, 2, 2, 1, 4];
            let mut output = vec![f32::NAN; input.len()];
            let ids_given = by_id.then_some(&ids[..]);
            rotary_embedding(&mut output, &input, &cosine, &sine, ids_given, layout, rotary_size, interleaved, false)
                .unwrap();
            for b in 0..batch {
                for s in 0..sequence {
                    let at = if shared { s } else { b * sequence + s };
                    let row = if by_id { ids[at] as usize } else { at };
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
fn the_inverse_is_the_transpose() {
    let [batch, sequence, heads] = [2, 3, 2];
    for (head_size, rotary_size) in [(2, 2), (8, 8), (18, 10), (7, 6), (5, 0)] {
        for interleaved in [false, true] {
            let layout = layout([batch, sequence, heads, head_size], false);
            let dy = sample(batch * layout.batch_stride, 1);
            let pairs = rotary_size / 2;
            let cosine = sample(batch * sequence * pairs, 2);
            let sine = sample(batch * sequence * pairs, 3);
            let mut dx = vec![f32::NAN; dy.len()];
            rotary_embedding(&mut dx, &dy, &cosine, &sine, None, layout, rotary_size, interleaved, true).unwrap();
            for row in 0..batch * sequence * heads {
                let table = row / heads * pairs;
                for d in 0..head_size {
                    let at = |d: usize| f64::from(dy[row * head_size + d]);
                    // dx of a pair's x and y, of the gradients da and db of its real and imaginary part.
                    let expected = if d >= rotary_size {
                        at(d)
                    } else {
                        let (pair, is_imaginary) =
                            if interleaved { (d / 2, d % 2 == 1) } else { (d % pairs, d >= pairs) };
                        let (cos, sin) = (f64::from(cosine[table + pair]), f64::from(sine[table + pair]));
                        let partner = if interleaved { d ^ 1 } else { (d + pairs) % rotary_size };
                        if is_imaginary { cos * at(d) - sin * at(partner) } else { cos * at(d) + sin * at(partner) }
                    };
                    let bound = if d < rotary_size { 2_f64.powi(-23) } else { 0.0 };
                    assert!((f64::from(dx[row * head_size + d]) - expected).abs() <= bound);
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
        position_stride: 2,
    };
    let input = sample(31, 4);
    let mut output = vec![9.0; 31];
    rotary_embedding(&mut output, &input, &[1.0; 8], &[0.0; 8], None, layout, 4, false, false).unwrap();
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
        let result = rotary_embedding(&mut output, &input, &[1.0; 6], &[0.0; 6], Some(&ids), layout, 4, false, false);
        assert_eq!((result, output), (Err(IndexOutOfRange), [9.0; 8]));
    }
    let mut output = [9.0; 8];
    let result = rotary_embedding(&mut output, &input, &[1.0; 2], &[0.0; 2], None, layout, 4, false, false);
    assert_eq!(result, Err(IndexOutOfRange));
}

#[test]
fn nan_stays_in_its_pair() {
    let mut input = [1.0; 8];
    input[1] = -f32::NAN;
    for (interleaved, pair) in [(false, [1, 5]), (true, [0, 1])] {
        let mut output = [0.0; 8];
        let layout = layout([1, 1, 1, 8], true);
        rotary_embedding(&mut output, &input, &[0.5; 4], &[0.5; 4], None, layout, 8, interleaved, false).unwrap();
        for (d, y) in output.iter().enumerate() {
            assert_eq!(y.is_nan(), pair.contains(&d));
            assert!(!y.is_nan() || y.to_bits() == CANONICAL_NAN);
        }
    }
}

/// Tables of positions from `first` on.
fn tables(first: usize, rows: usize, size: usize, base: f64) -> [Vec<f32>; 2] {
    let mut frequencies = vec![f64::NAN; size / 2];
    rotary_frequencies(&mut frequencies, base, RopeScaling::None, f64::NAN);
    let mut cosine = vec![f32::NAN; rows * size / 2];
    let mut sine = cosine.clone();
    rotary_tables(&mut cosine, &mut sine, &frequencies, None, first, 1.0);
    [cosine, sine]
}

#[test]
fn tables_are_within_the_stated_error() {
    for (first, rows) in [(0, 4096), (1_000_000, 1000), (16_777_000, 217)] {
        for base in [10_000.0, 500_000.0, 1.5, 1.0, 1e30] {
            for size in [2, 6, 64] {
                let [cosine, sine] = tables(first, rows, size, base);
                for (at, (&cos, &sin)) in cosine.iter().zip(&sine).enumerate() {
                    let (row, i) = (at / (size / 2), at % (size / 2));
                    let angle = oracle::angle(first + row, i, size, base);
                    assert!((f64::from(cos) - angle.cos()).abs() <= 2_f64.powi(-24), "cos({angle})");
                    assert!((f64::from(sin) - angle.sin()).abs() <= 2_f64.powi(-24), "sin({angle})");
                }
            }
        }
    }
}

#[test]
fn a_row_depends_on_its_position_alone() {
    let (size, base) = (10, 10_000.0);
    let mut frequencies = [f64::NAN; 5];
    rotary_frequencies(&mut frequencies, base, RopeScaling::None, f64::NAN);
    let ids = [i32::MAX, 7, 0, 4_000, 7];
    let [mut cosine, mut sine] = [[f32::NAN; 25]; 2];
    rotary_tables(&mut cosine, &mut sine, &frequencies, Some(&ids), 99, 1.0);
    for (row, &id) in ids.iter().enumerate() {
        let [cos, sin] = tables(id as usize, 1, size, base);
        assert_eq!((&cosine[row * 5..][..5], &sine[row * 5..][..5]), (&cos[..], &sin[..]));
    }
    let [cos, sin] = tables(3_998, 4, size, base);
    assert_eq!((&cosine[15..20], &sine[15..20]), (&cos[10..15], &sin[10..15]));
}

#[test]
fn no_pairs_need_no_tables() {
    rotary_frequencies(&mut [], 10_000.0, RopeScaling::None, 5.0);
    rotary_tables(&mut [], &mut [], &[], Some(&[3, 4]), 0, 1.0);
}
