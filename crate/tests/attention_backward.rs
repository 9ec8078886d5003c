//! The backward pass of attention against float64: docs/training.md, option by option and mixed, in sizes on and beside the
//! tiles.

#[allow(dead_code, reason = "the forward pass has tests of its own")]
#[path = "cases/attention_call.rs"]
mod attention_call;
#[path = "cases/attention_backward_call.rs"]
mod backward_call;
#[path = "oracle/attention_backward.rs"]
mod backward_oracle;
#[path = "cases/draw.rs"]
mod draw;
#[allow(dead_code, reason = "what a row's bits are, other files ask")]
#[path = "cases/drawn_call.rs"]
mod drawn_call;
#[path = "cases/drawn_cotangents.rs"]
mod drawn_cotangents;
#[allow(dead_code, reason = "the forward pass has tests of its own")]
#[path = "oracle/attention.rs"]
mod oracle;
#[path = "oracle/sample.rs"]
mod sample;
#[path = "cases/sampled_call.rs"]
mod sampled_call;

use attention_call::{AttentionCall, CallMask, CallWeights, Data, Layout, MaskData, dropout};
use backward_call::{BackwardCall, Cotangents, InputGradients};
use backward_oracle::{Gradients, check_gradients};
use draw::Draw;
use drawn_call::{SPECIALS, for_each_panel, set_any, set_mask, set_results, set_rules, set_scores, set_specials};
use drawn_cotangents::{draw_cotangents, set_special};
use sampled_call::{all_weights, as_dtypes, call_of, mask, scaled, sizes};
use wasm_attention::attention::{Sizes, scratch};
use wasm_attention::dtype::Dtype;

const DTYPES: [Dtype; 3] = [Dtype::Float32, Dtype::Float16, Dtype::BFloat16];
const LAYOUTS: [Layout; 3] = [Layout::Bhld, Layout::Blhd, Layout::Lbhd];
const INFINITY: f32 = f32::INFINITY;

/// The kernel's gradients, held against the promise.
#[track_caller]
fn check(name: &str, call: &AttentionCall, cotangents: &Cotangents) -> InputGradients {
    let gradients = BackwardCall::new(call, cotangents).run();
    check_gradients(name, call, cotangents, &Gradients::stored(call, &gradients));
    gradients
}

/// With cotangents that the draw gives.
#[track_caller]
fn check_drawn(name: &str, call: &AttentionCall, draw: &mut Draw) {
    check(name, call, &draw_cotangents(call, draw));
}

const HEAD_SIZES: [usize; 16] = [1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 63, 64, 65, 80, 128, 129];
const KEY_LENGTHS: [usize; 17] = [0, 1, 7, 8, 9, 11, 12, 13, 25, 263, 264, 265, 276, 527, 528, 529, 600];
const QUERY_LENGTHS: [usize; 23] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 63, 64, 65, 66, 129];

#[test]
fn sizes_on_and_beside_the_tiles() {
    for (n, &head_size) in HEAD_SIZES.iter().enumerate() {
        let value_head_size = HEAD_SIZES[(n * 5 + 3) % HEAD_SIZES.len()];
        for (m, &key_length) in KEY_LENGTHS.iter().enumerate() {
            let query_length = QUERY_LENGTHS[(m * 5 + n * 3) % QUERY_LENGTHS.len()];
            let sizes = sizes(query_length, key_length, head_size, value_head_size);
            let seed = (n * KEY_LENGTHS.len() + m) as u64;
            check_drawn(&format!("{sizes:?}"), &call_of(sizes, seed, 2.0), &mut Draw::new(seed));
        }
    }
    for query_length in QUERY_LENGTHS {
        let sizes = sizes(query_length, 13, 5, 3);
        check_drawn(&format!("{sizes:?}"), &call_of(sizes, 1, 2.0), &mut Draw::new(query_length as u64));
    }
    check_drawn("no batch", &call_of(Sizes { batch: 0, ..sizes(3, 4, 5, 6) }, 1, 2.0), &mut Draw::new(0));
}

