//! What the outputs see of the input: for output t and place (c, k) of a kernel the element t · stride + k · dilation − padding
//! of channel c, or 0 outside.

use super::Sizes;
use crate::tiles::PANEL;
use core::ops::Range;

/// Where in its channel output t sees place k of a kernel: before its beginning, inside or after its end.
fn position(t: usize, k: usize, sizes: &Sizes) -> isize {
    (t * sizes.stride + k * sizes.dilation) as isize - sizes.padding as isize
}

/// Which of `count` outputs from `start` on see an element at place k of a kernel, and where in the channel the first of them
/// does.
#[inline(never)]
pub fn seen(start: usize, count: usize, k: usize, sizes: &Sizes) -> (Range<usize>, usize) {
    let first = position(start, k, sizes);
    let before = |end: usize| {
        let distance = usize::try_from(end as isize - first).unwrap_or(0);
        distance.div_ceil(sizes.stride).min(count)
    };
    let seen = before(0)..before(sizes.length);
    let from = if seen.is_empty() { 0 } else { position(start + seen.start, k, sizes) as usize };
    (seen, from)
}

/// panels `[panels][C / groups · K][8]`: the columns of some outputs, of a group's channels `planes`. They lie at the beginning of
/// `scratch`.
pub fn gather<'a>(scratch: &'a mut [f32], planes: &[f32], outputs: Range<usize>, sizes: &Sizes) -> &'a [f32] {
    let depth = sizes.depth();
    let panels = &mut scratch[..outputs.len().div_ceil(PANEL) * depth * PANEL];
    let Sizes { length, kernel_size, stride, .. } = *sizes;
    let (mut columns, _) = panels.as_chunks_mut::<PANEL>();
    for start in outputs.step_by(PANEL) {
        for channel in 0..depth / kernel_size {
            let plane = &planes[channel * length..][..length];
            let (place, rest) = columns.split_at_mut(kernel_size);
            columns = rest;
            for (k, columns) in place.iter_mut().enumerate() {
                let first = usize::try_from(position(start, k, sizes)).unwrap_or(length);
                match plane.get(first..).and_then(<[f32]>::first_chunk) {
                    Some(elements) if stride == 1 => *columns = *elements,
                    _ => {
                        let (seen, from) = seen(start, PANEL, k, sizes);
                        columns.fill(0.0);
                        for (column, &element) in columns[seen].iter_mut().zip(plane[from..].iter().step_by(stride)) {
                            *column = element;
                        }
                    }
                }
            }
        }
    }
    panels
}

/// panels `[panels][outputs][8]`: what some outputs see at some places of the kernel, 8 of them side by side; after the last one
/// there are zeros. They lie at the beginning of `scratch`.
pub fn gather_transposed<'a>(
    scratch: &'a mut [f32],
    planes: &[f32],
    outputs: Range<usize>,
    places: Range<usize>,
    sizes: &Sizes,
) -> &'a [f32] {
    let panels = &mut scratch[..places.len().div_ceil(PANEL) * outputs.len() * PANEL];
    panels.fill(0.0);
    let (columns, _) = panels.as_chunks_mut::<PANEL>();
    for (n, row) in places.enumerate() {
        let (plane, k) = (&planes[row / sizes.kernel_size * sizes.length..][..sizes.length], row % sizes.kernel_size);
        let (seen, from) = seen(outputs.start, outputs.len(), k, sizes);
        let elements = plane[from..].iter().step_by(sizes.stride);
        for (columns, &element) in columns[n / PANEL * outputs.len()..][seen].iter_mut().zip(elements) {
            columns[n % PANEL] = element;
        }
    }
    panels
}
