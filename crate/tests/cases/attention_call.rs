//! An attention call that owns what it reads. It runs on memory of exactly the needed size, full of NaN, with guards
//! on both sides.

use wasm_attention::attention::arrays::{
    Elements, ElementsMut, HeadStrips, Heads, KeyHeads, Strides, ValueHeads, concatenate,
};
use wasm_attention::attention::dropout::Dropout;
use wasm_attention::attention::layout::StripsExist;
use wasm_attention::attention::mask::{Mask, MaskElements};
use wasm_attention::attention::scratch::{self, Scratch};
use wasm_attention::attention::visibility::Visibility;
use wasm_attention::attention::weights::{WeightsMode, WeightsRequest};
use wasm_attention::attention::{Attention, Outputs, Sizes, Slopes, attention_forward};
use wasm_attention::dtype::{CANONICAL_NAN, Dtype, narrow, widen};

/// Elements of one of the three float dtypes.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    Float32(Vec<f32>),
    Bits(Vec<u16>, Dtype),
}

impl Data {
    /// The values rounded to a dtype.
    pub fn rounded(values: Vec<f32>, dtype: Dtype) -> Self {
        if dtype == Dtype::Float32 {
            return Self::Float32(values);
        }
        let mut bits = vec![0; values.len()];
        narrow(&mut bits, &values, dtype);
        Self::Bits(bits, dtype)
    }

    pub fn dtype(&self) -> Dtype {
        match self {
            Self::Float32(_) => Dtype::Float32,
            Self::Bits(_, dtype) => *dtype,
        }
    }

    /// As float32, exactly.
    pub fn widened(&self) -> Vec<f32> {
        match self {
            Self::Float32(values) => values.clone(),
            Self::Bits(bits, dtype) => {
                let mut values = vec![0.0; bits.len()];
                widen(&mut values, bits, *dtype);
                values
            }
        }
    }

    fn elements(&self) -> Elements<'_> {
        match self {
            Self::Float32(values) => Elements::Float32(values),
            Self::Bits(bits, dtype) => Elements::Bits(bits, *dtype),
        }
    }

    pub fn heads(&self, layout: Layout, shape: [usize; 4]) -> Heads<'_> {
        Heads { elements: self.elements(), strides: layout.strides(shape) }
    }
}

/// The order of a tensor's axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Layout {
    Bhld,
    Blhd,
    Lbhd,
}

impl Layout {
    pub fn strides(self, [batch, heads, rows, size]: [usize; 4]) -> Strides {
        match self {
            Self::Bhld => Strides::contiguous(heads, rows, size),
            Self::Blhd => Strides { batch: rows * heads * size, head: size, row: heads * size },
            Self::Lbhd => Strides { batch: heads * size, head: size, row: batch * heads * size },
        }
    }
}

#[derive(Clone, Debug)]
pub enum MaskData {
    Boolean(Vec<u8>),
    Float(Data),
}

/// A mask whose axes are 1 or full; the last may also be shorter than T.
#[derive(Clone, Debug)]
pub struct CallMask {
    pub data: MaskData,
    pub shape: [usize; 4],
}

impl CallMask {
    pub fn strides(&self) -> [usize; 4] {
        let mut strides = [0; 4];
        let mut product = 1;
        for axis in (0..4).rev() {
            strides[axis] = if self.shape[axis] == 1 { 0 } else { product };
            product *= self.shape[axis];
        }
        strides
    }
}

/// Weights that are asked for.
#[derive(Clone, Debug)]
pub struct CallWeights {
    pub mode: u32,
    pub heads: Vec<u32>,
    pub rows: Vec<u32>,
    pub average_heads: bool,
}

/// What is stored in strips, with room for more, in place of tensors; float32 alone.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct InStrips {
    pub keys: bool,
    pub values: bool,
}

/// What strips hold where there is no key: it must never be seen.
const UNUSED: f32 = f32::NAN;