#[test]
fn causal_windows_and_key_lengths() {
    for (n, (query_length, key_length)) in
        [(1, 9), (9, 9), (17, 5), (5, 17), (20, 300), (140, 130)].into_iter().enumerate()
    {
        for (m, (is_causal, lower_right)) in [(false, false), (true, false), (true, true)].into_iter().enumerate() {
            for (l, left_window) in [None, Some(0), Some(3), Some(127)].into_iter().enumerate() {
                for (r, right_window) in [None, Some(0), Some(2)].into_iter().enumerate() {
                    // Long ones once: they are about blocks.
                    if query_length > 100 && (l != 3 || r != 2) {
                        continue;
                    }
                    let batch = if l % 2 == r % 2 { 3 } else { 1 };
                    let sizes = Sizes { batch, heads: 2, key_heads: 1, ..sizes(query_length, key_length, 3, 2) };
                    let mut call = call_of(sizes, (n * 4 + m) as u64, 2.0);
                    (call.is_causal, call.lower_right) = (is_causal, lower_right);
                    (call.left_window, call.right_window) = (left_window, right_window);
                    call.key_lengths = (batch == 3).then(|| vec![0, key_length as i32 / 2, key_length as i32]);
                    let name = format!(
                        "{query_length} × {key_length}, causal {is_causal}, lower right {lower_right}, windows \
                        {left_window:?} {right_window:?}, {:?}",
                        call.key_lengths
                    );
                    check_drawn(&name, &call, &mut Draw::new((l * 3 + r) as u64));
                }
            }
        }
    }
}

#[test]
fn masks_of_every_kind_and_shape() {
    let full = [2, 4, 10, 131];
    for broadcast in 0..16 {
        for (n, dtype) in
            [None, Some(Dtype::Float32), Some(Dtype::Float16), Some(Dtype::BFloat16)].into_iter().enumerate()
        {
            let shape = std::array::from_fn(|axis| if broadcast >> axis & 1 == 1 { 1 } else { full[axis] });
            let mut call = call_of(Sizes { batch: 2, heads: 4, key_heads: 2, ..sizes(10, 131, 4, 3) }, 1, 2.0);
            let hidden = if n % 2 == 0 { 0.1 } else { 0.9 };
            call.mask = Some(mask(shape, dtype, hidden, 3.0, 77));
            call.is_causal = broadcast % 3 == 0;
            check_drawn(&format!("mask {dtype:?} {shape:?}"), &call, &mut Draw::new(broadcast));
        }
    }
}

#[test]
fn a_mask_may_end_with_the_longest_valid_keys() {
    for (seed, key_length) in [20, 300].into_iter().enumerate() {
        let mut call = call_of(Sizes { batch: 2, ..sizes(5, key_length, 4, 3) }, 1, 2.0);
        call.mask = Some(mask([1, 1, 5, 13], Some(Dtype::Float32), 0.3, 1.0, 5));
        call.key_lengths = Some(vec![13, 4]);
        check_drawn("short mask", &call, &mut Draw::new(seed as u64));
    }
}

