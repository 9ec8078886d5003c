//! Panels of every width, against float64 and each other: 1 to 9 query rows of 1 to 16 heads that share a key head, so that
//! a panel holds one row, up to four or up to eight, of one head or of several; and keys up to and beyond the ends of
//! the blocks that each width takes.

#[path = "cases/attention_call.rs"]
mod attention_call;
#[path = "cases/draw.rs"]
mod draw;
#[path = "oracle/attention.rs"]
mod oracle;
#[path = "oracle/sample.rs"]
mod sample;
#[path = "cases/sampled_call.rs"]
mod sampled_call;

use attention_call::{AttentionCall, AttentionResults, CallMask, CallWeights, Data, Layout, MaskData, dropout};
use draw::Draw;
use sampled_call::{all_weights, as_dtypes, call_of, mask, scaled, sizes};
use wasm_attention::attention::Sizes;
use wasm_attention::numeric::Dtype;

const QUERY_LENGTHS: std::ops::RangeInclusive<usize> = 1..=9;
const GROUPS: [usize; 7] = [1, 2, 3, 4, 5, 8, 16];
/// Around what a block holds for a panel that is 8 wide or masked (252 keys), 4 wide (504) and 1 wide (2016), and two
/// such blocks.
const KEY_LENGTHS: [usize; 34] = [
    0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 16, 17, 33, 100, 251, 252, 253, 254, 260, 503, 504, 505, 506, 1007, 1008,
    1009, 1010, 2015, 2016, 2017, 2018, 2100,
];
const HEAD_SIZES: [usize; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17];
const DTYPES: [Dtype; 3] = [Dtype::Float32, Dtype::Float16, Dtype::BFloat16];
/// Scores that a call may have, so that the oracle takes milliseconds.
const LARGEST_CALL: usize = 30_000;
const SPECIALS: [f32; 7] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 1e30, 1e-40];

/// Calls `check` with `count` calls for each number of rows and each size of group.
fn for_each_panel(seed: u64, count: u64, check: impl Fn(&str, AttentionCall, &mut Draw)) {
    for query_length in QUERY_LENGTHS {
        for (n, group) in GROUPS.into_iter().enumerate() {
            for round in 0..count {
                let mut draw = Draw::new(((seed * 10 + query_length as u64) * 10 + n as u64) * 100 + round);
                let call = draw_call(query_length, group, &mut draw);
                check(&format!("seed {seed}, round {round}, {:?}", call.sizes), call, &mut draw);
            }
        }
    }
}

/// A call without options.
fn draw_call(query_length: usize, group: usize, draw: &mut Draw) -> AttentionCall {
    let rows = query_length * group;
    let allowed = KEY_LENGTHS.iter().filter(|keys| *keys * rows <= LARGEST_CALL).count();
    // Half of the calls have one block or little more, the others as many keys as may be.
    let key_length = KEY_LENGTHS[if draw.one_in(2) { draw.below(allowed) } else { allowed - 1 - draw.below(10) }];
    let fits_twice = 2 * rows * key_length <= LARGEST_CALL;
    let key_heads = if fits_twice { 1 + draw.below(2) } else { 1 };
    let past_length = if draw.one_in(4) { draw.below(key_length + 1) } else { 0 };
    let sizes = Sizes {
        batch: if fits_twice && key_heads == 1 { 1 + draw.below(2) } else { 1 },
        heads: key_heads * group,
        key_heads,
        past_length,
        ..sizes(query_length, key_length, draw.of(&HEAD_SIZES), draw.of(&HEAD_SIZES))
    };
    let call = call_of(sizes, draw.seed(), draw.of(&[0.5, 2.0, 2.0, 6.0, 30.0]));
    let half = draw.of(&DTYPES);
    let (dtype, value_dtype) =
        draw.of(&[(DTYPES[0], DTYPES[0]), (DTYPES[0], DTYPES[0]), (half, half), (half, DTYPES[0])]);
    let mut call = as_dtypes(call, dtype, value_dtype);
    call.layout = draw.of(&[Layout::Bhld, Layout::Blhd, Layout::Lbhd]);
    call
}

