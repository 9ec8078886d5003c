//! The oracle of attention's gradients, before it judges anything: the worked examples of docs/training.md 11, and its
//! promise against the naive computation and against mistakes.

#[path = "cases/attention_call.rs"]
mod attention_call;
#[allow(dead_code, reason = "the oracle alone is tested here")]
#[path = "cases/attention_backward_call.rs"]
mod backward_call;
#[path = "oracle/attention_backward.rs"]
mod backward_oracle;
#[path = "cases/draw.rs"]
mod draw;
#[allow(dead_code, reason = "what a row's bits are, other files ask")]
#[path = "cases/drawn_call.rs"]
mod drawn_call;
#[path = "cases/drawn_cotangents.rs"]
mod drawn_cotangents;
#[path = "oracle/attention.rs"]
mod oracle;
#[path = "oracle/sample.rs"]
mod sample;
#[path = "cases/sampled_call.rs"]
mod sampled_call;

use attention_call::{AttentionCall, CallMask, Data, MaskData, dropout};
use backward_call::Cotangents;
use backward_oracle::{Gradients, check_gradients, gradients, naive_gradients};
use drawn_call::{for_each_panel, set_any, set_specials};
use drawn_cotangents::draw_cotangents;
use sampled_call::{all_weights, call_of, sizes};

const INFINITY: f32 = f32::INFINITY;

fn float32(values: &[f32]) -> Data {
    Data::Float32(values.to_vec())
}

/// q = [1, 2], k = [0, 1, 2], v = [1, 2, 4], dO = [1, −1], scale 1.
fn example() -> (AttentionCall, Cotangents) {
    let mut call = call_of(sizes(2, 3, 1, 1), 1, 1.0);
    (call.query, call.key, call.value) = (float32(&[1.0, 2.0]), float32(&[0.0, 1.0, 2.0]), float32(&[1.0, 2.0, 4.0]));
    call.scale = 1.0;
    (call, Cotangents { output: Some(float32(&[1.0, -1.0])), ..Cotangents::default() })
}

fn mask(data: MaskData) -> Option<CallMask> {
    Some(CallMask { data, shape: [1, 1, 2, 3] })
}

/// To seven decimals, as the page gives them.
#[track_caller]
fn expect(name: &str, actual: &[f64], documented: &[f64]) {
    assert_eq!(actual.len(), documented.len(), "{name}");
    for (x, documented) in actual.iter().zip(documented) {
        assert!((x - documented).abs() <= 5.1e-8, "{name}: {actual:?}, documented {documented}");
    }
}

#[track_caller]
fn expect_all(
    name: &str,
    (call, cotangents): &(AttentionCall, Cotangents),
    [query, key, value]: [&[f64]; 3],
) -> Gradients {
    oracle::check_promise(name, call, &call.run());
    let actual = gradients(call, cotangents);
    expect(&format!("{name}, query"), &actual.query, query);
    expect(&format!("{name}, key"), &actual.key, key);
    expect(&format!("{name}, value"), &actual.value, value);
    check_gradients(name, call, cotangents, &actual);
    actual
}

#[test]
fn worked_examples_without_options() {
    let dense = [
        &[0.706_992, -0.287_805_4][..],
        &[-0.115_413_8, 0.099_446_3, 0.015_967_5],
        &[0.074_154_3, 0.127_418, -0.201_572_4],
    ];
    expect_all("B1", &example(), dense);

    let mut two_heads = example();
    two_heads.0.sizes.heads = 2;
    two_heads.0.query = float32(&[1.0, 2.0, -1.0, 0.5]);
    two_heads.1.output = Some(float32(&[1.0, -1.0, 2.0, 0.0]));
    let [query, key, value] = [
        &[0.706_992, -0.287_805_4, 1.132_443_3, 0.0][..],
        &[0.569_545_1, -0.138_028_3, -0.431_516_8],
        &[1.404_636_2, 0.616_875, -0.021_511_2],
    ];
    expect_all("B7", &two_heads, [query, key, value]);

    let mut sums = example();
    sums.1.log_sum_exp = Some(vec![1.0, 0.0]);
    let key = [-0.025_383_2, 0.344_174_8, 0.681_208_4];
    expect_all("B9", &sums, [&[2.282_202_4, -0.287_805_4], &key, dense[2]]);

    let mut weights = example();
    weights.0.weights = all_weights(&weights.0.sizes, 3);
    weights.1 = Cotangents { weights: Some(vec![0.0, 0.0, 1.0, 0.0, 0.0, 0.0]), ..Cotangents::default() };
    expect_all("B10", &weights, [&[0.282_587_5, 0.0], &[-0.059_892, -0.162_803_4, 0.222_695_4], &[0.0; 3]]);
}

