//! Attention against float64: docs/semantics.md, option by option and mixed, in sizes on and beside the tiles.

#[path = "cases/attention_call.rs"]
mod attention_call;
#[path = "oracle/attention.rs"]
mod oracle;
#[path = "oracle/sample.rs"]
mod sample;
#[path = "cases/sampled_call.rs"]
mod sampled_call;

use attention_call::{AttentionCall, AttentionResults, CallMask, CallWeights, Data, Layout, MaskData, dropout};
use sample::sample;
use sampled_call::{all_weights, as_dtypes, call_of, mask, scaled, sizes};
use wasm_attention::attention::{Sizes, scratch};
use wasm_attention::dtype::Dtype;

const DTYPES: [Dtype; 3] = [Dtype::Float32, Dtype::Float16, Dtype::BFloat16];
const LAYOUTS: [Layout; 3] = [Layout::Bhld, Layout::Blhd, Layout::Lbhd];
const INFINITY: f32 = f32::INFINITY;

fn call(sizes: Sizes) -> AttentionCall {
    call_of(sizes, 1, 2.0)
}

#[track_caller]
fn check(name: &str, call: &AttentionCall) -> AttentionResults {
    let results = call.run();
    oracle::check_promise(name, call, &results);
    results
}

fn float32(data: &Data) -> &[f32] {
    match data {
        Data::Float32(values) => values,
        Data::Bits(..) => panic!("not float32"),
    }
}

fn set(data: &mut Data, index: usize, value: f32) {
    match data {
        Data::Float32(values) => values[index] = value,
        Data::Bits(..) => panic!("not float32"),
    }
}

const HEAD_SIZES: [usize; 15] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 63, 64, 65, 80, 129];
const KEY_LENGTHS: [usize; 17] = [0, 1, 5, 6, 7, 11, 12, 125, 126, 127, 263, 264, 265, 266, 300, 396, 529];

#[test]
fn sizes_on_and_beside_the_tiles() {
    for (n, &head_size) in HEAD_SIZES.iter().enumerate() {
        let value_head_size = HEAD_SIZES[(n * 4 + 3) % HEAD_SIZES.len()];
        for (m, &key_length) in KEY_LENGTHS.iter().enumerate() {
            let query_length = (m * 5 + n * 3) % 17 + 1;
            let sizes = sizes(query_length, key_length, head_size, value_head_size);
            check(&format!("{sizes:?}"), &call_of(sizes, (n * 17 + m) as u64, 2.0));
        }
    }
    for query_length in 0..=17 {
        let sizes = sizes(query_length, 13, 5, 3);
        check(&format!("{sizes:?}"), &call(sizes));
    }
    check("no batch", &call(Sizes { batch: 0, ..sizes(3, 4, 5, 6) }));
}

#[test]
fn scores_that_rise_and_fall_over_the_blocks() {
    for amplitude in [0.0, 0.1, 5.0, 10.0, 30.0] {
        for key_length in [20, 254, 505, 1000] {
            let name = format!("amplitude {amplitude}, {key_length} keys");
            let mut call = call_of(sizes(9, key_length, 4, 3), 3, amplitude);
            check(&name, &call);
            // The largest scores at the end, or at the beginning: the reference moves at every block, or never.
            for rising in [1.0, -1.0] {
                let key: Vec<f32> = (0..key_length * 4).map(|n| amplitude * rising * (n / 4) as f32 / 99.0).collect();
                call.key = Data::Float32(key);
                call.query = Data::Float32(scaled(36, 4, amplitude).iter().map(|x| x.abs()).collect());
                check(&format!("{name}, {rising}"), &call);
            }
        }
    }
}

#[test]
fn the_error_of_a_mean_does_not_grow_with_the_keys() {
    for query_length in [1, 4, 8] {
        let mut call = call(sizes(query_length, 100_000, 1, 8));
        call.query = Data::Float32(vec![0.0; query_length]);
        let values: Vec<f32> = scaled(8, 77, 1.0).iter().map(|x| x + 1.5).collect();
        call.value = Data::Float32(values.repeat(100_000));
        let output = call.run().output.widened();
        for (mean, value) in output.iter().zip(values.iter().cycle()) {
            assert!((mean / value - 1.0).abs() < 2e-5, "{query_length} rows: {mean}, expected {value}");
        }
    }
}