/// `[B, Hkv, T, size]` in strips of `width` side by side: of keys, or of columns.
fn strips(data: &Data, strides: Strides, shape: [usize; 4], capacity: usize, are_keys: bool) -> Vec<f32> {
    let [batch, heads, rows, size] = shape;
    let length = if are_keys { HeadStrips::key_length } else { HeadStrips::value_length }(capacity, size);
    let values = data.widened();
    let mut elements = vec![UNUSED; batch * heads * length];
    for (n, head) in elements.chunks_exact_mut(length.max(1)).enumerate() {
        for j in 0..rows {
            for d in 0..size {
                let place = if are_keys {
                    j / 12 * 12 * size + d * 12 + j % 12
                } else {
                    let first = d / 48 * 48;
                    first * capacity + j * (size - first).min(48) + d % 48
                };
                head[place] = values[strides.start(n / heads, n % heads, j) + d];
            }
        }
    }
    elements
}

#[derive(Clone)]
pub struct AttentionCall {
    pub sizes: Sizes,
    pub layout: Layout,
    pub in_strips: InStrips,
    pub query: Data,
    /// New keys.
    pub key: Data,
    /// New values.
    pub value: Data,
    /// Past keys and values.
    pub past: Option<(Data, Data)>,
    pub scale: f32,
    pub softcap: f32,
    pub mask: Option<CallMask>,
    pub is_causal: bool,
    pub lower_right: bool,
    pub left_window: Option<u32>,
    pub right_window: Option<u32>,
    pub key_lengths: Option<Vec<i32>>,
    /// `[H]` or `[B, H]`.
    pub slopes: Option<Vec<f32>>,
    pub sinks: Option<Vec<f32>>,
    pub dropout: Option<Dropout>,
    pub weights: Option<CallWeights>,
}

/// What a call wrote.
#[derive(Debug)]
pub struct AttentionResults {
    pub output: Data,
    pub log_sum_exp: Vec<f32>,
    pub weights: Option<Data>,
    pub present: Option<(Data, Data)>,
}

/// How dropout is told of a probability, as the TypeScript operation does it.
pub fn dropout(probability: f64, seed: u64) -> Dropout {
    Dropout {
        threshold: (probability * 4_294_967_296.0).floor().min(f64::from(u32::MAX)) as u32,
        scale: if probability == 1.0 { 0.0 } else { (1.0 / (1.0 - probability)) as f32 },
        seed: [seed as u32, (seed >> 32) as u32],
    }
}

/// Memory between guards.
pub struct Guarded<T> {
    memory: Vec<T>,
    length: usize,
    filling: T,
}

const GUARD: usize = 16;

impl<T: Copy + PartialEq + std::fmt::Debug> Guarded<T> {
    pub fn new(length: usize, filling: T) -> Self {
        Self { memory: vec![filling; length + 2 * GUARD], length, filling }
    }

    pub fn slice(&mut self) -> &mut [T] {
        &mut self.memory[GUARD..GUARD + self.length]
    }

    /// The memory without its guards. Panics when a guard was touched; `same` compares elements.
    pub fn unwrap(self, same: impl Fn(T, T) -> bool) -> Vec<T> {
        let (before, rest) = self.memory.split_at(GUARD);
        let (inside, after) = rest.split_at(self.length);
        for &element in before.iter().chain(after) {
            assert!(same(element, self.filling), "written outside the memory: {element:?}");
        }
        inside.to_vec()
    }
}

impl Guarded<f32> {
    /// Panics as `unwrap` does, and when an element was left out, or when a NaN isn't canonical.
    pub fn unwrap_results(self) -> Vec<f32> {
        let values = self.unwrap(same_bits);
        assert!(values.iter().all(|value| !value.is_nan() || value.to_bits() == CANONICAL_NAN));
        values
    }
}

/// A NaN that no kernel stores; under Miri zero, which costs it no time and which it doesn't need.
pub const POISON: u32 = if cfg!(miri) { 0 } else { 0x7fda_dead };
const POISON_BITS: u16 = 0x7fda;