#[test]
fn worked_examples_of_visibility() {
    for poisoned in [false, true] {
        let mut causal = example();
        causal.0.is_causal = true;
        if poisoned {
            causal.0.key = float32(&[0.0, 1.0, f32::NAN]);
            causal.0.value = float32(&[1.0, 2.0, INFINITY]);
        }
        let [key, value] = [[0.209_987_2, -0.209_987_2, 0.0], [0.880_797_1, -0.880_797_1, 0.0]];
        expect_all("B2", &causal, [&[0.0, -0.104_993_6], &key, &value]);
    }

    let mut window = example();
    (window.0.left_window, window.0.slopes) = (Some(1), Some(vec![0.5]));
    let [key, value] = [[-0.263_737_8, 0.319_869_3, -0.056_131_6], [0.171_570_2, 0.127_461_8, -0.299_032]];
    let actual = expect_all("B3", &window, [&[0.934_631_1, -0.363_512_5], &key, &value]);
    expect("B3, slopes", &actual.slopes, &[-0.647_726_7]);

    let mut masked = example();
    (masked.0.sinks, masked.0.mask) = (Some(vec![1.0]), mask(MaskData::Boolean(vec![0, 0, 0, 1, 1, 1])));
    masked.1.log_sum_exp = Some(vec![3.0, 5.0]);
    let [key, value] = [[0.230_237_8, 1.476_325_8, 7.584_843_6], [-0.015_219_4, -0.112_457_2, -0.830_952_7]];
    let actual = expect_all("B8", &masked, [&[0.0, 8.323_006_6], &key, &value]);
    expect("B8, sinks", &actual.sinks, &[3.354_296_4]);
    assert!(actual.mask.is_empty());

    let mut equal = example();
    equal.0.mask = mask(MaskData::Float(float32(&[-1e30; 6])));
    equal.1.output = Some(float32(&[1.0, 1.0]));
    let key = [-4.0 / 3.0, -1.0 / 3.0, 5.0 / 3.0];
    let actual = expect_all("B12", &equal, [&[1.0, 1.0], &key, &[2.0 / 3.0; 3]]);
    expect("B12, mask", &actual.mask, &[-0.444_444_4, -0.111_111_1, 0.555_555_6].repeat(2));
}

#[test]
fn worked_examples_of_scores_and_dropout() {
    let mut sink = example();
    sink.0.sinks = Some(vec![1.0]);
    let [key, value] = [[-0.037_925_2, 0.233_129_8, 0.021_757_3], [0.057_110_1, 0.084_154_7, -0.296_506]];
    let actual = expect_all("B4", &sink, [&[1.374_256_7, -0.548_806_1], &key, &value]);
    expect("B4, sinks", &actual.sinks, &[-0.364_404_8]);

    let mut softcap = example();
    softcap.0.softcap = 1.0;
    softcap.0.mask = mask(MaskData::Float(float32(&[0.0, -1.0, -INFINITY, 0.0, 0.0, 0.0])));
    let [key, value] = [[0.289_699_4, 0.144_395_5, -0.001_494_9], [0.401_559_6, 0.026_992_2, -0.428_551_8]];
    let actual = expect_all("B5", &softcap, [&[0.103_515_7, 0.018_945], &key, &value]);
    expect("B5, mask", &actual.mask, &[-0.246_481, 0.246_481, 0.0, 0.268_090_2, 0.289_308_9, -0.557_399_1]);

    let mut dropped = example();
    dropped.0.dropout = Some(dropout(0.25, 42));
    let [key, value] = [[0.018_747_2, -0.083_773_4, 0.065_026_2], [0.098_872_4, 0.169_890_7, 0.0]];
    expect_all("B6", &dropped, [&[-0.564_477_1, 0.305_378], &key, &value]);

    let mut all = example();
    (all.0.sinks, all.0.slopes, all.0.softcap) = (Some(vec![1.0]), Some(vec![0.5]), 2.0);
    (all.0.is_causal, all.0.lower_right, all.0.dropout) = (true, true, Some(dropout(0.25, 42)));
    all.1.log_sum_exp = Some(vec![0.5, -0.5]);
    let [key, value] = [[-0.013_430_8, 0.170_136_7, 0.009_195_4], [0.099_876_6, 0.283_798, 0.0]];
    let actual = expect_all("B11", &all, [&[0.636_976_7, -0.224_224_6], &key, &value]);
    expect("B11, slopes", &actual.slopes, &[0.569_226_6]);
    expect("B11, sinks", &actual.sinks, &[-0.340_797_8]);
}

#[test]
fn the_promise_accepts_the_naive_computation() {
    for_each_panel(9, 5, |name, mut call, draw| {
        set_any(&mut call, draw);
        if draw.one_in(4) {
            set_specials(&mut call, draw);
        }
        let cotangents = draw_cotangents(&call, draw);
        check_gradients(name, &call, &cotangents, &naive_gradients(&call, &cotangents));
    });
}

#[test]
#[should_panic(expected = "key: element 1 is")]
fn the_promise_rejects_a_wrong_digit() {
    let (call, cotangents) = example();
    let mut wrong = gradients(&call, &cotangents);
    wrong.key[1] *= 1.0 + 2_f64.powi(-12);
    check_gradients("B1", &call, &cotangents, &wrong);
}

#[test]
#[should_panic(expected = "query: element 0 is")]
fn the_promise_rejects_a_lost_nan() {
    let (mut call, cotangents) = example();
    let right = gradients(&call, &cotangents);
    call.value = float32(&[1.0, f32::NAN, 4.0]);
    check_gradients("NaN", &call, &cotangents, &right);
}
