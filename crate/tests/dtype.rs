//! float16 and bfloat16 against their definition.

#[path = "oracle/dtype.rs"]
mod oracle;

use oracle::{bfloat16_value, float16_value, nearest};
use wasm_attention::dtype::{
    CANONICAL_NAN, Dtype, bfloat16_to_float32, canonical, canonical_scalar, convert_half, float16_to_float32,
    float32_to_bfloat16, float32_to_float16, narrow, widen,
};
use wasm_attention::simd::F32x4;

#[test]
fn widening_is_exact_for_all_bits() {
    for bits in 0..=u16::MAX {
        for (widened, value) in
            [(float16_to_float32(bits), float16_value(bits)), (bfloat16_to_float32(bits), bfloat16_value(bits))]
        {
            if value.is_nan() {
                assert_eq!(widened.to_bits(), CANONICAL_NAN, "{bits:#x}");
            } else {
                assert_eq!(f64::from(widened).to_bits(), value.to_bits(), "{bits:#x}");
            }
        }
    }
}

#[test]
fn narrowing_rounds_to_nearest_even() {
    // Every value, the middles between neighbours, what lies next to both, and a sweep over everything.
    let around = (0..=u16::MAX).flat_map(|bits| {
        [float16_value as fn(u16) -> f64, bfloat16_value].into_iter().flat_map(move |value| {
            let middle = ((value(bits) + value(bits.wrapping_add(1))) / 2.0) as f32;
            let exact = value(bits) as f32;
            [exact, exact.next_up(), exact.next_down(), middle, middle.next_up(), middle.next_down()]
        })
    });
    let sweep = (0..=u32::MAX).step_by(10_007).map(f32::from_bits);
    for x in around.chain(sweep).filter(|x| !x.is_nan()) {
        assert_eq!(float32_to_float16(x), nearest(f64::from(x), 0x7c00, float16_value), "float16 of {x:e}");
        assert_eq!(float32_to_bfloat16(x), nearest(f64::from(x), 0x7f80, bfloat16_value), "bfloat16 of {x:e}");
    }
}

#[test]
fn narrowing_of_special_values() {
    for nan in [0x7fc0_0000, 0x7f80_0001, 0xffff_ffff, 0x7fff_ffff, 0xff80_0001] {
        assert_eq!(float32_to_float16(f32::from_bits(nan)), 0x7e00);
        assert_eq!(float32_to_bfloat16(f32::from_bits(nan)), 0x7fc0);
        assert_eq!(canonical_scalar(f32::from_bits(nan)).to_bits(), CANONICAL_NAN);
        let lanes = canonical(F32x4::from_array([1.0, f32::from_bits(nan), -0.0, f32::INFINITY])).to_array();
        assert_eq!(lanes.map(f32::to_bits), [0x3f80_0000, CANONICAL_NAN, 0x8000_0000, 0x7f80_0000]);
    }
    assert_eq!(float32_to_float16(65519.996), 0x7bff);
    assert_eq!(float32_to_float16(65520.0), 0x7c00);
    assert_eq!(float32_to_float16(-f32::MAX), 0xfc00);
    assert_eq!(float32_to_float16(-f32::INFINITY), 0xfc00);
    assert_eq!(float32_to_bfloat16(f32::MAX), 0x7f80);
    assert_eq!((float32_to_float16(-0.0), float32_to_bfloat16(-0.0)), (0x8000, 0x8000));
}

#[test]
fn slices_are_converted_like_single_values() {
    for length in [0, 1, 3, 4, 5, 63, 64, 65, 131] {
        let bits: Vec<u16> = (0..length).map(|i| (i as u16).wrapping_mul(40_503)).collect();
        for (dtype, widen_one, narrow_one) in [
            (Dtype::Float16, float16_to_float32 as fn(u16) -> f32, float32_to_float16 as fn(f32) -> u16),
            (Dtype::BFloat16, bfloat16_to_float32, float32_to_bfloat16),
        ] {
            let mut wide = vec![0.0; length];
            widen(&mut wide, &bits, dtype);
            assert!(wide.iter().zip(&bits).all(|(x, &b)| x.to_bits() == widen_one(b).to_bits()));
            let thirds: Vec<f32> = wide.iter().map(|x| x / 3.0).collect();
            let mut narrowed = vec![0; length];
            narrow(&mut narrowed, &thirds, dtype);
            assert!(narrowed.iter().zip(&thirds).all(|(&b, &x)| b == narrow_one(x)));
        }
        let mut converted = vec![0; length];
        convert_half(&mut converted, &bits, Dtype::BFloat16, Dtype::Float16);
        assert!(converted.iter().zip(&bits).all(|(&c, &b)| c == float32_to_bfloat16(float16_to_float32(b))));
        convert_half(&mut converted, &bits, Dtype::Float16, Dtype::BFloat16);
        assert!(converted.iter().zip(&bits).all(|(&c, &b)| c == float32_to_float16(bfloat16_to_float32(b))));
    }
}

#[test]
fn dtypes_have_numbers() {
    let all = [Dtype::Float32, Dtype::Float16, Dtype::BFloat16];
    assert_eq!([0, 1, 2, 3].map(Dtype::from_number), [Some(all[0]), Some(all[1]), Some(all[2]), None]);
}
