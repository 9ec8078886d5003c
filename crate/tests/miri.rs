//! Attention and its register tiles in sizes small enough for Miri, on memory of exactly the needed size: every path
//! that goes through a raw pointer, with rows that end where their allocation ends.

#[path = "cases/attention_call.rs"]
mod attention_call;
#[path = "cases/attention_backward_call.rs"]
mod backward_call;
#[path = "oracle/attention_backward.rs"]
mod backward_oracle;
#[path = "oracle/attention.rs"]
mod oracle;
#[path = "cases/products.rs"]
mod products;
#[path = "oracle/sample.rs"]
mod sample;

use attention_call::{AttentionCall, CallMask, CallWeights, Data, InStrips, Layout, MaskData, dropout};
use backward_call::{BackwardCall, Cotangents};
use backward_oracle::{Gradients, check_gradients};
use products::{StoredRows, check_products, check_scores, check_single_scores, check_single_sums, check_sums};
use sample::sample;
use wasm_attention::attention::layout::{KeyStrips, Keys, StripsExist, Values};
use wasm_attention::attention::matrix::Matrix;
use wasm_attention::attention::register_tile::{accumulate, add_products, scores};
use wasm_attention::attention::{Sizes, single_row};
use wasm_attention::dtype::Dtype;
use wasm_attention::tiles::{PANEL, TILE};

#[test]
fn score_tiles() {
    // What a tile leaves over; and, without gaps, whole tiles of every height.
    for keys in
        (0..=9).map(|count| StoredRows::new(count, 3, 2)).chain([StoredRows::new(5, 0, 0), StoredRows::new(23, 2, 0)])
    {
        check_scores(&keys, 8);
        check_scores(&keys, 4);
    }
}

#[test]
fn value_tiles() {
    for is_first in [true, false] {
        for values in (0..=9)
            .map(|width| StoredRows::new(3, width, 2))
            .chain([StoredRows::new(1, 5, 0), StoredRows::new(2, 23, 0)])
        {
            check_sums(&values, 8, is_first);
            check_sums(&values, 4, is_first);
        }
    }
}

#[test]
fn tiles_of_several_panels() {
    for keys in [TILE, 1] {
        check_products(keys, 8, &(7..8));
        check_products(keys, 16, &(6..8));
    }
}

#[test]
fn a_single_row() {
    // At the end, two steps and a tail, in runs of several rows.
    let small = (0..=9).flat_map(|size| [0, 1, 4, 7, 9].map(|count| StoredRows::new(count, size, 2)));
    for rows in small.chain([StoredRows::new(4, 8, 0), StoredRows::new(14, 21, 0)]) {
        check_single_scores(&rows);
        check_single_sums(&rows);
    }
}

#[test]
#[should_panic]
fn rows_beyond_their_memory_are_refused() {
    Matrix::new(&[0.0; 10], 3, 4, 2);
}

#[test]
#[should_panic]
fn strips_of_keys_beyond_their_memory_are_refused() {
    KeyStrips::new(StripsExist::Natively, &[0.0; 47], 13, 2);
}

#[test]
#[should_panic]
fn strips_of_values_beyond_their_memory_are_refused() {
    Values::strips(&[0.0; 97], 2, 2, 49);
}

#[test]
#[should_panic]
fn a_short_panel_is_refused() {
    scores(&mut [0.0; 8], &mut [0.0; 8], Keys::Rows(Matrix::new(&[0.0; 2], 2, 1, 2)), &[0.0; 15]);
}

#[test]
#[should_panic]
fn too_few_scores_are_refused() {
    scores(&mut [0.0; 15], &mut [0.0; 8], Keys::Rows(Matrix::new(&[0.0; 4], 2, 2, 2)), &[0.0; 16]);
}

#[test]
#[should_panic]
fn too_few_weights_are_refused() {
    accumulate(&mut [0.0; 16], Values::rows(Matrix::new(&[0.0; 4], 2, 2, 2)), &[0.0; 15], PANEL, false);
}

#[test]
#[should_panic]
fn a_short_accumulator_is_refused() {
    accumulate(&mut [0.0; 15], Values::rows(Matrix::new(&[0.0; 4], 2, 2, 2)), &[0.0; 16], PANEL, false);
}

#[test]
#[should_panic]
fn a_short_query_is_refused() {
    single_row::scores(&mut [0.0; 2], Keys::Rows(Matrix::new(&[0.0; 6], 3, 2, 3)), &[0.0; 2]);
}

