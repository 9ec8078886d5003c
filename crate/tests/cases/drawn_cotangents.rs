//! Gradients of an attention call's results, drawn at random.

use crate::attention_call::{AttentionCall, Data};
use crate::backward_call::Cotangents;
use crate::draw::Draw;
use crate::sampled_call::scaled;
use wasm_attention::attention::Sizes;
use wasm_attention::dtype::Dtype;

/// Of most of the results that can be differentiated.
pub fn draw_cotangents(call: &AttentionCall, draw: &mut Draw) -> Cotangents {
    let Sizes { batch, heads, query_length, key_length, value_head_size, .. } = call.sizes;
    let rows = batch * heads * query_length;
    let weights = call.weights.as_ref().filter(|request| request.mode >= 2).map(|request| {
        let matrices = if request.average_heads { 1 } else { request.heads.len() };
        scaled(batch * matrices * request.rows.len() * key_length, draw.seed(), 1.0)
    });
    let dtype = draw.of(&[Dtype::Float32, Dtype::Float32, Dtype::Float16, Dtype::BFloat16]);
    let output = Data::rounded(scaled(rows * value_head_size, draw.seed(), 1.0), dtype);
    Cotangents {
        output: (!draw.one_in(8)).then_some(output),
        log_sum_exp: draw.one_in(2).then(|| scaled(rows, draw.seed(), 1.0)),
        weights,
    }
}
