//! Products of matrices, one for every position of the batches as they are broadcast.
//!
//! ```text
//! output[m, n] = Σ_k a[m, k] · b[k, n]
//! ```
//!
//! The second matrix is packed as a linear layer's weight, then the first goes through that layer's tiles: every element is one sum
//! over ascending k, so that a row has the same bits alone and in a batch. The error is at most
//! 2^-24 · n · Σ |a · b|, with n the number of products, typically its square root's.

use crate::activation::Activation;
use crate::broadcast::{Axis, for_each_position};
use crate::linear::{linear, pack_weight, packed_length, scratch_length as linear_scratch_length};
use crate::rearrangement::transpose;
use crate::tiles::PANEL;

/// The sizes of a product, `[rows, depth]` · `[depth, columns]`, and which of the matrices lie in memory transposed.
#[derive(Clone, Copy, Debug)]
pub struct Product {
    pub rows: usize,
    pub depth: usize,
    pub columns: usize,
    pub a_is_transposed: bool,
    pub b_is_transposed: bool,
}

impl Product {
    /// (a · b)ᵀ = bᵀ · aᵀ, and a column is a row in memory: with the first matrix in the role of the weight nothing is computed
    /// for the columns that a panel lacks. The bits are the same.
    fn is_column(&self) -> bool {
        self.columns == 1
    }

    /// The product as it is computed.
    fn arranged(self) -> Self {
        if self.is_column() {
            let b_is_transposed = !self.a_is_transposed;
            Self { rows: 1, columns: self.rows, a_is_transposed: false, b_is_transposed, ..self }
        } else {
            // A row lies in memory as the column that it is the transposition of.
            Self { a_is_transposed: self.a_is_transposed && self.rows != 1, ..self }
        }
    }

    fn transposed_length(&self) -> Option<usize> {
        if self.a_is_transposed { self.rows.checked_mul(self.depth) } else { Some(0) }
    }
}

/// Elements of scratch memory that `matmul` needs.
pub fn scratch_length(product: Product) -> Option<usize> {
    let product = product.arranged();
    let packed = packed_length(product.depth, product.columns)?;
    let strips = linear_scratch_length(product.rows, product.depth)?;
    product.transposed_length()?.checked_add(packed)?.checked_add(strips)
}

/// output `[…, rows, columns]`, a `[…, rows, depth]`, b `[…, depth, columns]` (the last two axes the other way round where they are
/// transposed), scratch: `scratch_length` elements. `axes` are those of the batches; their strides count matrices.
pub fn matmul(output: &mut [f32], a: &[f32], b: &[f32], scratch: &mut [f32], axes: &[Axis], product: Product) {
    let is_column = product.is_column();
    let product = product.arranged();
    let Product { rows, depth, columns, a_is_transposed, b_is_transposed } = product;
    let (a, b) = if is_column { (b, a) } else { (a, b) };
    let (a_rows, scratch) = scratch.split_at_mut(product.transposed_length().unwrap());
    let (packed, strips) = scratch.split_at_mut(packed_length(depth, columns).unwrap());
    let mut packed_place = None;
    for_each_position(axes, |position, places| {
        let [place_of_a, place_of_b] = if is_column { [places[1], places[0]] } else { places };
        let b = &b[place_of_b * depth * columns..][..depth * columns];
        if packed_place != Some(place_of_b) {
            packed_place = Some(place_of_b);
            if b_is_transposed { pack_weight(packed, b, depth, columns) } else { pack_columns(packed, b, columns) }
        }
        let mut a = &a[place_of_a * rows * depth..][..rows * depth];
        if a_is_transposed {
            transpose(a_rows, a, [1, depth, 1, rows]);
            a = a_rows;
        }
        let output = &mut output[position * rows * columns..][..rows * columns];
        linear(output, a, packed, None, strips, rows, depth, columns, Activation::Identity);
    });
}

/// As `pack_weight`, of `[depth, columns]`.
fn pack_columns(packed: &mut [f32], matrix: &[f32], columns: usize) {
    if packed.is_empty() {
        return;
    }
    let depth = matrix.len() / columns;
    for (panel, packed) in packed.chunks_exact_mut(depth * PANEL).enumerate() {
        let start = panel * PANEL;
        let count = PANEL.min(columns - start);
        for (group, row) in packed.as_chunks_mut::<PANEL>().0.iter_mut().zip(matrix.chunks_exact(columns)) {
            match row[start..].first_chunk() {
                Some(row) => *group = *row,
                None => {
                    group.fill(0.0);
                    group[..count].copy_from_slice(&row[start..]);
                }
            }
        }
    }
}