#[test]
#[should_panic]
fn scores_of_another_number_than_the_keys_are_refused() {
    single_row::scores(&mut [0.0; 3], Keys::Rows(Matrix::new(&[0.0; 6], 3, 2, 3)), &[0.0; 3]);
}

#[test]
#[should_panic]
fn too_few_weights_of_a_single_row_are_refused() {
    single_row::accumulate(&mut [0.0; 3], Values::rows(Matrix::new(&[0.0; 6], 3, 2, 3)), &[0.0; 1]);
}

#[test]
#[should_panic]
fn a_short_accumulator_of_a_single_row_is_refused() {
    single_row::accumulate(&mut [0.0; 2], Values::rows(Matrix::new(&[0.0; 6], 3, 2, 3)), &[0.0; 2]);
}

#[test]
#[should_panic]
fn six_columns_are_refused() {
    accumulate(&mut [0.0; 12], Values::rows(Matrix::new(&[0.0; 4], 2, 2, 2)), &[0.0; 12], 6, false);
}

#[test]
#[should_panic]
fn three_keys_are_refused() {
    add_products(&mut [0.0; 24], &[0.0; 24], &[0.0; 512], 3, &(0..1), 8);
}

#[test]
#[should_panic]
fn too_few_sums_are_refused() {
    add_products(&mut [0.0; 15], &[0.0; 16], &[0.0; 512], 2, &(0..1), 8);
}

#[test]
#[should_panic]
fn too_few_weights_of_panels_are_refused() {
    add_products(&mut [0.0; 16], &[0.0; 15], &[0.0; 512], 2, &(0..1), 8);
}

#[test]
#[should_panic]
fn too_few_columns_are_refused() {
    add_products(&mut [0.0; 16], &[0.0; 16], &[0.0; 511], 2, &(0..1), 8);
}

#[test]
#[should_panic]
fn more_panels_than_a_block_has_are_refused() {
    add_products(&mut [0.0; 8], &[0.0; 4232], &[0.0; 512], 1, &(7..9), 8);
}

/// A causal call of two heads on one key head, with every kind of memory that attention takes.
fn call(
    query_length: usize,
    key_length: usize,
    [head_size, value_head_size]: [usize; 2],
    dtype: Dtype,
) -> AttentionCall {
    let past_length = key_length.min(2);
    let sizes =
        Sizes { batch: 1, heads: 2, key_heads: 1, query_length, past_length, key_length, head_size, value_head_size };
    let data = |rows: usize, size: usize, seed| Data::rounded(sample(rows * size, seed), dtype);
    let new_length = key_length - past_length;
    AttentionCall {
        sizes,
        layout: Layout::Blhd,
        in_strips: InStrips::default(),
        query: data(2 * query_length, head_size, 1),
        key: data(new_length, head_size, 2),
        value: data(new_length, value_head_size, 3),
        past: Some((data(past_length, head_size, 4), data(past_length, value_head_size, 5))),
        scale: 0.5,
        softcap: 0.0,
        mask: None,
        is_causal: true,
        lower_right: true,
        left_window: None,
        right_window: None,
        key_lengths: None,
        slopes: None,
        sinks: Some(vec![0.5, -1.0]),
        dropout: None,
        weights: None,
    }
}

fn check(name: &str, call: &AttentionCall) {
    oracle::check_promise(name, call, &call.run());
}

#[test]
fn small_calls() {
    let dtypes = [Dtype::Float32, Dtype::Float16, Dtype::BFloat16];
    let layouts = [Layout::Bhld, Layout::Blhd, Layout::Lbhd];
    let sizes = [(1, 1, [1, 1]), (9, 2, [1, 2]), (3, 0, [2, 3]), (2, 4, [4, 2])];
    for (n, (query_length, key_length, head_sizes)) in sizes.into_iter().enumerate() {
        let mut call = call(query_length, key_length, head_sizes, dtypes[n % 3]);
        call.layout = layouts[n % 3];
        call.in_strips = InStrips { keys: n % 2 == 1, values: n > 1 };
        let average_heads = n == 3;
        call.dropout = average_heads.then(|| dropout(0.2, 3));
        let mode = if average_heads { 4 } else { 0 };
        call.weights =
            Some(CallWeights { mode, heads: vec![1, 0], rows: vec![query_length as u32 - 1, 0], average_heads });
        check(&format!("{query_length} × {key_length}, {head_sizes:?}, {:?}", call.layout), &call);
    }
}

