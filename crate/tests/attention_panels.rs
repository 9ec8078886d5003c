//! Panels of every width, against float64 and each other: 1 to 9 query rows of 1 to 16 heads that share a key head, so that
//! a panel holds one row, up to four or up to eight, of one head or of several; and keys up to and beyond the ends of
//! the blocks that each width takes.

#[path = "cases/attention_call.rs"]
mod attention_call;
#[path = "cases/draw.rs"]
mod draw;
#[path = "cases/drawn_call.rs"]
mod drawn_call;
#[path = "oracle/attention.rs"]
mod oracle;
#[path = "oracle/sample.rs"]
mod sample;
#[path = "cases/sampled_call.rs"]
mod sampled_call;

use attention_call::{AttentionCall, CallMask, Data, MaskData};
use drawn_call::{
    SPECIALS, for_each_panel, row_bits, set_any, set_mask, set_results, set_rules, set_scores, set_specials,
};
use sampled_call::{all_weights, scaled};
use wasm_attention::attention::Sizes;

fn check(name: &str, call: &AttentionCall) {
    oracle::check_promise(name, call, &call.run());
}

#[test]
fn rows_that_see_every_key() {
    for_each_panel(1, 5, |name, call, _| check(name, &call));
}

#[test]
fn rows_under_causal_windows_and_key_lengths() {
    for_each_panel(2, 5, |name, mut call, draw| {
        set_rules(&mut call, draw);
        check(name, &call);
    });
}

#[test]
fn rows_under_masks() {
    for_each_panel(3, 6, |name, mut call, draw| {
        set_mask(&mut call, draw);
        check(name, &call);
    });
}

#[test]
fn rows_with_softcap_slopes_sinks_and_scales() {
    for_each_panel(4, 5, |name, mut call, draw| {
        set_scores(&mut call, draw);
        check(name, &call);
    });
}

#[test]
fn rows_with_dropout_and_weights() {
    for_each_panel(5, 4, |name, mut call, draw| {
        set_results(&mut call, draw);
        check(name, &call);
    });
}

#[test]
fn rows_with_everything() {
    for_each_panel(6, 7, |name, mut call, draw| {
        set_scores(&mut call, draw);
        if draw.one_in(2) {
            set_rules(&mut call, draw);
        }
        if draw.one_in(2) {
            set_mask(&mut call, draw);
        }
        if draw.one_in(3) {
            set_specials(&mut call, draw);
        }
        set_results(&mut call, draw);
        check(name, &call);
    });
}

/// Queries, keys and scales so large, or small, that products leave float32 or scores have no digits left.
#[test]
fn rows_with_huge_numbers() {
    for_each_panel(7, 5, |name, mut call, draw| {
        let amplitudes = [(1e30, 1.0), (3e38, 1e-30), (1e18, 1e18), (1e5, 1e5), (1e-30, 1e30), (1e-38, 1e37)];
        let (query, key) = draw.of(&amplitudes);
        let mut fill = |data: &mut Data, amplitude| {
            *data = Data::Float32(scaled(data.widened().len(), draw.seed(), amplitude));
        };
        fill(&mut call.query, query);
        fill(&mut call.key, key);
        if let Some((past_key, _)) = &mut call.past {
            fill(past_key, key);
        }
        call.scale = draw.of(&[1.0, 60_000.0, 1e-15, 1e-30, 1e30, -1.0]);
        call.softcap = draw.of(&[0.0, 0.0, 1e-5, 20.0, 1e20, 1e36]);
        if draw.one_in(3) {
            set_rules(&mut call, draw);
        }
        if draw.one_in(3) {
            set_mask(&mut call, draw);
        }
        check(name, &call);
        // Where a rounding error of a score is a large number, only this much holds of weights.
        call.weights = all_weights(&call.sizes, 3);
        let results = call.run();
        let weights = results.weights.map(|weights| weights.widened()).unwrap_or_default();
        for (weights, log_sum_exp) in weights.chunks(call.sizes.key_length.max(1)).zip(results.log_sum_exp) {
            let are_weights = weights.iter().all(|weight| (0.0..=1.0).contains(weight));
            assert!(are_weights || log_sum_exp.is_nan(), "{name}: {weights:?}");
        }
    });
}

/// Panics unless both results have the same bits in every row that isn't excepted.
fn check_rows(name: &str, rows: [Vec<Vec<u32>>; 2], is_excepted: impl Fn(usize) -> bool) {
    let [expected, actual] = &rows;
    for n in (0..expected.len()).filter(|&n| !is_excepted(n)) {
        assert_eq!(actual[n], expected[n], "{name}: row {n}");
    }
}