#[test]
fn softcaps_slopes_sinks_and_scales() {
    let grouped = Sizes { batch: 2, heads: 4, key_heads: 2, ..sizes(9, 129, 6, 3) };
    let seeds = &mut (0..);
    let mut check_with = |name: &str, amplitude: f32, set: &dyn Fn(&mut AttentionCall)| {
        let mut call = call_of(grouped, 2, amplitude);
        set(&mut call);
        check_drawn(name, &call, &mut Draw::new(seeds.next().unwrap()));
    };
    for softcap in [0.01, 1.0, 20.0, 1e30] {
        check_with(&format!("softcap {softcap:e}"), 6.0, &|call| call.softcap = softcap);
        check_with(&format!("softcap {softcap:e}, causal"), 6.0, &|call| {
            (call.softcap, call.is_causal, call.lower_right) = (softcap, true, true);
        });
    }
    for slopes in [vec![0.5, 0.25, -0.125, 0.0], vec![0.5, 0.2, 0.1, 0.05, 1.0, 2.0, 30.0, -1.0]] {
        for (is_causal, lower_right) in [(false, false), (true, false), (true, true), (false, true)] {
            check_with(&format!("slopes {slopes:?} {is_causal} {lower_right}"), 2.0, &|call| {
                (call.is_causal, call.lower_right, call.slopes) = (is_causal, lower_right, Some(slopes.clone()));
                call.key_lengths = lower_right.then(|| vec![50, 129]);
            });
        }
    }
    for sinks in [[0.0, 1.0, -1.0, 5.0], [-INFINITY, 40.0, -90.0, 200.0], [1e30, f32::MIN, f32::MAX, -0.0]] {
        check_with(&format!("sinks {sinks:?}"), 2.0, &|call| call.sinks = Some(sinks.to_vec()));
        check_with(&format!("sinks {sinks:?}, fully masked rows"), 2.0, &|call| {
            call.sinks = Some(sinks.to_vec());
            (call.is_causal, call.lower_right, call.key_lengths) = (true, true, Some(vec![3, 129]));
        });
    }
    for scale in [0.0, -0.0, -0.5, 1e-30, 65536.0] {
        check_with(&format!("scale {scale:e}"), 2.0, &|call| call.scale = scale);
        check_with(&format!("scale {scale:e} with a softcap"), 2.0, &|call| (call.scale, call.softcap) = (scale, 5.0));
    }
}

#[test]
fn dropout_by_counter() {
    for probability in [1e-10, 0.1, 0.5, 0.999, 1.0] {
        for seed in [0, 42, u64::MAX] {
            let mut call = call_of(Sizes { batch: 2, heads: 4, key_heads: 2, ..sizes(9, 131, 3, 2) }, 1, 2.0);
            call.dropout = Some(dropout(probability, seed));
            for mode in [3, 4] {
                call.weights = all_weights(&call.sizes, mode);
                check_drawn(&format!("dropout {probability} {seed} {mode}"), &call, &mut Draw::new(seed));
            }
            (call.is_causal, call.sinks) = (true, Some(vec![0.0, 1.0, -1.0, 5.0]));
            check_drawn(&format!("dropout {probability} {seed}, causal"), &call, &mut Draw::new(seed));
        }
    }
}

#[test]
fn weights_of_every_mode_head_and_row() {
    for mode in 2..5 {
        for key_length in [0, 1, 5, 127, 270] {
            let mut call = call_of(Sizes { batch: 2, heads: 4, key_heads: 2, ..sizes(19, key_length, 5, 3) }, 1, 2.0);
            (call.is_causal, call.lower_right, call.softcap) = (true, true, 4.0);
            call.slopes = Some(vec![0.5, 0.25, 0.1, 0.0]);
            call.sinks = Some(vec![0.0, -1.0, 2.0, 1.0]);
            call.dropout = Some(dropout(0.3, 9));
            let name = format!("weights, mode {mode}, {key_length} keys");
            let draw = &mut Draw::new(mode.into());
            call.weights = all_weights(&call.sizes, mode);
            check_drawn(&name, &call, draw);
            let (heads, rows) = (vec![3, 0, 2, 3], vec![18, 3, 3, 0, 7, 8, 9, 10, 11, 12]);
            for average_heads in [false, true] {
                call.weights = Some(CallWeights { mode, heads: heads.clone(), rows: rows.clone(), average_heads });
                check_drawn(&format!("{name}, some, averaged {average_heads}"), &call, draw);
            }
        }
    }
    for (heads, rows) in [(vec![], vec![0]), (vec![0], vec![])] {
        let mut call = call_of(sizes(3, 4, 2, 2), 1, 2.0);
        call.weights = Some(CallWeights { mode: 3, heads, rows, average_heads: false });
        check_drawn("no weights", &call, &mut Draw::new(0));
    }
}

