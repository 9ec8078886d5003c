//! The parameter block of an attention call: some sixty numbers, each one 32-bit word, written by the calling layer.
//!
//! The layout is defined here alone. The build prints it as TypeScript (`examples/parameter_layout.rs`).

macro_rules! parameter_block {
    ($($(#[doc = $text:literal])+ $name:ident: $type:ident,)+) => {
        /// The words in their order. Pointers are byte addresses, sizes and strides count elements; 0 is no pointer.
        #[derive(Clone, Copy, Debug)]
        #[repr(C)]
        pub struct AttentionParameters {
            $($(#[doc = $text])+ pub $name: $type,)+
        }

        /// Name, type and description of every word.
        pub const FIELDS: &[(&str, &str, &str)] =
            &[$((stringify!($name), stringify!($type), concat!($($text),+)),)+];

        const _: () = assert!(size_of::<AttentionParameters>() == FIELDS.len() * 4);
    };
}

parameter_block! {
    /// query `[B, H, L, D]`
    query: u32,
    /// its stride from one batch to the next
    query_batch_stride: u32,
    /// from one head to the next
    query_head_stride: u32,
    /// from one row to the next
    query_row_stride: u32,
    /// new keys `[B, Hkv, S, D]`
    key: u32,
    /// its stride from one batch to the next
    key_batch_stride: u32,
    /// from one head to the next
    key_head_stride: u32,
    /// from one row to the next
    key_row_stride: u32,
    /// new values `[B, Hkv, S, Dv]`
    value: u32,
    /// its stride from one batch to the next
    value_batch_stride: u32,
    /// from one head to the next
    value_head_stride: u32,
    /// from one row to the next
    value_row_stride: u32,
    /// output `[B, H, L, Dv]`
    output: u32,
    /// its stride from one batch to the next
    output_batch_stride: u32,
    /// from one head to the next
    output_head_stride: u32,
    /// from one row to the next
    output_row_stride: u32,
    /// past keys `[B, Hkv, P, D]`; 0 = no past (with a past present_key and present_value are written and then read)
    past_key: u32,
    /// its stride from one batch to the next
    past_key_batch_stride: u32,
    /// from one head to the next
    past_key_head_stride: u32,
    /// from one row to the next
    past_key_row_stride: u32,
    /// past values `[B, Hkv, P, Dv]`
    past_value: u32,
    /// its stride from one batch to the next
    past_value_batch_stride: u32,
    /// from one head to the next
    past_value_head_stride: u32,
    /// from one row to the next
    past_value_row_stride: u32,
    /// past and new keys `[B, Hkv, T, D]`
    present_key: u32,
    /// its stride from one batch to the next
    present_key_batch_stride: u32,
    /// from one head to the next
    present_key_head_stride: u32,
    /// from one row to the next
    present_key_row_stride: u32,
    /// past and new values `[B, Hkv, T, Dv]`
    present_value: u32,
    /// its stride from one batch to the next
    present_value_batch_stride: u32,
    /// from one head to the next
    present_value_head_stride: u32,
    /// from one row to the next
    present_value_row_stride: u32,
    /// dtype of query, keys, output and weights: 0 float32, 1 float16, 2 bfloat16
    dtype: u32,
    /// dtype of the values
    value_dtype: u32,
    /// B
    batch: u32,
    /// H
    heads: u32,
    /// Hkv
    key_heads: u32,
    /// L
    query_length: u32,
    /// P
    past_length: u32,
    /// S, the new keys
    new_length: u32,
    /// D
    head_size: u32,
    /// Dv
    value_head_size: u32,
    /// 1 = `scale` holds, 0 = the default 1/√D
    has_scale: u32,
    /// factor of the dot products
    scale: f32,
    /// bound of the scores, 0 = none
    softcap: f32,
    /// mask, 0 = none
    mask: u32,
    /// 0 float32, 1 float16, 2 bfloat16, 3 boolean
    mask_dtype: u32,
    /// elements of the mask in all
    mask_length: u32,
    /// its stride from one batch to the next, 0 broadcasts
    mask_batch_stride: u32,
    /// from one query head to the next, 0 broadcasts
    mask_head_stride: u32,
    /// from one query row to the next, 0 broadcasts
    mask_row_stride: u32,
    /// from one key to the next: 1, or 0 to broadcast
    mask_key_stride: u32,
    /// keys that the mask covers; further ones are hidden
    mask_keys: u32,
    /// 1 = key j only where j ≤ p
    is_causal: u32,
    /// offset of the positions: 0 upper-left (P), 1 lower-right (key length − L)
    causal_alignment: u32,
    /// left window, -1 = unbounded
    left_window_size: i32,
    /// right window, -1 = unbounded
    right_window_size: i32,
    /// int32 `[B]`, 0 = all keys
    key_lengths: u32,
    /// float32 `[H]` or `[B, H]`, 0 = none
    alibi_slopes: u32,
    /// H for `[B, H]`, 0 for `[H]`
    alibi_batch_stride: u32,
    /// float32 `[H]`, 0 = none
    sinks: u32,
    /// 1 = dropout
    has_dropout: u32,
    /// an element is kept when its word is at least this: floor(p · 2^32)
    dropout_threshold: u32,
    /// 1 / (1 − p), 0 for p = 1
    dropout_scale: f32,
    /// low word of the seed
    seed_low: u32,
    /// high word of the seed
    seed_high: u32,
    /// float32 `[B, H, L]` to write, 0 = not wanted
    log_sum_exp: u32,
    /// weights to write, 0 = not wanted
    weights: u32,
    /// 0 raw, 1 capped, 2 score, 3 softmax, 4 after dropout; -1 = no weights
    weights_mode: i32,
    /// query heads wanted, uint32
    weights_heads: u32,
    /// how many
    weights_head_count: u32,
    /// query rows wanted, uint32
    weights_rows: u32,
    /// how many
    weights_row_count: u32,
    /// 1 = the mean over the heads
    average_heads: u32,
    /// working memory, attention_scratch_bytes of it
    scratch: u32,
}
