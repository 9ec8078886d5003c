//! The cases of test/cases/bits.json, natively: the same bits as the wasm builds', in both arithmetics.
//! test/cases/bits.ts is this file's counterpart.

#[path = "cases/attention_call.rs"]
mod attention_call;
#[path = "cases/attention_backward_call.rs"]
mod backward_call;
#[path = "cases/rope_scaling.rs"]
mod rope_scaling;

use attention_call::{
    AttentionCall, AttentionResults, CallMask, CallWeights, Data, InStrips, Layout, MaskData, dropout,
};
use backward_call::{BackwardCall, Cotangents};
use rope_scaling::scaled_frequencies;
use serde_json::Value;
use wasm_attention::activation::{Activation, gelu, gelu_tanh, relu, sigmoid, silu, swiglu, tanh};
use wasm_attention::attention::Sizes;
use wasm_attention::axis::along_axis;
use wasm_attention::convolution::{self, conv1d};
use wasm_attention::dropout;
use wasm_attention::dtype::Dtype;
use wasm_attention::elementwise::{add, mul};
use wasm_attention::linear::{linear, pack_weight, packed_length, scratch_length};
use wasm_attention::masked_mean::masked_mean;
use wasm_attention::matmul;
use wasm_attention::matmul::{Product, Transposed};
use wasm_attention::normalization::{layer_norm, normalize, rms_norm};
use wasm_attention::random::{normal, uniform};
use wasm_attention::reduction::sum_along;
use wasm_attention::rotary_embedding::{RotaryLayout, rotary_embedding, rotary_tables};
use wasm_attention::simd::FUSED;
use wasm_attention::sinusoidal_positions::sinusoidal_positions;
use wasm_attention::softmax::{log_softmax, softmax};

const STREAMS: [&str; 13] = [
    "query",
    "key",
    "value",
    "attnMask",
    "pastKey",
    "pastValue",
    "input",
    "weight",
    "bias",
    "other",
    "output",
    "logSumExp",
    "weights",
];

/// Marsaglia's xorshift generator of 32 bits.
fn words(seed: u32, stream: &str, length: usize) -> Vec<u32> {
    let number = STREAMS.iter().position(|name| *name == stream).unwrap() as u32;
    let mut state = (seed * 16 + number + 1).wrapping_mul(0x9e37_79b1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    };
    (0..length).map(|_| next()).collect()
}

fn float32(word: u32, amplitude: f32) -> f32 {
    ((word >> 8) as f32 / 8_388_608.0 - 1.0) * amplitude
}

fn float16(word: u32) -> u16 {
    (word >> 16) as u16 & 0xbfff
}

fn bfloat16(word: u32, amplitude: f32) -> u16 {
    (float32(word, amplitude).to_bits() >> 16) as u16
}

fn number(value: &Value) -> Option<f32> {
    value.as_f64().map(|number| number as f32)
}

fn numbers(value: &Value) -> Option<Vec<f32>> {
    let flat = |item: &Value| numbers(item).unwrap_or_else(|| vec![number(item).unwrap()]);
    value.as_array().map(|items| items.iter().flat_map(flat).collect())
}

fn indices(value: &Value, count: usize) -> Vec<u32> {
    match value.as_array() {
        Some(items) => items.iter().map(|item| item.as_u64().unwrap() as u32).collect(),
        None => (0..count as u32).collect(),
    }
}

fn dtype(value: &Value) -> Dtype {
    match value.as_str() {
        None | Some("float32") => Dtype::Float32,
        Some("float16") => Dtype::Float16,
        Some("bfloat16") => Dtype::BFloat16,
        Some(other) => panic!("{other} is no float dtype"),
    }
}

/// A case as it stands in the file.
struct Case<'a>(&'a Value);