#[test]
fn dtypes_layouts_groups_and_past() {
    for layout in LAYOUTS {
        for dtype in DTYPES {
            for value_dtype in DTYPES {
                for past_length in [0, 1, 190] {
                    for (heads, key_heads) in [(1, 1), (6, 2), (4, 1)] {
                        let rows = if past_length == 190 { 3 } else { 17 };
                        let with_past = Sizes { past_length, ..sizes(rows, past_length + 9, 10, 7) };
                        let sizes = Sizes { batch: 2, heads, key_heads, ..with_past };
                        let mut call = as_dtypes(call_of(sizes, 1, 2.0), dtype, value_dtype);
                        (call.layout, call.is_causal) = (layout, past_length == 1);
                        let draw = &mut Draw::new(past_length as u64);
                        check_drawn(&format!("{layout:?} {dtype:?} {value_dtype:?} {sizes:?}"), &call, draw);
                    }
                }
            }
        }
    }
    for (past_length, key_length) in [(0, 5), (5, 5), (0, 0)] {
        let mut call = call_of(Sizes { past_length, ..sizes(2, key_length, 3, 2) }, 1, 2.0);
        call.past.get_or_insert_with(|| (Data::Float32(Vec::new()), Data::Float32(Vec::new())));
        check_drawn(&format!("{past_length} of {key_length} keys past"), &call, &mut Draw::new(0));
    }
}

#[test]
fn few_rows_with_options() {
    for (seed, set) in [set_rules, set_mask, set_scores, set_results].into_iter().enumerate() {
        for_each_panel(31 + seed as u64, 1, |name, mut call, draw| {
            set(&mut call, draw);
            check_drawn(name, &call, draw);
        });
    }
}

#[test]
fn few_rows_with_everything() {
    for_each_panel(35, 3, |name, mut call, draw| {
        set_any(&mut call, draw);
        if draw.one_in(3) {
            set_specials(&mut call, draw);
        }
        let mut cotangents = draw_cotangents(&call, draw);
        if draw.one_in(3) {
            set_special(&mut cotangents, draw);
        }
        check(name, &call, &cotangents);
    });
}

/// Several panels and blocks of rows, of one head or of the heads of a group.
fn draw_many_rows(seed: u64) -> (AttentionCall, Draw) {
    let mut draw = Draw::new(seed);
    let key_heads = 1 + draw.below(2);
    let sizes = Sizes {
        heads: key_heads * (1 + draw.below(3)),
        key_heads,
        ..sizes(10 + draw.below(90), 1 + draw.below(400), 1 + draw.below(30), 1 + draw.below(30))
    };
    let mut call = call_of(sizes, draw.seed(), draw.of(&[0.5, 2.0, 6.0, 40.0]));
    set_any(&mut call, &mut draw);
    (call, draw)
}

#[test]
fn many_rows_with_everything() {
    for seed in 0..60 {
        let (mut call, mut draw) = draw_many_rows(4000 + seed);
        if draw.one_in(3) {
            set_specials(&mut call, &mut draw);
        }
        let mut cotangents = draw_cotangents(&call, &mut draw);
        if draw.one_in(3) {
            set_special(&mut cotangents, &mut draw);
        }
        check(&format!("seed {seed}, {:?}", call.sizes), &call, &cotangents);
    }
}

