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

/// Rows of a register tile for half a panel, which up to four query rows fill: eight sums in flight hide the latency of
/// an addition.
pub const NARROW_TILE: usize = 8;

/// Keys of an attention block. Blocks begin at multiples of it, whatever the rows see, so that each row's sums are cut at
/// the same keys in every call. A panel's scores, 8 KB, stay in the L1 cache. (Blocks of 132 keys cost 2% more.)
pub const KEY_BLOCK: usize = 264;

/// Panels of a block of query rows in the backward pass: 64 rows.
pub const BLOCK_PANELS: usize = 8;

/// Keys side by side in a strip, `[keys / 12][D][12]`: two register tiles of 6, three of 4, three vectors.
pub const KEY_STRIP: usize = 12;

/// Blocks of keys that are multiplied by a single row before their softmax, so that it can read them at several distant
/// places at once.
pub const SINGLE_ROW_BLOCKS: usize = 8;

/// Columns of values side by side in a strip, `[Dv / 48][keys][48]`: 12 vectors, which are all the sums that one row keeps
/// in registers; 8 register tiles of 6, 12 of 4.
pub const VALUE_STRIP: usize = 48;

/// Input rows that a linear layer packs at a time, and columns that a convolution gathers: they stay in the L2 cache while the panels of
/// weights pass by.
pub const INPUT_BLOCK: usize = 96;

/// Rows of a block where a sum goes over the rows of matrices, or the outputs of a convolution: a panel of them, 8 KB, stays in the L1
/// cache while the strips pass by.
pub const ROW_BLOCK: usize = 256;

const _: () = assert!(PANEL == 2 * LANES);
const _: () = assert!(KEY_BLOCK.is_multiple_of(KEY_STRIP) && KEY_BLOCK.is_multiple_of(NARROW_TILE));
const _: () = assert!(KEY_STRIP.is_multiple_of(TILE) && VALUE_STRIP.is_multiple_of(TILE));
const _: () = assert!(INPUT_BLOCK.is_multiple_of(TILE) && INPUT_BLOCK.is_multiple_of(PANEL));
