//! The backward pass of an attention call, on memory as the forward pass has it (`attention_call`).

use crate::attention_call::{AttentionCall, Data, Guarded, InStrips, MaskData, POISON, same_bits};
use wasm_attention::attention::arrays::{Elements, ElementsMut, Heads, Strides};
use wasm_attention::attention::backward_call::{self, Forward, HeadGradients, WeightsCotangent};
use wasm_attention::attention::scratch::{self, BackwardScratch, Scratch, SharedWanted, Statistics};
use wasm_attention::attention::weights::WeightsMode;
use wasm_attention::attention::{Attention, Outputs, Sizes, attention_backward, attention_forward};

/// Gradients of the results; those that aren't there are 0.
#[derive(Clone, Default)]
pub struct Cotangents {
    /// In the call's layout.
    pub output: Option<Data>,
    /// `[B, H, L]`
    pub log_sum_exp: Option<Vec<f32>>,
    /// Of the weights that the call asks for, in their mode: 2, 3 or 4.
    pub weights: Option<Vec<f32>>,
}

/// What is stored of the gradients of query, key, value, past key, past value, mask, slopes and sinks, each laid out as the
/// input is.
pub type InputGradients = [Option<Vec<f32>>; 8];

/// A call with what its backward pass is given and asked for.
#[derive(Clone)]
pub struct BackwardCall<'a> {
    pub call: &'a AttentionCall,
    pub cotangents: &'a Cotangents,
    /// Cotangents of all keys and values, in float32 and the call's layout.
    pub present: [Option<Data>; 2],
    /// Which gradients are wanted, where the call has such an input.
    pub wanted: [bool; 8],
    /// What the working memory holds.
    pub filling: f32,
}

/// The gradient of the weights of different heads and rows, as the kernel takes it.
struct MergedWeights {
    elements: Vec<f32>,
    heads: usize,
    rows: usize,
    head_places: Vec<i32>,
    row_places: Vec<i32>,
    head_factors: Vec<f32>,
}

/// Numbers in the order in which they first come, and where each of `count` stands among them; negative where it doesn't.
fn places(asked: &[u32], count: usize) -> (Vec<u32>, Vec<i32>) {
    let mut different = Vec::new();
    for &number in asked {
        if !different.contains(&number) {
            different.push(number);
        }
    }
    let place = |number: usize| different.iter().position(|&other| other as usize == number).map_or(-1, |n| n as i32);
    let places = (0..count).map(place).collect();
    (different, places)
}

impl MergedWeights {
    /// What was asked for more than once is added up.
    fn new(call: &AttentionCall, given: &[f32]) -> Self {
        let Sizes { batch, heads: all_heads, query_length, key_length, .. } = call.sizes;
        let request = call.weights.as_ref().unwrap();
        let times = |h: usize| request.heads.iter().filter(|&&head| head as usize == h).count() as f32;
        let (heads, mut head_places) = places(&request.heads, all_heads);
        let (rows, row_places) = places(&request.rows, query_length);
        let count = if request.average_heads { 1 } else { heads.len() };
        let asked: Vec<usize> = match request.average_heads {
            true => vec![0],
            false => request.heads.iter().map(|&head| head_places[head as usize] as usize).collect(),
        };
        let mut elements = vec![0.0; batch * count * rows.len() * key_length];
        let mut given = given.chunks(key_length.max(1));
        for b in 0..batch {
            for &head in &asked {
                for &row in &request.rows {
                    let start = ((b * count + head) * rows.len() + row_places[row as usize] as usize) * key_length;
                    for (sum, gradient) in elements[start..].iter_mut().zip(given.next().unwrap_or_default()) {
                        *sum += gradient;
                    }
                }
            }
        }
        let mut head_factors = vec![1.0; all_heads];
        if request.average_heads {
            head_places.iter_mut().for_each(|place| *place = (*place).min(0));
            head_factors = (0..all_heads).map(|h| times(h) / request.heads.len() as f32).collect();
        }
        Self { elements, heads: count, rows: rows.len(), head_places, row_places, head_factors }
    }
}

fn head_gradients<'a>(
    memory: Option<&'a mut Guarded<f32>>,
    wanted: &Option<(usize, Strides)>,
) -> Option<HeadGradients<'a>> {
    let (memory, &(_, strides)) = memory.zip(wanted.as_ref())?;
    Some(HeadGradients { elements: memory.slice(), strides })
}

impl<'a> BackwardCall<'a> {
    /// All gradients, in working memory full of NaN.
    pub fn new(call: &'a AttentionCall, cotangents: &'a Cotangents) -> Self {
        Self { call, cotangents, present: [None, None], wanted: [true; 8], filling: f32::from_bits(POISON) }
    }

    /// The lengths and strides of the gradients that are wanted and can be had.
    fn lengths(&self) -> [Option<(usize, Strides)>; 8] {
        let Sizes { batch, heads, key_heads, query_length, past_length, key_length, head_size, value_head_size } =
            self.call.sizes;
        let tensor = |heads: usize, rows: usize, size: usize| {
            (batch * heads * rows * size, self.call.layout.strides([batch, heads, rows, size]))
        };
        let plain = |length: usize| (length, Strides::contiguous(1, 1, 1));
        let is_float = |data: &MaskData| matches!(data, MaskData::Float(_));
        let mask = self.call.mask.as_ref().filter(|mask| is_float(&mask.data));
        let new_length = key_length - past_length;
        let past = |size| self.call.past.is_some().then(|| tensor(key_heads, past_length, size));
        let lengths = [
            Some(tensor(heads, query_length, head_size)),
            Some(tensor(key_heads, new_length, head_size)),
            Some(tensor(key_heads, new_length, value_head_size)),
            past(head_size),
            past(value_head_size),
            mask.map(|mask| plain(mask.shape.iter().product())),
            self.call.slopes.as_ref().map(|slopes| plain(slopes.len())),
            self.call.sinks.as_ref().map(|sinks| plain(sinks.len())),
        ];
        core::array::from_fn(|n| lengths[n].filter(|_| self.wanted[n]))
    }