/// Scores up to 1e4 and more: a float32 has few of their digits, but the weights are those that the forward pass had.
#[test]
fn scores_whose_rounding_errors_are_large_numbers() {
    for (seed, (query_length, key_length)) in
        [(1, 1), (1, 300), (9, 17), (9, 529), (17, 40), (17, 300)].into_iter().enumerate()
    {
        for (query, key) in [(1e4, 1.0), (100.0, 100.0), (1e4, 1e4), (1e9, 1e9)] {
            let name = format!("{query_length} × {key_length}, amplitudes {query:e} and {key:e}");
            let draw = &mut Draw::new(seed as u64);
            let mut call = call_of(sizes(query_length, key_length, 8, 3), seed as u64, 1.0);
            call.query = Data::Float32(scaled(query_length * 8, draw.seed(), query));
            call.key = Data::Float32(scaled(key_length * 8, draw.seed(), key));
            let mask = MaskData::Float(Data::Float32(vec![0.0; query_length * key_length]));
            call.mask = Some(CallMask { data: mask, shape: [1, 1, query_length, key_length] });
            check_drawn(&name, &call, draw);

            // Weights sum to 1, and the gradients of a row's scores to 0.
            let output = scaled(query_length * 3, draw.seed(), 1.0);
            let cotangents = Cotangents { output: Some(Data::Float32(output.clone())), ..Cotangents::default() };
            let gradients = check(&name, &call, &cotangents);
            let sum = |values: &mut dyn Iterator<Item = f32>| values.map(f64::from).sum::<f64>();
            let of_values = gradients[2].as_ref().unwrap();
            for d in 0..3 {
                let column = |values: &[f32]| sum(&mut values.iter().copied().skip(d).step_by(3));
                let error = (column(of_values) - column(&output)).abs();
                assert!(error <= 2_f64.powi(-20) * query_length as f64, "{name}: {error:e} of the sum of weights");
            }
            for row in gradients[5].as_ref().unwrap().chunks(key_length) {
                let error = sum(&mut row.iter().copied()).abs();
                assert!(error <= 2_f64.powi(-18), "{name}: {error:e} of the sum of the scores' gradients");
            }
        }
    }
}

#[test]
fn gradients_that_are_not_wanted_change_no_bit_of_the_others() {
    for seed in 0..60 {
        let (call, mut draw) = draw_many_rows(5000 + seed);
        let cotangents = draw_cotangents(&call, &mut draw);
        let all = BackwardCall::new(&call, &cotangents);
        let expected = all.run();
        for _ in 0..3 {
            let wanted = std::array::from_fn(|_| draw.one_in(2));
            let actual = BackwardCall { wanted, ..all.clone() }.run();
            for n in 0..wanted.len() {
                let expected = expected[n].as_ref().filter(|_| wanted[n]);
                let bits = |values: &Vec<f32>| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                assert_eq!(actual[n].as_ref().map(bits), expected.map(bits), "seed {seed}, input {n} of {wanted:?}");
            }
        }
    }
}

#[test]
fn gradients_do_not_depend_on_what_the_working_memory_holds() {
    for seed in 0..40 {
        let (mut call, mut draw) = draw_many_rows(6000 + seed);
        if draw.one_in(2) {
            set_specials(&mut call, &mut draw);
        }
        let cotangents = draw_cotangents(&call, &mut draw);
        let poisoned = BackwardCall::new(&call, &cotangents);
        let bits = |call: &BackwardCall<'_>| -> Vec<u32> {
            call.run().iter().flatten().flatten().map(|value| value.to_bits()).collect()
        };
        let expected = bits(&poisoned);
        for filling in [0.0, INFINITY, -1e30] {
            let actual = bits(&BackwardCall { filling, ..poisoned.clone() });
            assert_eq!(actual, expected, "seed {seed}, memory full of {filling}");
        }
    }
}

#[test]
fn cotangents_of_present_keys_and_values_are_added() {
    for seed in 0..20 {
        let mut draw = Draw::new(7000 + seed);
        let past_length = draw.below(30);
        let sizes = Sizes {
            batch: 2,
            heads: 4,
            key_heads: 2,
            past_length,
            ..sizes(1 + draw.below(20), past_length + draw.below(30), 1 + draw.below(20), 1 + draw.below(20))
        };
        let mut call = call_of(sizes, draw.seed(), 2.0);
        call.layout = draw.of(&LAYOUTS);
        let cotangents = draw_cotangents(&call, &mut draw);
        let plain = BackwardCall::new(&call, &cotangents);
        let present = [sizes.head_size, sizes.value_head_size].map(|size| {
            let given = Data::Float32(scaled(4 * sizes.key_length * size, draw.seed(), 1.0));
            (!draw.one_in(3)).then_some((given, [2, 2, sizes.key_length, size]))
        });
        let with = BackwardCall { present: present.clone().map(|given| given.map(|(data, _)| data)), ..plain.clone() };
        let [expected, actual] = [plain.run(), with.run()].map(|gradients| Gradients::stored(&call, &gradients));
        assert_eq!(actual.query, expected.query, "seed {seed}");
        for (given, expected, actual) in
            [(&present[0], expected.key, actual.key), (&present[1], expected.value, actual.value)]
        {
            let zeros = vec![0.0; expected.len()];
            let given = given.as_ref().map_or(zeros, |(data, shape)| oracle::contiguous(&call, data, *shape));
            let sums: Vec<f64> = expected.iter().zip(given).map(|(x, given)| f64::from((x + given) as f32)).collect();
            assert_eq!(actual, sums, "seed {seed}");
        }
    }
}