/// The call's first `count` query heads alone: with one row each, panels of another width.
fn first_heads(mut call: AttentionCall, count: usize) -> AttentionCall {
    call.sizes.heads = count;
    call.query = Data::Float32(call.query.widened()[..count * call.sizes.head_size].to_vec());
    call.sinks.as_mut().unwrap().truncate(count);
    call
}

#[test]
fn masks() {
    for dtype in [None, Some(Dtype::Float32), Some(Dtype::BFloat16)] {
        let mut call = call(3, 5, [1, 1], Dtype::Float32);
        let hides = |n: usize| n.is_multiple_of(3);
        let data = match dtype {
            None => MaskData::Boolean((0..15).map(|n| u8::from(!hides(n))).collect()),
            Some(dtype) => {
                let values = (0..15).map(|n| if hides(n) { f32::NEG_INFINITY } else { n as f32 / 32.0 }).collect();
                MaskData::Float(Data::rounded(values, dtype))
            }
        };
        call.mask = Some(CallMask { data, shape: [1, 1, 3, 5] });
        check(&format!("mask {dtype:?}"), &call);
    }
    for count in [1, 2] {
        let mut call = first_heads(call(1, 5, [3, 2], Dtype::Float32), count);
        call.mask = Some(CallMask { data: MaskData::Boolean(vec![1, 0, 1, 0, 1]), shape: [1, 1, 1, 5] });
        check(&format!("mask, {count} heads"), &call);
    }
}

#[test]
fn scores_that_overflow_and_values_that_are_not_finite() {
    let not_finite = |mut call: AttentionCall| {
        call.past = Some((Data::Float32(vec![f32::MAX, 1.0, 2.0, f32::NAN]), Data::Float32(vec![f32::INFINITY; 6])));
        call.scale = 60_000.0;
        check("not finite", &call);
        // Hidden from every row, but in the block.
        call.mask = Some(CallMask { data: MaskData::Boolean(vec![0, 0, 1, 1, 1]), shape: [1, 1, 1, 5] });
        check("not finite, hidden", &call);
    };
    not_finite(call(3, 5, [2, 3], Dtype::Float32));
    not_finite(first_heads(call(1, 5, [2, 3], Dtype::Float32), 2));
    not_finite(first_heads(call(1, 5, [2, 3], Dtype::Float32), 1));
}

#[test]
fn several_blocks() {
    let mut call = first_heads(call(1, 266, [1, 1], Dtype::Float32), 1);
    let hidden = [vec![1; 262], vec![0; 2], vec![1; 2]].concat();
    call.mask = Some(CallMask { data: MaskData::Boolean(hidden), shape: [1, 1, 1, 266] });
    (call.query, call.sinks) = (Data::Float32(vec![0.0]), None);
    // The oracle would take too long.
    let (_, values) = call.present();
    let seen = [&values.widened()[..262], &values.widened()[264..]].concat();
    let mean = seen.iter().sum::<f32>() / 264.0;
    assert!((call.run().output.widened()[0] - mean).abs() < 1e-6);
}

#[test]
fn gradients() {
    let mut call = call(5, 4, [2, 3], Dtype::Float32);
    // Two panels, one of them of two rows; and what no row sees, or one row gives, is not finite.
    call.past = Some((Data::Float32(sample(4, 6)), Data::Float32(vec![0.5, f32::INFINITY, 1.0, 2.0, -1.0, 0.25])));
    let mask = (0..4).map(|j| if j == 0 { f32::NEG_INFINITY } else { 0.1 * j as f32 }).collect();
    call.mask = Some(CallMask { data: MaskData::Float(Data::Float32(mask)), shape: [1, 1, 1, 4] });
    (call.softcap, call.slopes, call.dropout) = (2.0, Some(vec![0.5, 0.25]), Some(dropout(0.2, 3)));
    call.weights = Some(CallWeights { mode: 3, heads: vec![1], rows: vec![4, 0], average_heads: false });
    let mut output = sample(30, 7);
    output[4] = f32::NAN;
    let cotangents = Cotangents {
        output: Some(Data::Float32(output)),
        log_sum_exp: Some(sample(10, 8)),
        weights: Some(sample(8, 9)),
    };
    let gradients = BackwardCall::new(&call, &cotangents).run();
    check_gradients("gradients", &call, &cotangents, &Gradients::stored(&call, &gradients));
}