#[test]
fn equal_scores_give_the_exact_mean() {
    let mut call = call(sizes(9, 256, 3, 1));
    call.query = Data::Float32(vec![0.0; 27]);
    call.value = Data::Float32((0..256).map(|j| (j % 16) as f32).collect());
    let results = check("equal scores", &call);
    assert_eq!(float32(&results.output), [7.5; 9]);
    assert_eq!(results.log_sum_exp, [256_f32.ln(); 9]);
}

#[test]
fn causal_windows_and_key_lengths() {
    for (query_length, key_length) in [(1, 9), (9, 9), (17, 5), (5, 17), (20, 300), (140, 130), (10, 600)] {
        let lengths = [0, 1, key_length / 2, key_length].map(|length| length as i32).to_vec();
        for (is_causal, lower_right) in [(false, false), (true, false), (true, true), (false, true)] {
            for left_window in [None, Some(0), Some(3), Some(127), Some(u32::MAX >> 1)] {
                for right_window in [None, Some(0), Some(2), Some(130)] {
                    for key_lengths in [None, Some(lengths.clone())] {
                        // Long ones once: they are about blocks.
                        if query_length > 100 && (right_window != Some(2) || key_lengths.is_some()) {
                            continue;
                        }
                        let batch = if key_lengths.is_some() { 4 } else { 1 };
                        let mut call = call(Sizes { batch, ..sizes(query_length, key_length, 3, 2) });
                        (call.is_causal, call.lower_right) = (is_causal, lower_right);
                        (call.left_window, call.right_window) = (left_window, right_window);
                        call.key_lengths = key_lengths;
                        let name = format!(
                            "{query_length} × {key_length}, causal {is_causal}, lower right \
                            {lower_right}, windows {left_window:?} {right_window:?}, {:?}",
                            call.key_lengths
                        );
                        check(&name, &call);
                    }
                }
            }
        }
    }
}

#[test]
fn masks_of_every_kind_and_shape() {
    let full = [2, 2, 10, 131];
    for broadcast in 0..16 {
        for dtype in [None, Some(Dtype::Float32), Some(Dtype::Float16), Some(Dtype::BFloat16)] {
            for hidden in [0.1, 0.95] {
                let shape = std::array::from_fn(|axis| if broadcast >> axis & 1 == 1 { 1 } else { full[axis] });
                let mut call = call(Sizes { batch: 2, heads: 2, key_heads: 1, ..sizes(10, 131, 4, 3) });
                call.mask = Some(mask(shape, dtype, hidden, 3.0, 77));
                call.is_causal = broadcast % 3 == 0;
                check(&format!("mask {dtype:?} {shape:?}, hidden {hidden}"), &call);
            }
        }
    }
}

#[test]
fn a_mask_may_end_with_the_longest_valid_keys() {
    for key_length in [20, 300] {
        let mut call = call(Sizes { batch: 2, ..sizes(5, key_length, 4, 3) });
        call.mask = Some(mask([1, 1, 5, 13], None, 0.3, 0.0, 5));
        call.key_lengths = Some(vec![13, 4]);
        for mode in 0..5 {
            call.weights = all_weights(&call.sizes, mode);
            check("short mask", &call);
        }
    }
}

#[test]
fn whole_blocks_hidden_by_a_mask() {
    for first in [true, false] {
        let mut call = call(sizes(9, 505, 4, 3));
        let attends = (0..505).map(|j| u8::from((j >= 300) == first)).collect();
        call.mask = Some(CallMask { data: MaskData::Boolean(attends), shape: [1, 1, 1, 505] });
        for mode in 0..5 {
            call.weights = all_weights(&call.sizes, mode);
            check(&format!("hidden blocks, mode {mode}"), &call);
        }
    }
}

#[test]
fn masks_of_one_finite_value_give_uniform_weights() {
    for value in [-1e30, f32::MIN, 0.0] {
        let mut call = call(sizes(3, 4, 2, 1));
        call.value = Data::Float32(vec![1.0, 2.0, 4.0, 9.0]);
        call.mask = Some(CallMask { data: MaskData::Float(Data::Float32(vec![value; 4])), shape: [1, 1, 1, 4] });
        let results = check(&format!("mask of {value:e}"), &call);
        if value != 0.0 {
            assert_eq!(float32(&results.output), [4.0; 3]);
        }
    }
}