    /// Runs the forward pass and then the backward pass. Panics when anything is written outside the gradients, the statistics and
    /// the working memory, or left out.
    pub fn run(&self) -> InputGradients {
        let call = AttentionCall { in_strips: InStrips::default(), ..self.call.clone() };
        let (key, value) = call.present();
        call.with_attention(&key, &value, |attention| {
            let (output, references, inverses) = self.run_forward(attention);
            self.run_backward(attention, &output, [&references, &inverses])
        })
    }

    /// The output in float32, and the statistics.
    fn run_forward(&self, attention: &Attention<'_>) -> (Vec<f32>, Vec<f32>, Vec<f32>) {
        let Sizes { batch, heads, query_length, value_head_size, .. } = self.call.sizes;
        let rows = batch * heads * query_length;
        let poison = f32::from_bits(POISON);
        let mut output = Guarded::new(rows * value_head_size, poison);
        let (mut references, mut inverses) = (Guarded::new(rows, poison), Guarded::new(rows, poison));
        let mut memory = Guarded::new(scratch::length(attention, None).unwrap(), self.filling);
        let mut scratch = Scratch::split(memory.slice(), attention, None).unwrap();
        scratch.statistics = Statistics { references: references.slice(), inverses: inverses.slice() };
        let outputs = Outputs {
            output: ElementsMut::Float32(output.slice()),
            output_strides: self.call.layout.strides([batch, heads, query_length, value_head_size]),
            log_sum_exp: None,
            weights: None,
        };
        attention_forward(outputs, attention, scratch);
        memory.unwrap(same_bits);
        let [references, inverses] = [references, inverses].map(|statistics| statistics.unwrap(same_bits));
        let is_left_out = |value: &f32| !cfg!(miri) && same_bits(*value, poison);
        assert!(!references.iter().chain(&inverses).any(is_left_out));
        (output.unwrap_results(), references, inverses)
    }

    fn run_backward(
        &self,
        attention: &Attention<'_>,
        output: &[f32],
        [references, inverses]: [&[f32]; 2],
    ) -> InputGradients {
        let Self { call, cotangents, .. } = *self;
        let Sizes { batch, heads, key_heads, query_length, key_length, head_size, value_head_size, .. } = call.sizes;
        let shape = [batch, heads, query_length, value_head_size];
        let of_output = |elements| Heads { elements: Elements::Float32(elements), strides: call.layout.strides(shape) };
        let output_cotangent =
            cotangents.output.as_ref().map_or_else(|| vec![0.0; shape.iter().product()], Data::widened);
        let merged = cotangents.weights.as_ref().map(|given| MergedWeights::new(call, given));
        let present = |n: usize, size: usize| {
            let present = self.present[n].as_ref();
            present.map(|data| data.heads(call.layout, [batch, key_heads, key_length, size]))
        };
        let given = backward_call::Cotangents {
            output: of_output(&output_cotangent),
            present_key: present(0, head_size),
            present_value: present(1, value_head_size),
            log_sum_exp: cotangents.log_sum_exp.as_deref(),
            weights: merged.as_ref().map(|merged| WeightsCotangent {
                mode: WeightsMode::from_number(call.weights.as_ref().unwrap().mode).unwrap(),
                elements: &merged.elements,
                heads: merged.heads,
                rows: merged.rows,
                key_length,
                head_places: &merged.head_places,
                row_places: &merged.row_places,
                head_factors: &merged.head_factors,
            }),
        };

        let lengths = self.lengths();
        let mut memories = lengths.map(|wanted| wanted.map(|(length, _)| Guarded::new(length, f32::from_bits(POISON))));
        let wanted =
            SharedWanted { mask: lengths[5].is_some(), slopes: lengths[6].is_some(), sinks: lengths[7].is_some() };
        let length = scratch::backward_length(attention, merged.is_some(), wanted).unwrap();
        let mut too_short = vec![0.0; length - 1];
        assert!(BackwardScratch::split(&mut too_short, attention, merged.is_some(), wanted).is_none());
        let mut memory = Guarded::new(length, self.filling);
        let scratch = BackwardScratch::split(memory.slice(), attention, merged.is_some(), wanted).unwrap();
        let [query, key, value, past_key, past_value, mask, slopes, sinks] = memories.each_mut().map(Option::as_mut);
        let gradients = backward_call::Gradients {
            query: head_gradients(query, &lengths[0]),
            key: head_gradients(key, &lengths[1]),
            value: head_gradients(value, &lengths[2]),
            past_key: head_gradients(past_key, &lengths[3]),
            past_value: head_gradients(past_value, &lengths[4]),
            mask: mask.map(Guarded::slice),
            slopes: slopes.map(Guarded::slice),
            sinks: sinks.map(Guarded::slice),
        };
        attention_backward(
            gradients,
            attention,
            &Forward { output: of_output(output), references, inverses },
            &given,
            scratch,
        );
        memory.unwrap(same_bits);
        memories.map(|memory| memory.map(Guarded::unwrap_results))
    }
}