impl Case<'_> {
    fn seed(&self) -> u32 {
        self.0["seed"].as_u64().unwrap() as u32
    }

    fn size(&self, name: &str) -> usize {
        self.0["sizes"][name].as_u64().unwrap_or(0) as usize
    }

    fn option(&self, name: &str) -> &Value {
        &self.0["options"][name]
    }

    fn flag(&self, name: &str) -> bool {
        self.option(name).as_bool().unwrap_or(false)
    }

    fn number(&self, name: &str, default: f32) -> f32 {
        number(self.option(name)).unwrap_or(default)
    }

    fn input(&self, stream: &str, length: usize, dtype: Dtype) -> Data {
        let amplitude = number(&self.0["amplitude"]).unwrap();
        let words = words(self.seed(), stream, length);
        match dtype {
            Dtype::Float16 => Data::Bits(words.into_iter().map(float16).collect(), dtype),
            Dtype::BFloat16 => Data::Bits(words.into_iter().map(|word| bfloat16(word, amplitude)).collect(), dtype),
            Dtype::Float32 => {
                let mut values: Vec<f32> = words.into_iter().map(|word| float32(word, amplitude)).collect();
                for planted in self.0["planted"][stream].as_array().into_iter().flatten() {
                    values[planted[0].as_u64().unwrap() as usize] = planted[1].as_str().unwrap().parse().unwrap();
                }
                Data::Float32(values)
            }
        }
    }

    /// A quarter of a boolean mask is false, an eighth of a float mask −Infinity; the rest of it is within ±1.
    fn mask(&self) -> Option<CallMask> {
        let mask = &self.0["attnMask"];
        let shape = mask["shape"].as_array()?;
        let shape: [usize; 4] = std::array::from_fn(|axis| shape[axis].as_u64().unwrap() as usize);
        let words = words(self.seed(), "attnMask", shape.iter().product());
        if mask["dtype"] == "bool" {
            let data = words.iter().map(|word| u8::from(word & 3 != 0)).collect();
            return Some(CallMask { data: MaskData::Boolean(data), shape });
        }
        let dtype = dtype(&mask["dtype"]);
        let hides = |word: u32| word & 7 == 0;
        let data = match dtype {
            Dtype::Float32 => Data::Float32(
                words
                    .into_iter()
                    .map(|word| if hides(word) { f32::NEG_INFINITY } else { float32(word, 1.0) })
                    .collect(),
            ),
            Dtype::Float16 => Data::Bits(
                words.into_iter().map(|word| if hides(word) { 0xfc00 } else { float16(word) }).collect(),
                dtype,
            ),
            Dtype::BFloat16 => Data::Bits(
                words.into_iter().map(|word| if hides(word) { 0xff80 } else { bfloat16(word, 1.0) }).collect(),
                dtype,
            ),
        };
        Some(CallMask { data: MaskData::Float(data), shape })
    }

    fn weights(&self) -> Option<CallWeights> {
        let asked = self.option("needWeights");
        (asked.is_object() || asked == true).then(|| CallWeights {
            mode: self.option("weightsMode").as_u64().unwrap_or(3) as u32,
            heads: indices(&asked["heads"], self.size("heads")),
            rows: indices(&asked["rows"], self.size("queries")),
            average_heads: asked["averageHeads"] == true,
        })
    }

    fn attention(&self) -> Vec<Data> {
        let sizes = Sizes {
            batch: self.size("batch"),
            heads: self.size("heads"),
            key_heads: self.size("keyHeads"),
            query_length: self.size("queries"),
            past_length: self.size("past"),
            key_length: self.size("past") + self.size("keys"),
            head_size: self.size("size"),
            value_head_size: self.size("valueSize"),
        };
        let (query_dtype, value_dtype) = (dtype(&self.0["dtype"]), dtype(&self.0["valueDtype"]));
        let [key_rows, past_rows] = ["keys", "past"].map(|rows| sizes.batch * sizes.key_heads * self.size(rows));
        let query_length = sizes.batch * sizes.heads * sizes.query_length * sizes.head_size;
        let call = AttentionCall {
            in_strips: InStrips::default(),
            sizes,
            layout: match self.option("layout").as_str() {
                None => Layout::Bhld,
                Some("BLHD") => Layout::Blhd,
                Some("LBHD") => Layout::Lbhd,
                Some(other) => panic!("{other} is no layout"),
            },
            query: self.input("query", query_length, query_dtype),
            key: self.input("key", key_rows * sizes.head_size, query_dtype),
            value: self.input("value", key_rows * sizes.value_head_size, value_dtype),
            past: self.0["sizes"]["past"].is_u64().then(|| {
                (
                    self.input("pastKey", past_rows * sizes.head_size, query_dtype),
                    self.input("pastValue", past_rows * sizes.value_head_size, value_dtype),
                )
            }),
            scale: self.number("scale", 1.0 / (sizes.head_size as f32).sqrt()),
            softcap: self.number("softcap", 0.0),
            mask: self.mask(),
            is_causal: self.flag("isCausal"),
            lower_right: self.option("causalAlignment") == "lower-right",
            left_window: self.option("leftWindowSize").as_u64().map(|size| size as u32),
            right_window: self.option("rightWindowSize").as_u64().map(|size| size as u32),
            key_lengths: numbers(self.option("keyLengths")).map(|lengths| lengths.iter().map(|&n| n as i32).collect()),
            slopes: numbers(self.option("alibiSlopes")),
            sinks: numbers(self.option("sinks")),
            dropout: self.option("dropoutP").as_f64().map(|p| dropout(p, self.option("seed").as_u64().unwrap())),
            weights: self.weights(),
        };
        if let Some(names) = self.0["cotangents"].as_array() {
            return self.attention_gradients(&call, names);
        }
        let AttentionResults { output, log_sum_exp, weights, present } = call.run();
        let (present_key, present_value) = present.unzip();
        [Some(output), Some(Data::Float32(log_sum_exp)), weights, present_key, present_value]
            .into_iter()
            .flatten()
            .collect()
    }

    /// The gradients of all inputs, of those of the results that are named.
    fn attention_gradients(&self, call: &AttentionCall, names: &[Value]) -> Vec<Data> {
        let Sizes { batch, heads, query_length, key_length, value_head_size, .. } = call.sizes;
        let rows = batch * heads * query_length;
        let given = |name: &str, length: usize| {
            names.iter().any(|other| other == name).then(|| self.input(name, length, Dtype::Float32))
        };
        let matrices = |asked: &CallWeights| if asked.average_heads { 1 } else { asked.heads.len() };
        let asked = call.weights.as_ref().map_or(0, |asked| matrices(asked) * asked.rows.len());
        let cotangents = Cotangents {
            output: given("output", rows * value_head_size),
            log_sum_exp: given("logSumExp", rows).map(|data| data.widened()),
            weights: given("weights", batch * asked * key_length).map(|data| data.widened()),
        };
        BackwardCall::new(call, &cotangents).run().into_iter().flatten().map(Data::Float32).collect()
    }

    fn layer(&self) -> Data {
        let dtype = dtype(&self.0["dtype"]);
        let [rows, columns, out_features] = ["rows", "columns", "outFeatures"].map(|name| self.size(name));
        let input = |stream, length| self.input(stream, length, dtype).widened();
        let parameter = |name, length| self.flag(name).then(|| input(name, length));
        let seed = || {
            let seed = self.option("seed").as_u64().unwrap();
            [seed as u32, (seed >> 32) as u32]
        };
        let x = input("input", rows * columns);
        let mut output = vec![f32::NAN; rows * columns];
        match self.0["operation"].as_str().unwrap() {
            "softmax" => along_axis(&mut output, &x, &[], &mut [], [rows, columns, 1], softmax),
            "linear" | "Linear" => {
                let mut packed = vec![f32::NAN; packed_length(columns, out_features).unwrap()];
                pack_weight(&mut packed, &input("weight", out_features * columns), columns, out_features);
                let bias = parameter("bias", out_features);
                let mut scratch = vec![f32::NAN; scratch_length(rows, columns).unwrap()];
                output = vec![f32::NAN; rows * out_features];
                linear(
                    &mut output,
                    &x,
                    &packed,
                    bias.as_deref(),
                    &mut scratch,
                    rows,
                    columns,
                    out_features,
                    self.activation(),
                );
            }
            "layerNorm" => {
                let (weight, bias) = (parameter("weight", columns), parameter("bias", columns));
                let epsilon = self.number("epsilon", 1e-5);
                layer_norm(&mut output, &x, weight.as_deref(), bias.as_deref(), rows, columns, epsilon);
            }
            "rmsNorm" => {
                let weight = parameter("weight", columns);
                rms_norm(&mut output, &x, weight.as_deref(), rows, columns, self.number("epsilon", f32::EPSILON));
            }
            "gelu" if self.option("approximate") == "tanh" => gelu_tanh(&mut output, &x),
            "gelu" => gelu(&mut output, &x),
            "silu" => silu(&mut output, &x),
            "relu" => relu(&mut output, &x),
            "sigmoid" => sigmoid(&mut output, &x),
            "tanh" => tanh(&mut output, &x),
            "logSoftmax" => along_axis(&mut output, &x, &[], &mut [], [rows, columns, 1], log_softmax),
            "normalize" => along_axis(&mut output, &x, &[], &mut [], [rows, columns, 1], normalize),
            "swiglu" => swiglu(&mut output, &x, &input("other", rows * columns)),
            "add" => add(&mut output, &x, &input("other", rows * columns), &[[(rows * columns) as u32, 1, 1]]),
            "mul" => mul(&mut output, &x, &input("other", rows * columns), &[[(rows * columns) as u32, 1, 1]]),
            "sum" | "mean" => output = self.reduction(&x),
            "matmul" => output = self.matmul(&x, &input("weight", columns * out_features)),
            "rotaryEmbedding" => output = self.rotary_embedding(),
            "sinusoidalPositions" => sinusoidal_positions(&mut output, rows, columns),
            "conv1d" => output = self.conv1d(&x, input),
            "dropout" => {
                let probability = self.option("p").as_f64().unwrap();
                dropout::dropout(&mut output, &x, &dropout(probability, self.option("seed").as_u64().unwrap()));
            }
            "maskedMean" => {
                output = vec![f32::NAN; columns];
                masked_mean(&mut output, &x, &input("other", rows), 1, rows, columns);
            }
            "rand" => uniform(&mut output, self.number("low", 0.0), self.number("high", 1.0), seed(), 0),
            "randn" => {
                normal(&mut output, self.number("mean", 0.0), self.number("standardDeviation", 1.0), seed(), 0);
            }
            other => panic!("{other} is no operation"),
        }
        Data::rounded(output, dtype)
    }

    fn conv1d(&self, x: &[f32], input: impl Fn(&'static str, usize) -> Vec<f32>) -> Vec<f32> {
        let option = |name, default| self.option(name).as_u64().map_or(default, |number| number as usize);
        let sizes = convolution::Sizes {
            batch: 1,
            channels: self.size("rows"),
            length: self.size("columns"),
            out_channels: self.size("outFeatures"),
            kernel_size: self.size("kernelSize"),
            stride: option("stride", 1),
            padding: option("padding", 0),
            dilation: option("dilation", 1),
            groups: option("groups", 1),
        };
        let weight = input("weight", sizes.out_channels * sizes.channels / sizes.groups * sizes.kernel_size);
        let bias = self.flag("bias").then(|| input("bias", sizes.out_channels));
        let mut output = vec![f32::NAN; sizes.out_channels * sizes.output_length().unwrap()];
        let mut scratch = vec![f32::NAN; sizes.scratch_length().unwrap()];
        conv1d(&mut output, x, &weight, bias.as_deref(), &mut scratch, &sizes);
        output
    }

    fn activation(&self) -> Activation {
        match self.option("activation").as_str() {
            None => Activation::Identity,
            Some("gelu") => Activation::Gelu,
            Some("gelu-tanh") => Activation::GeluTanh,
            Some("silu") => Activation::Silu,
            Some("relu") => Activation::Relu,
            Some(other) => panic!("{other} is no activation"),
        }
    }

    /// The sums along the case's axis, or their means.
    fn reduction(&self, input: &[f32]) -> Vec<f32> {
        let [rows, columns] = ["rows", "columns"].map(|name| self.size(name));
        let (outer, length, inner) = if self.option("axis") == 0 { (1, rows, columns) } else { (rows, columns, 1) };
        let mut output = vec![f32::NAN; outer * inner];
        sum_along(&mut output, input, outer, length, inner);
        if self.0["operation"] == "sum" {
            return output;
        }
        let mut means = vec![f32::NAN; output.len()];
        mul(&mut means, &output, &[(1.0 / length as f64) as f32], &[[output.len() as u32, 1, 0]]);
        means
    }

    fn matmul(&self, a: &[f32], b: &[f32]) -> Vec<f32> {
        let [rows, depth, columns] = ["rows", "columns", "outFeatures"].map(|name| self.size(name));
        let product = Product { rows, depth, columns, transposed: Transposed::Neither };
        let mut output = vec![f32::NAN; rows * columns];
        let mut scratch = vec![f32::NAN; matmul::scratch_length(product).unwrap()];
        matmul::matmul(&mut output, a, b, &mut scratch, &[], product);
        output
    }

    fn rotary_embedding(&self) -> Vec<f32> {
        let [batch, heads, sequence, head_size] = ["batch", "heads", "queries", "size"].map(|name| self.size(name));
        let rotary_size = self.option("rotaryDim").as_u64().map_or(head_size, |size| size as usize);
        let mut tables = [(); 2].map(|()| vec![f32::NAN; sequence * rotary_size / 2]);
        let [cosine, sine] = &mut tables;
        let first = self.option("positionIds").as_u64().unwrap_or(0) as usize;
        let base = self.option("base").as_f64().unwrap_or(10_000.0);
        let length = (first + sequence) as f64;
        let (frequencies, factor) = scaled_frequencies(self.option("ropeScaling"), rotary_size, base, length);
        rotary_tables(cosine, sine, &frequencies, None, first, factor);
        let layout = RotaryLayout {
            batch,
            sequence,
            heads,
            head_size,
            batch_stride: heads * sequence * head_size,
            sequence_stride: head_size,
            head_stride: sequence * head_size,
            position_stride: 0,
        };
        let input = self.input("input", batch * heads * sequence * head_size, Dtype::Float32).widened();
        let mut output = vec![f32::NAN; input.len()];
        let is_interleaved = self.flag("interleaved");
        rotary_embedding(&mut output, &input, cosine, sine, None, layout, rotary_size, is_interleaved, false).unwrap();
        output
    }
}

