//! The largest elements along an axis, in descending order, and where they stand.
//!
//! NaN counts as the largest, as in PyTorch; −0 equals 0. Of equal elements the one with the lower index comes first. So an
//! element and its index make one 64-bit rank, and no two ranks are equal: the order depends on the input alone. The k best of n
//! are kept in a heap whose root is the worst of them, O(n log k), and most elements are refused by one comparison with it.
//!
//! The gradient of the input is that of the values, where they came from, and 0 elsewhere.

use crate::dtype::canonical_scalar;
use crate::indices::{IndexOutOfRange, require_inside};

/// Larger for larger elements, and among equals for lower indices.
fn rank(x: f32, index: usize) -> u64 {
    // −0 + 0 is 0.
    let bits = (x + 0.0).to_bits();
    let key = if x.is_nan() {
        u32::MAX
    } else if bits >> 31 == 0 {
        bits | 1 << 31
    } else {
        !bits
    };
    u64::from(key) << 32 | u64::from(!(index as u32))
}

fn index_of(rank: u64) -> usize {
    !(rank as u32) as usize
}

/// Lets the element at `place` sink until no rank below it in the heap is worse.
#[inline(never)]
fn sink(heap: &mut [u64], mut place: usize) {
    loop {
        let mut worst = place;
        for child in [2 * place + 1, 2 * place + 2] {
            if child < heap.len() && heap[child] < heap[worst] {
                worst = child;
            }
        }
        if worst == place {
            return;
        }
        heap.swap(place, worst);
        place = worst;
    }
}

/// Fills `best` with the ranks of the largest elements, in descending order; there are at least as many elements.
fn select(best: &mut [u64], elements: impl Iterator<Item = f32>) {
    let count = best.len();
    let mut worst = f32::NEG_INFINITY;
    for (index, x) in elements.enumerate() {
        if index < count {
            best[index] = rank(x, index);
            if index + 1 < count {
                continue;
            }
            for place in (0..count).rev() {
                sink(best, place);
            }
        } else if x <= worst {
            // Of equal elements this one comes last.
            continue;
        } else if rank(x, index) > best[0] {
            best[0] = rank(x, index);
            sink(best, 0);
        }
        worst = value_of(best[0]);
    }
    for end in (1..count).rev() {
        best.swap(0, end);
        sink(&mut best[..end], 0);
    }
}

/// The element of a rank.
fn value_of(rank: u64) -> f32 {
    let key = (rank >> 32) as u32;
    f32::from_bits(if key >> 31 == 1 { key & !(1 << 31) } else { !key })
}

/// values (not written where there are none), indices: `[outer, k, inner]`; input: `[outer, length, inner]`, with k ≤ length;
/// scratch: `[k]`.
pub fn topk(
    mut values: Option<&mut [f32]>,
    indices: &mut [i32],
    input: &[f32],
    scratch: &mut [u64],
    outer: usize,
    length: usize,
    inner: usize,
) {
    let k = scratch.len();
    assert!(k <= length && indices.len() == outer * k * inner && input.len() == outer * length * inner);
    if k == 0 {
        return;
    }
    for o in 0..outer {
        for i in 0..inner {
            let elements = &input[o * length * inner + i..];
            select(scratch, elements.iter().step_by(inner).take(length).copied());
            for (n, &rank) in scratch.iter().enumerate() {
                let place = (o * k + n) * inner + i;
                indices[place] = index_of(rank) as i32;
                if let Some(values) = &mut values {
                    values[place] = canonical_scalar(elements[index_of(rank) * inner]);
                }
            }
        }
    }
}

/// input_gradient `[outer, length, inner]`; gradient, indices: `[outer, k, inner]`. Nothing is written unless every index is below
/// length.
pub fn topk_backward(
    input_gradient: &mut [f32],
    gradient: &[f32],
    indices: &[i32],
    outer: usize,
    length: usize,
    inner: usize,
    k: usize,
) -> Result<(), IndexOutOfRange> {
    assert!(gradient.len() == outer * k * inner && indices.len() == gradient.len());
    assert!(input_gradient.len() == outer * length * inner);
    require_inside(indices, length)?;
    input_gradient.fill(0.0);
    for o in 0..outer {
        for n in 0..k {
            for i in 0..inner {
                let place = (o * k + n) * inner + i;
                let from = (o * length + indices[place] as usize) * inner + i;
                input_gradient[from] = canonical_scalar(gradient[place]);
            }
        }
    }
    Ok(())
}
