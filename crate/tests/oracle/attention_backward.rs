//! Gradients of attention in plain loops, from docs/training.md alone: in float64, or rounded to float32 after every
//! operation, which is the naive computation that section 10's promise speaks of. And that promise, as a check.

use crate::attention_call::{AttentionCall, Data, MaskData};
use crate::backward_call::{Cotangents, InputGradients};
use crate::oracle::{Expected, Judged, Precision, Problem, Row, State, check, contiguous, mask_index};
use wasm_attention::attention::Sizes;

/// Gradients of the inputs: `[B, H, L, D]`, `[B, Hkv, T, D]` and `[B, Hkv, T, Dv]` whatever the layout; those of mask,
/// slopes and sinks as the call has them, empty where it has none. A boolean mask has none.
#[derive(Clone, Debug)]
pub struct Gradients {
    pub query: Vec<f64>,
    pub key: Vec<f64>,
    pub value: Vec<f64>,
    pub mask: Vec<f64>,
    pub slopes: Vec<f64>,
    pub sinks: Vec<f64>,
}

impl Gradients {
    /// What the kernel has stored, the past's rows before the new ones; empty where nothing was wanted.
    #[allow(dead_code, reason = "the oracle's own tests store nothing")]
    pub fn stored(call: &AttentionCall, gradients: &InputGradients) -> Self {
        let sizes = &call.sizes;
        let (batch, heads, past_length) = (sizes.batch, sizes.key_heads, sizes.past_length);
        let rows = |n: usize, shape: [usize; 4]| match &gradients[n] {
            Some(values) => contiguous(call, &Data::Float32(values.clone()), shape),
            None => Vec::new(),
        };
        let all_keys = |past: usize, new: usize, size: usize| {
            let past_rows = rows(past, [batch, heads, past_length, size]);
            let new_rows = rows(new, [batch, heads, sizes.key_length - past_length, size]);
            let count = (batch * heads).max(1);
            let of_head = |rows: &[f64], n: usize| rows[rows.len() / count * n..rows.len() / count * (n + 1)].to_vec();
            (0..count).flat_map(|n| [of_head(&past_rows, n), of_head(&new_rows, n)].concat()).collect()
        };
        let plain = |n: usize| gradients[n].iter().flatten().map(|&value| f64::from(value)).collect();
        Self {
            query: rows(0, [batch, sizes.heads, sizes.query_length, sizes.head_size]),
            key: all_keys(3, 1, sizes.head_size),
            value: all_keys(4, 2, sizes.value_head_size),
            mask: plain(5),
            slopes: plain(6),
            sinks: plain(7),
        }
    }
}

/// What one query row of one head hands to the sums, key by key.
struct Terms {
    /// Only these keys enter any sum.
    visible: Vec<bool>,
    draw: Vec<f64>,
    dscore: Vec<f64>,
    dropped: Vec<f64>,
    /// dO
    output: Vec<f64>,
    sink: f64,
}

/// A row with the gradients that its results get.
struct GivenRow {
    row: Row,
    /// κ
    keep: Vec<f64>,
    /// dO
    output: Vec<f64>,
    /// dL
    log_sum_exp: f64,
    /// G2, G3 and G4; at most one isn't 0 everywhere.
    weights: [Vec<f64>; 3],
    /// Absent, or −Infinity, which is none.
    sink: Option<f64>,
}

struct Pass<'a> {
    problem: Problem<'a>,
    /// dO, `[B, H, L, Dv]`
    output: Vec<f64>,
    cotangents: &'a Cotangents,
}

fn rounding(precision: Precision) -> impl Fn(f64) -> f64 {
    move |x| if precision == Precision::Single { f64::from(x as f32) } else { x }
}

