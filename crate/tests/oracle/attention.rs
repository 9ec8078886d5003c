//! Attention row by row, from docs/semantics.md alone: in float64, or rounded to float32 after every operation, which
//! is the naive computation that section 8's promise speaks of. And that promise, as a check.

use crate::attention_call::{AttentionCall, AttentionResults, CallMask, Data, MaskData};
use wasm_attention::attention::Sizes;
use wasm_attention::dtype::Dtype;
use wasm_attention::random::Philox;

#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Precision {
    Double,
    Single,
}

/// What became of a row.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum State {
    Normal,
    FullyMasked,
    NaN,
}

/// One row's values at every stage; weights modes 0 to 4 are the first five.
pub struct Row {
    pub stages: [Vec<f64>; 5],
    pub visible: Vec<bool>,
    /// What the rounding errors of a score grow with.
    magnitude: Vec<f64>,
    output: Vec<f64>,
    pub log_sum_exp: f64,
    pub state: State,
    /// Whether a number that float32 can't hold was met.
    overflows: bool,
}

/// A call's tensors as numbers, `[B, heads, rows, size]`.
pub struct Problem<'a> {
    pub call: &'a AttentionCall,
    pub query: Vec<f64>,
    pub key: Vec<f64>,
    pub value: Vec<f64>,
    pub mask: Option<Vec<f64>>,
}

pub fn contiguous(call: &AttentionCall, data: &Data, [batch, heads, rows, size]: [usize; 4]) -> Vec<f64> {
    let values = data.widened();
    let strides = call.layout.strides([batch, heads, rows, size]);
    let mut result = Vec::new();
    for b in 0..batch {
        for h in 0..heads {
            for i in 0..rows {
                let start = strides.start(b, h, i);
                result.extend(values[start..start + size].iter().map(|&value| f64::from(value)));
            }
        }
    }
    result
}

/// Where a mask holds what it says of an element (b, h, i, j).
pub fn mask_index(mask: &CallMask, place: [usize; 4]) -> usize {
    mask.strides().into_iter().zip(place).map(|(stride, place)| stride * place).sum()
}

/// Past rows, then new ones, head by head.
fn all_keys(call: &AttentionCall, past: Option<&Data>, new: &Data, size: usize) -> Vec<f64> {
    let sizes = &call.sizes;
    let (batch, heads, past_rows) = (sizes.batch, sizes.key_heads, sizes.past_length);
    let new_rows = sizes.key_length - past_rows;
    let past = past.map_or_else(Vec::new, |past| contiguous(call, past, [batch, heads, past_rows, size]));
    let new = contiguous(call, new, [batch, heads, new_rows, size]);
    let (past_size, new_size) = (past_rows * size, new_rows * size);
    (0..batch * heads)
        .flat_map(|n| [&past[n * past_size..(n + 1) * past_size], &new[n * new_size..(n + 1) * new_size]].concat())
        .collect()
}

impl<'a> Problem<'a> {
    pub fn new(call: &'a AttentionCall) -> Self {
        let sizes = &call.sizes;
        let mask = call.mask.as_ref().map(|mask| match &mask.data {
            MaskData::Boolean(attends) => {
                attends.iter().map(|&attends| if attends != 0 { 0.0 } else { f64::NEG_INFINITY }).collect()
            }
            MaskData::Float(data) => data.widened().iter().map(|&value| f64::from(value)).collect(),
        });
        let past = |choose: fn(&(Data, Data)) -> &Data| call.past.as_ref().map(choose);
        Self {
            call,
            query: contiguous(call, &call.query, [sizes.batch, sizes.heads, sizes.query_length, sizes.head_size]),
            key: all_keys(call, past(|(key, _)| key), &call.key, sizes.head_size),
            value: all_keys(call, past(|(_, value)| value), &call.value, sizes.value_head_size),
            mask,
        }
    }

    pub fn key_row(&self, b: usize, h: usize, j: usize) -> usize {
        let sizes = &self.call.sizes;
        (b * sizes.key_heads + h / (sizes.heads / sizes.key_heads)) * sizes.key_length + j
    }

