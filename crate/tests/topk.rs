//! The largest elements against a sort by the stated order.

#[path = "oracle/sample.rs"]
mod sample;

use sample::sample;
use std::cmp::Ordering;
use wasm_attention::dtype::CANONICAL_NAN;
use wasm_attention::indices::IndexOutOfRange;
use wasm_attention::topk::{topk, topk_backward};

fn run(input: &[f32], [outer, length, inner]: [usize; 3], k: usize) -> (Vec<f32>, Vec<i32>) {
    let mut values = vec![7.5; outer * k * inner];
    let mut indices = vec![-7; values.len()];
    topk(Some(&mut values), &mut indices, input, &mut vec![u64::MAX; k], outer, length, inner);
    let mut without = vec![-7; indices.len()];
    topk(None, &mut without, input, &mut vec![0; k], outer, length, inner);
    assert_eq!(indices, without);
    (values, indices)
}

/// NaN before all else, then larger ones; a stable sort keeps equals in their order.
fn before(a: f32, b: f32) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (true, true) => Ordering::Equal,
        (false, false) => b.partial_cmp(&a).unwrap(),
        (is_first, _) => {
            if is_first {
                Ordering::Less
            } else {
                Ordering::Greater
            }
        }
    }
}

fn check(input: &[f32], sizes: [usize; 3], k: usize) {
    let [outer, length, inner] = sizes;
    let (values, indices) = run(input, sizes, k);
    for o in 0..outer {
        for i in 0..inner {
            let element = |n: usize| input[(o * length + n) * inner + i];
            let mut order: Vec<usize> = (0..length).collect();
            order.sort_by(|&a, &b| before(element(a), element(b)));
            for (n, &index) in order[..k].iter().enumerate() {
                let place = (o * k + n) * inner + i;
                assert_eq!(indices[place], index as i32, "{sizes:?}, k = {k}, {n}");
                let bits = if element(index).is_nan() { CANONICAL_NAN } else { element(index).to_bits() };
                assert_eq!(values[place].to_bits(), bits);
            }
        }
    }
}

#[test]
fn the_largest_in_descending_order() {
    for sizes in [[1, 1, 1], [2, 5, 1], [1, 40, 3], [3, 33, 1], [2, 7, 4], [0, 3, 2], [2, 3, 0], [1, 300, 1]] {
        let [outer, length, inner] = sizes;
        let input = sample(outer * length * inner, 1);
        for k in [0, 1, 2, 3, length / 2, length] {
            if k <= length {
                check(&input, sizes, k);
                let negative: Vec<f32> = input.iter().map(|x| -x.abs()).collect();
                check(&negative, sizes, k);
            }
        }
    }
}

#[test]
fn equal_elements_zeros_of_both_signs_infinity_and_nan() {
    const SPECIAL: [f32; 9] = [0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, -f32::NAN, 1.0, -1.0, 1e-45];
    for seed in 0..40 {
        let input: Vec<f32> = sample(24, seed).iter().map(|x| SPECIAL[((x + 1.0) * 4.5) as usize]).collect();
        for k in [1, 2, 5, 24] {
            check(&input, [1, 24, 1], k);
        }
    }
    for x in SPECIAL {
        check(&[x; 9], [1, 9, 1], 4);
    }
}

#[test]
fn the_gradient_goes_where_the_values_came_from() {
    let input = sample(2 * 6 * 3, 5);
    let (_, indices) = run(&input, [2, 6, 3], 2);
    let mut gradient = sample(12, 6);
    gradient[4] = -f32::NAN;
    let mut input_gradient = [f32::NAN; 36];
    topk_backward(&mut input_gradient, &gradient, &indices, 2, 6, 3, 2).unwrap();
    for (place, dx) in input_gradient.iter().enumerate() {
        let (o, n, i) = (place / 18, place / 3 % 6, place % 3);
        let from = (0..2).map(|rank| (o * 2 + rank) * 3 + i).find(|&at| indices[at] == n as i32);
        let expected = from.map_or(0.0, |at| gradient[at]);
        assert_eq!(dx.to_bits(), if expected.is_nan() { CANONICAL_NAN } else { expected.to_bits() });
    }
}

#[test]
fn indices_outside_are_refused_before_anything_is_written() {
    for bad in [2, -1] {
        let mut input_gradient = [9.0; 2];
        assert_eq!(topk_backward(&mut input_gradient, &[1.0], &[bad], 1, 2, 1, 1), Err(IndexOutOfRange));
        assert_eq!(input_gradient, [9.0; 2]);
    }
}
