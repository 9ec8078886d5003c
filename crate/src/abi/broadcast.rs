//! The axes of operands that are broadcast.

use super::Status;
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
pub fn broadcast<'a>(pointer: usize, count: usize) -> Result<Broadcast<'a>, Status> {
    let (axes, _) = slice::<u32>(pointer, product(&[count, 3])?)?.as_chunks();
    let positions = position_count(axes).ok_or(Status::InvalidArgument)?;
    let extents = if positions == 0 { [0; 2] } else { extents(axes).ok_or(Status::InvalidArgument)? };
    Ok(Broadcast { axes, positions, extents })
}
