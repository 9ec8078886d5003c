//! What becomes of a tile's sums: bias, activation, and the way into the output.

use crate::activation::Activation;
use crate::dtype::canonical;
use crate::simd::{F32x4, LANES};
use crate::tiles::{PANEL, TILE};

/// What is applied to the products.
pub struct Epilogue<'a> {
    /// `[out_features]`.
    pub bias: Option<&'a [f32]>,
    /// Applied to sums + bias.
    pub activation: Activation,
}

impl Epilogue<'_> {
    /// Writes the sums of up to `TILE` rows of a panel whose first output is `column`: the r-th at
    /// `output[r · distance + column]`, as far as a row of `width` outputs goes.
    pub fn write(&self, output: &mut [f32], sums: &mut [[f32; PANEL]], column: usize, distance: usize, width: usize) {
        let bias = self.panel_bias(column);
        for sums in sums.iter_mut() {
            for half in [0, LANES] {
                let sum = F32x4::load(&sums[half..]) + F32x4::load(&bias[half..]);
                canonical(sum).store(&mut sums[half..]);
            }
        }
        if self.activation != Activation::Identity {
            let mut activated = [[0.0; PANEL]; TILE];
            let activated = &mut activated[..sums.len()];
            self.activation.apply(activated.as_flattened_mut(), sums.as_flattened());
            sums.copy_from_slice(activated);
        }
        let count = PANEL.min(width - column);
        for (r, sums) in sums.iter().enumerate() {
            let row = &mut output[r * distance + column..][..count];
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