#[test]
fn scales_softcaps_slopes_and_sinks() {
    let batch_sizes = Sizes { batch: 2, heads: 4, key_heads: 2, ..sizes(9, 129, 6, 3) };
    for scale in [0.0, -0.0, 0.5, -0.5, 1e-30, 1e30, 1e-19, 65536.0, -3e-38, 3e38] {
        let mut call = call(batch_sizes);
        call.scale = scale;
        check(&format!("scale {scale:e}"), &call);
        call.is_causal = true;
        call.softcap = 5.0;
        check(&format!("scale {scale:e} with a softcap"), &call);
    }
    for softcap in [0.01, 1.0, 20.0, 1e30] {
        let mut call = call_of(batch_sizes, 2, 6.0);
        call.softcap = softcap;
        check(&format!("softcap {softcap:e}"), &call);
    }
    for slopes in [vec![0.5, 0.25, -0.125, 0.0], vec![0.5, 0.2, 0.1, 0.05, 1.0, 2.0, 30.0, -1.0]] {
        for (is_causal, lower_right) in [(false, false), (true, false), (true, true), (false, true)] {
            let mut call = call(batch_sizes);
            (call.is_causal, call.lower_right, call.slopes) = (is_causal, lower_right, Some(slopes.clone()));
            check(&format!("slopes {slopes:?} {is_causal} {lower_right}"), &call);
            call.key_lengths = Some(vec![50, 129]);
            check(&format!("slopes {slopes:?} {is_causal} {lower_right} with key lengths"), &call);
        }
    }
    for sinks in [[0.0, 1.0, -1.0, 5.0], [-INFINITY, 40.0, -90.0, 200.0], [1e30, f32::MIN, f32::MAX, -0.0]] {
        let mut call = call(batch_sizes);
        call.sinks = Some(sinks.to_vec());
        call.weights = all_weights(&call.sizes, 3);
        check(&format!("sinks {sinks:?}"), &call);
        (call.is_causal, call.lower_right, call.key_lengths) = (true, true, Some(vec![3, 129]));
        check(&format!("sinks {sinks:?}, fully masked rows"), &call);
    }
}

#[test]
fn softcaps_that_the_query_cannot_be_divided_by() {
    for (query, key, scale, softcap) in [
        // The factor of the query would become 0, or the query subnormal.
        ([1e6, -3e5], [2e6, 1e6], 1e-10, 1e36),
        ([1e-38, 2e-38], [1e37, 3e37], 1e30, 1e36),
        // The products of the divided query would be infinities of either sign.
        ([1e33, 1e33], [10.0, -10.0], 1.0, 1.0 / 60_000.0),
    ] {
        for query_length in [1, 3, 8] {
            let mut call = call(sizes(query_length, 2, 2, 1));
            call.query = Data::Float32(query.repeat(query_length));
            call.key = Data::Float32([key, [0.0; 2]].concat());
            (call.scale, call.softcap) = (scale, softcap);
            check(&format!("scale {scale:e}, softcap {softcap:e}"), &call);
        }
    }
}

#[test]
fn sinks_far_above_the_scores_keep_the_digits_of_the_weights() {
    for step in 0..90_u8 {
        let mut call = call_of(sizes(8, 5, 2, 1), 1, 0.01);
        call.sinks = Some(vec![8.0 + f32::from(step) * 0.37]);
        call.value = Data::Float32(vec![1.0; 5]);
        call.weights = all_weights(&call.sizes, 3);
        check(&format!("sinks {:?}", call.sinks), &call);
    }
}

#[test]
fn dropout_by_counter() {
    for probability in [1e-10, 0.1, 0.5, 0.999, 1.0] {
        for seed in [0, 42, (1 << 32) + 7, u64::MAX] {
            let mut call = call(Sizes { batch: 2, heads: 4, key_heads: 2, ..sizes(9, 131, 3, 2) });
            call.dropout = Some(dropout(probability, seed));
            for mode in [3, 4] {
                call.weights = all_weights(&call.sizes, mode);
                check(&format!("dropout {probability} {seed} {mode}"), &call);
            }
            call.is_causal = true;
            check(&format!("dropout {probability} {seed}, causal"), &call);
        }
    }
}

