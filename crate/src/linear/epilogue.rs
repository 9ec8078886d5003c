//! What becomes of a tile's sums: bias, activation, and the way into the output.

use crate::activation::Activation;
use crate::dtype::canonical;
use crate::simd::F32x8;
use crate::tiles::{PANEL, TILE};

/// What is applied to the products.
pub struct Epilogue<'a> {
    /// `[out_features]`.
    pub bias: Option<&'a [f32]>,
    /// Applied to sums + bias.
    pub activation: Activation,
}

impl Epilogue<'_> {
    /// Writes the sums of up to `TILE` rows with a panel whose first output feature is `column`: those of row r from
    /// `output[r · out_features + column]` on, as far as the row goes.
    pub fn write(&self, output: &mut [f32], sums: &mut [[f32; PANEL]], column: usize, out_features: usize) {
        let bias = self.panel_bias(column);
        for sums in sums.iter_mut() {
            (F32x8::load(sums) + F32x8::load(&bias)).map(canonical).store(sums);
        }
        if self.activation != Activation::Identity {
            let mut activated = [[0.0; PANEL]; TILE];
            let activated = &mut activated[..sums.len()];
            self.activation.apply(activated.as_flattened_mut(), sums.as_flattened());
            sums.copy_from_slice(activated);
        }
        let count = PANEL.min(out_features - column);
        for (r, sums) in sums.iter().enumerate() {
            let row = &mut output[r * out_features + column..][..count];
            match row.first_chunk_mut() {
                Some(row) => *row = *sums,
                None => row.copy_from_slice(&sums[..count]),
            }
        }
    }

    /// The bias of a panel's outputs, from `column` on; 0 where there is none.
    fn panel_bias(&self, column: usize) -> [f32; PANEL] {
        let Some(bias) = self.bias.map(|bias| &bias[column..]) else {
            return [0.0; PANEL];
        };
        bias.first_chunk().copied().unwrap_or_else(|| core::array::from_fn(|c| bias.get(c).copied().unwrap_or(0.0)))
    }
}