pub fn same_bits(a: f32, b: f32) -> bool {
    a.to_bits() == b.to_bits()
}

/// Memory for elements of a dtype.
enum GuardedData {
    Float32(Guarded<f32>),
    Bits(Guarded<u16>, Dtype),
}

impl GuardedData {
    fn new(length: usize, dtype: Dtype) -> Self {
        match dtype {
            Dtype::Float32 => Self::Float32(Guarded::new(length, f32::from_bits(POISON))),
            _ => Self::Bits(Guarded::new(length, POISON_BITS), dtype),
        }
    }

    fn elements(&mut self) -> ElementsMut<'_> {
        match self {
            Self::Float32(memory) => ElementsMut::Float32(memory.slice()),
            Self::Bits(memory, dtype) => ElementsMut::Bits(memory.slice(), *dtype),
        }
    }

    /// Panics when a guard was touched or an element was left out, or when a NaN isn't canonical.
    fn unwrap(self) -> Data {
        match self {
            Self::Float32(memory) => Data::Float32(memory.unwrap_results()),
            Self::Bits(memory, dtype) => {
                let bits = memory.unwrap(|a, b| a == b);
                assert!(!bits.contains(&POISON_BITS));
                Data::Bits(bits, dtype)
            }
        }
    }
}

fn present(call: &AttentionCall, past: &Data, new: &Data, size: usize) -> Data {
    let Sizes { batch, key_heads, past_length, key_length, .. } = call.sizes;
    let strides = |rows: usize| call.layout.strides([batch, key_heads, rows, size]);
    let new_length = key_length - past_length;
    let length = batch * key_heads * key_length * size;
    let (to, from_past, from_new) = (strides(key_length), strides(past_length), strides(new_length));
    match (past, new) {
        (Data::Float32(past), Data::Float32(new)) => {
            let mut memory = Guarded::new(length, f32::from_bits(POISON));
            let (past, new) = ((&past[..], from_past, past_length), (&new[..], from_new, new_length));
            concatenate((memory.slice(), to), past, new, batch, key_heads, size);
            Data::Float32(memory.unwrap(same_bits))
        }
        (Data::Bits(past, dtype), Data::Bits(new, _)) => {
            let mut memory = Guarded::new(length, POISON_BITS);
            let (past, new) = ((&past[..], from_past, past_length), (&new[..], from_new, new_length));
            concatenate((memory.slice(), to), past, new, batch, key_heads, size);
            Data::Bits(memory.unwrap(|a, b| a == b), *dtype)
        }
        _ => panic!("past and new elements have different dtypes"),
    }
}

