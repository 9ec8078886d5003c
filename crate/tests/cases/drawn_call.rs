//! Attention calls with options and numbers drawn at random, and the bits of their rows.

use crate::attention_call::{AttentionCall, AttentionResults, CallWeights, Data, InStrips, Layout, MaskData, dropout};
use crate::draw::Draw;
use crate::sampled_call::{all_weights, as_dtypes, call_of, mask, scaled, sizes};
use wasm_attention::attention::Sizes;
use wasm_attention::dtype::Dtype;

pub const QUERY_LENGTHS: std::ops::RangeInclusive<usize> = 1..=9;
pub const GROUPS: [usize; 7] = [1, 2, 3, 4, 5, 8, 16];
/// Around the ends of strips (12 keys), blocks (264) and what a single row multiplies at once (2112).
pub const KEY_LENGTHS: [usize; 34] = [
    0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 16, 17, 23, 24, 25, 33, 100, 263, 264, 265, 266, 275, 276, 527, 528, 529,
    600, 791, 793, 2111, 2113, 2150,
];
pub const HEAD_SIZES: [usize; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17];
pub const DTYPES: [Dtype; 3] = [Dtype::Float32, Dtype::Float16, Dtype::BFloat16];
/// Scores that a call may have, so that the oracle takes milliseconds.
pub const LARGEST_CALL: usize = 30_000;
pub const SPECIALS: [f32; 7] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN, 1e30, 1e-40];

/// Calls `check` with `count` calls for each number of rows and each size of group.
pub fn for_each_panel(seed: u64, count: u64, check: impl Fn(&str, AttentionCall, &mut Draw)) {
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
pub fn draw_call(query_length: usize, group: usize, draw: &mut Draw) -> AttentionCall {
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
    call.in_strips = InStrips { keys: draw.one_in(3), values: draw.one_in(3) };
    call.layout = draw.of(&[Layout::Bhld, Layout::Blhd, Layout::Lbhd]);
    call
}

/// Causal, windows and key lengths.
pub fn set_rules(call: &mut AttentionCall, draw: &mut Draw) {
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
pub fn set_mask(call: &mut AttentionCall, draw: &mut Draw) {
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
pub fn set_scores(call: &mut AttentionCall, draw: &mut Draw) {
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
pub fn set_results(call: &mut AttentionCall, draw: &mut Draw) {
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
pub fn set_specials(call: &mut AttentionCall, draw: &mut Draw) {
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

/// Any call of the kinds above.
pub fn set_any(call: &mut AttentionCall, draw: &mut Draw) {
    let setters = [set_scores, set_rules, set_mask, set_results];
    for set in setters {
        if draw.one_in(2) {
            set(call, draw);
        }
    }
}

/// The bits of each row of a result: its output, its logSumExp and its weights, rows in the order of `[B, H, L]`.
pub fn row_bits(call: &AttentionCall, results: &AttentionResults) -> Vec<Vec<u32>> {
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