impl<'a> Pass<'a> {
    fn new(call: &'a AttentionCall, cotangents: &'a Cotangents) -> Self {
        let sizes = &call.sizes;
        let shape = [sizes.batch, sizes.heads, sizes.query_length, sizes.value_head_size];
        let output = cotangents.output.as_ref();
        let output = output.map_or_else(|| vec![0.0; shape.iter().product()], |data| contiguous(call, data, shape));
        Self { problem: Problem::new(call), output, cotangents }
    }

    fn value(&self, b: usize, h: usize, j: usize) -> &[f64] {
        let width = self.problem.call.sizes.value_head_size;
        &self.problem.value[self.problem.key_row(b, h, j) * width..][..width]
    }

    /// The gradient of a row's weights: summed over the times that they are asked for, divided for a mean.
    fn of_weights(&self, b: usize, h: usize, i: usize, round: &impl Fn(f64) -> f64) -> Vec<f64> {
        let keys = self.problem.call.sizes.key_length;
        let mut sums = vec![0.0; keys];
        let (Some(request), Some(given)) = (&self.problem.call.weights, &self.cotangents.weights) else { return sums };
        let (heads, rows) = (request.heads.len(), request.rows.len());
        for (head, _) in request.heads.iter().enumerate().filter(|&(_, &asked)| asked as usize == h) {
            for (row, _) in request.rows.iter().enumerate().filter(|&(_, &asked)| asked as usize == i) {
                let matrix = if request.average_heads { b } else { b * heads + head };
                let count = if request.average_heads { heads as f64 } else { 1.0 };
                for (sum, &given) in sums.iter_mut().zip(&given[(matrix * rows + row) * keys..]) {
                    *sum = round(*sum + round(f64::from(given) / count));
                }
            }
        }
        sums
    }

    fn given(&self, b: usize, h: usize, i: usize, row: Row, round: &impl Fn(f64) -> f64) -> GivenRow {
        let call = self.problem.call;
        let sizes = &call.sizes;
        let n = (b * sizes.heads + h) * sizes.query_length + i;
        let mode = call.weights.as_ref().map_or(3, |request| request.mode as usize);
        let given = self.of_weights(b, h, i, round);
        GivenRow {
            keep: (0..sizes.key_length).map(|j| round(self.problem.keep(b, h, i, j))).collect(),
            output: self.output[n * sizes.value_head_size..][..sizes.value_head_size].to_vec(),
            log_sum_exp: self.cotangents.log_sum_exp.as_ref().map_or(0.0, |given| f64::from(given[n])),
            weights: [2, 3, 4].map(|stage| if stage == mode { given.clone() } else { vec![0.0; sizes.key_length] }),
            sink: call.sinks.as_ref().map(|sinks| f64::from(sinks[h])).filter(|&sink| sink != f64::NEG_INFINITY),
            row,
        }
    }

    /// From the results' gradients to those of the scores.
    fn terms(&self, b: usize, h: usize, i: usize, precision: Precision) -> Terms {
        let round = rounding(precision);
        let given = self.given(b, h, i, self.problem.row(b, h, i, precision), &round);
        let GivenRow { row, output, weights: [of_scores, of_weights, of_dropped], .. } = &given;
        let [_, capped, _, weights, dropped] = &row.stages;
        let keys = weights.len();
        // A fully masked row gives 0, whatever it is made of.
        let visible = if row.state == State::FullyMasked { vec![false; keys] } else { row.visible.clone() };
        let seen: Vec<usize> = (0..keys).filter(|&j| visible[j]).collect();
        let mut dweights = vec![0.0; keys];
        let mut delta = 0.0;
        for &j in &seen {
            let sum = output.iter().zip(self.value(b, h, j)).fold(0.0, |sum, (dy, v)| round(sum + round(dy * v)));
            dweights[j] = round(round(given.keep[j] * round(sum + of_dropped[j])) + of_weights[j]);
            delta = round(delta + round(weights[j] * dweights[j]));
        }
        let softcap = f64::from(self.problem.call.softcap);
        let (mut dscore, mut draw) = (vec![0.0; keys], vec![0.0; keys]);
        for &j in &seen {
            let through = round(round(dweights[j] - delta) + given.log_sum_exp);
            dscore[j] = round(round(weights[j] * through) + of_scores[j]);
            let tanh = if softcap == 0.0 { 0.0 } else { round(capped[j] / softcap) };
            draw[j] = round(dscore[j] * round(1.0 - round(tanh * tanh)));
        }
        let of_sink = |sink: f64| round(round(round(sink - row.log_sum_exp).exp()) * round(given.log_sum_exp - delta));
        let sink = given.sink.map_or(0.0, of_sink);
        Terms { visible, draw, dscore, dropped: dropped.clone(), sink, output: given.output }
    }