/// Sets a row of `[B, heads, rows, size]`.
fn set_row(data: &mut Data, start: usize, size: usize, value: f32) {
    let dtype = data.dtype();
    let mut values = data.widened();
    values[start..start + size].fill(value);
    *data = Data::rounded(values, dtype);
}

/// Panics unless every gradient has the same bits in both calls that no changed row enters: those are told by their place
/// in `[B, H, L]`.
fn check_untouched(
    name: &str,
    [call, changed]: [&AttentionCall; 2],
    [cotangents, changed_cotangents]: [&Cotangents; 2],
    is_changed: impl Fn(usize) -> bool,
) {
    let run = |call: &AttentionCall, cotangents| Gradients::stored(call, &BackwardCall::new(call, cotangents).run());
    let (expected, actual) = (run(call, cotangents), run(changed, changed_cotangents));
    let Sizes { batch, heads, key_heads, query_length, key_length, head_size, value_head_size, .. } = call.sizes;
    let mut keys = vec![false; batch * key_heads * key_length];
    let mut masks = vec![false; expected.mask.len()];
    let mut slopes = vec![false; expected.slopes.len()];
    let mut sinks = vec![false; expected.sinks.len()];
    let visible = oracle::visible_keys(call);
    for n in (0..visible.len()).filter(|&n| is_changed(n)) {
        let (b, h, i) = (n / (heads * query_length), n / query_length % heads, n % query_length);
        for j in (0..key_length).filter(|&j| visible[n][j]) {
            keys[(b * key_heads + h / (heads / key_heads)) * key_length + j] = true;
            if let Some(mask) = call.mask.as_ref().filter(|_| !masks.is_empty()) {
                masks[oracle::mask_index(mask, [b, h, i, j])] = true;
            }
        }
        let slope = if slopes.len() == heads { h } else { b * heads + h };
        slopes.iter_mut().skip(slope).take(1).for_each(|touched| *touched = true);
        sinks.iter_mut().skip(h).take(1).for_each(|touched| *touched = true);
    }
    let compare = |what: &str, actual: &[f64], expected: &[f64], size: usize, is_touched: &dyn Fn(usize) -> bool| {
        assert_eq!(actual.len(), expected.len(), "{name}: {what}");
        for n in (0..expected.len()).filter(|n| !is_touched(n / size)) {
            assert_eq!(actual[n].to_bits(), expected[n].to_bits(), "{name}: {what}, element {n}");
        }
    };
    compare("query", &actual.query, &expected.query, head_size, &is_changed);
    compare("key", &actual.key, &expected.key, head_size, &|n| keys[n]);
    compare("value", &actual.value, &expected.value, value_head_size, &|n| keys[n]);
    compare("mask", &actual.mask, &expected.mask, 1, &|n| masks[n]);
    compare("slopes", &actual.slopes, &expected.slopes, 1, &|n| slopes[n]);
    compare("sinks", &actual.sinks, &expected.sinks, 1, &|n| sinks[n]);
}

/// Rules or a mask that hide some keys from some rows.
fn hide_some(call: &mut AttentionCall, draw: &mut Draw) {
    set_any(call, draw);
    if call.mask.is_none() {
        set_rules(call, draw);
    }
}