#[test]
fn dropped_elements_of_the_worked_example() {
    // docs/semantics.md, X9.
    let mut call = call(sizes(2, 3, 1, 1));
    call.query = Data::Float32(vec![1.0, 2.0]);
    call.key = Data::Float32(vec![0.0, 1.0, 2.0]);
    call.value = Data::Float32(vec![1.0, 2.0, 4.0]);
    call.dropout = Some(dropout(0.5, 42));
    call.weights = all_weights(&call.sizes, 4);
    let results = check("X9", &call);
    let weights = float32(results.weights.as_ref().unwrap());
    assert!((weights[0] - 0.180_061_1).abs() < 1e-7 && weights[1..] == [0.0; 5]);
    assert!((float32(&results.output)[0] - 0.180_061_1).abs() < 1e-7 && float32(&results.output)[1] == 0.0);
    // Row 0's first word: kept from the threshold on.
    for threshold in [0x9cea_f053_u32, 0x9cea_f054] {
        call.dropout = Some(dropout(f64::from(threshold) / 4_294_967_296.0, 42));
        let output = float32(&check("X9 at the threshold", &call).output)[0];
        assert_eq!(output != 0.0, threshold == 0x9cea_f053);
    }
}

#[test]
fn dtypes_layouts_groups_and_past() {
    for layout in LAYOUTS {
        for dtype in DTYPES {
            for value_dtype in DTYPES {
                for past_length in [0, 1, 190] {
                    let with_past = Sizes { past_length, ..sizes(7, past_length + 9, 10, 7) };
                    for (heads, key_heads) in [(1, 1), (6, 2), (3, 3), (4, 1)] {
                        let sizes = Sizes { batch: 2, heads, key_heads, ..with_past };
                        let mut call = as_dtypes(call(sizes), dtype, value_dtype);
                        (call.layout, call.is_causal) = (layout, past_length == 1);
                        call.left_window = (past_length == 190 && heads == 6).then_some(100);
                        call.weights = all_weights(&sizes, 3);
                        check(&format!("{layout:?} {dtype:?} {value_dtype:?} {sizes:?}"), &call);
                    }
                }
            }
        }
    }
}

#[test]
fn a_past_without_keys_and_a_step_without_new_ones() {
    for (past_length, key_length) in [(0, 5), (5, 5), (0, 0)] {
        let mut call = call(Sizes { past_length, ..sizes(2, key_length, 3, 2) });
        call.past.get_or_insert_with(|| (Data::Float32(Vec::new()), Data::Float32(Vec::new())));
        check(&format!("{past_length} of {key_length} keys past"), &call);
    }
}

#[test]
fn values_beyond_16_bits_round_to_infinity() {
    let mut call = call(sizes(2, 1, 1, 2));
    call.value = Data::Float32(vec![65519.0, -65520.0]);
    let call =
        AttentionCall { value: call.value, ..as_dtypes(call_of(call.sizes, 1, 1.0), Dtype::Float16, Dtype::Float32) };
    assert_eq!(check("overflow", &call).output.widened(), [65504.0, -INFINITY, 65504.0, -INFINITY]);
}

#[test]
fn weights_of_every_mode_head_and_row() {
    for mode in 0..5 {
        for key_length in [0, 1, 5, 127, 260] {
            let mut call = call(Sizes { batch: 2, heads: 4, key_heads: 2, ..sizes(19, key_length, 5, 3) });
            (call.is_causal, call.lower_right, call.softcap) = (true, true, 4.0);
            call.slopes = Some(vec![0.5, 0.25, 0.1, 0.0]);
            call.sinks = Some(vec![0.0, -1.0, 2.0, 1.0]);
            call.dropout = Some(dropout(0.3, 9));
            let name = format!("weights, mode {mode}, {key_length} keys");
            call.weights = all_weights(&call.sizes, mode);
            let full = check(&name, &call).weights.unwrap();
            let (heads, rows) = (vec![3, 0, 2], vec![18, 3, 3, 0, 7, 8, 9, 10, 11, 12]);
            call.weights = Some(CallWeights { mode, heads: heads.clone(), rows: rows.clone(), average_heads: false });
            let chosen = check(&name, &call).weights.unwrap();
            let mut index = 0;
            for b in 0..2 {
                for &h in &heads {
                    for &i in &rows {
                        let start = ((b * 4 + h as usize) * 19 + i as usize) * key_length;
                        let expected = &float32(&full)[start..start + key_length];
                        let actual = &float32(&chosen)[index..index + key_length];
                        assert!(actual.iter().zip(expected).all(|(a, b)| a.to_bits() == b.to_bits()), "{name}");
                        index += key_length;
                    }
                }
            }
            call.weights = Some(CallWeights { mode, heads, rows, average_heads: true });
            check(&format!("{name}, averaged"), &call);
        }
    }
}