/// Causal, windows and key lengths.
fn set_rules(call: &mut AttentionCall, draw: &mut Draw) {
    let Sizes { batch, key_length, .. } = call.sizes;
    call.is_causal = draw.one_in(2);
    call.lower_right = draw.one_in(2);
    let mut window = || {
        let width = draw.of(&[3, 20, key_length + 2]);
        draw.one_in(3).then(|| draw.below(width) as u32)
    };
    (call.left_window, call.right_window) = (window(), window());
    if call.past.is_none() && draw.one_in(2) {
        call.key_lengths = Some((0..batch).map(|_| draw.below(key_length + 1) as i32).collect());
    }
}

/// A mask of any kind, with rows that see nothing, keys that no row sees, and numbers that the softmax can't take.
fn set_mask(call: &mut AttentionCall, draw: &mut Draw) {
    let Sizes { batch, heads, query_length, key_length, .. } = call.sizes;
    let full = [batch, heads, query_length, key_length];
    let shape: [usize; 4] = full.map(|length| if draw.one_in(4) { 1 } else { length });
    let dtype =
        draw.of(&[None, Some(Dtype::Float32), Some(Dtype::Float32), Some(Dtype::Float16), Some(Dtype::BFloat16)]);
    let mut drawn = mask(shape, dtype, draw.of(&[0.0, 0.1, 0.5, 0.95]), 3.0, draw.seed());
    let keys = shape[3];
    let rows = shape[0] * shape[1] * shape[2];
    let hidden_row = draw.below(rows + 1);
    // The first block or more, or the last.
    let hidden_keys = draw.of(&[0..0, 0..0, 0..keys.min(300), keys - keys.min(300)..keys]);
    let is_hidden = |n: usize| n / keys.max(1) == hidden_row || hidden_keys.contains(&(n % keys.max(1)));
    match &mut drawn.data {
        MaskData::Boolean(attends) => {
            (0..attends.len()).filter(|&n| is_hidden(n)).for_each(|n| attends[n] = 0);
        }
        MaskData::Float(data) => {
            let dtype = data.dtype();
            let mut values = data.widened();
            let lowest = [f32::MIN, -65504.0, -3.389_531_4e38][dtype as usize];
            let lowest = draw.of(&[lowest, lowest.max(-1e30)]);
            match draw.below(8) {
                0 => values.fill(lowest),
                1 => values.iter_mut().skip(draw.below(3)).step_by(2).for_each(|value| *value = lowest),
                2 => values.iter_mut().enumerate().filter(|(n, _)| n % 97 == 5).for_each(|(_, value)| *value = lowest),
                3 if !values.is_empty() => {
                    let place = draw.below(values.len());
                    values[place] = draw.of(&[f32::NAN, f32::INFINITY, f32::MAX]);
                }
                _ => (0..values.len()).filter(|&n| is_hidden(n)).for_each(|n| values[n] = f32::NEG_INFINITY),
            }
            *data = Data::rounded(values, dtype);
        }
    }
    call.mask = Some(drawn);
}

/// What changes scores: the softcap, ALiBi and the scale; and sinks, different for each head.
fn set_scores(call: &mut AttentionCall, draw: &mut Draw) {
    let Sizes { batch, heads, .. } = call.sizes;
    call.softcap = draw.of(&[0.0, 0.0, 0.5, 10.0, 50.0]);
    call.scale *= draw.of(&[1.0, 1.0, -2.0, 0.0]);
    if draw.one_in(2) {
        let length = draw.of(&[heads, batch * heads]);
        call.slopes = Some(scaled(length, draw.seed(), draw.of(&[0.05, 1.0])));
    }
    if draw.one_in(2) {
        let mut sinks = scaled(heads, draw.seed(), draw.of(&[3.0, 60.0]));
        if draw.one_in(3) {
            sinks[draw.below(heads)] = f32::NEG_INFINITY;
        }
        call.sinks = Some(sinks);
    }
}

