//! Frequencies of every kind of scaling, and tables from them at large positions, against test/cases/rotary-angles.json: exact
//! values that scripts/rotary_angles.py computed in arithmetic of 60 digits.

use serde_json::Value;
use wasm_attention::rotary::rotary_tables;
use wasm_attention::rotary_frequencies::{RopeScaling, rotary_attention_factor, rotary_frequencies};

/// The largest error of a frequency.
const FREQUENCY_ERROR: f64 = 1.0 / (1_u64 << 52) as f64;
/// … and of an angle, for each position.
const ANGLE_ERROR: f64 = 1.0 / (1_u64 << 51) as f64;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|item| if item.is_array() { numbers(item) } else { vec![number(item)] })
        .collect()
}

struct Case {
    size: usize,
    base: f64,
    scaling: RopeScaling,
    length: f64,
    attention_factor: f64,
    value: Value,
}

/// A case with the defaults that the operation has.
fn case(value: &Value) -> Case {
    let scaling = &value["ropeScaling"];
    let option = |name: &str, default: f64| scaling[name].as_f64().unwrap_or(default);
    let factor = option("factor", f64::NAN);
    let original_max_position_embeddings = option("originalMaxPositionEmbeddings", f64::NAN);
    let [mut mscale, mut mscale_all_dim] = ["mscale", "mscaleAllDim"].map(|name| option(name, 0.0));
    if mscale == 0.0 || mscale_all_dim == 0.0 {
        (mscale, mscale_all_dim) = (1.0, 0.0);
    }
    Case {
        size: value["size"].as_u64().unwrap() as usize,
        base: number(&value["base"]),
        scaling: match scaling["ropeType"].as_str() {
            None => RopeScaling::None,
            Some("linear") => RopeScaling::Linear { factor },
            Some("dynamic") => {
                RopeScaling::Dynamic { factor, max_position_embeddings: option("maxPositionEmbeddings", f64::NAN) }
            }
            Some("yarn") => RopeScaling::Yarn {
                factor,
                original_max_position_embeddings,
                beta_fast: option("betaFast", 32.0),
                beta_slow: option("betaSlow", 1.0),
                truncate: scaling["truncate"].as_bool().unwrap_or(true),
            },
            Some("llama3") => RopeScaling::Llama3 {
                factor,
                original_max_position_embeddings,
                low_freq_factor: option("lowFreqFactor", f64::NAN),
                high_freq_factor: option("highFreqFactor", f64::NAN),
            },
            Some(other) => panic!("{other} is no kind of scaling"),
        },
        length: option("sequenceLength", 1.0),
        attention_factor: if scaling["ropeType"] == "yarn" {
            option("attentionFactor", rotary_attention_factor(factor, mscale, mscale_all_dim))
        } else {
            1.0
        },
        value: value.clone(),
    }
}

fn file() -> Value {
    serde_json::from_str(include_str!("../../test/cases/rotary-angles.json")).unwrap()
}

#[test]
fn frequencies_are_within_the_stated_error() {
    let mut worst = 0.0_f64;
    for Case { size, base, scaling, length, attention_factor, value } in
        file()["cases"].as_array().unwrap().iter().map(case)
    {
        let mut frequencies = vec![f64::NAN; size / 2];
        rotary_frequencies(&mut frequencies, base, scaling, length);
        for (i, (frequency, truth)) in frequencies.iter().zip(numbers(&value["frequencies"])).enumerate() {
            let error = (frequency - truth).abs();
            worst = worst.max(error);
            assert!(error <= FREQUENCY_ERROR, "{scaling:?}, base {base}, pair {i}: {frequency} for {truth}");
        }
        let truth = number(&value["attentionFactor"]);
        assert!((attention_factor - truth).abs() <= 1e-15 * truth, "{scaling:?}: {attention_factor} for {truth}");
    }
    println!("frequencies: {worst:e}");
}

#[test]
fn frequencies_of_many_bases_and_sizes_are_within_the_stated_error() {
    let mut worst = 0.0_f64;
    for step in 0..400 {
        let base = 1.001 * 1.031_f64.powi(step);
        for size in (2..=256).step_by(14) {
            let mut frequencies = vec![f64::NAN; size / 2];
            rotary_frequencies(&mut frequencies, base, RopeScaling::None, f64::NAN);
            for (i, frequency) in frequencies.iter().enumerate() {
                // The library's power is within 2^-53 of that of its exponent, whose rounding costs it another 2^-54.
                let error = (frequency - base.powf(-((2 * i) as f64) / size as f64)).abs();
                worst = worst.max(error);
                assert!(error <= FREQUENCY_ERROR, "base {base}, size {size}, pair {i}: {error:e}");
            }
        }
    }
    println!("frequencies: {worst:e}");
}

#[test]
fn tables_at_large_positions_are_within_the_stated_error() {
    let file = file();
    let positions: Vec<i32> = numbers(&file["positions"]).iter().map(|&position| position as i32).collect();
    for Case { size, base, scaling, length, attention_factor, value } in
        file["cases"].as_array().unwrap().iter().map(case)
    {
        let pairs = size / 2;
        let mut frequencies = vec![f64::NAN; pairs];
        rotary_frequencies(&mut frequencies, base, scaling, length);
        let mut cosine = vec![f32::NAN; positions.len() * pairs];
        let mut sine = cosine.clone();
        rotary_tables(&mut cosine, &mut sine, &frequencies, Some(&positions), 0, attention_factor);
        for (table, name) in [(cosine, "cosine"), (sine, "sine")] {
            for (at, (&y, truth)) in table.iter().zip(numbers(&value[name])).enumerate() {
                let position = f64::from(positions[at / pairs]);
                let frequency = frequencies[at % pairs];
                // One rounding to float32, and the error of the angle; none of the latter where the frequency is 1.
                let angle_error = if frequency == 1.0 { 0.0 } else { position * ANGLE_ERROR };
                let bound = 2_f64.powi(-24) * 1.002 * truth.abs() + attention_factor * angle_error;
                let error = (f64::from(y) - truth).abs();
                assert!(
                    error <= bound,
                    "{name}, {scaling:?}, base {base}, position {position}, {}: {y} for {truth}",
                    at % pairs
                );
            }
        }
    }
}
