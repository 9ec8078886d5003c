//! The tensors that attention reads and writes: `[B, heads, rows, size]` at given strides, float32 or 16 bits.

use super::layout::{KeyStrips, Keys, StripsExist, Values};
use super::matrix::Matrix;
use super::panel;
use super::query_rows::QueryRows;
use crate::dtype::{Dtype, narrow, widen};
use crate::tiles::{KEY_STRIP, PANEL};

/// Distances, in elements, from one batch, head or row to the next; a row's own elements are contiguous.
#[derive(Clone, Copy, Debug)]
pub struct Strides {
    pub batch: usize,
    pub head: usize,
    pub row: usize,
}

impl Strides {
    /// Strides of contiguous `[B, heads, rows, size]`.
    pub fn contiguous(heads: usize, rows: usize, size: usize) -> Self {
        Self { batch: heads * rows * size, head: rows * size, row: size }
    }

    /// Where row `i` of head `h` of batch `b` starts.
    #[inline(always)]
    pub fn start(&self, b: usize, h: usize, i: usize) -> usize {
        b * self.batch + h * self.head + i * self.row
    }
}

/// Elements of one of the three float dtypes.
#[derive(Clone, Copy)]
pub enum Elements<'a> {
    Float32(&'a [f32]),
    /// The bits of float16 or bfloat16.
    Bits(&'a [u16], Dtype),
}

/// Elements to write.
pub enum ElementsMut<'a> {
    Float32(&'a mut [f32]),
    /// The bits of float16 or bfloat16.
    Bits(&'a mut [u16], Dtype),
}

impl ElementsMut<'_> {
    /// Writes the rows of a panel `[size][columns]` at `starts`, rounded once to the dtype. NaN is expected to be
    /// canonical. `buffer` holds as many elements as the panel.
    #[inline(never)]
    pub fn write_panel(&mut self, panel: &[f32], starts: &[usize], buffer: &mut [f32], size: usize, columns: usize) {
        match self {
            Self::Float32(elements) => panel::to_rows(elements, panel, starts, size, columns),
            Self::Bits(elements, dtype) => {
                let buffer_starts: [usize; PANEL] = core::array::from_fn(|c| c * size);
                panel::to_rows(buffer, panel, &buffer_starts[..starts.len()], size, columns);
                for (start, row) in starts.iter().zip(buffer.chunks_exact(size)) {
                    narrow(&mut elements[*start..start + size], row, *dtype);
                }
            }
        }
    }
}

/// A tensor `[B, heads, rows, size]` to read.
#[derive(Clone, Copy)]
pub struct Heads<'a> {
    pub elements: Elements<'a>,
    pub strides: Strides,
}

impl<'a> Heads<'a> {
    /// Row `i`, widened to float32.
    #[inline(never)]
    pub fn read_row(&self, output: &mut [f32], b: usize, h: usize, i: usize) {
        let start = self.strides.start(b, h, i);
        match self.elements {
            Elements::Float32(elements) => output.copy_from_slice(&elements[start..start + output.len()]),
            Elements::Bits(elements, dtype) => widen(output, &elements[start..start + output.len()], dtype),
        }
    }

    /// The row of each column of a panel as float32: where they lie, or widened into `buffer` (`[columns, size]`).
    pub fn gather<'s>(&self, buffer: &'s mut [f32], b: usize, rows: &QueryRows, size: usize) -> [&'s [f32]; PANEL]
    where
        'a: 's,
    {
        let mut gathered: [&[f32]; PANEL] = [&[]; PANEL];
        match self.elements {
            Elements::Float32(elements) => {
                for c in 0..rows.columns {
                    gathered[c] = &elements[self.strides.start(b, rows.heads[c], rows.indices[c])..][..size];
                }
            }
            Elements::Bits(..) => {
                for (c, row) in buffer[..rows.columns * size].chunks_exact_mut(size).enumerate() {
                    self.read_row(row, b, rows.heads[c], rows.indices[c]);
                }
                for (row, widened) in gathered.iter_mut().zip(buffer.chunks_exact(size)) {
                    *row = widened;
                }
            }
        }
        gathered
    }

    /// The `count` rows of a head as float32: where they lie, or all of them widened into `buffer` (`[count, size]`), since
    /// every panel of queries reads them.
    #[inline(never)]
    pub fn head<'s>(&self, buffer: &'s mut [f32], b: usize, h: usize, count: usize, size: usize) -> Matrix<'s>
    where
        'a: 's,
    {
        match self.elements {
            Elements::Float32(elements) if count != 0 => {
                Matrix::new(&elements[self.strides.start(b, h, 0)..], self.strides.row, count, size)
            }
            Elements::Float32(_) => Matrix::new(&[], size, 0, size),
            Elements::Bits(..) => {
                for (i, row) in buffer[..count * size].chunks_exact_mut(size).enumerate() {
                    self.read_row(row, b, h, i);
                }
                Matrix::new(buffer, size, count, size)
            }
        }
    }
}