    /// What the mask adds; −Infinity beyond its keys.
    fn added(&self, b: usize, h: usize, i: usize, j: usize) -> f64 {
        let (Some(mask), Some(values)) = (&self.call.mask, &self.mask) else { return 0.0 };
        let [_, _, _, width] = mask.shape;
        if width != 1 && j >= width {
            return f64::NEG_INFINITY;
        }
        values[mask_index(mask, [b, h, i, j])]
    }

    /// Where a query row stands among the keys.
    pub fn position(&self, b: usize, i: usize) -> i64 {
        let sizes = &self.call.sizes;
        let offset = if self.call.lower_right {
            self.valid_keys(b) - sizes.query_length as i64
        } else {
            sizes.past_length as i64
        };
        i as i64 + offset
    }

    fn valid_keys(&self, b: usize) -> i64 {
        self.call.key_lengths.as_ref().map_or(self.call.sizes.key_length as i64, |lengths| i64::from(lengths[b]))
    }

    /// What dropout makes of a weight of 1: 1 / (1 − p) where it is kept, 0 where it is dropped.
    pub fn keep(&self, b: usize, h: usize, i: usize, j: usize) -> f64 {
        let Some(dropout) = self.call.dropout else { return 1.0 };
        let counter = [j / 4, i, h, b].map(|index| index as u32);
        let is_kept = dropout.scale != 0.0 && Philox::new(dropout.seed).words_of(counter)[j % 4] >= dropout.threshold;
        // 1 − p from the threshold: the further bits of p can't matter.
        if is_kept { 1.0 / (1.0 - f64::from(dropout.threshold) / 4_294_967_296.0) } else { 0.0 }
    }

    pub fn row(&self, b: usize, h: usize, i: usize, precision: Precision) -> Row {
        let call = self.call;
        let sizes = &call.sizes;
        let (keys, depth, width) = (sizes.key_length, sizes.head_size, sizes.value_head_size);
        let round = |x: f64| if precision == Precision::Single { f64::from(x as f32) } else { x };
        let mut overflows = false;
        let mut watch = |x: f64| {
            overflows |= x.is_finite() && (x as f32).is_infinite();
            x
        };

        let valid = self.valid_keys(b);
        let position = self.position(b, i);
        let scale = f64::from(call.scale);
        let softcap = f64::from(call.softcap);
        let slope = call
            .slopes
            .as_ref()
            .map(|slopes| f64::from(if slopes.len() == sizes.heads { slopes[h] } else { slopes[b * sizes.heads + h] }));
        let sink = call.sinks.as_ref().map_or(f64::NEG_INFINITY, |sinks| f64::from(sinks[h]));

        let query = &self.query[((b * sizes.heads + h) * sizes.query_length + i) * depth..][..depth];
        let mut stages = [const { Vec::new() }; 5];
        let (mut visible, mut magnitude) = (Vec::new(), Vec::new());
        for j in 0..keys {
            let key = &self.key[self.key_row(b, h, j) * depth..][..depth];
            let (mut dot, mut products) = (0.0, 0.0);
            for (q, k) in query.iter().zip(key) {
                let product = round(watch(q * k));
                dot = watch(round(dot + product));
                products += (q * k).abs();
            }
            let raw = watch(round(dot * scale));
            let capped = if softcap == 0.0 { raw } else { round(softcap * round(round(raw / softcap).tanh())) };
            let distance = (position - j as i64).abs() as f64;
            let penalty = slope.map_or(0.0, |slope| watch(round(slope * distance)));
            let added = self.added(b, h, i, j);
            let j_position = j as i64;
            let sees = j_position < valid
                && added != f64::NEG_INFINITY
                && (!call.is_causal || j_position <= position)
                && call.left_window.is_none_or(|left| j_position >= position - i64::from(left))
                && call.right_window.is_none_or(|right| j_position <= position + i64::from(right));
            let score = if sees { watch(round(round(capped - penalty) + added)) } else { f64::NEG_INFINITY };
            stages[0].push(raw);
            stages[1].push(capped);
            stages[2].push(score);
            visible.push(sees);
            magnitude.push(scale.abs() * products + penalty.abs() + if sees { added.abs() } else { 0.0 });
        }

        let seen = || (0..keys).filter(|&j| visible[j]);
        let spoils = |x: f64| x.is_nan() || x == f64::INFINITY;
        let state = if spoils(sink) || seen().any(|j| spoils(stages[2][j])) {
            State::NaN
        } else if seen().all(|j| stages[2][j] == f64::NEG_INFINITY) {
            State::FullyMasked
        } else {
            State::Normal
        };

        let mut weights = vec![0.0; keys];
        let mut log_sum_exp = if state == State::NaN { f64::NAN } else { sink };
        if state == State::NaN {
            seen().for_each(|j| weights[j] = f64::NAN);
        }
        if state == State::Normal {
            let limit = 2_f64.powi(126);
            let clamped = |x: f64| if x.is_finite() { x.clamp(-limit, limit) } else { x };
            let largest = seen().fold(sink, |largest, j| largest.max(clamped(stages[2][j])));
            let exponential = |x: f64| round(round(x - largest).exp());
            let mut total = exponential(sink);
            for j in seen() {
                weights[j] = exponential(clamped(stages[2][j]));
                total = round(total + weights[j]);
            }
            weights.iter_mut().for_each(|weight| *weight = round(*weight / total));
            log_sum_exp = round(largest + round(total.ln()));
        }

        let mut dropped = weights.clone();
        if state == State::Normal {
            dropped.iter_mut().enumerate().for_each(|(j, weight)| *weight = round(*weight * self.keep(b, h, i, j)));
        }
        let fill = if state == State::NaN { f64::NAN } else { 0.0 };
        let mut output = vec![fill; width];
        if state == State::Normal {
            for j in seen() {
                let value = &self.value[self.key_row(b, h, j) * width..][..width];
                for (sum, v) in output.iter_mut().zip(value) {
                    *sum = round(*sum + round(dropped[j] * v));
                }
            }
        }
        let [raw, capped, score, ..] = stages;
        let stages = [raw, capped, score, weights, dropped];
        Row { stages, visible, magnitude, output, log_sum_exp, state, overflows }
    }
}

