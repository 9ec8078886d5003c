//! Argument blocks: the numbers of calls that have more than a dozen of them, each one 32-bit word, written by the calling
//! layer.
//!
//! The layouts are defined here alone. The build prints them as TypeScript (`examples/interface.rs`).

/// The words of a block in their order. Pointers are byte addresses, sizes and strides count elements; 0 is no pointer.
///
/// # Safety
///
/// The type consists of as many 32-bit words as `FIELDS` lists, of which every bit pattern is a value.
pub unsafe trait Arguments: Copy {
    /// Name, type and description of every word.
    const FIELDS: &[(&str, &str, &str)];
}

macro_rules! arguments {
    ($(#[doc = $purpose:literal])+ $name:ident { $($(#[doc = $text:literal])+ $field:ident: $type:ident,)+ }) => {
        $(#[doc = $purpose])+
        #[derive(Clone, Copy, Debug)]
        #[repr(C)]
        pub struct $name {
            $($(#[doc = $text])+ pub $field: $type,)+
        }

        // SAFETY: `word` accepts no other types than those of 32 bits of which every pattern is a value, and the size leaves
        // no room for more than them.
        unsafe impl Arguments for $name {
            const FIELDS: &[(&str, &str, &str)] =
                &[$((stringify!($field), { word::<$type>(); stringify!($type) }, concat!($($text),+)),)+];
        }

        const _: () = assert!(size_of::<$name>() == $name::FIELDS.len() * 4);
    };
}

/// The types that words have.
trait Word {}
impl Word for u32 {}
impl Word for i32 {}
impl Word for f32 {}

const fn word<T: Word>() {}

/// What a signed word holds for something that is not there, where 0 is a value.
pub const ABSENT: i32 = -1;

arguments! {
    /// A call of `attention_forward`.
    AttentionArguments {
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
        /// a `Dtype`, that of query, keys and weights
        dtype: u32,
        /// a `Dtype`, that of the values
        value_dtype: u32,
        /// a `Dtype`, that of the output
        output_dtype: u32,
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
        /// a `MaskDtype`
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
        /// a `CausalAlignment`
        causal_alignment: u32,
        /// left window, `ABSENT` = unbounded
        left_window_size: i32,
        /// right window, `ABSENT` = unbounded
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
        /// float32 `[2, B, H, L]` to write for the backward pass: references, then inverse sums; 0 = not wanted
        statistics: u32,
        /// weights to write, 0 = not wanted
        weights: u32,
        /// a `WeightsMode`, `ABSENT` = no weights
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
}

arguments! {
    /// A call of `attention_backward`, beside the block of the forward call. All of it is float32.
    AttentionBackwardArguments {
        /// gradient of the query, at the query's strides; 0 = not wanted
        query_gradient: u32,
        /// gradient of the new keys, at their strides; 0 = not wanted
        key_gradient: u32,
        /// gradient of the new values, at their strides; 0 = not wanted
        value_gradient: u32,
        /// gradient of the past keys, at their strides; 0 = not wanted
        past_key_gradient: u32,
        /// gradient of the past values, at their strides; 0 = not wanted
        past_value_gradient: u32,
        /// gradient of the mask, as long as it; 0 = not wanted
        mask_gradient: u32,
        /// gradient of the slopes, as long as they; 0 = not wanted
        slopes_gradient: u32,
        /// gradient of the sinks `[H]`; 0 = not wanted
        sinks_gradient: u32,
        /// the forward pass's output, at its strides
        output: u32,
        /// what the forward pass wrote as statistics
        statistics: u32,
        /// gradient of the output, at its strides
        output_cotangent: u32,
        /// gradient of the present keys, at their strides; 0 = none
        present_key_cotangent: u32,
        /// gradient of the present values, at their strides; 0 = none
        present_value_cotangent: u32,
        /// gradient of the log-sum-exp `[B, H, L]`; 0 = none
        log_sum_exp_cotangent: u32,
        /// gradient of the weights `[B, heads, rows, T]`; 0 = none
        weights_cotangent: u32,
        /// a `WeightsMode`
        weights_mode: u32,
        /// heads of that gradient
        weights_head_count: u32,
        /// rows of that gradient
        weights_row_count: u32,
        /// int32 `[H]`: a query head's place among those heads, `ABSENT` = none
        head_places: u32,
        /// int32 `[L]`: a query row's place among those rows, `ABSENT` = none
        row_places: u32,
        /// float32 `[H]`: a factor of the head's gradient
        head_factors: u32,
        /// working memory, attention_backward_scratch_bytes of it
        scratch: u32,
    }
}

arguments! {
    /// A call of `rotary_embedding`.
    RotaryEmbeddingArguments {
        /// output, of the input's sizes and strides
        output: u32,
        /// input, heads of D elements at the strides
        input: u32,
        /// cosines `[tableRows, R / 2]`
        cosine: u32,
        /// sines, likewise
        sine: u32,
        /// int32, of each batch L, positionStride apart; 0 = the rows in their order
        position_ids: u32,
        /// B
        batch: u32,
        /// L
        length: u32,
        /// H
        heads: u32,
        /// D
        head_size: u32,
        /// R, the elements of a head that are turned
        rotary_size: u32,
        /// rows of the tables
        table_rows: u32,
        /// from one batch to the next
        batch_stride: u32,
        /// from one head to the next
        head_stride: u32,
        /// from one row to the next
        row_stride: u32,
        /// from one batch to the next among the positions or, without them, among the rows of the tables
        position_stride: u32,
        /// 1 = pairs are neighbours
        interleaved: u32,
        /// 1 = by the opposite angle
        inverse: u32,
    }
}

arguments! {
    /// A call of `conv1d` or of a part of `conv1d_backward`.
    ConvolutionArguments {
        /// input `[B, C, L]`
        input: u32,
        /// weight `[O, C / groups, K]`
        weight: u32,
        /// bias `[O]`, 0 = none
        bias: u32,
        /// output `[B, O, T]`, or its gradient
        output: u32,
        /// gradient of the input to write, 0 = not wanted
        input_gradient: u32,
        /// of the weight, 0 = not wanted
        weight_gradient: u32,
        /// of the bias, 0 = not wanted
        bias_gradient: u32,
        /// working memory, conv1d_scratch_length of it
        scratch: u32,
        /// B
        batch: u32,
        /// C
        channels: u32,
        /// L
        length: u32,
        /// O
        out_channels: u32,
        /// K
        kernel_size: u32,
        /// from what one output sees to the next
        stride: u32,
        /// zeros before the input, and after it
        padding: u32,
        /// from one place of the kernel to the next
        dilation: u32,
        /// into which the channels are cut
        groups: u32,
    }
}

arguments! {
    /// A call of `adam`.
    AdamArguments {
        /// parameter, to be changed
        parameter: u32,
        /// m, likewise
        first: u32,
        /// v, likewise
        second: u32,
        /// the largest v so far, likewise; 0 = not wanted
        largest: u32,
        /// gradient
        gradient: u32,
        /// elements of each
        length: u32,
        /// 1 − lr · weight decay, of AdamW; 1 for Adam
        decay: f32,
        /// what of the parameter is added to the gradient, of Adam; 0 for AdamW
        weight_decay: f32,
        /// 1 − β1
        first_share: f32,
        /// β2
        second_decay: f32,
        /// 1 − β2
        second_share: f32,
        /// −lr / (1 − β1^t)
        step_size: f32,
        /// √(1 − β2^t)
        correction: f32,
        /// ε
        epsilon: f32,
    }
}
