//! The products of attention, in sizes on and beside their tiles, steps and runs.

#[path = "cases/products.rs"]
mod products;
#[path = "oracle/sample.rs"]
mod sample;

use products::{StoredRows, check_products, check_scores, check_single_scores, check_single_sums, check_sums};
use wasm_attention::tiles::TILE;

/// Rows of many counts, sizes and distances.
fn stored_rows(counts: impl Iterator<Item = usize>) -> impl Iterator<Item = StoredRows> {
    counts.flat_map(|count| (0..=26).flat_map(move |size| [0, 1, 5].map(|gap| StoredRows::new(count, size, gap))))
}

#[test]
fn tiles_of_scores() {
    for keys in stored_rows(0..=26) {
        check_scores(&keys, 8);
        check_scores(&keys, 4);
    }
}

#[test]
fn tiles_of_sums() {
    for values in stored_rows(1..=26) {
        for is_first in [false, true] {
            check_sums(&values, 8, is_first);
            check_sums(&values, 4, is_first);
        }
    }
}

#[test]
fn scores_of_a_single_row() {
    stored_rows(0..=26).for_each(|keys| check_single_scores(&keys));
}

#[test]
fn sums_of_a_single_row() {
    stored_rows(0..=26).for_each(|values| check_single_sums(&values));
}

#[test]
fn sums_over_the_rows_of_panels() {
    for keys in [TILE, 1] {
        for width in [0, 8, 16, 64] {
            for first in 0..8 {
                (first + 1..=8).for_each(|end| check_products(keys, width, &(first..end)));
            }
        }
    }
}