impl AttentionCall {
    /// The call as the kernel takes it, with all keys and values.
    pub fn with_attention<R>(&self, key: &Data, value: &Data, run: impl FnOnce(&Attention<'_>) -> R) -> R {
        let Sizes { batch, heads, key_heads, query_length, key_length, head_size, value_head_size, .. } = self.sizes;
        let (key_shape, value_shape) =
            ([batch, key_heads, key_length, head_size], [batch, key_heads, key_length, value_head_size]);
        // One strip more than there must be.
        let capacity = key_length.next_multiple_of(12) + 12;
        let key_strips = strips(key, self.layout.strides(key_shape), key_shape, capacity, true);
        let value_strips = strips(value, self.layout.strides(value_shape), value_shape, capacity, false);
        let heads_of = |elements| HeadStrips { exist: StripsExist::Natively, elements, heads: key_heads, capacity };
        let attention = Attention {
            sizes: self.sizes,
            query: self.query.heads(self.layout, [batch, heads, query_length, head_size]),
            key: if self.in_strips.keys {
                KeyHeads::Strips(heads_of(&key_strips))
            } else {
                KeyHeads::Rows(key.heads(self.layout, key_shape))
            },
            value: if self.in_strips.values {
                ValueHeads::Strips(heads_of(&value_strips))
            } else {
                ValueHeads::Rows(value.heads(self.layout, value_shape))
            },
            scale: self.scale,
            softcap: self.softcap,
            mask: self.mask.as_ref().map(|mask| {
                let [batch_stride, head_stride, row_stride, key_stride] = mask.strides();
                Mask {
                    elements: match &mask.data {
                        MaskData::Boolean(elements) => MaskElements::Boolean(elements),
                        MaskData::Float(data) => MaskElements::Float(data.elements()),
                    },
                    batch_stride,
                    head_stride,
                    row_stride,
                    key_stride,
                    keys: if mask.shape[3] == 1 { key_length } else { mask.shape[3] },
                }
            }),
            visibility: Visibility {
                is_causal: self.is_causal,
                lower_right: self.lower_right,
                left_window: self.left_window,
                right_window: self.right_window,
                key_lengths: self.key_lengths.as_deref(),
            },
            slopes: self
                .slopes
                .as_ref()
                .map(|slopes| Slopes { slopes, batch_stride: if slopes.len() == heads { 0 } else { heads } }),
            sinks: self.sinks.as_deref(),
            dropout: self.dropout,
        };
        run(&attention)
    }

    /// All keys and values, past ones first.
    pub fn present(&self) -> (Data, Data) {
        match &self.past {
            None => (self.key.clone(), self.value.clone()),
            Some((past_key, past_value)) => (
                present(self, past_key, &self.key, self.sizes.head_size),
                present(self, past_value, &self.value, self.sizes.value_head_size),
            ),
        }
    }

    /// Runs the call. Panics when anything is written outside the outputs and the working memory, or left out.
    pub fn run(&self) -> AttentionResults {
        self.run_on(f32::from_bits(POISON))
    }

    /// As `run`, in working memory full of `filling`.
    pub fn run_on(&self, filling: f32) -> AttentionResults {
        let Sizes { batch, heads, query_length, key_length, value_head_size, .. } = self.sizes;
        let (key, value) = self.present();
        let mut output = GuardedData::new(batch * heads * query_length * value_head_size, self.query.dtype());
        let mut log_sum_exp = GuardedData::new(batch * heads * query_length, Dtype::Float32);
        let mut weights = self.weights.as_ref().map(|weights| {
            let matrices = if weights.average_heads { 1 } else { weights.heads.len() };
            GuardedData::new(batch * matrices * weights.rows.len() * key_length, self.query.dtype())
        });
        self.with_attention(&key, &value, |attention| {
            let ElementsMut::Float32(log_sum_exp) = log_sum_exp.elements() else { unreachable!() };
            let request = self.weights.as_ref().zip(weights.as_mut()).map(|(call, memory)| WeightsRequest {
                elements: memory.elements(),
                mode: WeightsMode::from_number(call.mode).unwrap(),
                heads: &call.heads,
                rows: &call.rows,
                average_heads: call.average_heads,
            });
            let length = scratch::length(attention, request.as_ref()).unwrap();
            let mut too_short = vec![0.0; length - 1];
            assert!(Scratch::split(&mut too_short, attention, request.as_ref()).is_none());
            let mut memory = Guarded::new(length, filling);
            let outputs_strides = self.layout.strides([batch, heads, query_length, value_head_size]);
            let scratch = Scratch::split(memory.slice(), attention, request.as_ref()).unwrap();
            let outputs = Outputs {
                output: output.elements(),
                output_strides: outputs_strides,
                log_sum_exp: Some(log_sum_exp),
                weights: request,
            };
            attention_forward(outputs, attention, scratch);
            memory.unwrap(same_bits);
        });
        let Data::Float32(log_sum_exp) = log_sum_exp.unwrap() else { unreachable!() };
        AttentionResults {
            output: output.unwrap(),
            log_sum_exp,
            weights: weights.map(GuardedData::unwrap),
            present: self.past.is_some().then_some((key, value)),
        }
    }
}
