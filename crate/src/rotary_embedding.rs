//! Rotary position embedding: pairs of features, turned by an angle that grows with the position.
//!
//! ```text
//! real      = cos·x − sin·y
//! imaginary = sin·x + cos·y
//! ```
//!
//! for each pair (x, y) of the first `rotary_size` features of a head: features i and i + rotary_size/2, or, when
//! interleaved, 2i and 2i + 1. Features beyond are copied. (Su et al. 2021, "RoFormer"; ONNX RotaryEmbedding.)
//!
//! The inverse turns by the opposite angle: the transpose, which is the gradient's way back. The gradient of (x, y) is
//! (cos·real + sin·imaginary, cos·imaginary − sin·real) of the output's; of features beyond it is copied.
//!
//! Products are rounded before they are added in both arithmetics, so both give the same bits.

use crate::dtype::canonical;
use crate::indices::IndexOutOfRange;
use crate::math::sin_cos;
use crate::simd::{F32x4, LANES};

/// Sizes, and where head h of position s of batch b begins, in elements; its features are contiguous.
#[derive(Clone, Copy, Debug)]
pub struct RotaryLayout {
    pub batch: usize,
    pub sequence: usize,
    pub heads: usize,
    pub head_size: usize,
    pub batch_stride: usize,
    pub sequence_stride: usize,
    pub head_stride: usize,
    /// From one batch to the next in the position ids or, without them, in the rows of the tables: `sequence`, or 0 where
    /// the batches share them.
    pub position_stride: usize,
}

/// output and input: heads at the places that `layout` says; cosine and sine: `[table rows, rotary_size / 2]`, of which
/// position s of batch b takes row `position_ids[b·position_stride + s]`, or without them row b·position_stride + s.
pub fn rotary_embedding(
    output: &mut [f32],
    input: &[f32],
    cosine: &[f32],
    sine: &[f32],
    position_ids: Option<&[i32]>,
    layout: RotaryLayout,
    rotary_size: usize,
    interleaved: bool,
    inverse: bool,
) -> Result<(), IndexOutOfRange> {
    let RotaryLayout { batch, sequence, heads, head_size, batch_stride, sequence_stride, head_stride, position_stride } =
        layout;
    let pairs = rotary_size / 2;
    let sign = if inverse { -1.0 } else { 1.0 };
    let table_rows = cosine.len().checked_div(pairs).unwrap_or(usize::MAX);
    let table_row = |b: usize, s: usize| {
        let at = b * position_stride + s;
        position_ids.map_or(at, |ids| ids[at] as usize)
    };
    // Nothing is written unless every row exists. (A negative id is a huge row.)
    if (0..batch).any(|b| (0..sequence).any(|s| table_row(b, s) >= table_rows)) {
        return Err(IndexOutOfRange);
    }
    for b in 0..batch {
        for s in 0..sequence {
            let row = table_row(b, s) * pairs;
            let cosine = &cosine[row..row + pairs];
            let sine = &sine[row..row + pairs];
            for h in 0..heads {
                let start = b * batch_stride + s * sequence_stride + h * head_stride;
                let output = &mut output[start..start + head_size];
                let input = &input[start..start + head_size];
                let (turned, copied) = output.split_at_mut(2 * pairs);
                let (input, rest) = input.split_at(2 * pairs);
                if interleaved {
                    turn_interleaved(turned, input, cosine, sine, sign);
                } else {
                    turn_halves(turned, input, cosine, sine, sign);
                }
                copied.copy_from_slice(rest);
            }
        }
    }
    Ok(())
}

