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

/// One element that is NaN or infinite.
#[allow(dead_code, reason = "not every test file that draws wants one")]
pub fn set_special(cotangents: &mut Cotangents, draw: &mut Draw) {
    let special = draw.of(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY]);
    let mut output = cotangents.output.as_ref().map(Data::widened);
    let of_results = [output.as_mut(), cotangents.log_sum_exp.as_mut(), cotangents.weights.as_mut()];
    let given: Vec<_> = of_results.into_iter().flatten().filter(|values| !values.is_empty()).collect();
    if !given.is_empty() {
        let n = draw.below(given.len());
        let values = given.into_iter().nth(n).unwrap();
        let place = draw.below(values.len());
        values[place] = special;
    }
    cotangents.output = output.map(|values| Data::rounded(values, cotangents.output.as_ref().unwrap().dtype()));
}
