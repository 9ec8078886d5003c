//! Frequencies of every kind of scaling, and tables from them at large positions, against test/cases/rotary-angles.json: exact
//! values that scripts/rotary_angles.py computed in arithmetic of 60 digits.

#[path = "cases/rope_scaling.rs"]
mod rope_scaling;

use rope_scaling::scaled_frequencies;
use serde_json::Value;
use wasm_attention::rotary_embedding::rotary_tables;
use wasm_attention::rotary_frequencies::{RopeScaling, rotary_frequencies};

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

fn file() -> Value {
    serde_json::from_str(include_str!("../../test/cases/rotary-angles.json")).unwrap()
}

/// A case's frequencies and attention factor, and a text to name it.
fn scaled(case: &Value) -> (Vec<f64>, f64, String) {
    let size = case["size"].as_u64().unwrap() as usize;
    let (frequencies, attention_factor) = scaled_frequencies(&case["ropeScaling"], size, number(&case["base"]), 1.0);
    (frequencies, attention_factor, format!("size {size}, base {}, {}", case["base"], case["ropeScaling"]))
}

#[test]
fn frequencies_are_within_the_stated_error() {
    let mut worst = 0.0_f64;
    for case in file()["cases"].as_array().unwrap() {
        let (frequencies, attention_factor, name) = scaled(case);
        for (i, (frequency, truth)) in frequencies.iter().zip(numbers(&case["frequencies"])).enumerate() {
            worst = worst.max((frequency - truth).abs());
            assert!((frequency - truth).abs() <= FREQUENCY_ERROR, "{name}, pair {i}: {frequency} for {truth}");
        }
        let truth = number(&case["attentionFactor"]);
        assert!((attention_factor - truth).abs() <= 1e-15 * truth, "{name}: {attention_factor} for {truth}");
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
    for case in file["cases"].as_array().unwrap() {
        let (frequencies, attention_factor, name) = scaled(case);
        let pairs = frequencies.len();
        let mut cosine = vec![f32::NAN; positions.len() * pairs];
        let mut sine = cosine.clone();
        rotary_tables(&mut cosine, &mut sine, &frequencies, Some(&positions), 0, attention_factor);
        for (table, function) in [(cosine, "cosine"), (sine, "sine")] {
            for (at, (&y, truth)) in table.iter().zip(numbers(&case[function])).enumerate() {
                let (position, i) = (f64::from(positions[at / pairs]), at % pairs);
                // One rounding to float32, and the error of the angle; none of the latter where the frequency is 1.
                let angle_error = if frequencies[i] == 1.0 { 0.0 } else { position * ANGLE_ERROR };
                let bound = 2_f64.powi(-24) * 1.002 * truth.abs() + attention_factor * angle_error;
                let error = (f64::from(y) - truth).abs();
                assert!(error <= bound, "{function}, {name}, position {position}, pair {i}: {y} for {truth}");
            }
        }
    }
}