    /// The terms of the promise's F, to be summed over absolute values. Infinite where nothing is promised, 0 where the
    /// gradient itself says that it isn't finite.
    fn terms_of_bound(&self, b: usize, h: usize, i: usize) -> Terms {
        let Judged { exact, a, is_free, .. } = Judged::new(&self.problem, b, h, i);
        let GivenRow { row, keep, output, log_sum_exp, weights: [of_scores, of_weights, of_dropped], sink } =
            self.given(b, h, i, exact, &|x| x);
        let finite = |x: f64| if x.is_finite() { x.abs() } else { 0.0 };
        let [_, _, scores, weights, _] = &row.stages;
        let keys = weights.len();
        let visible = if row.state == State::FullyMasked && !is_free { vec![false; keys] } else { row.visible.clone() };
        let seen: Vec<usize> = (0..keys).filter(|&j| visible[j]).collect();
        let is_equal = sink.is_none() && seen.iter().all(|&j| scores[j] == scores[seen[0]]);
        let a = if is_equal { 0.0 } else { a };
        let smallest = 2_f64.powi(-60);
        let (mut bound, mut dropped) = (vec![0.0; keys], vec![0.0; keys]);
        let mut mean = log_sum_exp.abs();
        for &j in &seen {
            let weight = weights[j] + smallest;
            let sum: f64 = output.iter().zip(self.value(b, h, j)).map(|(dy, v)| (dy * v).abs()).sum();
            bound[j] = keep[j] * (sum + of_dropped[j].abs()) + of_weights[j].abs();
            mean += weight * bound[j];
            dropped[j] = finite((1.0 + a) * keep[j] * weight);
        }
        // A gradient of a weight that is as large may overflow before it meets its weight.
        let bound_of = |weight: f64, of_weight: f64, of_score: f64| {
            if of_weight.is_finite() && of_weight > LARGEST_PROMISED {
                return f64::INFINITY;
            }
            finite((1.0 + a) * ((weight + smallest) * of_weight + of_score.abs()))
        };
        for &j in &seen {
            bound[j] = bound_of(weights[j], bound[j] + mean, of_scores[j]);
        }
        let of_sink = |sink: f64| bound_of((sink - row.log_sum_exp).exp(), mean, 0.0);
        let mut of_sink = sink.map_or(0.0, of_sink);
        let values_are_huge = (0..output.len()).any(|d| {
            let sum: f64 = seen.iter().map(|&j| self.value(b, h, j)[d].abs()).sum();
            sum > LARGEST_PROMISED
        });
        // Beyond 2^22 the rounding of the scores alone decides which key wins.
        let scores_are_huge = a > 2_f64.powi(22);
        if is_free || scores_are_huge || (values_are_huge && row.state == State::Normal && mean.is_finite()) {
            bound.fill(f64::INFINITY);
            of_sink = if sink.is_some() { f64::INFINITY } else { 0.0 };
        }
        if is_free || scores_are_huge {
            dropped.fill(f64::INFINITY);
        }
        let output = output.into_iter().map(finite).collect();
        let draw = bound.iter().enumerate().map(|(j, bound)| bound * self.steepness(&row, b, h, i, j)).collect();
        Terms { visible, draw, dscore: bound, dropped, output, sink: of_sink }
    }

