//! How two operands of different shapes are read as if both had the shape that they are broadcast to.

/// An axis of that shape: its size, and the distances from one place on it to the next in the first and in the second
/// operand, 0 where an operand is the same all along it. Axes go from the fastest to the slowest.
pub type Axis = [u32; 3];

/// How many positions there are on some axes.
pub fn position_count(axes: &[Axis]) -> Option<usize> {
    axes.iter().try_fold(1_usize, |count, axis| count.checked_mul(axis[0] as usize))
}

/// How far each operand reaches, from its first place to behind the last.
pub fn extents(axes: &[Axis]) -> Option<[usize; 2]> {
    let mut extents = [1_usize; 2];
    for [size, strides @ ..] in axes {
        for (extent, stride) in extents.iter_mut().zip(strides) {
            let length = (*size as usize).saturating_sub(1).checked_mul(*stride as usize)?;
            *extent = extent.checked_add(length)?;
        }
    }
    Some(extents)
}

/// Calls `visit` with the number of every position and the operands' places there.
pub fn for_each_position(axes: &[Axis], mut visit: impl FnMut(usize, [usize; 2])) {
    let count = axes.iter().map(|axis| axis[0] as usize).product();
    for position in 0..count {
        let mut rest = position as u32;
        let mut places = [0; 2];
        for [size, strides @ ..] in axes {
            let index = rest % size;
            rest /= size;
            for (place, stride) in places.iter_mut().zip(strides) {
                *place += index as usize * *stride as usize;
            }
        }
        visit(position, places);
    }
}
