//! A row's bits are its own: the same alone, in a chunk, among all rows, with or without the other heads and batches, and
//! however its keys and values are stored.

#[path = "cases/attention_call.rs"]
mod attention_call;
#[path = "cases/draw.rs"]
mod draw;
#[path = "cases/drawn_call.rs"]
mod drawn_call;
#[path = "oracle/sample.rs"]
mod sample;
#[path = "cases/sampled_call.rs"]
mod sampled_call;

use attention_call::{AttentionCall, CallMask, CallWeights, Data, InStrips, Layout, MaskData};
use draw::Draw;
use drawn_call::{for_each_panel, row_bits, set_any, set_specials};
use sampled_call::{all_weights, call_of, scaled, sizes};
use std::ops::Range;
use wasm_attention::attention::Sizes;

const CHUNKS: [usize; 9] = [1, 2, 3, 4, 5, 7, 8, 9, 33];

/// Elements of heads and rows of `[B, heads, rows, size]`, in the order of `[1, heads, rows, size]`.
fn part_of(
    data: &Data,
    layout: Layout,
    shape: [usize; 4],
    b: usize,
    heads: &Range<usize>,
    rows: &Range<usize>,
) -> Data {
    let strides = layout.strides(shape);
    let values = data.widened();
    let places = heads.clone().flat_map(|h| rows.clone().map(move |i| (h, i)));
    let part = places.flat_map(|(h, i)| values[strides.start(b, h, i)..][..shape[3]].to_vec()).collect();
    Data::rounded(part, data.dtype())
}

/// The mask of a part; its axes of length 1 stay.
fn mask_of(mask: &CallMask, b: usize, heads: &Range<usize>, rows: &Range<usize>) -> CallMask {
    let axis = |axis: usize, range: Range<usize>| if mask.shape[axis] == 1 { 0..1 } else { range };
    let ranges = [axis(0, b..b + 1), axis(1, heads.clone()), axis(2, rows.clone()), 0..mask.shape[3]];
    let [_, all_heads, all_rows, keys] = mask.shape;
    let index = |[b, h, i, j]: [usize; 4]| ((b * all_heads + h) * all_rows + i) * keys + j;
    let mut places = Vec::new();
    for b in ranges[0].clone() {
        for h in ranges[1].clone() {
            for i in ranges[2].clone() {
                places.extend(ranges[3].clone().map(|j| index([b, h, i, j])));
            }
        }
    }
    let data = match &mask.data {
        MaskData::Boolean(elements) => MaskData::Boolean(places.iter().map(|&n| elements[n]).collect()),
        MaskData::Float(data) => {
            let values = data.widened();
            MaskData::Float(Data::rounded(places.iter().map(|&n| values[n]).collect(), data.dtype()))
        }
    };
    CallMask { data, shape: ranges.map(|range| range.len()) }
}

/// The same rows of the same keys in a call of their own; None where no call has their positions.
fn part(
    call: &AttentionCall,
    (key, value): &(Data, Data),
    b: usize,
    heads: Range<usize>,
    rows: Range<usize>,
) -> Option<AttentionCall> {
    let Sizes { batch, heads: all_heads, key_heads, query_length, past_length, key_length, head_size, value_head_size } =
        call.sizes;
    let group = all_heads / key_heads;
    let its_key_heads = heads.start / group..heads.end.div_ceil(group);
    if !heads.len().is_multiple_of(its_key_heads.len())
        || (its_key_heads.len() > 1 && heads.len() / its_key_heads.len() != group)
    {
        return None;
    }
    let keys = call.key_lengths.as_ref().map_or(key_length, |lengths| lengths[b] as usize);
    let offset = if call.lower_right { keys as i64 - query_length as i64 } else { past_length as i64 };
    let of_keys = |data: &Data, size: usize| {
        part_of(data, call.layout, [batch, key_heads, key_length, size], b, &its_key_heads, &(0..key_length))
    };
    let slopes = call.slopes.as_ref().map(|slopes| {
        let first = if slopes.len() == all_heads { 0 } else { b * all_heads };
        slopes[first..][heads.clone()].to_vec()
    });
    Some(AttentionCall {
        sizes: Sizes {
            batch: 1,
            heads: heads.len(),
            key_heads: its_key_heads.len(),
            query_length: rows.len(),
            // Without past keys it is the position of the first row.
            past_length: usize::try_from(offset + rows.start as i64).ok()?,
            ..call.sizes
        },
        layout: Layout::Bhld,
        query: part_of(&call.query, call.layout, [batch, all_heads, query_length, head_size], b, &heads, &rows),
        key: of_keys(key, head_size),
        value: of_keys(value, value_head_size),
        past: None,
        lower_right: false,
        mask: call.mask.as_ref().map(|mask| mask_of(mask, b, &heads, &rows)),
        key_lengths: call.key_lengths.as_ref().map(|lengths| vec![lengths[b]]),
        slopes,
        sinks: call.sinks.as_ref().map(|sinks| sinks[heads.clone()].to_vec()),
        weights: call.weights.as_ref().map(|weights| CallWeights {
            mode: weights.mode,
            heads: (0..heads.len() as u32).collect(),
            rows: (0..rows.len() as u32).collect(),
            average_heads: false,
        }),
        ..call.clone()
    })
}

/// Keys and values as they are, or in strips.
fn draw_strips(draw: &mut Draw) -> InStrips {
    InStrips { keys: draw.one_in(2), values: draw.one_in(2) }
}

