//! The exports of attention: a parameter block in, a status out.

use super::Status;
use super::parameters::AttentionParameters;
use super::slices::{Number, optional_slice, product, slice, slice_mut, status};
use crate::attention::arrays::{Elements, ElementsMut, Heads, KeyHeads, Strides, ValueHeads, concatenate};
use crate::attention::dropout::Dropout;
use crate::attention::mask::{Mask, MaskElements};
use crate::attention::scratch::{self, Scratch};
use crate::attention::visibility::Visibility;
use crate::attention::weights::{WeightsMode, WeightsRequest};
use crate::attention::{self, Attention, Outputs, Sizes, Slopes};
use crate::dtype::Dtype;
use crate::simd::F32x4;
use wasm_bindgen::prelude::wasm_bindgen;

/// Bytes of working memory that `attention_forward` needs for these parameters; u32::MAX when the sizes overflow or the
/// parameters are invalid. `scratch` and the outputs' pointers may still be 0.
#[wasm_bindgen]
pub fn attention_scratch_bytes(parameters: usize) -> u32 {
    let needed = || -> Result<u32, Status> {
        let parameters = read(parameters)?;
        let attention = attention(&parameters)?;
        let floats = scratch::length(&attention, weights_request(&parameters)?.as_ref());
        let bytes = floats.and_then(|floats| floats.checked_mul(4)).ok_or(Status::InvalidArgument)?;
        Ok(bytes as u32)
    };
    needed().unwrap_or(u32::MAX)
}

/// Scaled dot-product attention over the parameter block at `parameters`.
#[wasm_bindgen]
pub fn attention_forward(parameters: usize) -> u32 {
    let run = || -> Result<(), Status> {
        let parameters = read(parameters)?;
        if parameters.weights_mode >= 0 && parameters.weights == 0 {
            return Err(Status::InvalidArgument);
        }
        if parameters.past_key != 0 {
            write_present(&parameters)?;
        }
        let attention = attention(&parameters)?;
        let weights = weights_request(&parameters)?;
        let length = scratch::length(&attention, weights.as_ref()).ok_or(Status::InvalidArgument)?;
        let memory = slice_mut::<f32>(parameters.scratch as usize, length)?;
        let scratch = Scratch::split(memory, &attention, weights.as_ref()).ok_or(Status::InvalidArgument)?;
        let sizes = &attention.sizes;
        let rows = product(&[sizes.batch, sizes.heads, sizes.query_length])?;
        let log_sum_exp = match parameters.log_sum_exp {
            0 => None,
            pointer => Some(slice_mut(pointer as usize, rows)?),
        };
        let outputs = Outputs {
            output: elements_mut(
                parameters.output,
                product(&[rows, sizes.value_head_size])?,
                attention_dtype(&parameters)?,
            )?,
            output_strides: strides(
                parameters.output_batch_stride,
                parameters.output_head_stride,
                parameters.output_row_stride,
            ),
            log_sum_exp,
            weights,
        };
        attention::attention_forward(outputs, &attention, scratch);
        Ok(())
    };
    status(run())
}

fn read(pointer: usize) -> Result<AttentionParameters, Status> {
    let words = slice::<u32>(pointer, size_of::<AttentionParameters>() / 4)?;
    // SAFETY: as many words as the block has, aligned like u32; every bit pattern is a value of each field.
    Ok(unsafe { words.as_ptr().cast::<AttentionParameters>().read() })
}

fn dtype(number: u32) -> Result<Dtype, Status> {
    Dtype::from_u32(number).ok_or(Status::InvalidArgument)
}

fn attention_dtype(parameters: &AttentionParameters) -> Result<Dtype, Status> {
    dtype(parameters.dtype)
}

fn elements<'a>(pointer: u32, length: usize, dtype: Dtype) -> Result<Elements<'a>, Status> {
    Ok(match dtype {
        Dtype::Float32 => Elements::Float32(slice(pointer as usize, length)?),
        _ => Elements::Bits(slice(pointer as usize, length)?, dtype),
    })
}

fn elements_mut<'a>(pointer: u32, length: usize, dtype: Dtype) -> Result<ElementsMut<'a>, Status> {
    Ok(match dtype {
        Dtype::Float32 => ElementsMut::Float32(slice_mut(pointer as usize, length)?),
        _ => ElementsMut::Bits(slice_mut(pointer as usize, length)?, dtype),
    })
}

fn strides(batch: u32, head: u32, row: u32) -> Strides {
    Strides { batch: batch as usize, head: head as usize, row: row as usize }
}