#[test]
fn weights_of_no_head_or_no_row() {
    for (heads, rows) in [(vec![], vec![0]), (vec![0], vec![])] {
        let mut call = call(sizes(3, 4, 2, 2));
        call.weights = Some(CallWeights { mode: 3, heads, rows, average_heads: false });
        assert!(float32(&check("no weights", &call).weights.unwrap()).is_empty());
    }
}

#[test]
fn weights_are_never_subnormal() {
    let mut call = call_of(sizes(9, 300, 2, 1), 6, 15.0);
    for mode in [3, 4] {
        call.weights = all_weights(&call.sizes, mode);
        let results = check("wide scores", &call);
        let weights = float32(results.weights.as_ref().unwrap());
        assert!(weights.iter().all(|w| *w == 0.0 || w.is_normal()));
        assert!(weights.contains(&0.0) && weights.iter().any(|w| *w > 0.0 && *w < 1e-20));
    }
}

#[test]
fn weights_of_scores_without_digits_are_weights() {
    for (seed, query_length) in (0..10).flat_map(|seed| [1, 2, 4, 8].map(|query_length| (seed, query_length))) {
        for query in [3e8, 1e9, 3e9, 1e10] {
            let mut call = call(sizes(query_length, 40, 64, 1));
            call.query = Data::Float32(vec![query; query_length * 64]);
            // The same products in another order: their sums differ by rounding errors that are large numbers.
            let row = sample(64, seed);
            call.key = Data::Float32((0..40 * 64).map(|n| row[(n % 64 * 7 + n / 64 * 13) % 64]).collect());
            call.weights = all_weights(&call.sizes, 3);
            let weights = call.run().weights.unwrap().widened();
            assert!(weights.iter().all(|weight| (0.0..=1.0).contains(weight)), "{query_length} rows: {weights:?}");
        }
    }
}

#[test]
fn hidden_keys_never_matter() {
    for special in [f32::NAN, INFINITY, -INFINITY, f32::MAX] {
        for (key_length, dtype) in [12, 140].into_iter().flat_map(|length| DTYPES.map(|dtype| (length, dtype))) {
            let mut call = call(Sizes { heads: 2, key_heads: 2, ..sizes(12, key_length, 3, 2) });
            (call.is_causal, call.left_window) = (true, Some(4));
            call.weights = all_weights(&call.sizes, 3);
            let clean = check("clean", &as_dtypes(call.clone(), dtype, dtype));
            // Key 7 of each head, which rows 7 to 11 see.
            for h in 0..2 {
                for d in 0..3 {
                    set(&mut call.key, (h * key_length + 7) * 3 + d, special);
                }
                for d in 0..2 {
                    set(&mut call.value, (h * key_length + 7) * 2 + d, special);
                }
            }
            let dirty = check(&format!("{special} at key 7, {dtype:?}"), &as_dtypes(call, dtype, dtype));
            let outputs = [clean.output.widened(), dirty.output.widened()];
            for row in (0..24).filter(|row| row % 12 < 7) {
                assert_eq!(outputs[0][row * 2..][..2], outputs[1][row * 2..][..2]);
                assert_eq!(clean.log_sum_exp[row], dirty.log_sum_exp[row]);
            }
        }
    }
}