/// A call with all its rows, whose parts are compared with it.
struct Whole<'a> {
    name: &'a str,
    call: &'a AttentionCall,
    /// All keys and values.
    present: (Data, Data),
    bits: Vec<Vec<u32>>,
}

impl Whole<'_> {
    /// Compares each row of a part, where there is such a call, with its bits among all.
    fn check(&self, b: usize, heads: Range<usize>, rows: Range<usize>, in_strips: InStrips) {
        let Some(part) = part(self.call, &self.present, b, heads.clone(), rows.clone()) else { return };
        let part = AttentionCall { in_strips, ..part };
        let Sizes { heads: all_heads, query_length, .. } = self.call.sizes;
        for (n, row) in row_bits(&part, &part.run()).iter().enumerate() {
            let (h, i) = (heads.start + n / rows.len(), rows.start + n % rows.len());
            let expected = &self.bits[(b * all_heads + h) * query_length + i];
            let place = format!("row {i} of head {h}, batch {b}, in rows {rows:?} of heads {heads:?}, {in_strips:?}");
            assert_eq!(row, expected, "{}: {place}", self.name);
        }
    }
}

/// All parts that are compared: each batch in each storage; chunks of rows of all heads, of one, of those of a key head.
fn check_all(name: &str, call: &AttentionCall, draw: &mut Draw) {
    let Sizes { batch, heads, key_heads, query_length, .. } = call.sizes;
    let results = call.run();
    let bits = row_bits(call, &results);
    let present = results.present.unwrap_or_else(|| (call.key.clone(), call.value.clone()));
    let whole = Whole { name, call, present, bits };
    // The pattern of dropped weights goes by the numbers of rows, heads and batches in the call: those before them are
    // computed along.
    let (batches, is_prefix) = if call.dropout.is_some() { (0..1, true) } else { (0..batch, false) };
    for b in batches {
        for (keys, values) in [(true, false), (false, true), (true, true)] {
            whole.check(b, 0..heads, 0..query_length, InStrips { keys, values });
        }
        for chunk in CHUNKS {
            for start in (0..query_length).step_by(if is_prefix { query_length } else { chunk }) {
                let rows = start..query_length.min(start + chunk);
                let group = heads / key_heads;
                let (h, first) = if is_prefix { (0, 0) } else { (draw.below(heads), draw.below(key_heads) * group) };
                for heads in [0..heads, h..h + 1, first..first + group] {
                    whole.check(b, heads, rows.clone(), draw_strips(draw));
                }
            }
        }
    }
}

#[test]
fn rows_of_few_queries() {
    for_each_panel(21, 6, |name, mut call, draw| {
        set_any(&mut call, draw);
        if draw.one_in(3) {
            set_specials(&mut call, draw);
        }
        call.weights = draw.one_in(2).then(|| all_weights(&call.sizes, draw.below(5) as u32)).flatten();
        check_all(name, &call, draw);
    });
}

#[test]
fn rows_of_many_queries() {
    for seed in 0..40 {
        let mut draw = Draw::new(1000 + seed);
        let key_heads = 1 + draw.below(2);
        let sizes = Sizes {
            heads: key_heads * (1 + draw.below(3)),
            key_heads,
            ..sizes(10 + draw.below(90), 1 + draw.below(700), 1 + draw.below(130), 1 + draw.below(130))
        };
        let mut call = call_of(sizes, draw.seed(), draw.of(&[0.5, 2.0, 6.0, 40.0]));
        set_any(&mut call, &mut draw);
        if draw.one_in(3) {
            set_specials(&mut call, &mut draw);
        }
        call.weights = draw.one_in(2).then(|| all_weights(&call.sizes, draw.below(5) as u32)).flatten();
        check_all(&format!("seed {seed}, {sizes:?}"), &call, &mut draw);
    }
}

#[test]
fn scores_whose_rounding_errors_are_large_numbers() {
    for seed in 0..30 {
        let mut draw = Draw::new(2000 + seed);
        let length = draw.of(&[1, 9, 17]);
        let mut call = call_of(sizes(length, 1 + draw.below(600), 8, 3), draw.seed(), 1.0);
        let amplitude = draw.of(&[1e4, 1e10, 1e18]);
        call.query = Data::Float32(scaled(call.query.widened().len(), draw.seed(), amplitude));
        call.key = Data::Float32(scaled(call.key.widened().len(), draw.seed(), 1e4));
        call.weights = all_weights(&call.sizes, 3);
        check_all(&format!("seed {seed}"), &call, &mut draw);
        // Weights come from the very scores whose sum they are divided by.
        let weights = call.run().weights.unwrap().widened();
        for (row, weights) in weights.chunks(call.sizes.key_length).enumerate() {
            let sum: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
            assert!((sum - 1.0).abs() <= 2_f64.powi(-20), "seed {seed}, amplitude {amplitude}: row {row}: {sum}");
        }
    }
}

/// Where a block is open to all rows they meet their weight in the product, elsewhere by hand: 0 · Infinity is NaN in both.
#[test]
fn values_that_are_not_finite_where_weights_are_0() {
    for seed in 0..20 {
        let mut draw = Draw::new(3000 + seed);
        let length = 2 + draw.below(12);
        let mut call = call_of(sizes(length, length + draw.below(300), 4, 5), draw.seed(), 40.0);
        call.is_causal = true;
        call.lower_right = true;
        let mut values = call.value.widened();
        for _ in 0..8 {
            let place = draw.below(values.len());
            values[place] = draw.of(&[f32::INFINITY, f32::NEG_INFINITY]);
        }
        call.value = Data::Float32(values);
        check_all(&format!("seed {seed}"), &call, &mut draw);
    }
}
