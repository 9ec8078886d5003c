//! Which keys a query row may see by the rules alone: causal, window and key lengths. (A user's mask comes on top.)
//!
//! Query i stands at position p = i + offset; the rules open one range of keys, `[first, end)`, which moves to the
//! right as i grows. A tile of keys and rows is open when every row sees every key of it, closed when none does.

use super::query_rows::QueryRows;
use crate::simd::I32x8;
use crate::tiles::{PANEL, TILE};
use core::ops::Range;

#[derive(Clone, Copy)]
pub struct Visibility<'a> {
    /// Key j only where j ≤ p.
    pub is_causal: bool,
    /// The offset: n_b − L when true, the past length when false.
    pub lower_right: bool,
    /// Key j only where j ≥ p − left.
    pub left_window: Option<u32>,
    /// Key j only where j ≤ p + right.
    pub right_window: Option<u32>,
    /// n_b, the number of valid keys of each batch; without it all T.
    pub key_lengths: Option<&'a [i32]>,
}

/// What the options mean for one batch.
#[derive(Clone, Copy)]
pub struct Rules {
    /// Position of query 0.
    pub offset: i64,
    keys: i64,
    right: Option<i64>,
    left: Option<i64>,
}

impl Visibility<'_> {
    /// The rules for batch `b`, with L queries, P past keys and T keys in all.
    pub fn rules(&self, b: usize, query_length: usize, past_length: usize, key_length: usize) -> Rules {
        let keys = match self.key_lengths {
            // The operation checks 0 ≤ n ≤ T; the bounds keep the memory safe whatever comes.
            Some(lengths) => i64::from(lengths[b]).clamp(0, key_length as i64),
            None => key_length as i64,
        };
        let offset = if self.lower_right { keys - query_length as i64 } else { past_length as i64 };
        let window = self.right_window.map(i64::from);
        let right = if self.is_causal { Some(window.unwrap_or(0).min(0)) } else { window };
        Rules { offset, keys, right, left: self.left_window.map(i64::from) }
    }
}

impl Rules {
    /// The keys that row `i` sees.
    #[inline(always)]
    pub fn range(&self, i: usize) -> Range<usize> {
        let position = i as i64 + self.offset;
        let end = self.right.map_or(self.keys, |right| (position + right + 1).clamp(0, self.keys));
        let first = self.left.map_or(0, |left| (position - left).clamp(0, end));
        first as usize..end as usize
    }
}

/// The key ranges of a panel's rows.
pub struct PanelRange {
    /// Keys that at least one row sees.
    pub outer: Range<usize>,
    /// Keys that every row sees.
    inner: Range<usize>,
    /// Of each lane's row.
    ranges: [Range<usize>; PANEL],
    /// How far a lane's key lies behind the step's.
    key_offset: I32x8,
}

/// The bounds of what each lane sees among the keys before some end.
pub struct Bounds {
    first: I32x8,
    end: I32x8,
    key_offset: I32x8,
}

impl PanelRange {
    pub fn new(rules: &Rules, rows: &QueryRows) -> Self {
        let ranges = rows.indices.map(|i| rules.range(i));
        let seen = || ranges.iter().filter(|range| !range.is_empty());
        let outer_first = seen().map(|range| range.start).min().unwrap_or(0);
        let outer_end = seen().map(|range| range.end).max().unwrap_or(0);
        let inner_first = ranges.iter().map(|range| range.start).max().unwrap_or(0);
        let inner_end = ranges.iter().map(|range| range.end).min().unwrap_or(0);
        Self {
            outer: outer_first..outer_end,
            inner: inner_first..inner_end,
            ranges,
            key_offset: I32x8::from_fn(|lane| (lane / rows.columns) as i32),
        }
    }

    /// Whether every row sees all of `keys`.
    pub fn is_open(&self, keys: &Range<usize>) -> bool {
        self.inner.start <= keys.start && keys.end <= self.inner.end
    }

    /// Those of `keys` that every row sees.
    pub fn open_keys(&self, keys: &Range<usize>) -> Range<usize> {
        let open = self.inner.start.max(keys.start)..self.inner.end.min(keys.end);
        if open.is_empty() { keys.start..keys.start } else { open }
    }

    /// The register tiles of `keys`, counted from their start, that every row sees whole.
    pub fn open_tiles(&self, keys: &Range<usize>) -> Range<usize> {
        if self.is_open(keys) {
            return keys.clone();
        }
        let first = keys.start + self.inner.start.saturating_sub(keys.start).next_multiple_of(TILE);
        let visible = self.inner.end.min(keys.end).saturating_sub(keys.start);
        let end = keys.start + visible - visible % TILE;
        if first < end { first..end } else { keys.start..keys.start }
    }

    /// Whether the row in column `c` sees key `j`.
    pub fn row_sees(&self, c: usize, j: usize) -> bool {
        self.ranges[c].contains(&j)
    }

    /// What each lane sees of the keys before `end`.
    pub fn bounds(&self, end: usize) -> Bounds {
        Bounds {
            first: I32x8::from_fn(|lane| self.ranges[lane].start as i32),
            end: I32x8::from_fn(|lane| self.ranges[lane].end.min(end) as i32),
            key_offset: self.key_offset,
        }
    }
}

impl Bounds {
    /// The keys of the lanes in a step that begins with key `j`.
    #[inline(always)]
    pub fn keys(&self, j: usize) -> I32x8 {
        I32x8::splat(j as i32) + self.key_offset
    }

    /// Mask of the lanes that see their key.
    #[inline(always)]
    pub fn sees(&self, keys: I32x8) -> I32x8 {
        keys.lt(self.end) & !keys.lt(self.first)
    }
}