/// All keys are new ones.
fn without_past(call: &mut AttentionCall) {
    (call.key, call.value) = call.present();
    (call.past, call.sizes.past_length) = (None, 0);
}

#[test]
fn what_hidden_keys_hold_changes_no_bit() {
    let check = |name: &str, call: &AttentionCall, draw: &mut Draw| {
        let Sizes { batch, heads, key_heads, query_length, key_length, head_size, value_head_size, .. } = call.sizes;
        if key_length == 0 {
            return;
        }
        let mut changed = call.clone();
        let (b, key_head) = (draw.below(batch), draw.below(key_heads));
        // Preferably one that some row sees and another doesn't.
        let keys = [draw.below(key_length), draw.below(key_length.min(query_length + 2))];
        for j in keys {
            for (data, size) in [(&mut changed.key, head_size), (&mut changed.value, value_head_size)] {
                let start = call.layout.strides([batch, key_heads, key_length, size]).start(b, key_head, j);
                if !draw.one_in(3) {
                    set_row(data, start, size, draw.of(&SPECIALS));
                }
            }
        }
        let visible = oracle::visible_keys(call);
        let sees = |n: usize| {
            let of_key_head = n / query_length % heads / (heads / key_heads) == key_head;
            n / (heads * query_length) == b && of_key_head && keys.iter().any(|&j| visible[n][j])
        };
        let cotangents = draw_cotangents(call, draw);
        check_untouched(&format!("{name}, keys {keys:?}"), [call, &changed], [&cotangents; 2], sees);
        let gradients = BackwardCall::new(&changed, &cotangents).run();
        check_gradients(name, &changed, &cotangents, &Gradients::stored(&changed, &gradients));
    };
    for_each_panel(36, 2, |name, mut call, draw| {
        without_past(&mut call);
        hide_some(&mut call, draw);
        check(name, &call, draw);
    });
    for seed in 0..60 {
        let (mut call, mut draw) = draw_many_rows(8000 + seed);
        hide_some(&mut call, &mut draw);
        check(&format!("seed {seed}, {:?}", call.sizes), &call, &mut draw);
    }
}

#[test]
fn what_gradients_of_hidden_weights_hold_changes_no_bit() {
    for_each_panel(38, 1, |name, mut call, draw| {
        hide_some(&mut call, draw);
        call.weights = all_weights(&call.sizes, draw.of(&[2, 3, 4]));
        let cotangents = draw_cotangents(&call, draw);
        let mut changed = cotangents.clone();
        // All weights were asked for, in the order of the rows.
        let visible = oracle::visible_keys(&call).concat();
        for (gradient, visible) in changed.weights.as_mut().unwrap().iter_mut().zip(visible) {
            if !visible {
                *gradient = draw.of(&SPECIALS);
            }
        }
        check_untouched(name, [&call; 2], [&cotangents, &changed], |_| false);
    });
}

