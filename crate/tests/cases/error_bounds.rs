//! The error bounds of the operations' records (test/cases/operations.ts): sums of powers of two, each times a quantity that has a
//! name.

use serde_json::Value;
use std::sync::LazyLock;

static BOUNDS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../test/cases/error-bounds.json")).unwrap());

/// Each term's power, where the quantities are these in this order.
pub fn powers<const N: usize>(operation: &str, quantities: [&str; N]) -> [f64; N] {
    let terms = terms(operation);
    assert_eq!(terms.iter().map(|(_, quantity)| *quantity).collect::<Vec<_>>(), quantities, "{operation}");
    core::array::from_fn(|index| terms[index].0)
}

fn terms(operation: &str) -> Vec<(f64, &'static str)> {
    let terms = BOUNDS[operation].as_array().unwrap_or_else(|| panic!("{operation} has no error bound"));
    let power = |term: &Value| 2_f64.powf(term[0].as_str().unwrap().strip_prefix("2^").unwrap().parse().unwrap());
    terms.iter().map(|term| (power(term), term[1].as_str().unwrap_or(""))).collect()
}
