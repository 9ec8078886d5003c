//! The option `ropeScaling` of a case, with the defaults that the operation has.

use serde_json::Value;
use wasm_attention::rotary_frequencies::{RopeScaling, rotary_attention_factor, rotary_frequencies};

/// Frequencies of `size / 2` pairs and the attention factor, for a sequence of `length` unless the option gives another.
pub fn scaled_frequencies(scaling: &Value, size: usize, base: f64, length: f64) -> (Vec<f64>, f64) {
    let option = |name: &str, default: f64| scaling[name].as_f64().unwrap_or(default);
    let factor = option("factor", f64::NAN);
    let original_max_position_embeddings = option("originalMaxPositionEmbeddings", f64::NAN);
    let mut attention_factor = 1.0;
    let kind = match scaling["ropeType"].as_str() {
        None => RopeScaling::None,
        Some("linear") => RopeScaling::Linear { factor },
        Some("dynamic") => {
            RopeScaling::Dynamic { factor, max_position_embeddings: option("maxPositionEmbeddings", f64::NAN) }
        }
        Some("yarn") => {
            let [mut mscale, mut mscale_all_dim] = ["mscale", "mscaleAllDim"].map(|name| option(name, 0.0));
            if mscale == 0.0 || mscale_all_dim == 0.0 {
                (mscale, mscale_all_dim) = (1.0, 0.0);
            }
            attention_factor = option("attentionFactor", rotary_attention_factor(factor, mscale, mscale_all_dim));
            RopeScaling::Yarn {
                factor,
                original_max_position_embeddings,
                beta_fast: option("betaFast", 32.0),
                beta_slow: option("betaSlow", 1.0),
                truncate: scaling["truncate"].as_bool().unwrap_or(true),
            }
        }
        Some("llama3") => RopeScaling::Llama3 {
            factor,
            original_max_position_embeddings,
            low_freq_factor: option("lowFreqFactor", f64::NAN),
            high_freq_factor: option("highFreqFactor", f64::NAN),
        },
        Some(other) => panic!("{other} is no kind of scaling"),
    };
    let mut frequencies = vec![f64::NAN; size / 2];
    rotary_frequencies(&mut frequencies, base, kind, option("sequenceLength", length));
    (frequencies, attention_factor)
}
