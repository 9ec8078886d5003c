//! The blocks of keys.

use crate::tiles::KEY_BLOCK;
use core::ops::Range;

/// `keys`, cut at the multiples of `KEY_BLOCK`.
pub fn key_blocks(keys: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut start = keys.start;
    core::iter::from_fn(move || {
        let block = start..keys.end.min((start / KEY_BLOCK + 1) * KEY_BLOCK);
        start = block.end;
        (!block.is_empty()).then_some(block)
    })
}
