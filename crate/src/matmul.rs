//! Products of matrices, one for every position of the batches as they are broadcast.
//!
//! ```text
//! output[m, n] = Σ_k a[m, k] · b[k, n]
//! ```
//!
//! It is a linear layer whose weight is the second matrix: every element is one sum over ascending k, so that a row has the same
//! bits alone and in a batch. The error is at most 2^-24 · n · Σ |a · b|, with n the number of products, typically its square
//! root's.
//!
//! The gradients are products with a transposed factor: that of a is output_gradient · bᵀ, that of b is aᵀ · output_gradient, as
//! of a weight.

use crate::activation::Activation;
use crate::broadcast::{Axis, for_each_position};
use crate::linear;
use crate::linear::{
    multiply_transposed, multiply_transposed_scratch_length, pack_columns, pack_weight, packed_length,
};
use crate::numbered::numbered;
use crate::tiles::PANEL;

numbered! {
    /// Which factor of a product lies in memory transposed.
    pub enum Transposed {
        Neither = "neither",
        First = "first",
        Second = "second",
    }
}

/// The sizes of a product `[rows, depth]` · `[depth, columns]`.
#[derive(Clone, Copy, Debug)]
pub struct Product {
    pub rows: usize,
    pub depth: usize,
    pub columns: usize,
    pub transposed: Transposed,
}

impl Product {
    /// (a · b)ᵀ = bᵀ · aᵀ, and a column is a row in memory: with the first matrix in the role of the weight nothing is computed
    /// for the columns that a panel lacks. The bits are the same.
    fn is_column(&self) -> bool {
        self.columns == 1
    }

    /// The product as it is computed.
    fn arranged(self) -> Self {
        let is_first = self.transposed == Transposed::First;
        if self.is_column() {
            let transposed = if is_first { Transposed::Neither } else { Transposed::Second };
            Self { rows: 1, columns: self.rows, transposed, ..self }
        } else if is_first && self.rows == 1 {
            Self { transposed: Transposed::Neither, ..self }
        } else {
            self
        }
    }
}

/// Elements of scratch memory that `matmul` needs.
pub fn scratch_length(product: Product) -> Option<usize> {
    let Product { rows, depth, columns, transposed } = product.arranged();
    if transposed == Transposed::First {
        return multiply_transposed_scratch_length(depth, rows, columns);
    }
    packed_length(depth, columns)?.checked_add(linear::scratch_length(rows, depth)?)
}

/// output `[…, rows, columns]`, a `[…, rows, depth]`, b `[…, depth, columns]` (the last two axes the other way round where it is
/// transposed), scratch: `scratch_length` elements. `axes` are those of the batches; their strides count matrices.
pub fn matmul(output: &mut [f32], a: &[f32], b: &[f32], scratch: &mut [f32], axes: &[Axis], product: Product) {
    let is_column = product.is_column();
    let Product { rows, depth, columns, transposed } = product.arranged();
    let (a, b) = if is_column { (b, a) } else { (a, b) };
    let mut packed_place = None;
    for_each_position(axes, |position, places| {
        let [place_of_a, place_of_b] = if is_column { [places[1], places[0]] } else { places };
        let output = &mut output[position * rows * columns..][..rows * columns];
        let a = &a[place_of_a * rows * depth..][..rows * depth];
        let b = &b[place_of_b * depth * columns..][..depth * columns];
        if transposed == Transposed::First {
            output.fill(0.0);
            multiply_transposed(output, a, b, scratch, depth, rows, columns);
            return;
        }
        let (packed, strips) = scratch.split_at_mut(columns.next_multiple_of(PANEL) * depth);
        if packed_place != Some(place_of_b) {
            packed_place = Some(place_of_b);
            match transposed {
                Transposed::Second => pack_weight(packed, b, depth, columns),
                _ => pack_columns(packed, b, depth, columns),
            }
        }
        linear::linear(output, a, packed, None, strips, rows, depth, columns, Activation::Identity);
    });
}
