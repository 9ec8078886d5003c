//! The sizes of tiles and blocks, all of them chosen by measurement (`npm run bench`).
//!
//! A register tile multiplies `TILE` scalars by the two vectors of a panel, one step after the other. *Fused*: 12
//! accumulators, 2 panel vectors and 1 spread scalar are 15 registers, all that engines give out on x64. *Separate*: the
//! product needs a register as well, and one accumulator that goes through memory at each step holds up the whole tile
//! where additions and multiplications run side by side (AMD Zen 4: 6 rows 53% of the peak, 4 rows 87%; on processors
//! whose separate peak is half the fused one both reach it).

use crate::simd::{FUSED, LANES};

/// Lanes of a panel: the columns of a register tile.
pub const PANEL: usize = 8;

/// Rows of a register tile.
pub const TILE: usize = if FUSED { 6 } else { 4 };

/// Keys of an attention block, at most: their scores, 8 KB, stay in the L1 cache. A row that sees no more takes them all at
/// once, without any rescaling. (Blocks of 84 to 252 keys differ by 1 to 2%.)
pub const KEY_BLOCK: usize = 252;

/// Input rows that a linear layer packs at a time: they stay in the L2 cache while the panels of weights pass by.
pub const INPUT_BLOCK: usize = 96;

const _: () = assert!(PANEL == 2 * LANES);
const _: () = assert!(KEY_BLOCK.is_multiple_of(TILE));
const _: () = assert!(INPUT_BLOCK.is_multiple_of(TILE));
