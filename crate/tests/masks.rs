//! Combined masks against what each element is by definition.

#[path = "oracle/sample.rs"]
mod sample;

use sample::sample;
use wasm_attention::attention::arrays::Strides;
use wasm_attention::masks::{Combined, Mask, Sizes, combine_mask, hide_keys};

/// A mask over `[batch, heads, rows, keys]`, of which some axes repeat.
struct Given {
    strides: Strides,
    hides: Vec<u8>,
    added: Vec<f32>,
}

impl Given {
    fn new(sizes: &Sizes, repeats: [bool; 3], seed: u64) -> Self {
        let sizes_of = [sizes.batch, sizes.heads, sizes.rows];
        let mut length = sizes.keys;
        let mut strides = [0; 3];
        for axis in (0..3).rev() {
            if !repeats[axis] {
                strides[axis] = length;
                length *= sizes_of[axis];
            }
        }
        let numbers = sample(length, seed);
        Self {
            strides: Strides { batch: strides[0], head: strides[1], row: strides[2] },
            hides: numbers.iter().map(|x| if *x > 0.3 { 7 } else { 0 }).collect(),
            added: numbers.iter().map(|x| if *x < -0.8 { f32::NEG_INFINITY } else { *x }).collect(),
        }
    }

    fn at(&self, b: usize, h: usize, i: usize, j: usize) -> usize {
        b * self.strides.batch + h * self.strides.head + i * self.strides.row + j
    }
}

/// Calls `check` for each element, with the number of its place.
fn for_each(sizes: &Sizes, mut check: impl FnMut(usize, usize, usize, usize, usize)) {
    for b in 0..sizes.batch {
        for h in 0..sizes.heads {
            for i in 0..sizes.rows {
                for j in 0..sizes.columns {
                    check(((b * sizes.heads + h) * sizes.rows + i) * sizes.columns + j, b, h, i, j);
                }
            }
        }
    }
}

#[test]
fn every_element_is_what_masks_and_rules_say() {
    let shapes = [[1, 1, 1, 0], [2, 1, 1, 5], [2, 3, 4, 7], [1, 2, 9, 3], [3, 2, 2, 33], [2, 0, 3, 4]];
    for ([batch, heads, rows, keys], extra) in shapes.into_iter().zip([1, 0, 2, 1, 0, 1]) {
        let sizes = Sizes { batch, heads, rows, keys, columns: keys + extra };
        let length = batch * heads * rows * sizes.columns;
        let padding = Given::new(&sizes, [false, true, true], 1);
        for attention_repeats in [[true, true, false], [false, false, false], [true, true, true]] {
            let attention = Given::new(&sizes, attention_repeats, 2);
            let lengths: Vec<i32> = (0..batch).map(|b| (keys - b.min(keys)) as i32).collect();
            for (key_lengths, is_causal) in
                [(None, false), (None, true), (Some(&lengths[..]), false), (Some(&lengths), true)]
            {
                let hidden_by_rule = |b: usize, i: usize, j: usize| {
                    j < keys && ((is_causal && j > i) || key_lengths.is_some_and(|lengths| j >= lengths[b] as usize))
                };

                let mut boolean = vec![1_u8; length];
                let mut combined = Combined::Boolean(&mut boolean);
                for mask in [&padding, &attention] {
                    combine_mask(&mut combined, Mask::Boolean(&mask.hides), &mask.strides, &sizes);
                }
                hide_keys(&mut combined, key_lengths, is_causal, &sizes);
                for_each(&sizes, |at, b, h, i, j| {
                    let hidden = j < keys
                        && (padding.hides[padding.at(b, h, i, j)] != 0
                            || attention.hides[attention.at(b, h, i, j)] != 0);
                    assert_eq!(boolean[at], u8::from(!(hidden || hidden_by_rule(b, i, j))), "[{b}, {h}, {i}, {j}]");
                });

                for padding_is_float in [true, false] {
                    let mut float = vec![0.0_f32; length];
                    let mut combined = Combined::Float(&mut float);
                    let first =
                        if padding_is_float { Mask::Float(&padding.added) } else { Mask::Boolean(&padding.hides) };
                    combine_mask(&mut combined, first, &padding.strides, &sizes);
                    combine_mask(&mut combined, Mask::Float(&attention.added), &attention.strides, &sizes);
                    hide_keys(&mut combined, key_lengths, is_causal, &sizes);
                    for_each(&sizes, |at, b, h, i, j| {
                        let mut expected = 0.0;
                        if hidden_by_rule(b, i, j) {
                            expected = f32::NEG_INFINITY;
                        } else if j < keys {
                            let n = padding.at(b, h, i, j);
                            let hides = padding.hides[n] != 0;
                            expected = match (padding_is_float, hides) {
                                (true, _) => padding.added[n],
                                (false, true) => f32::NEG_INFINITY,
                                (false, false) => 0.0,
                            };
                            expected += attention.added[attention.at(b, h, i, j)];
                        }
                        assert_eq!(float[at], expected, "[{b}, {h}, {i}, {j}]");
                    });
                }
            }
        }
    }
}

#[test]
fn a_rule_hides_what_a_mask_would_add_infinity_to() {
    let sizes = Sizes { batch: 1, heads: 1, rows: 1, keys: 2, columns: 3 };
    let mut float = [0.0; 3];
    let mut combined = Combined::Float(&mut float);
    let strides = Strides { batch: 0, head: 0, row: 0 };
    combine_mask(&mut combined, Mask::Float(&[f32::INFINITY; 2]), &strides, &sizes);
    hide_keys(&mut combined, Some(&[1]), false, &sizes);
    assert_eq!(float, [f32::INFINITY, f32::NEG_INFINITY, 0.0]);
}

#[test]
#[should_panic]
fn floats_in_a_boolean_mask_are_refused() {
    let sizes = Sizes { batch: 1, heads: 1, rows: 1, keys: 1, columns: 1 };
    let strides = Strides { batch: 0, head: 0, row: 0 };
    combine_mask(&mut Combined::Boolean(&mut [1]), Mask::Float(&[0.0]), &strides, &sizes);
}