/// What an element may be.
#[derive(Clone, Copy, Debug)]
pub enum Expected {
    /// This number with its sign of zero, or NaN.
    Exactly(f64),
    /// At most so far from it, before the rounding to 16 bits.
    Within(f64, f64),
    /// NaN or an infinity.
    NotFinite,
    /// No promise: numbers beyond float32's.
    Anything,
}

fn rounded(value: f64, dtype: Dtype) -> f32 {
    // By way of float32; the second rounding can move a bound by one more unit of 16 bits, only outwards or onto a tie.
    Data::rounded(vec![value as f32], dtype).widened()[0]
}

impl Expected {
    pub fn within(value: f64, tolerance: f64) -> Self {
        if tolerance.is_finite() { Self::Within(value, tolerance) } else { Self::Anything }
    }

    fn allows(self, x: f32, dtype: Dtype) -> bool {
        match self {
            Self::Exactly(value) if value.is_nan() => x.is_nan(),
            Self::Exactly(value) => x.to_bits() == rounded(value, dtype).to_bits(),
            Self::Within(value, tolerance) if dtype == Dtype::Float32 => (f64::from(x) - value).abs() <= tolerance,
            Self::Within(value, tolerance) => {
                rounded(value - tolerance, dtype) <= x && x <= rounded(value + tolerance, dtype)
            }
            Self::NotFinite => !x.is_finite(),
            Self::Anything => true,
        }
    }
}

/// A row in both precisions, and 8.2's a: the largest magnitude among keys that carry weight.
pub struct Judged {
    pub exact: Row,
    naive: Row,
    pub a: f64,
    pub is_free: bool,
}