fn sizes(parameters: &AttentionParameters) -> Result<Sizes, Status> {
    let key_length = parameters.past_length.checked_add(parameters.new_length).ok_or(Status::InvalidArgument)?;
    let divides = parameters.key_heads != 0 && parameters.heads.is_multiple_of(parameters.key_heads);
    let has_elements = parameters.heads != 0 && parameters.head_size != 0 && parameters.value_head_size != 0;
    if !divides || !has_elements || key_length > i32::MAX as u32 || parameters.query_length > i32::MAX as u32 {
        return Err(Status::InvalidArgument);
    }
    Ok(Sizes {
        batch: parameters.batch as usize,
        heads: parameters.heads as usize,
        key_heads: parameters.key_heads as usize,
        query_length: parameters.query_length as usize,
        past_length: parameters.past_length as usize,
        key_length: key_length as usize,
        head_size: parameters.head_size as usize,
        value_head_size: parameters.value_head_size as usize,
    })
}

/// Past and new keys and values, one after the other, into the present ones.
fn write_present(parameters: &AttentionParameters) -> Result<(), Status> {
    let sizes = sizes(parameters)?;
    let [past, new] = [sizes.past_length, sizes.key_length - sizes.past_length];
    let key = Concatenation {
        present: (parameters.present_key, present_key_strides(parameters)),
        past: (
            parameters.past_key,
            strides(parameters.past_key_batch_stride, parameters.past_key_head_stride, parameters.past_key_row_stride),
            past,
        ),
        new: (
            parameters.key,
            strides(parameters.key_batch_stride, parameters.key_head_stride, parameters.key_row_stride),
            new,
        ),
        size: sizes.head_size,
    };
    let value = Concatenation {
        present: (parameters.present_value, present_value_strides(parameters)),
        past: (
            parameters.past_value,
            strides(
                parameters.past_value_batch_stride,
                parameters.past_value_head_stride,
                parameters.past_value_row_stride,
            ),
            past,
        ),
        new: (
            parameters.value,
            strides(parameters.value_batch_stride, parameters.value_head_stride, parameters.value_row_stride),
            new,
        ),
        size: sizes.value_head_size,
    };
    for (concatenation, dtype) in [(key, attention_dtype(parameters)?), (value, dtype(parameters.value_dtype)?)] {
        match dtype {
            Dtype::Float32 => concatenation.run::<u32>(&sizes)?,
            _ => concatenation.run::<u16>(&sizes)?,
        }
    }
    Ok(())
}

/// Pointers, strides and rows of one concatenation.
struct Concatenation {
    present: (u32, Strides),
    past: (u32, Strides, usize),
    new: (u32, Strides, usize),
    size: usize,
}

impl Concatenation {
    /// Copies the bits; `T` is as wide as an element.
    fn run<T: Number>(&self, sizes: &Sizes) -> Result<(), Status> {
        let length = |rows: usize| product(&[sizes.batch, sizes.key_heads, rows, self.size]);
        let (past, new) = (&self.past, &self.new);
        concatenate::<T>(
            (slice_mut(self.present.0 as usize, length(past.2 + new.2)?)?, self.present.1),
            (slice(past.0 as usize, length(past.2)?)?, past.1, past.2),
            (slice(new.0 as usize, length(new.2)?)?, new.1, new.2),
            sizes.batch,
            sizes.key_heads,
            self.size,
        );
        Ok(())
    }
}

