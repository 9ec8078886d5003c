//! The vectors' own definitions, lane by lane: what both implementations of them must compute.

use wasm_attention::simd::{F32x4, FUSED, I32x4, map};

const NAN: f32 = f32::NAN;
const INFINITY: f32 = f32::INFINITY;

fn bits(vector: F32x4) -> [u32; 4] {
    vector.to_array().map(f32::to_bits)
}

#[test]
fn loads_and_stores() {
    let memory = [1.0, 2.0, 3.0, 4.0, 5.0];
    assert_eq!(F32x4::load(&memory[1..]).to_array(), [2.0, 3.0, 4.0, 5.0]);
    assert_eq!(F32x4::load_partial(&memory[3..], 9.0).to_array(), [4.0, 5.0, 9.0, 9.0]);
    assert_eq!(F32x4::load_partial(&[], 9.0).to_array(), [9.0; 4]);
    assert_eq!(F32x4::load_partial(&memory, 9.0).to_array(), [1.0, 2.0, 3.0, 4.0]);
    let mut output = [0.0; 6];
    F32x4::load(&memory).store(&mut output[1..5]);
    assert_eq!(output, [0.0, 1.0, 2.0, 3.0, 4.0, 0.0]);
    F32x4::splat(7.0).store_partial(&mut output[..2]);
    assert_eq!(output, [7.0, 7.0, 2.0, 3.0, 4.0, 0.0]);
    F32x4::zero().store_partial(&mut output);
    assert_eq!(output, [0.0, 0.0, 0.0, 0.0, 4.0, 0.0]);
}

#[test]
#[should_panic]
fn a_short_slice_is_not_loaded() {
    F32x4::load(&[0.0; 3]);
}

#[test]
#[should_panic]
fn a_short_slice_is_not_stored_to() {
    F32x4::zero().store(&mut [0.0; 3]);
}

#[test]
fn multiply_add_rounds_as_the_arithmetic_says() {
    // (1 + 2^-12)² = 1 + 2^-11 + 2^-24, of which a separate product loses the last term.
    let a = F32x4::splat(1.0 + 1.0 / 4096.0);
    let rounded = 1.0 + 1.0 / 2048.0;
    let lost = if FUSED { 1.0 / 16_777_216.0 } else { 0.0 };
    assert_eq!(a.mul_add(a, F32x4::splat(-rounded)).to_array(), [lost; 4]);
    assert_eq!(a.negative_mul_add(a, F32x4::splat(rounded)).to_array(), [-lost; 4]);
}

#[test]
fn maximum_and_minimum_keep_the_left_one_beside_nan_and_zeros() {
    let a = F32x4::from_array([NAN, 1.0, -0.0, 2.0]);
    let b = F32x4::from_array([1.0, NAN, 0.0, 3.0]);
    assert!(a.pseudo_max(b).to_array()[0].is_nan() && a.pseudo_min(b).to_array()[0].is_nan());
    assert_eq!(bits(a.pseudo_max(b))[1..], [1.0_f32, -0.0, 3.0].map(f32::to_bits));
    assert_eq!(bits(a.pseudo_min(b))[1..], [1.0_f32, -0.0, 2.0].map(f32::to_bits));
    assert_eq!(bits(b.pseudo_max(a))[2], 0);
}

#[test]
fn rounding_and_conversion() {
    let x = F32x4::from_array([2.5, -1.5, 0.4, -0.6]);
    assert_eq!(x.nearest().to_array(), [2.0, -2.0, 0.0, -1.0]);
    assert_eq!(x.floor().to_array(), [2.0, -2.0, 0.0, -1.0]);
    assert_eq!(x.ceil().to_array(), [3.0, -1.0, 1.0, -0.0]);
    assert_eq!(x.truncate().to_array(), [2, -1, 0, 0]);
    assert_eq!(
        F32x4::from_array([NAN, INFINITY, -1e30, 1e30]).truncate().to_array(),
        [0, i32::MAX, i32::MIN, i32::MAX]
    );
    assert_eq!(
        I32x4::from_array([i32::MIN, 16_777_217, -3, 0]).to_f32().to_array(),
        [-2_147_483_648.0, 16_777_216.0, -3.0, 0.0]
    );
    assert_eq!(F32x4::from_array([-0.0, 4.0, 2.0, 0.0]).sqrt().to_array(), [0.0, 2.0, std::f32::consts::SQRT_2, 0.0]);
    assert_eq!(
        bits(-F32x4::from_array([0.0, -1.0, 1.0, INFINITY])),
        [-0.0_f32, 1.0, -1.0, -INFINITY].map(f32::to_bits)
    );
    assert_eq!(
        bits(F32x4::from_array([-0.0, -1.0, 1.0, -INFINITY]).abs()),
        [0.0_f32, 1.0, 1.0, INFINITY].map(f32::to_bits)
    );
}