impl Judged {
    pub fn new(problem: &Problem<'_>, b: usize, h: usize, i: usize) -> Self {
        let exact = problem.row(b, h, i, Precision::Double);
        let naive = problem.row(b, h, i, Precision::Single);
        let carries = |j: &usize| exact.visible[*j] && exact.stages[3][*j] >= 2_f64.powi(-60);
        let a = (0..exact.visible.len()).filter(carries).fold(0.0, |a: f64, j| a.max(exact.magnitude[j]));
        let is_free = exact.overflows || exact.state != naive.state;
        Self { exact, naive, a, is_free }
    }

    fn output(&self, problem: &Problem<'_>, b: usize, h: usize) -> Vec<Expected> {
        let width = self.exact.output.len();
        if self.is_free {
            return vec![Expected::Anything; width];
        }
        if self.exact.state != State::Normal {
            return self.exact.output.iter().map(|&value| Expected::Exactly(value)).collect();
        }
        let seen: Vec<usize> = (0..self.exact.visible.len()).filter(|&j| self.exact.visible[j]).collect();
        let value = |j: usize, d: usize| problem.value[problem.key_row(b, h, j) * width + d].abs();
        let sums: Vec<f64> = (0..width).map(|d| seen.iter().map(|&j| value(j, d)).sum()).collect();
        let limit = 2_f64.powi(86);
        let error = |d: usize| (self.naive.output[d] - self.exact.output[d]).abs();
        let e = (0..width).filter(|&d| sums[d] <= limit).map(error).fold(0.0, f64::max);
        (0..width)
            .map(|d| {
                if !sums[d].is_finite() {
                    Expected::NotFinite
                } else if sums[d] > limit {
                    Expected::Anything
                } else {
                    let weighted: f64 = seen.iter().map(|&j| self.exact.stages[4][j] * value(j, d)).sum();
                    let largest = seen.iter().map(|&j| value(j, d)).fold(0.0, f64::max);
                    let floor = 2_f64.powi(-21) * (1.0 + self.a) * weighted + 2_f64.powi(-60) * largest;
                    Expected::within(self.exact.output[d], 2.0 * e + floor)
                }
            })
            .collect()
    }

    fn log_sum_exp(&self) -> Expected {
        let (r, n) = (self.exact.log_sum_exp, self.naive.log_sum_exp);
        match self.exact.state {
            _ if self.is_free => Expected::Anything,
            State::Normal => Expected::within(r, 2.0 * (n - r).abs() + 2_f64.powi(-21) * (1.0 + self.a + r.abs())),
            _ => Expected::Exactly(r),
        }
    }

    fn weight(&self, mode: usize, j: usize) -> Expected {
        let (r, n) = (self.exact.stages[mode][j], self.naive.stages[mode][j]);
        let error = 2.0 * (n - r).abs();
        if mode < 3 {
            // 8.2 speaks of weights; a score is judged as logSumExp is, by the numbers that it is made of.
            return match r.is_finite() {
                true => Expected::within(r, error + 2_f64.powi(-21) * (1.0 + self.exact.magnitude[j])),
                false if n == r || n.is_nan() && r.is_nan() => Expected::Exactly(r),
                false => Expected::Anything,
            };
        }
        let is_exact = self.exact.state != State::Normal
            || !self.exact.visible[j]
            || self.exact.stages[2][j] == f64::NEG_INFINITY
            || (mode == 4 && r == 0.0);
        if self.is_free && self.exact.visible[j] {
            Expected::Anything
        } else if is_exact {
            Expected::Exactly(r)
        } else {
            let weight = self.exact.stages[3][j];
            let stretch = if weight > 0.0 { r / weight } else { 1.0 };
            Expected::within(r, error + 2_f64.powi(-20) * (1.0 + self.a) * r + 2_f64.powi(-60) * stretch)
        }
    }
}