/// Keys `[B, Hkv, T, D]`, as a tensor or in strips.
#[derive(Clone, Copy)]
pub enum KeyHeads<'a> {
    Rows(Heads<'a>),
    /// `[B, Hkv, capacity / 12, D, 12]` in float32.
    Strips(HeadStrips<'a>),
}

/// Values `[B, Hkv, T, Dv]`, as a tensor or in strips.
#[derive(Clone, Copy)]
pub enum ValueHeads<'a> {
    Rows(Heads<'a>),
    /// `[B, Hkv, Dv / 48, capacity, 48]` in float32, the last strip as narrow as what is left of Dv.
    Strips(HeadStrips<'a>),
}

/// The strips of all heads, with room for more keys than there are.
#[derive(Clone, Copy)]
pub struct HeadStrips<'a> {
    pub exist: StripsExist,
    pub elements: &'a [f32],
    /// Hkv.
    pub heads: usize,
    /// How many keys a head has room for, a multiple of 12.
    pub capacity: usize,
}

impl<'a> HeadStrips<'a> {
    /// Floats of a head's keys of `size` elements.
    pub fn key_length(capacity: usize, size: usize) -> usize {
        capacity.next_multiple_of(KEY_STRIP) * size
    }

    /// Floats of a head's values of `size` elements.
    pub fn value_length(capacity: usize, size: usize) -> usize {
        capacity * size
    }

    fn head(&self, b: usize, h: usize, length: usize) -> &'a [f32] {
        &self.elements[(b * self.heads + h) * length..][..length]
    }
}

impl<'a> KeyHeads<'a> {
    /// The keys of a head; `buffer` as for `Heads::head`.
    pub fn head<'s>(&self, buffer: &'s mut [f32], b: usize, h: usize, count: usize, size: usize) -> Keys<'s>
    where
        'a: 's,
    {
        match self {
            Self::Rows(heads) => Keys::Rows(heads.head(buffer, b, h, count, size)),
            Self::Strips(strips) => {
                let length = HeadStrips::key_length(strips.capacity, size);
                Keys::Strips(KeyStrips::new(strips.exist, strips.head(b, h, length), count, size))
            }
        }
    }
}

impl<'a> ValueHeads<'a> {
    /// The values of a head; `buffer` as for `Heads::head`.
    pub fn head<'s>(&self, buffer: &'s mut [f32], b: usize, h: usize, count: usize, size: usize) -> Values<'s>
    where
        'a: 's,
    {
        match self {
            Self::Rows(heads) => Values::rows(heads.head(buffer, b, h, count, size)),
            Self::Strips(strips) => {
                let length = HeadStrips::value_length(strips.capacity, size);
                Values::strips(strips.head(b, h, length), strips.capacity, count, size)
            }
        }
    }
}

/// Writes past rows, then new rows into `present`, bit for bit: `[B, Hkv, P, size]` and `[B, Hkv, S, size]` into
/// `[B, Hkv, P + S, size]`.
#[inline(never)]
pub fn concatenate<T: Copy>(
    present: (&mut [T], Strides),
    past: (&[T], Strides, usize),
    new: (&[T], Strides, usize),
    batch: usize,
    heads: usize,
    size: usize,
) {
    let (present, present_strides) = present;
    let past_rows = past.2;
    for (source, strides, rows, first) in [(past.0, past.1, past.2, 0), (new.0, new.1, new.2, past_rows)] {
        for b in 0..batch {
            for h in 0..heads {
                for i in 0..rows {
                    let to = present_strides.start(b, h, first + i);
                    let from = strides.start(b, h, i);
                    present[to..to + size].copy_from_slice(&source[from..from + size]);
                }
            }
        }
    }
}