    /// What a softcap makes of the rounding errors of a score: 1 − t² changes 2 t (1 − t²) / softcap times as fast as it.
    fn steepness(&self, row: &Row, b: usize, h: usize, i: usize, j: usize) -> f64 {
        let Problem { call, query, key, .. } = &self.problem;
        let Sizes { heads, query_length, head_size, .. } = call.sizes;
        if call.softcap == 0.0 {
            return 1.0;
        }
        let softcap = f64::from(call.softcap);
        let query = &query[((b * heads + h) * query_length + i) * head_size..][..head_size];
        let key = &key[self.problem.key_row(b, h, j) * head_size..][..head_size];
        let products: f64 = query.iter().zip(key).map(|(q, k)| (q * k).abs()).sum();
        let tanh = row.stages[1][j] / softcap;
        let steepness = 1.0 + 2.0 * (1.0 - tanh * tanh) * f64::from(call.scale).abs() * products / softcap;
        if steepness.is_finite() { steepness } else { 1.0 }
    }

    fn gradients(&self, precision: Precision) -> Gradients {
        sum(&self.problem, rounding(precision), |b, h, i| self.terms(b, h, i, precision))
    }

    /// F of every element.
    fn bounds(&self) -> Gradients {
        let call = self.problem.call;
        let call = AttentionCall { scale: call.scale.abs(), ..call.clone() };
        let magnitudes = |values: &[f64]| values.iter().map(|x| if x.is_finite() { x.abs() } else { 0.0 }).collect();
        let (query, key) = (magnitudes(&self.problem.query), magnitudes(&self.problem.key));
        let problem = Problem { query, key, ..Problem::new(&call) };
        let mut bounds = sum(&problem, |x| x, |b, h, i| self.terms_of_bound(b, h, i));
        bounds.slopes.iter_mut().for_each(|bound| *bound = bound.abs());
        bounds
    }
}

/// The sums over rows and keys, in the order of 1.8: what all heads and batches share is summed within one of them first.
fn sum(
    problem: &Problem<'_>,
    round: impl Fn(f64) -> f64,
    terms_of: impl Fn(usize, usize, usize) -> Terms,
) -> Gradients {
    let call = problem.call;
    let sizes = &call.sizes;
    let (keys, depth, width) = (sizes.key_length, sizes.head_size, sizes.value_head_size);
    let zeros = |length| vec![0.0; length];
    let float_mask = call.mask.as_ref().filter(|mask| matches!(mask.data, MaskData::Float(_)));
    let (masks, slopes) = (float_mask.map_or(0, |mask| mask.shape.iter().product()), call.slopes.as_ref());
    let mut sums = Gradients {
        query: zeros(problem.query.len()),
        key: zeros(problem.key.len()),
        value: zeros(problem.value.len()),
        mask: zeros(masks),
        slopes: zeros(slopes.map_or(0, Vec::len)),
        sinks: zeros(call.sinks.as_ref().map_or(0, Vec::len)),
    };
    let add = |sum: &mut f64, term: f64| *sum = round(*sum + term);
    for (b, h) in (0..sizes.batch).flat_map(|b| (0..sizes.heads).map(move |h| (b, h))) {
        let (mut of_mask, mut of_slope, mut of_sink) = (zeros(masks), 0.0, 0.0);
        for i in 0..sizes.query_length {
            let terms = terms_of(b, h, i);
            let position = problem.position(b, i);
            let query = ((b * sizes.heads + h) * sizes.query_length + i) * depth;
            for j in (0..keys).filter(|&j| terms.visible[j]) {
                let row = problem.key_row(b, h, j);
                for d in 0..depth {
                    let key = row * depth + d;
                    add(&mut sums.query[query + d], round(terms.draw[j] * problem.key[key]));
                    add(&mut sums.key[key], round(terms.draw[j] * problem.query[query + d]));
                }
                for (sum, dy) in sums.value[row * width..][..width].iter_mut().zip(&terms.output) {
                    add(sum, round(terms.dropped[j] * dy));
                }
                if let Some(mask) = float_mask {
                    add(&mut of_mask[mask_index(mask, [b, h, i, j])], terms.dscore[j]);
                }
                add(&mut of_slope, -round((position - j as i64).abs() as f64 * terms.dscore[j]));
            }
            add(&mut of_sink, terms.sink);
        }
        sums.mask.iter_mut().zip(of_mask).for_each(|(sum, term)| add(sum, term));
        if let Some(slopes) = slopes {
            add(&mut sums.slopes[if slopes.len() == sizes.heads { h } else { b * sizes.heads + h }], of_slope);
        }
        if call.sinks.is_some() {
            add(&mut sums.sinks[h], of_sink);
        }
    }
    let scale = f64::from(call.scale);
    for sum in sums.query.iter_mut().chain(&mut sums.key) {
        *sum = round(scale * *sum);
    }
    sums
}

