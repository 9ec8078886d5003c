//! How the keys and values of one head lie in memory.
//!
//! In *rows*, as tensors have them. Or in *strips*, in which whatever walks over them reads straight on:
//!
//! ```text
//! keys    [T / 12][D][12]     element d of 12 keys side by side: a vector holds it for four of them
//! values  [Dv / 48][T][48]    48 columns of every value: a single query row keeps their sums in registers
//! ```
//!
//! The last strip of keys is as wide as the others, and what fills it up is never seen; the last strip of values has the
//! columns that are left.

use super::matrix::Matrix;
use crate::simd::{F32x4, I32x4};
use crate::tiles::{KEY_STRIP, VALUE_STRIP};
use core::ops::Range;

/// That there are strips. It has no value in WebAssembly, where nothing fills any until there are caches: so the compiler
/// leaves the kernels over them out of the builds.
#[derive(Clone, Copy)]
pub enum StripsExist {
    /// For the tests.
    #[cfg(not(target_arch = "wasm32"))]
    Natively,
}

/// Some of a head's keys in strips of 12: `count` from number `first` on.
#[derive(Clone, Copy)]
pub struct KeyStrips<'a> {
    _exist: StripsExist,
    elements: &'a [f32],
    first: usize,
    count: usize,
    head_size: usize,
}

impl<'a> KeyStrips<'a> {
    /// The first `count` keys. Panics unless their strips lie inside `elements`.
    pub fn new(exist: StripsExist, elements: &'a [f32], count: usize, head_size: usize) -> Self {
        assert!(count.div_ceil(KEY_STRIP) * KEY_STRIP * head_size <= elements.len());
        Self { _exist: exist, elements, first: 0, count, head_size }
    }

    /// Where key `j` of these begins: its elements follow at a distance of 12.
    pub fn place(&self, j: usize) -> usize {
        let j = self.first + j;
        j / KEY_STRIP * (KEY_STRIP * self.head_size) + j % KEY_STRIP
    }

    /// How many keys from `j` on stand in its strip.
    pub fn rest_of_strip(&self, j: usize) -> usize {
        KEY_STRIP - (self.first + j) % KEY_STRIP
    }

    pub fn count(&self) -> usize {
        self.count
    }

    pub fn head_size(&self) -> usize {
        self.head_size
    }

    /// Where the head's first key begins.
    pub fn as_ptr(&self) -> *const f32 {
        self.elements.as_ptr()
    }
}

/// The keys of a head.
#[derive(Clone, Copy)]
pub enum Keys<'a> {
    /// One after the other, `[T, D]`.
    Rows(Matrix<'a>),
    /// Twelve side by side.
    Strips(KeyStrips<'a>),
}

impl Keys<'_> {
    /// Some of them.
    pub fn part(&self, keys: &Range<usize>) -> Self {
        match self {
            Self::Rows(matrix) => Self::Rows(matrix.part(keys)),
            Self::Strips(strips) => {
                assert!(keys.start <= keys.end && keys.end <= strips.count);
                Self::Strips(KeyStrips { first: strips.first + keys.start, count: keys.len(), ..*strips })
            }
        }
    }

    pub fn count(&self) -> usize {
        match self {
            Self::Rows(matrix) => matrix.row_count(),
            Self::Strips(strips) => strips.count,
        }
    }

    pub fn head_size(&self) -> usize {
        match self {
            Self::Rows(matrix) => matrix.columns(),
            Self::Strips(strips) => strips.head_size,
        }
    }
}

/// Some of a head's values: `count` from number `first` on, in one strip or several, each of which is a matrix.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    elements: &'a [f32],
    arrangement: Arrangement,
    first: usize,
    count: usize,
    head_size: usize,
}

#[derive(Clone, Copy)]
enum Arrangement {
    Rows {
        stride: usize,
    },
    /// With room for so many values each.
    Strips {
        capacity: usize,
    },
}

impl<'a> Values<'a> {
    /// One after the other, `[T, Dv]`.
    pub fn rows(matrix: Matrix<'a>) -> Self {
        Self {
            elements: matrix.elements(),
            arrangement: Arrangement::Rows { stride: matrix.row_stride() },
            first: 0,
            count: matrix.row_count(),
            head_size: matrix.columns(),
        }
    }

    /// In strips of 48 columns, of which each has room for `capacity` values. Panics unless they lie inside `elements`.
    pub fn strips(elements: &'a [f32], capacity: usize, count: usize, head_size: usize) -> Self {
        assert!(count <= capacity && head_size * capacity <= elements.len());
        Self { elements, arrangement: Arrangement::Strips { capacity }, first: 0, count, head_size }
    }

    /// Some of them.
    pub fn part(&self, values: &Range<usize>) -> Self {
        assert!(values.start <= values.end && values.end <= self.count);
        Self { first: self.first + values.start, count: values.len(), ..*self }
    }

    /// The strips, each with the columns that it holds.
    pub fn by_columns(&self) -> impl Iterator<Item = (Range<usize>, Matrix<'a>)> {
        let Self { elements, arrangement, first, count, head_size } = *self;
        let strip_columns = match arrangement {
            Arrangement::Rows { .. } => head_size.max(1),
            Arrangement::Strips { .. } => VALUE_STRIP,
        };
        (0..head_size).step_by(strip_columns).map(move |column| {
            let columns = column..head_size.min(column + strip_columns);
            let (strip, stride) = match arrangement {
                Arrangement::Rows { stride } => (0, stride),
                Arrangement::Strips { capacity } => (column * capacity, columns.len()),
            };
            let start = if count == 0 { 0 } else { strip + first * stride };
            (columns.clone(), Matrix::new(&elements[start..], stride, count, columns.len()))
        })
    }

    /// Value `j`.
    pub fn read(&self, output: &mut [f32], j: usize) {
        for (columns, strip) in self.by_columns() {
            output[columns].copy_from_slice(strip.row(j));
        }
    }

    /// Whether no element is NaN or infinite.
    pub fn all_finite(&self) -> bool {
        let is_finite = |row: &[f32]| {
            let (vectors, rest) = row.as_chunks();
            let infinity = F32x4::splat(f32::INFINITY);
            let are_finite = |are, vector: &_| are & F32x4::from_array(*vector).abs().lt(infinity);
            vectors.iter().fold(I32x4::splat(-1), are_finite).all() && rest.iter().all(|x| x.is_finite())
        };
        self.by_columns().all(|(_, strip)| (0..strip.row_count()).all(|j| is_finite(strip.row(j))))
    }

    pub fn count(&self) -> usize {
        self.count
    }

    pub fn head_size(&self) -> usize {
        self.head_size
    }
}
