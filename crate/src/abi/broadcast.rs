//! The axes of operands that are broadcast.

use super::slices::{product, slice};
use crate::broadcast::{Axis, extents, position_count};

/// Axes, how many positions there are on them, and how far each operand reaches; nowhere where there is no position.
pub struct Broadcast<'a> {
    pub axes: &'a [Axis],
    pub positions: usize,
    pub extents: [usize; 2],
}

/// The `count` axes at `pointer`.
#[inline(never)]
pub fn broadcast<'a>(pointer: usize, count: usize) -> Broadcast<'a> {
    let (axes, _) = slice::<u32>(pointer, product(&[count, 3])).as_chunks();
    let positions = position_count(axes).unwrap();
    let extents = if positions == 0 { [0; 2] } else { extents(axes).unwrap() };
    Broadcast { axes, positions, extents }
}