/// Dropout, and weights at a stage of some heads and rows or all.
fn set_results(call: &mut AttentionCall, draw: &mut Draw) {
    let Sizes { heads, query_length, .. } = call.sizes;
    call.dropout = draw.one_in(3).then(|| dropout(draw.of(&[0.1, 0.5, 1.0]), draw.seed()));
    if draw.one_in(2) {
        let mode = draw.below(5) as u32;
        call.weights = all_weights(&call.sizes, mode);
        if draw.one_in(2) {
            let (heads, rows) = (vec![draw.below(heads) as u32], vec![draw.below(query_length) as u32; 2]);
            call.weights = Some(CallWeights { mode, heads, rows, average_heads: draw.one_in(2) });
        }
    }
}

/// A few elements that are not finite, or hardly.
fn set_specials(call: &mut AttentionCall, draw: &mut Draw) {
    for _ in 0..1 + draw.below(3) {
        let special = draw.of(&SPECIALS);
        let data = match draw.below(5) {
            0 => &mut call.query,
            1 | 2 => &mut call.key,
            _ => &mut call.value,
        };
        let dtype = data.dtype();
        let mut values = data.widened();
        if !values.is_empty() {
            let place = draw.below(values.len());
            values[place] = special;
        }
        *data = Data::rounded(values, dtype);
    }
}

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

/// Any call of the kinds above.
fn set_any(call: &mut AttentionCall, draw: &mut Draw) {
    let setters = [set_scores, set_rules, set_mask, set_results];
    for set in setters {
        if draw.one_in(2) {
            set(call, draw);
        }
    }
}

/// The bits of each row of a result: its output, its logSumExp and its weights, rows in the order of `[B, H, L]`.
fn row_bits(call: &AttentionCall, results: &AttentionResults) -> Vec<Vec<u32>> {
    let Sizes { batch, heads, query_length, key_length, value_head_size, .. } = call.sizes;
    let strides = call.layout.strides([batch, heads, query_length, value_head_size]);
    let output = results.output.widened();
    let weights = results.weights.as_ref().map(Data::widened).unwrap_or_default();
    (0..batch * heads * query_length)
        .map(|n| {
            let start = strides.start(n / (heads * query_length), n / query_length % heads, n % query_length);
            let weights = weights.chunks(key_length.max(1)).nth(n).unwrap_or_default();
            let row = [&output[start..start + value_head_size], &results.log_sum_exp[n..=n], weights].concat();
            row.into_iter().map(f32::to_bits).collect()
        })
        .collect()
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

/// A head alone has panels of another width than among the others, so its sums have another order.
#[test]
fn a_head_has_the_same_result_alone() {
    for_each_panel(11, 3, |name, mut call, draw| {
        let sizes = Sizes {
            batch: 1,
            key_heads: 1,
            heads: call.sizes.heads / call.sizes.key_heads,
            past_length: 0,
            ..call.sizes
        };
        call = call_of(sizes, draw.seed(), 2.0);
        call.sinks = draw.one_in(2).then(|| scaled(sizes.heads, draw.seed(), 3.0));
        call.slopes = draw.one_in(2).then(|| scaled(sizes.heads, draw.seed(), 0.1).iter().map(|x| x.abs()).collect());
        call.is_causal = draw.one_in(2);
        let together = call.run();
        for h in 0..sizes.heads {
            let mut alone = call.clone();
            alone.sizes.heads = 1;
            let size = sizes.query_length * sizes.head_size;
            alone.query = Data::Float32(call.query.widened()[h * size..(h + 1) * size].to_vec());
            alone.sinks = call.sinks.as_ref().map(|sinks| vec![sinks[h]]);
            alone.slopes = call.slopes.as_ref().map(|slopes| vec![slopes[h]]);
            let results = alone.run();
            let size = sizes.query_length * sizes.value_head_size;
            let pairs = [
                (results.output.widened(), &together.output.widened()[h * size..][..size]),
                (results.log_sum_exp, &together.log_sum_exp[h * sizes.query_length..][..sizes.query_length]),
            ];
            for (alone, among) in pairs {
                let is_close = |(a, b): (&f32, &f32)| a == b || (a - b).abs() <= 1e-5 * (1.0 + b.abs());
                assert!(alone.iter().zip(among).all(is_close), "{name}, head {h}: {alone:?}, among others {among:?}");
            }
        }
    });
}