/// The call's inputs. With a past, keys and values are the present ones.
fn attention<'a>(parameters: &AttentionParameters) -> Result<Attention<'a>, Status> {
    let sizes = sizes(parameters)?;
    let query_dtype = attention_dtype(parameters)?;
    let value_dtype = dtype(parameters.value_dtype)?;
    let rows = product(&[sizes.batch, sizes.heads, sizes.query_length])?;
    let key_rows = product(&[sizes.batch, sizes.key_heads, sizes.key_length])?;
    let query = Heads {
        elements: elements(parameters.query, product(&[rows, sizes.head_size])?, query_dtype)?,
        strides: strides(parameters.query_batch_stride, parameters.query_head_stride, parameters.query_row_stride),
    };
    let (key, key_strides, value, value_strides) = if parameters.past_key == 0 {
        (
            parameters.key,
            strides(parameters.key_batch_stride, parameters.key_head_stride, parameters.key_row_stride),
            parameters.value,
            strides(parameters.value_batch_stride, parameters.value_head_stride, parameters.value_row_stride),
        )
    } else {
        (
            parameters.present_key,
            present_key_strides(parameters),
            parameters.present_value,
            present_value_strides(parameters),
        )
    };
    Ok(Attention {
        sizes,
        query,
        key: KeyHeads::Rows(Heads {
            elements: elements(key, product(&[key_rows, sizes.head_size])?, query_dtype)?,
            strides: key_strides,
        }),
        value: ValueHeads::Rows(Heads {
            elements: elements(value, product(&[key_rows, sizes.value_head_size])?, value_dtype)?,
            strides: value_strides,
        }),
        scale: if parameters.has_scale != 0 { parameters.scale } else { default_scale(sizes.head_size) },
        softcap: parameters.softcap,
        mask: mask(parameters)?,
        visibility: Visibility {
            is_causal: parameters.is_causal != 0,
            lower_right: parameters.causal_alignment != 0,
            left_window: u32::try_from(parameters.left_window_size).ok(),
            right_window: u32::try_from(parameters.right_window_size).ok(),
            key_lengths: optional_slice(parameters.key_lengths as usize, sizes.batch)?,
        },
        slopes: slopes(parameters, &sizes)?,
        sinks: optional_slice(parameters.sinks as usize, sizes.heads)?,
        dropout: (parameters.has_dropout != 0).then_some(Dropout {
            threshold: parameters.dropout_threshold,
            scale: parameters.dropout_scale,
            seed: [parameters.seed_low, parameters.seed_high],
        }),
    })
}

/// 1/√D.
fn default_scale(head_size: usize) -> f32 {
    (F32x4::splat(1.0) / F32x4::splat(head_size as f32).sqrt()).to_array()[0]
}

fn mask<'a>(parameters: &AttentionParameters) -> Result<Option<Mask<'a>>, Status> {
    if parameters.mask == 0 {
        return Ok(None);
    }
    let length = parameters.mask_length as usize;
    let elements = match parameters.mask_dtype {
        3 => MaskElements::Boolean(slice(parameters.mask as usize, length)?),
        number => MaskElements::Float(elements(parameters.mask, length, dtype(number)?)?),
    };
    Ok(Some(Mask {
        elements,
        batch_stride: parameters.mask_batch_stride as usize,
        head_stride: parameters.mask_head_stride as usize,
        row_stride: parameters.mask_row_stride as usize,
        key_stride: parameters.mask_key_stride as usize,
        keys: parameters.mask_keys as usize,
    }))
}

fn slopes<'a>(parameters: &AttentionParameters, sizes: &Sizes) -> Result<Option<Slopes<'a>>, Status> {
    let batch_stride = parameters.alibi_batch_stride as usize;
    let rows = if batch_stride == 0 { 1 } else { sizes.batch };
    let slopes = optional_slice(parameters.alibi_slopes as usize, product(&[rows, sizes.heads])?)?;
    Ok(slopes.map(|slopes| Slopes { slopes, batch_stride }))
}

fn weights_request<'a>(parameters: &AttentionParameters) -> Result<Option<WeightsRequest<'a>>, Status> {
    let Ok(mode) = u32::try_from(parameters.weights_mode) else {
        return Ok(None);
    };
    let mode = WeightsMode::from_number(mode).ok_or(Status::InvalidArgument)?;
    let sizes = sizes(parameters)?;
    let heads: &[u32] = slice(parameters.weights_heads as usize, parameters.weights_head_count as usize)?;
    let rows: &[u32] = slice(parameters.weights_rows as usize, parameters.weights_row_count as usize)?;
    let inside = heads.iter().all(|&h| h < parameters.heads) && rows.iter().all(|&i| i < parameters.query_length);
    let average_heads = parameters.average_heads != 0;
    let matrices = if average_heads { 1 } else { heads.len() };
    let length = product(&[sizes.batch, matrices, rows.len(), sizes.key_length])?;
    if !inside {
        return Err(Status::InvalidArgument);
    }
    // While the scratch is being measured there is no memory for the result yet.
    let elements = match parameters.weights {
        0 => ElementsMut::Float32(&mut []),
        pointer => elements_mut(pointer, length, attention_dtype(parameters)?)?,
    };
    Ok(Some(WeightsRequest { elements, mode, heads, rows, average_heads }))
}

fn present_key_strides(parameters: &AttentionParameters) -> Strides {
    strides(parameters.present_key_batch_stride, parameters.present_key_head_stride, parameters.present_key_row_stride)
}

fn present_value_strides(parameters: &AttentionParameters) -> Strides {
    strides(
        parameters.present_value_batch_stride,
        parameters.present_value_head_stride,
        parameters.present_value_row_stride,
    )
}