#[test]
fn comparisons_and_selection() {
    let a = F32x4::from_array([1.0, NAN, 0.0, 2.0]);
    let b = F32x4::from_array([2.0, 1.0, -0.0, 1.0]);
    assert_eq!(a.lt(b).to_array(), [-1, 0, 0, 0]);
    assert_eq!(a.le(b).to_array(), [-1, 0, -1, 0]);
    assert_eq!(a.eq(b).to_array(), [0, 0, -1, 0]);
    assert_eq!(a.lt(b).select(a, b).to_array(), [1.0, 1.0, -0.0, 1.0]);
    let i = I32x4::from_array([1, -2, 3, i32::MIN]);
    assert_eq!(i.lt(I32x4::splat(2)).to_array(), [-1, -1, 0, -1]);
    assert_eq!(i.eq(I32x4::splat(3)).to_array(), [0, 0, -1, 0]);
    assert!(i.any() && i.all() && !I32x4::splat(0).any());
    assert!(I32x4::from_array([0, 1, 0, 0]).any() && !I32x4::from_array([1, 1, 0, 1]).all());
}

#[test]
#[should_panic = "a mask with mixed bits"]
fn a_selection_by_mixed_bits_is_refused() {
    I32x4::from_array([0, -1, 1, 0]).select(F32x4::zero(), F32x4::splat(1.0));
}

#[test]
fn integers_wrap_and_shift() {
    let a = I32x4::from_array([i32::MAX, i32::MIN, -1, 6]);
    assert_eq!((a + I32x4::splat(1)).to_array(), [i32::MIN, i32::MIN + 1, 0, 7]);
    assert_eq!((a - I32x4::splat(1)).to_array(), [i32::MAX - 1, i32::MAX, -2, 5]);
    assert_eq!(a.shift_left(1).to_array(), [-2, 0, -2, 12]);
    assert_eq!(a.shift_right_logical(28).to_array(), [7, 8, 15, 0]);
    assert_eq!((a & I32x4::splat(5)).to_array(), [5, 0, 5, 4]);
    assert_eq!((a | I32x4::splat(5)).to_array(), [i32::MAX, i32::MIN + 5, -1, 7]);
    assert_eq!((a ^ I32x4::splat(-1)).to_array(), (!a).to_array());
    assert_eq!(bits(F32x4::from_array([1.0, -2.0, NAN, 0.5]).to_bits().from_bits())[..2], [0x3f80_0000, 0xc000_0000]);
}

#[test]
fn sums_and_maxima_of_lanes() {
    // (1e8 + −1e8) + (1 + 2): another order would lose digits.
    assert_eq!(F32x4::from_array([1e8, 1.0, -1e8, 2.0]).sum(), 3.0);
    assert_eq!(F32x4::from_array([1.0, 5.0, -7.0, 2.0]).maximum(), 5.0);
    assert_eq!(F32x4::splat(-INFINITY).maximum(), -INFINITY);
    for lane in 0..4 {
        let mut lanes = [INFINITY; 4];
        lanes[lane] = NAN;
        assert!(F32x4::from_array(lanes).maximum().is_nan());
    }
}

#[test]
fn transposition() {
    let rows = [0.0, 4.0, 8.0, 12.0].map(|first| F32x4::from_array([first, first + 1.0, first + 2.0, first + 3.0]));
    for (c, column) in F32x4::transpose(rows).into_iter().enumerate() {
        assert_eq!(column.to_array(), [0.0, 4.0, 8.0, 12.0].map(|first| first + c as f32));
    }
}

#[test]
fn map_reaches_every_element_and_no_other() {
    for length in 0..=9 {
        let input: Vec<f32> = (0..length).map(|n| n as f32).collect();
        let mut output = vec![NAN; length];
        map(&mut output, &input, |x| x + F32x4::splat(1.0));
        assert!(output.iter().enumerate().all(|(n, &x)| x == n as f32 + 1.0));
    }
}