#[test]
fn nan_and_infinity_anywhere() {
    let specials = [f32::NAN, -f32::NAN, INFINITY, -INFINITY, f32::MAX, f32::MIN, 1e-40];
    for seed in 0..1500 {
        let draw = |index: u64, below: usize| ((sample(1, seed * 31 + index)[0] + 1.0) * 0.5 * below as f32) as usize;
        let key_length = [3, 12, 40, 130, 260][draw(0, 5)];
        let mut call = call_of(Sizes { heads: 2, key_heads: 1, ..sizes(10, key_length, 3, 2) }, seed, 2.0);
        call.is_causal = seed % 2 == 0;
        call.lower_right = seed % 3 == 0;
        call.softcap = if seed % 5 == 0 { 3.0 } else { 0.0 };
        call.sinks = (seed % 7 == 0).then(|| vec![specials[draw(1, 6)], 0.5]);
        call.mask = (seed % 4 == 0)
            .then(|| mask([1, 2, 10, key_length], [None, Some(Dtype::Float32)][draw(2, 2)], 0.4, 2.0, seed));
        call.slopes = (seed % 11 == 0).then(|| vec![0.5, 0.0]);
        call.dropout = (seed % 6 == 0).then(|| dropout(0.5, seed));
        call.weights = all_weights(&call.sizes, (seed % 5) as u32);
        for n in 0..1 + draw(3, 3) as u64 {
            let special = specials[draw(4 + 3 * n, 7)];
            match draw(5 + 3 * n, 4) {
                0 => set(&mut call.query, draw(6 + 3 * n, 60), special),
                1 => set(&mut call.key, draw(6 + 3 * n, key_length * 3), special),
                _ => set(&mut call.value, draw(6 + 3 * n, key_length * 2), special),
            }
        }
        check(&format!("specials, seed {seed}"), &call);
    }
}

#[test]
fn huge_scores_are_clamped() {
    for (query, scale) in [(1e20, 1e10), (1e19, 1.0), (3e38, 1.0), (1e30, -1.0), (1.0, 3e38), (1e-20, 3e38)] {
        for is_causal in [false, true] {
            let mut call = call(sizes(4, 9, 2, 3));
            call.query = Data::Float32(scaled(8, 3, query));
            (call.scale, call.is_causal) = (scale, is_causal);
            check(&format!("queries of {query:e}, scale {scale:e}"), &call);
        }
    }
    // A finite score of either sign beyond 2^126: as large as others there, and never infinite.
    let mut call = call(sizes(2, 3, 1, 1));
    call.query = Data::Float32(vec![1e38, -1e38]);
    call.key = Data::Float32(vec![2.0, 3.0, 0.0]);
    call.value = Data::Float32(vec![1.0, 3.0, 100.0]);
    call.scale = 1.0;
    let results = check("beyond the clamp", &call);
    assert_eq!(float32(&results.output), [2.0, 100.0]);
    call.sizes.query_length = 1;
    call.query = Data::Float32(vec![-1e38]);
    call.key_lengths = Some(vec![2]);
    let results = check("all below the clamp", &call);
    assert_eq!(float32(&results.output), [2.0]);
    assert_eq!(results.log_sum_exp, [-(2_f32.powi(126))]);
}

#[test]
fn fully_masked_rows_are_zero() {
    for sinks in [None, Some(vec![1.5, -INFINITY])] {
        for dtype in DTYPES {
            let mut call = call(Sizes { heads: 2, ..sizes(9, 4, 3, 2) });
            set(&mut call.value, 0, f32::NAN);
            set(&mut call.key, 0, f32::NAN);
            set(&mut call.query, 0, f32::NAN);
            call = as_dtypes(call, dtype, dtype);
            call.mask = Some(CallMask { data: MaskData::Boolean(vec![0; 4]), shape: [1, 1, 1, 4] });
            call.sinks = sinks.clone();
            call.weights = all_weights(&call.sizes, 3);
            let results = check("all masked", &call);
            assert!(results.output.widened().iter().all(|x| x.to_bits() == 0));
            assert!(results.weights.unwrap().widened().iter().all(|x| x.to_bits() == 0));
            let first = if sinks.is_some() { 1.5 } else { -INFINITY };
            assert_eq!(results.log_sum_exp, [[first; 9], [-INFINITY; 9]].concat());
        }
    }
}

#[test]
fn rows_whose_visible_scores_are_all_minus_infinity_are_zero_too() {
    for value in [1.0, INFINITY, f32::NAN] {
        let mut call = call(sizes(3, 4, 1, 1));
        call.query = Data::Float32(vec![1.0, 2.0, -1.0]);
        call.key = Data::Float32(vec![-INFINITY; 4]);
        call.value = Data::Float32(vec![value; 4]);
        for mask_value in [None, Some(0.0)] {
            let zeros = |value| MaskData::Float(Data::Float32(vec![value; 4]));
            call.mask = mask_value.map(|value| CallMask { data: zeros(value), shape: [1, 1, 1, 4] });
            let results = check(&format!("values {value}"), &call);
            assert_eq!(results.output.widened()[..2], [0.0; 2]);
            assert_eq!(results.log_sum_exp[..2], [-INFINITY; 2]);
            assert!(results.output.widened()[2].is_nan() && results.log_sum_exp[2].is_nan());
        }
    }
}

