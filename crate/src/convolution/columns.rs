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

/// panels `[panels][C / groups · K][8]`: the columns of outputs from `start` on, of a group's channels `planes`.
pub fn gather(panels: &mut [f32], planes: &[f32], start: usize, sizes: &Sizes) {
    let depth = sizes.depth();
    if depth == 0 {
        return;
    }
    let Sizes { length, kernel_size, stride, .. } = *sizes;
    for (n, panel) in panels.chunks_exact_mut(depth * PANEL).enumerate() {
        let (columns, _) = panel.as_chunks_mut::<PANEL>();
        for (channel, columns) in columns.chunks_exact_mut(kernel_size).enumerate() {
            let plane = &planes[channel * length..][..length];
            for (k, columns) in columns.iter_mut().enumerate() {
                let first = position(start + n * PANEL, k, sizes);
                // Most are seen by all of the outputs; the divisions are for the ends.
                let reach = stride.saturating_mul(PANEL - 1);
                match usize::try_from(first).ok().and_then(|first| plane.get(first..=first.saturating_add(reach))) {
                    Some(elements) if stride == 1 => columns.copy_from_slice(elements),
                    Some(elements) => *columns = core::array::from_fn(|output| elements[output * stride]),
                    None => {
                        let (seen, from) = seen(start + n * PANEL, PANEL, k, sizes);
                        columns.fill(0.0);
                        for (column, &element) in columns[seen].iter_mut().zip(plane[from..].iter().step_by(stride)) {
                            *column = element;
                        }
                    }
                }
            }
        }
    }
}

/// panel `[outputs][8]`: what outputs from `start` on see at up to 8 places of the kernel from `first` on; nothing is written of
/// those after the last one.
#[inline(never)]
pub fn gather_transposed(panel: &mut [f32], planes: &[f32], start: usize, first: usize, sizes: &Sizes) {
    let (outputs, _) = panel.as_chunks_mut::<PANEL>();
    for (lane, row) in (first..sizes.depth().min(first + PANEL)).enumerate() {
        let (channel, k) = (row / sizes.kernel_size, row % sizes.kernel_size);
        let (seen, from) = seen(start, outputs.len(), k, sizes);
        let elements = &planes[channel * sizes.length..][from..sizes.length];
        outputs.iter_mut().for_each(|columns| columns[lane] = 0.0);
        for (columns, &element) in outputs[seen].iter_mut().zip(elements.iter().step_by(sizes.stride)) {
            columns[lane] = element;
        }
    }
}