/// Sets a row of `[B, heads, rows, size]`.
fn set_row(data: &mut Data, start: usize, size: usize, value: f32) {
    let dtype = data.dtype();
    let mut values = data.widened();
    values[start..start + size].fill(value);
    *data = Data::rounded(values, dtype);
}

#[test]
fn a_row_does_not_touch_the_others_of_its_panel() {
    for_each_panel(8, 4, |name, mut call, draw| {
        set_any(&mut call, draw);
        call.weights = all_weights(&call.sizes, draw.of(&[2, 3, 4]));
        let expected = row_bits(&call, &call.run());
        let Sizes { batch, heads, query_length, head_size, .. } = call.sizes;
        let (b, h, i) = (draw.below(batch), draw.below(heads), draw.below(query_length));
        let special = draw.of(&SPECIALS);
        let row = (b * heads + h) * query_length + i;
        let mut changed = call.clone();
        let start = call.layout.strides([batch, heads, query_length, head_size]).start(b, h, i);
        set_row(&mut changed.query, start, head_size, special);
        let name = format!("{name}, {special} in row {row}");
        check_rows(&name, [expected.clone(), row_bits(&changed, &changed.run())], |n| n == row);

        // What belongs to a head, in all of its rows.
        let mut changed = call.clone();
        let options = [&mut changed.sinks, &mut changed.slopes];
        for values in options.into_iter().flatten() {
            values.iter_mut().skip(h).step_by(heads).for_each(|value| *value = special);
        }
        if let Some(CallMask { data: MaskData::Float(data), shape: [_, mask_heads, mask_rows, mask_keys] }) =
            &mut changed.mask
            && *mask_heads == heads
        {
            let size = *mask_rows * *mask_keys;
            let of_head: Vec<usize> = (h * size..data.widened().len()).step_by(heads * size.max(1)).collect();
            of_head.into_iter().for_each(|start| set_row(data, start, size, special));
        }
        check_rows(&name, [expected, row_bits(&changed, &changed.run())], |n| n / query_length % heads == h);
    });
}

#[test]
fn what_hidden_keys_hold_changes_no_bit() {
    for_each_panel(9, 5, |name, mut call, draw| {
        set_any(&mut call, draw);
        if call.mask.is_none() {
            set_rules(&mut call, draw);
        }
        call.weights = all_weights(&call.sizes, draw.of(&[2, 3, 4]));
        let Sizes { batch, heads, key_heads, query_length, past_length, key_length, head_size, value_head_size } =
            call.sizes;
        if key_length == 0 {
            return;
        }
        let mut changed = call.clone();
        let (b, key_head) = (draw.below(batch), draw.below(key_heads));
        // Preferably one that some row sees and another doesn't.
        let keys = [draw.below(key_length), draw.below(key_length.min(query_length + 2))];
        for j in keys {
            let (rows, j, data) = match &mut changed.past {
                Some(past) if j < past_length => (past_length, j, [&mut past.0, &mut past.1]),
                _ => (key_length - past_length, j - past_length, [&mut changed.key, &mut changed.value]),
            };
            for (data, size) in data.into_iter().zip([head_size, value_head_size]) {
                let start = call.layout.strides([batch, key_heads, rows, size]).start(b, key_head, j);
                if !draw.one_in(3) {
                    set_row(data, start, size, draw.of(&SPECIALS));
                }
            }
        }
        let visible = oracle::visible_keys(&call);
        let group = heads / key_heads;
        let sees = |n: usize| {
            let is_theirs = n / (heads * query_length) == b && n / query_length % heads / group == key_head;
            is_theirs && keys.iter().any(|&j| visible[n][j])
        };
        let rows = [row_bits(&call, &call.run()), row_bits(&changed, &changed.run())];
        check_rows(&format!("{name}, keys {keys:?}"), rows, sees);
    });
}

#[test]
fn results_do_not_depend_on_what_the_working_memory_holds() {
    for_each_panel(10, 3, |name, mut call, draw| {
        set_any(&mut call, draw);
        if draw.one_in(3) {
            set_specials(&mut call, draw);
        }
        call.weights = all_weights(&call.sizes, draw.below(5) as u32);
        let expected = row_bits(&call, &call.run());
        for filling in [f32::NAN, 0.0, f32::INFINITY, -1e30] {
            let rows = [expected.clone(), row_bits(&call, &call.run_on(filling))];
            check_rows(&format!("{name}, memory full of {filling}"), rows, |_| false);
        }
    });
}