/// The mean over heads: means of results and tolerances, and the roundings of the sum.
fn mean(of_heads: &[Expected]) -> Expected {
    let count = of_heads.len() as f64;
    let (mut value, mut tolerance, mut magnitude) = (0.0, 0.0, 0.0);
    for expected in of_heads {
        let (r, t) = match *expected {
            Expected::Exactly(r) => (r, 0.0),
            Expected::Within(r, t) => (r, t),
            Expected::NotFinite | Expected::Anything => return Expected::Anything,
        };
        value += r / count;
        tolerance += t / count;
        magnitude += r.abs() / count;
    }
    if !value.is_finite() || magnitude == 0.0 {
        Expected::Exactly(value)
    } else {
        Expected::within(value, tolerance + count * 2_f64.powi(-23) * magnitude)
    }
}

pub fn check(name: &str, actual: &Data, expected: &[(usize, Expected)]) {
    let values = actual.widened();
    assert_eq!(values.len(), expected.len(), "{name}: elements");
    for &(index, expected) in expected {
        let x = values[index];
        assert!(expected.allows(x, actual.dtype()), "{name}: element {index} is {x:e}, expected {expected:?}");
    }
}

/// Which keys each row sees, rows in the order of `[B, H, L]`.
#[allow(dead_code, reason = "not every test file that has the oracle asks")]
pub fn visible_keys(call: &AttentionCall) -> Vec<Vec<bool>> {
    let problem = Problem::new(call);
    let Sizes { batch, heads, query_length, .. } = call.sizes;
    let row = |n: usize| (n / (heads * query_length), n / query_length % heads, n % query_length);
    (0..batch * heads * query_length)
        .map(row)
        .map(|(b, h, i)| problem.row(b, h, i, Precision::Double).visible)
        .collect()
}

/// Panics unless the results are what docs/semantics.md promises for the call.
pub fn check_promise(name: &str, call: &AttentionCall, results: &AttentionResults) {
    let problem = Problem::new(call);
    let sizes = &call.sizes;
    let (batch, heads, rows, keys) = (sizes.batch, sizes.heads, sizes.query_length, sizes.key_length);
    let width = sizes.value_head_size;
    let strides = call.layout.strides([batch, heads, rows, width]);
    let judged: Vec<Judged> = (0..batch * heads * rows)
        .map(|n| Judged::new(&problem, n / (heads * rows), n / rows % heads, n % rows))
        .collect();

    let mut output = Vec::new();
    let mut log_sum_exp = Vec::new();
    for (n, row) in judged.iter().enumerate() {
        let (b, h, i) = (n / (heads * rows), n / rows % heads, n % rows);
        let start = strides.start(b, h, i);
        output.extend(row.output(&problem, b, h).into_iter().enumerate().map(|(d, expected)| (start + d, expected)));
        log_sum_exp.push((n, row.log_sum_exp()));
    }
    check(&format!("{name}: output"), &results.output, &output);
    check(&format!("{name}: logSumExp"), &Data::Float32(results.log_sum_exp.clone()), &log_sum_exp);

    if let (Some(request), Some(weights)) = (&call.weights, &results.weights) {
        let mode = request.mode as usize;
        let row = |b: usize, h: u32, i: u32| &judged[(b * heads + h as usize) * rows + i as usize];
        let mut expected = Vec::new();
        for b in 0..batch {
            if request.average_heads {
                for (&i, j) in request.rows.iter().flat_map(|i| (0..keys).map(move |j| (i, j))) {
                    let of_heads: Vec<_> = request.heads.iter().map(|&h| row(b, h, i).weight(mode, j)).collect();
                    expected.push(mean(&of_heads));
                }
            } else {
                for (&h, &i) in request.heads.iter().flat_map(|h| request.rows.iter().map(move |i| (h, i))) {
                    expected.extend((0..keys).map(|j| row(b, h, i).weight(mode, j)));
                }
            }
        }
        check(&format!("{name}: weights"), weights, &expected.into_iter().enumerate().collect::<Vec<_>>());
    }

    if let Some((key, value)) = &results.present {
        let shape = |size| [batch, sizes.key_heads, keys, size];
        let same =
            |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan());
        assert!(same(&contiguous(call, key, shape(sizes.head_size)), &problem.key), "{name}: present key");
        assert!(same(&contiguous(call, value, shape(width)), &problem.value), "{name}: present value");
    }
}