#[test]
fn options_mixed() {
    for seed in 0..2000 {
        let draw = |index: u64, below: usize| ((sample(1, seed * 53 + index)[0] + 1.0) * 0.5 * below as f32) as usize;
        let lengths = [1, 2, 5, 6, 7, 8, 9, 13, 17, 40, 126, 131, 255];
        let (key_heads, group) = (draw(0, 2) + 1, draw(1, 3) + 1);
        let key_lengths = seed % 3 == 1;
        let new_length = lengths[draw(2, 13)];
        let past_length = if seed % 3 == 0 { draw(3, 12) } else { 0 };
        let sizes = Sizes {
            batch: draw(4, 2) + 1,
            heads: key_heads * group,
            key_heads,
            query_length: lengths[draw(5, 9)],
            past_length,
            key_length: past_length + new_length,
            head_size: HEAD_SIZES[draw(6, 10)],
            value_head_size: HEAD_SIZES[draw(7, 10)],
        };
        let amplitude = [0.5, 2.0, 6.0][draw(8, 3)];
        let dtypes = [0, 0, 1, 2];
        let mut call = call_of(sizes, seed, amplitude);
        call = as_dtypes(call, DTYPES[dtypes[draw(9, 4)]], DTYPES[dtypes[draw(10, 4)]]);
        call.layout = LAYOUTS[draw(11, 3)];
        call.is_causal = draw(12, 2) == 0;
        call.lower_right = draw(13, 2) == 0;
        let window = |index| (draw(index, 3) == 0).then(|| draw(index + 1, 20) as u32);
        (call.left_window, call.right_window) = (window(14), window(16));
        call.key_lengths =
            key_lengths.then(|| (0..sizes.batch).map(|b| draw(18 + b as u64, new_length + 1) as i32).collect());
        call.softcap = [0.0, 0.0, 10.0][draw(22, 3)];
        call.scale *= [1.0, 1.0, -2.0, 0.0][draw(23, 4)];
        call.slopes = (draw(24, 3) == 0).then(|| scaled(sizes.batch * sizes.heads, seed, 1.0));
        call.sinks = (draw(25, 3) == 0).then(|| scaled(sizes.heads, seed, 3.0));
        if draw(26, 2) == 0 {
            let full = [sizes.batch, sizes.heads, sizes.query_length, sizes.key_length];
            let broadcast = draw(27, 16);
            let shape = std::array::from_fn(|axis| if broadcast >> axis & 1 == 1 { 1 } else { full[axis] });
            let dtype = [None, Some(Dtype::Float32), Some(Dtype::Float16), Some(Dtype::BFloat16)][draw(28, 4)];
            call.mask = Some(mask(shape, dtype, [0.1, 0.5, 0.9][draw(29, 3)], 5.0, seed));
        }
        call.dropout = (draw(30, 3) == 0).then(|| dropout([0.1, 0.5][draw(31, 2)], seed));
        call.weights = (draw(32, 2) == 0).then(|| CallWeights {
            average_heads: draw(33, 3) == 0,
            ..all_weights(&sizes, draw(34, 5) as u32).unwrap()
        });
        check(&format!("options mixed, seed {seed}, {sizes:?}"), &call);
    }
}

#[test]
fn scratch_lengths_that_overflow_are_none() {
    let call = call(sizes(1, 1, 1, 1));
    let length = |sizes| {
        call.with_attention(&call.key, &call.value, |attention| {
            scratch::length(&wasm_attention::attention::Attention { sizes, ..*attention }, None)
        })
    };
    assert!(length(call.sizes).is_some_and(|length| length < 12_000));
    assert_eq!(length(Sizes { head_size: usize::MAX / 4, ..call.sizes }), None);
    assert_eq!(length(Sizes { value_head_size: usize::MAX / 4, ..call.sizes }), None);
}
