//! How the keys and values of one head lie in memory.
//!
//! *Rows*, as tensors have them. Or *strips*, in which whatever walks over them reads straight on:
//!
//! ```text
//! keys    [T / 12][D][12]     element d of 12 keys side by side: a vector holds it for four of them
//! values  [Dv / 48][T][48]    48 columns of every value: one row keeps their sums in registers
//! ```
//!
//! The last strip of keys is as wide as the others, and what fills it up is never seen; the last strip of values has the
//! columns that are left.

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

/// `count` rows of `size` elements at a distance of `stride` elements.
#[derive(Clone, Copy)]
pub struct Rows<'a> {
    elements: &'a [f32],
    stride: usize,
    count: usize,
    size: usize,
}

impl<'a> Rows<'a> {
    /// Panics unless every row lies inside `elements`.
    pub fn new(elements: &'a [f32], stride: usize, count: usize, size: usize) -> Self {
        assert!(count == 0 || (count - 1) * stride + size <= elements.len());
        Self { elements, stride, count, size }
    }

    /// Some of them.
    pub fn part(&self, rows: &Range<usize>) -> Self {
        assert!(rows.start <= rows.end && rows.end <= self.count);
        let first = if rows.is_empty() { 0 } else { rows.start * self.stride };
        Self { elements: &self.elements[first..], count: rows.len(), ..*self }
    }

    /// Row `j`.
    pub fn row(&self, j: usize) -> &'a [f32] {
        assert!(j < self.count);
        &self.elements[j * self.stride..][..self.size]
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Elements of each.
    pub fn size(&self) -> usize {
        self.size
    }

    /// From one to the next.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Where the first begins.
    pub fn as_ptr(&self) -> *const f32 {
        self.elements.as_ptr()
    }
}

/// Keys of `size` elements in strips of 12, some of a head's: `count` from number `first` on.
#[derive(Clone, Copy)]
pub struct KeyStrips<'a> {
    _exist: StripsExist,
    elements: &'a [f32],
    first: usize,
    count: usize,
    size: usize,
}

impl<'a> KeyStrips<'a> {
    /// The first `count` keys. Panics unless their strips lie inside `elements`.
    pub fn new(exist: StripsExist, elements: &'a [f32], count: usize, size: usize) -> Self {
        assert!(count.div_ceil(KEY_STRIP) * KEY_STRIP * size <= elements.len());
        Self { _exist: exist, elements, first: 0, count, size }
    }

    /// Where key `j` of these begins: its elements follow at a distance of 12.
    pub fn place(&self, j: usize) -> usize {
        let j = self.first + j;
        j / KEY_STRIP * (KEY_STRIP * self.size) + j % KEY_STRIP
    }

    /// How many from key `j` on stand in its strip.
    pub fn rest_of_strip(&self, j: usize) -> usize {
        KEY_STRIP - (self.first + j) % KEY_STRIP
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Elements of each.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Where the head's first key begins.
    pub fn as_ptr(&self) -> *const f32 {
        self.elements.as_ptr()
    }
}

/// The keys of a head.
#[derive(Clone, Copy)]
pub enum Keys<'a> {
    /// One after the other.
    Rows(Rows<'a>),
    /// Twelve side by side.
    Strips(KeyStrips<'a>),
}

impl Keys<'_> {
    /// Some of them.
    pub fn part(&self, keys: &Range<usize>) -> Self {
        match self {
            Self::Rows(rows) => Self::Rows(rows.part(keys)),
            Self::Strips(strips) => {
                assert!(keys.start <= keys.end && keys.end <= strips.count);
                Self::Strips(KeyStrips { first: strips.first + keys.start, count: keys.len(), ..*strips })
            }
        }
    }

    /// How many.
    pub fn count(&self) -> usize {
        match self {
            Self::Rows(rows) => rows.count,
            Self::Strips(strips) => strips.count,
        }
    }

    /// Elements of each.
    pub fn size(&self) -> usize {
        match self {
            Self::Rows(rows) => rows.size,
            Self::Strips(strips) => strips.size,
        }
    }
}

/// The values of a head, `count` of them from number `first` on, in one strip or several, each of which is rows.
#[derive(Clone, Copy)]
pub struct Values<'a> {
    elements: &'a [f32],
    arrangement: Arrangement,
    first: usize,
    count: usize,
    size: usize,
}

#[derive(Clone, Copy)]
enum Arrangement {
    /// At a distance.
    Rows { stride: usize },
    /// With room for so many values.
    Strips { capacity: usize },
}

impl<'a> Values<'a> {
    /// In rows.
    pub fn rows(rows: Rows<'a>) -> Self {
        let Rows { elements, stride, count, size } = rows;
        Self { elements, arrangement: Arrangement::Rows { stride }, first: 0, count, size }
    }

    /// In strips of 48 columns, of which each has room for `capacity` values. Panics unless they lie inside `elements`.
    pub fn strips(elements: &'a [f32], capacity: usize, count: usize, size: usize) -> Self {
        assert!(count <= capacity && size * capacity <= elements.len());
        Self { elements, arrangement: Arrangement::Strips { capacity }, first: 0, count, size }
    }

    /// Some of them.
    pub fn part(&self, values: &Range<usize>) -> Self {
        assert!(values.start <= values.end && values.end <= self.count);
        Self { first: self.first + values.start, count: values.len(), ..*self }
    }

    /// Its strips, each with the columns that it holds.
    pub fn by_columns(&self) -> impl Iterator<Item = (Range<usize>, Rows<'a>)> {
        let Self { elements, arrangement, first, count, size } = *self;
        let width = match arrangement {
            Arrangement::Rows { .. } => size.max(1),
            Arrangement::Strips { .. } => VALUE_STRIP,
        };
        (0..size).step_by(width).map(move |column| {
            let columns = column..size.min(column + width);
            let (strip, stride) = match arrangement {
                Arrangement::Rows { stride } => (0, stride),
                Arrangement::Strips { capacity } => (column * capacity, columns.len()),
            };
            let start = if count == 0 { 0 } else { strip + first * stride };
            (columns.clone(), Rows::new(&elements[start..], stride, count, columns.len()))
        })
    }

    /// Value `j`.
    pub fn read(&self, output: &mut [f32], j: usize) {
        for (columns, rows) in self.by_columns() {
            output[columns].copy_from_slice(rows.row(j));
        }
    }

    /// Whether no element is NaN or infinite.
    pub fn all_finite(&self) -> bool {
        // Without an early end inside a row its loop is vectorised.
        self.by_columns()
            .all(|(_, rows)| (0..rows.count).all(|j| rows.row(j).iter().fold(true, |finite, x| finite & x.is_finite())))
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Elements of each.
    pub fn size(&self) -> usize {
        self.size
    }
}