/// FNV-1a of 64 bits, as hexadecimal digits.
fn fnv(bytes: impl Iterator<Item = u8>) -> String {
    let state =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{state:016x}")
}

fn hash(results: &[Data]) -> String {
    let bytes = |data: &Data| -> Vec<u8> {
        match data {
            Data::Float32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Data::Bits(bits, _) => bits.iter().flat_map(|bits| bits.to_le_bytes()).collect(),
        }
    };
    fnv(results.iter().flat_map(bytes))
}

#[test]
#[cfg_attr(miri, ignore = "sizes for optimised code; tests/miri.rs has small ones")]
fn every_case_has_the_stored_bits() {
    let file: Value = serde_json::from_str(include_str!("../../test/cases/bits.json")).unwrap();
    let cases = file["cases"].as_array().unwrap();
    let arithmetic = if FUSED { "fused" } else { "separate" };
    let hashes: Vec<String> = cases
        .iter()
        .map(|value| {
            let case = Case(value);
            let is_attention = value["operation"] == "scaledDotProductAttention";
            hash(&if is_attention { case.attention() } else { vec![case.layer()] })
        })
        .collect();
    // What test/matrix compares every runtime's own with.
    println!("bits of {arithmetic} arithmetic: {}", fnv(hashes.iter().flat_map(|hash| hash.bytes())));
    let different: Vec<&Value> = cases
        .iter()
        .zip(&hashes)
        .filter(|(value, hash)| value["hashes"][arithmetic] != **hash)
        .map(|(value, _)| &value["name"])
        .collect();
    assert!(different.is_empty(), "{arithmetic}: {} of {} cases differ: {different:#?}", different.len(), cases.len());
}