#[test]
fn what_a_row_holds_changes_no_bit_of_the_others() {
    let check = |name: &str, call: &AttentionCall, draw: &mut Draw| {
        let Sizes { batch, heads, query_length, key_length, head_size, value_head_size, .. } = call.sizes;
        let (b, h, i) = (draw.below(batch), draw.below(heads), draw.below(query_length));
        let row = (b * heads + h) * query_length + i;
        let cotangents = draw_cotangents(call, draw);
        let (mut changed, mut changed_cotangents) = (call.clone(), cotangents.clone());
        let start = |size| call.layout.strides([batch, heads, query_length, size]).start(b, h, i);
        if draw.one_in(2) {
            set_row(&mut changed.query, start(head_size), head_size, draw.of(&SPECIALS));
        }
        if let Some(output) = changed_cotangents.output.as_mut().filter(|_| draw.one_in(2)) {
            set_row(output, start(value_head_size), value_head_size, draw.of(&SPECIALS));
        }
        if let Some(log_sum_exp) = changed_cotangents.log_sum_exp.as_mut().filter(|_| draw.one_in(2)) {
            log_sum_exp[row] = draw.of(&SPECIALS);
        }
        // All of them were asked for, one by one.
        if let Some(weights) = changed_cotangents.weights.as_mut().filter(|_| draw.one_in(2)) {
            weights[row * key_length..(row + 1) * key_length].fill(draw.of(&SPECIALS));
        }
        let name = format!("{name}, row {row}");
        check_untouched(&name, [call, &changed], [&cotangents, &changed_cotangents], |n| n == row);
        let gradients = BackwardCall::new(&changed, &changed_cotangents).run();
        check_gradients(&name, &changed, &changed_cotangents, &Gradients::stored(&changed, &gradients));
    };
    for_each_panel(37, 2, |name, mut call, draw| {
        hide_some(&mut call, draw);
        call.weights = all_weights(&call.sizes, draw.of(&[2, 3, 4]));
        check(name, &call, draw);
    });
    for seed in 0..60 {
        let (mut call, mut draw) = draw_many_rows(9000 + seed);
        hide_some(&mut call, &mut draw);
        call.weights = all_weights(&call.sizes, draw.of(&[2, 3, 4]));
        check(&format!("seed {seed}, {:?}", call.sizes), &call, &mut draw);
    }
}

#[test]
fn fully_masked_rows_give_0_but_to_their_sink() {
    for sinks in [None, Some(vec![1.5, -INFINITY])] {
        for dtype in DTYPES {
            let mut call = call_of(Sizes { heads: 2, ..sizes(9, 4, 3, 2) }, 1, 2.0);
            for (data, size) in [(&mut call.query, 3), (&mut call.key, 3), (&mut call.value, 2)] {
                set_row(data, 0, size, f32::NAN);
            }
            call = as_dtypes(call, dtype, dtype);
            let hidden = MaskData::Float(Data::Float32(vec![-INFINITY; 4]));
            call.mask = Some(CallMask { data: hidden, shape: [1, 1, 1, 4] });
            (call.sinks, call.slopes) = (sinks.clone(), Some(vec![0.5, 0.25]));
            for mode in 2..5 {
                call.weights = all_weights(&call.sizes, mode);
                let mut cotangents = Cotangents {
                    output: Some(Data::Float32(vec![f32::NAN; 36])),
                    log_sum_exp: Some(vec![0.25; 18]),
                    weights: Some(vec![INFINITY; 72]),
                };
                let gradients = check("all masked", &call, &cotangents);
                for gradient in gradients[..7].iter().flatten() {
                    assert!(gradient.iter().all(|x| x.to_bits() == 0), "{gradient:?}");
                }
                assert_eq!(gradients[7], sinks.as_ref().map(|_| vec![2.25, 0.0]));
                // A sink of −Infinity has no part in anything.
                cotangents.log_sum_exp.as_mut().unwrap()[9..].fill(f32::NAN);
                let gradients = BackwardCall::new(&call, &cotangents).run();
                assert_eq!(gradients[7], sinks.as_ref().map(|_| vec![2.25, 0.0]));
            }
        }
    }
}

#[test]
fn scratch_lengths_that_overflow_are_none() {
    let call = call_of(sizes(1, 1, 1, 1), 1, 2.0);
    let wanted = scratch::SharedWanted { mask: true, slopes: true, sinks: true };
    let length = |sizes| {
        call.with_attention(&call.key, &call.value, |attention| {
            let attention = wasm_attention::attention::Attention { sizes, ..*attention };
            scratch::backward_length(&attention, true, wanted)
        })
    };
    assert!(length(call.sizes).is_some_and(|length| length < 60_000));
    assert_eq!(length(Sizes { head_size: usize::MAX / 4, ..call.sizes }), None);
    assert_eq!(length(Sizes { value_head_size: usize::MAX / 4, ..call.sizes }), None);
    assert_eq!(length(Sizes { key_length: usize::MAX / 4, ..call.sizes }), None);
}