/// Beyond this, of values, of weights' gradients or of F, float32 may overflow on the way.
const LARGEST_PROMISED: f64 = 7.737_125_245_533_627e25; // 2^86

/// In float64.
#[allow(dead_code, reason = "not every test file that has the oracle asks")]
pub fn gradients(call: &AttentionCall, cotangents: &Cotangents) -> Gradients {
    Pass::new(call, cotangents).gradients(Precision::Double)
}

/// In naive float32.
#[allow(dead_code, reason = "not every test file that has the oracle asks")]
pub fn naive_gradients(call: &AttentionCall, cotangents: &Cotangents) -> Gradients {
    Pass::new(call, cotangents).gradients(Precision::Single)
}

/// Panics unless the gradients, float32 all of them, are what docs/training.md promises for the call.
pub fn check_gradients(name: &str, call: &AttentionCall, cotangents: &Cotangents, actual: &Gradients) {
    let pass = Pass::new(call, cotangents);
    let exact = pass.gradients(Precision::Double);
    let naive = pass.gradients(Precision::Single);
    let bounds = pass.bounds();
    let (depth, width) = (call.sizes.head_size, call.sizes.value_head_size);
    let of = |what: &str, choose: fn(&Gradients) -> &Vec<f64>, row: usize| {
        let (r, n, bound) = (choose(&exact), choose(&naive), choose(&bounds));
        // An element that isn't finite, or promised, has no error to speak of.
        let error = |index: usize| {
            let counts = r[index].is_finite() && bound[index] <= LARGEST_PROMISED;
            if counts { (n[index] - r[index]).abs() } else { 0.0 }
        };
        let largest = |first: usize| {
            (first..first + row).map(error).fold(0.0, |e: f64, x| if x.is_nan() { f64::INFINITY } else { e.max(x) })
        };
        let expected = |index: usize| {
            let expected = if bound[index].is_nan() || bound[index] > LARGEST_PROMISED {
                Expected::Anything
            } else if !r[index].is_finite() {
                Expected::NotFinite
            } else {
                Expected::within(r[index], 2.0 * largest(index / row * row) + 2_f64.powi(-20) * bound[index])
            };
            (index, expected)
        };
        let values = choose(actual).iter().map(|&x| x as f32).collect();
        check(&format!("{name}: {what}"), &Data::Float32(values), &(0..r.len()).map(expected).collect::<Vec<_>>());
    };
    of("query", |gradients| &gradients.query, depth);
    of("key", |gradients| &gradients.key, depth);
    of("value", |gradients| &gradients.value, width);
    of("mask", |gradients| &gradients.mask, 1);
    of("slopes", |gradients| &gradients.slopes, 1);
    of("sinks", |gradients| &gradients.sinks, 1);
}
