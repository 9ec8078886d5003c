//! Attention and its register tiles in sizes small enough for Miri, on memory of exactly the needed size: every path
//! that goes through a raw pointer, with rows that end where their allocation ends.

#[path = "cases/attention_call.rs"]
mod attention_call;
#[path = "oracle/attention.rs"]
mod oracle;
#[path = "oracle/sample.rs"]
mod sample;

use attention_call::{AttentionCall, CallMask, CallWeights, Data, Layout, MaskData, dropout};
use sample::sample;
use wasm_attention::attention::Sizes;
use wasm_attention::attention::register_tile::{Rows, accumulate, scores};
use wasm_attention::numeric::Dtype;
use wasm_attention::simd::F32x4;
use wasm_attention::tiles::PANEL;

/// a · b + c as the arithmetic has it.
fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    F32x4::splat(a).mul_add(F32x4::splat(b), F32x4::splat(c)).to_array()[0]
}

/// `count` rows of `size` elements at a distance of `stride`, without anything after the last.
fn rows(count: usize, size: usize, stride: usize, seed: u64) -> Vec<f32> {
    sample(if count == 0 { 0 } else { (count - 1) * stride + size }, seed)
}

#[test]
fn score_tiles() {
    for count in 0..=13 {
        for (depth, gap) in [(0, 0), (1, 0), (3, 0), (2, 3)] {
            let stride = depth + gap;
            let keys = rows(count, depth, stride, 1);
            let panel = sample(depth * PANEL, 2);
            // What lies beyond stays as it is.
            let mut output = vec![9.0; (count + 1) * PANEL];
            let mut maximum = [0.25; PANEL];
            scores(&mut output[..count * PANEL], &mut maximum, Rows::new(&keys, stride, count, depth), &panel);
            let mut largest = [0.25_f32; PANEL];
            for j in 0..count {
                for c in 0..PANEL {
                    let step = |sum, d: usize| multiply_add(keys[j * stride + d], panel[d * PANEL + c], sum);
                    let expected = (0..depth).fold(0.0, step);
                    assert_eq!(output[j * PANEL + c].to_bits(), expected.to_bits(), "{count} keys, depth {depth}");
                    largest[c] = largest[c].max(expected);
                }
            }
            assert_eq!(maximum, largest);
            assert_eq!(output[count * PANEL..], [9.0; PANEL]);
        }
    }
}

#[test]
fn value_tiles() {
    for width in 0..=13 {
        for (count, gap, is_first) in [(1, 0, false), (1, 0, true), (3, 0, true), (3, 0, false), (2, 3, false)] {
            let stride = width + gap;
            let values = rows(count, width, stride, 3);
            let weights = sample(count * PANEL, 4);
            let before = sample((width + 1) * PANEL, 5);
            let mut accumulators = before.clone();
            let values_rows = Rows::new(&values, stride, count, width);
            accumulate(&mut accumulators[..width * PANEL], values_rows, &weights, is_first);
            for d in 0..width {
                for c in 0..PANEL {
                    let step = |sum, j: usize| multiply_add(values[j * stride + d], weights[j * PANEL + c], sum);
                    let expected = (0..count).fold(0.0, step) + if is_first { 0.0 } else { before[d * PANEL + c] };
                    assert_eq!(accumulators[d * PANEL + c], expected, "width {width}, {count} keys");
                }
            }
            assert_eq!(accumulators[width * PANEL..], before[width * PANEL..]);
        }
    }
}

#[test]
#[should_panic]
fn rows_beyond_their_memory_are_refused() {
    Rows::new(&[0.0; 10], 3, 4, 2);
}

#[test]
#[should_panic]
fn a_short_panel_is_refused() {
    scores(&mut [0.0; 8], &mut [0.0; 8], Rows::new(&[0.0; 2], 2, 1, 2), &[0.0; 15], false);
}

#[test]
#[should_panic]
fn too_few_scores_are_refused() {
    scores(&mut [0.0; 15], &mut [0.0; 8], Rows::new(&[0.0; 4], 2, 2, 2), &[0.0; 16], false);
}

#[test]
#[should_panic]
fn too_few_weights_are_refused() {
    accumulate(&mut [0.0; 16], Rows::new(&[0.0; 4], 2, 2, 2), &[0.0; 15], false);
}

#[test]
#[should_panic]
fn a_short_accumulator_is_refused() {
    accumulate(&mut [0.0; 15], Rows::new(&[0.0; 4], 2, 2, 2), &[0.0; 16], false);
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
    let sizes = [(1, 1, [1, 1]), (9, 3, [1, 2]), (3, 0, [2, 3]), (2, 4, [4, 2])];
    for (n, (query_length, key_length, head_sizes)) in sizes.into_iter().enumerate() {
        let mut call = call(query_length, key_length, head_sizes, dtypes[n % 3]);
        call.layout = layouts[n % 3];
        let average_heads = n == 3;
        call.dropout = average_heads.then(|| dropout(0.2, 3));
        let mode = if average_heads { 4 } else { 0 };
        call.weights =
            Some(CallWeights { mode, heads: vec![1, 0], rows: vec![query_length as u32 - 1, 0], average_heads });
        check(&format!("{query_length} × {key_length}, {head_sizes:?}, {:?}", call.layout), &call);
    }
}

#[test]
fn masks() {
    for dtype in [None, Some(Dtype::Float32), Some(Dtype::BFloat16)] {
        let mut call = call(3, 5, [1, 1], Dtype::Float32);
        let hides = |n: usize| n.is_multiple_of(3);
        let shape = [1, 1, 3, 5];
        let data = match dtype {
            None => MaskData::Boolean((0..15).map(|n| u8::from(!hides(n))).collect()),
            Some(dtype) => {
                let values = (0..15).map(|n| if hides(n) { f32::NEG_INFINITY } else { n as f32 / 32.0 }).collect();
                MaskData::Float(Data::rounded(values, dtype))
            }
        };
        call.mask = Some(CallMask { data, shape });
        check(&format!("mask {dtype:?}"), &call);
    }
}

#[test]
fn scores_that_overflow_and_values_that_are_not_finite() {
    let mut call = call(3, 5, [2, 3], Dtype::Float32);
    call.past = Some((Data::Float32(vec![f32::MAX, 1.0, 2.0, f32::NAN]), Data::Float32(vec![f32::INFINITY; 6])));
    call.scale = 60_000.0;
    check("not finite", &call);
}

#[test]
fn several_blocks() {
    let mut call = call(1, 254, [1, 1], Dtype::Float32);
    call.sizes.heads = 1;
    call.query = Data::Float32(vec![3.0]);
    call.sinks = None;
    check("several blocks", &call);
}
