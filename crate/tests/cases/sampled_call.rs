//! Attention calls of sampled numbers, to set options on.

use crate::attention_call::{AttentionCall, CallMask, CallWeights, Data, InStrips, Layout, MaskData};
use crate::sample::sample;
use wasm_attention::attention::Sizes;
use wasm_attention::dtype::Dtype;

/// One batch and head of L queries, T keys, head sizes D and Dv.
pub fn sizes(query_length: usize, key_length: usize, head_size: usize, value_head_size: usize) -> Sizes {
    Sizes { batch: 1, heads: 1, key_heads: 1, query_length, past_length: 0, key_length, head_size, value_head_size }
}

pub fn scaled(length: usize, seed: u64, amplitude: f32) -> Vec<f32> {
    sample(length, seed).into_iter().map(|x| x * amplitude).collect()
}

/// A call without options whose queries and keys lie within ± the amplitude.
pub fn call_of(sizes: Sizes, seed: u64, amplitude: f32) -> AttentionCall {
    let Sizes { batch, heads, key_heads, query_length, past_length, key_length, head_size, value_head_size } = sizes;
    let key_rows = batch * key_heads * (key_length - past_length);
    let past_rows = batch * key_heads * past_length;
    let float32 = |length: usize, stream: u64, amplitude| Data::Float32(scaled(length, 8 * seed + stream, amplitude));
    AttentionCall {
        sizes,
        layout: Layout::Bhld,
        in_strips: InStrips::default(),
        query: float32(batch * heads * query_length * head_size, 0, amplitude),
        key: float32(key_rows * head_size, 1, amplitude),
        value: float32(key_rows * value_head_size, 2, 1.0),
        past: (past_length != 0)
            .then(|| (float32(past_rows * head_size, 3, amplitude), float32(past_rows * value_head_size, 4, 1.0))),
        scale: 1.0 / (head_size as f32).sqrt(),
        softcap: 0.0,
        mask: None,
        is_causal: false,
        lower_right: false,
        left_window: None,
        right_window: None,
        key_lengths: None,
        slopes: None,
        sinks: None,
        dropout: None,
        weights: None,
    }
}

/// The same call with elements of other dtypes.
pub fn as_dtypes(mut call: AttentionCall, dtype: Dtype, value_dtype: Dtype) -> AttentionCall {
    let convert = |data: &mut Data, dtype| *data = Data::rounded(data.widened(), dtype);
    convert(&mut call.query, dtype);
    convert(&mut call.key, dtype);
    convert(&mut call.value, value_dtype);
    if let Some((key, value)) = &mut call.past {
        convert(key, dtype);
        convert(value, value_dtype);
    }
    call
}

pub fn all_weights(sizes: &Sizes, mode: u32) -> Option<CallWeights> {
    let (heads, rows) = ((0..sizes.heads as u32).collect(), (0..sizes.query_length as u32).collect());
    Some(CallWeights { mode, heads, rows, average_heads: false })
}

/// A mask of which about the given share is hidden.
pub fn mask(shape: [usize; 4], dtype: Option<Dtype>, hidden: f32, addend: f32, seed: u64) -> CallMask {
    let length = shape.iter().product();
    let is_hidden: Vec<bool> = sample(length, seed).iter().map(|&x| x < 2.0 * hidden - 1.0).collect();
    let data = match dtype {
        None => MaskData::Boolean(
            is_hidden.iter().enumerate().map(|(n, &hides)| u8::from(!hides) * (n % 255 + 1) as u8).collect(),
        ),
        Some(dtype) => {
            let added = scaled(length, seed + 1, addend);
            let values =
                added.iter().zip(is_hidden).map(|(&x, hides)| if hides { f32::NEG_INFINITY } else { x }).collect();
            MaskData::Float(Data::rounded(values, dtype))
        }
    };
    CallMask { data, shape }
}