fn turn_halves(output: &mut [f32], input: &[f32], cosine: &[f32], sine: &[f32], sign: f32) {
    let (real, imaginary) = output.split_at_mut(cosine.len());
    let (x, y) = input.split_at(cosine.len());
    let (real_vectors, real_rest) = real.as_chunks_mut::<LANES>();
    let (imaginary_vectors, imaginary_rest) = imaginary.as_chunks_mut::<LANES>();
    let count = real_vectors.len();
    let [x, y, cosine, sine] = [x, y, cosine, sine].map(|values| values.as_chunks::<LANES>());
    let [x_vectors, y_vectors, cosines, sines] = [x, y, cosine, sine].map(|(vectors, _)| &vectors[..count]);
    for (i, (real, imaginary)) in real_vectors.iter_mut().zip(imaginary_vectors).enumerate() {
        let vectors = [x_vectors[i], y_vectors[i], cosines[i], sines[i]].map(F32x4::from_array);
        [*real, *imaginary] = turn(vectors, sign).map(F32x4::to_array);
    }
    for (i, (real, imaginary)) in real_rest.iter_mut().zip(imaginary_rest).enumerate() {
        [*real, *imaginary] = turn_pair([x.1[i], y.1[i], cosine.1[i], sine.1[i]], sign);
    }
}

fn turn_interleaved(output: &mut [f32], input: &[f32], cosine: &[f32], sine: &[f32], sign: f32) {
    let (output_vectors, output_rest) = output.as_chunks_mut::<{ 2 * LANES }>();
    let (input_vectors, input_rest) = input.as_chunks::<{ 2 * LANES }>();
    let (cosines, cosine_rest) = cosine.as_chunks::<LANES>();
    let (sines, sine_rest) = sine.as_chunks::<LANES>();
    let tables = cosines.iter().zip(sines);
    for ((output, input), (cosine, sine)) in output_vectors.iter_mut().zip(input_vectors).zip(tables) {
        let [even, odd] = interleave(F32x4::load(input), F32x4::load(&input[LANES..]));
        let [x, y] = interleave(even, odd);
        let [real, imaginary] = turn([x, y, F32x4::from_array(*cosine), F32x4::from_array(*sine)], sign);
        let [low, high] = interleave(real, imaginary);
        low.store(output);
        high.store(&mut output[LANES..]);
    }
    let pairs = output_rest.as_chunks_mut::<2>().0.iter_mut().zip(input_rest.as_chunks::<2>().0);
    for ((output, [x, y]), (cosine, sine)) in pairs.zip(cosine_rest.iter().zip(sine_rest)) {
        *output = turn_pair([*x, *y, *cosine, *sine], sign);
    }
}

/// `[a0, b0, a1, b1]` and `[a2, b2, a3, b3]`. Twice, it parts the even elements of a and b from the odd ones.
#[inline(always)]
fn interleave(a: F32x4, b: F32x4) -> [F32x4; 2] {
    [a.interleave_low(b), a.interleave_high(b)]
}

/// The real and imaginary parts.
#[inline(always)]
fn turn([x, y, cosine, sine]: [F32x4; 4], sign: f32) -> [F32x4; 2] {
    let sine = F32x4::splat(sign) * sine;
    [cosine * x - sine * y, sine * x + cosine * y].map(canonical)
}

#[inline(never)]
fn turn_pair(pair: [f32; 4], sign: f32) -> [f32; 2] {
    turn(pair.map(F32x4::splat), sign).map(|lanes| lanes.to_array()[0])
}

/// cosine, sine: `[rows, pairs]`, attention_factor times those of the angles position · frequency; frequencies:
/// `[pairs]`. Row r's position is `position_ids[r]`, or without them first_position + r.
///
/// For angles up to 2^31. Results are rounded once. Angles are off by the position times the error of the frequency, and by
/// 2^-53 of themselves where float64 doesn't hold the product: below position · 2^-51 for frequencies of at most 1.
/// (Tables made in float32, as many models make them, are off by position · 2^-24.)
pub fn rotary_tables(
    cosine: &mut [f32],
    sine: &mut [f32],
    frequencies: &[f64],
    position_ids: Option<&[i32]>,
    first_position: usize,
    attention_factor: f64,
) {
    let pairs = frequencies.len().max(1);
    let rows = cosine.chunks_exact_mut(pairs).zip(sine.chunks_exact_mut(pairs));
    for (row, (cosine, sine)) in rows.enumerate() {
        let position = position_ids.map_or((first_position + row) as f64, |ids| f64::from(ids[row]));
        for ((cosine, sine), frequency) in cosine.iter_mut().zip(sine).zip(frequencies) {
            let (sin, cos) = sin_cos(position * frequency);
            *cosine = (attention_factor * cos) as f32;
            *sine = (attention_factor * sin) as f32;
        }
    }
}
