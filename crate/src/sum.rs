//! Sums over a row, in an order that its length alone fixes: the row in blocks of 1024, in each block four vectors of
//! running sums side by side, which are then added in pairs. The many sums keep rounding errors small as well.

use crate::dtype::{canonical, canonical_scalar};
use crate::simd::{F32x4, LANES};

/// Σ values.
#[inline(never)]
pub fn sum(values: &[f32]) -> f32 {
    add_up([values], [0.0], |sum, [x]| sum + x)
}

/// `sums[i] += addends[i]`.
#[inline(never)]
pub fn accumulate(sums: &mut [f32], addends: &[f32]) {
    assert_eq!(sums.len(), addends.len());
    let (sums, sums_rest) = sums.as_chunks_mut::<LANES>();
    let (addends, addends_rest) = addends.as_chunks::<LANES>();
    for (sum, addend) in sums.iter_mut().zip(addends) {
        *sum = canonical(F32x4::from_array(*sum) + F32x4::from_array(*addend)).to_array();
    }
    for (sum, addend) in sums_rest.iter_mut().zip(addends_rest) {
        *sum = canonical_scalar(*sum + addend);
    }
}

/// Σ (values − center)².
#[inline(never)]
pub fn sum_of_squares(values: &[f32], center: f32) -> f32 {
    let center_lanes = F32x4::splat(center);
    add_up([values], [center], |sum, [x]| {
        let difference = x - center_lanes;
        difference.mul_add(difference, sum)
    })
}

/// Σ a · b.
#[inline(never)]
pub fn sum_of_products(a: &[f32], b: &[f32]) -> f32 {
    add_up([a, b], [0.0, 0.0], |sum, [a, b]| a.mul_add(b, sum))
}

/// Σ (values − center) and Σ (values − center)² in float64, whatever the range of the values. Of equal values the first
/// is exact, with a center of 0 and with one of their own.
#[inline(never)]
pub fn sums_double(values: &[f32], center: f64) -> (f64, f64) {
    const SUMS: usize = 4;
    let mut sums = [0.0; SUMS];
    let mut squares = [0.0; SUMS];
    let mut add = |lane: usize, value: f32| {
        let difference = f64::from(value) - center;
        sums[lane] += difference;
        squares[lane] += difference * difference;
    };
    let (groups, rest) = values.as_chunks::<SUMS>();
    for group in groups {
        for (lane, &value) in group.iter().enumerate() {
            add(lane, value);
        }
    }
    for &value in rest {
        add(0, value);
    }
    (sums.iter().sum(), squares.iter().sum())
}

/// The sum that `add` builds up of rows of one length; `padding` is what it ignores.
#[inline(always)]
fn add_up<const N: usize>(rows: [&[f32]; N], padding: [f32; N], add: impl Fn(F32x4, [F32x4; N]) -> F32x4) -> f32 {
    const SUMS: usize = 4;
    const GROUP: usize = SUMS * LANES;
    const BLOCK: usize = 1024;
    let length = rows[0].len();
    assert!(rows.iter().all(|row| row.len() == length));
    let mut total = 0.0;
    for start in (0..length).step_by(BLOCK) {
        let block = rows.map(|row| &row[start..length.min(start + BLOCK)]);
        let mut sums = [F32x4::zero(); SUMS];
        let groups = block.map(|row| row.as_chunks::<GROUP>().0);
        for i in 0..groups[0].len() {
            let group = groups.map(|row| row[i].as_chunks::<LANES>().0);
            for (n, sum) in sums.iter_mut().enumerate() {
                *sum = add(*sum, group.map(|vectors| F32x4::from_array(vectors[n])));
            }
        }
        let tails = block.map(|row| row.as_chunks::<GROUP>().1.as_chunks::<LANES>());
        for i in 0..tails[0].0.len() {
            sums[i] = add(sums[i], tails.map(|(vectors, _)| F32x4::from_array(vectors[i])));
        }
        if !tails[0].1.is_empty() {
            let last: [F32x4; N] = core::array::from_fn(|row| F32x4::load_partial(tails[row].1, padding[row]));
            sums[SUMS - 1] = add(sums[SUMS - 1], last);
        }
        total += ((sums[0] + sums[2]) + (sums[1] + sums[3])).sum();
    }
    total
}
