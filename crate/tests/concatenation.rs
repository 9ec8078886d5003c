//! Rows that are appended to others.

use wasm_attention::attention::arrays::{Strides, concatenate};

#[test]
fn every_row_is_where_it_belongs() {
    for (batch, heads, past, new, size) in [(2, 3, 4, 5, 7), (1, 1, 0, 2, 3), (3, 2, 2, 0, 1), (2, 1, 1, 1, 8)] {
        // The new rows are the same in every batch and head, as a stride of 0 says.
        for repeats in [false, true] {
            let all = past + new;
            let past_rows: Vec<u32> = (0..batch * heads * past * size).map(|n| n as u32).collect();
            let new_count = if repeats { new * size } else { batch * heads * new * size };
            let new_rows: Vec<u32> = (0..new_count).map(|n| 1_000_000 + n as u32).collect();
            let new_strides =
                if repeats { Strides { batch: 0, head: 0, row: size } } else { Strides::contiguous(heads, new, size) };
            // [all, batch, heads, size], with the batch second.
            let strides = Strides { batch: heads * size, head: size, row: batch * heads * size };
            let mut present = vec![u32::MAX; batch * heads * all * size];
            let from_past = (&past_rows[..], Strides::contiguous(heads, past, size), past);
            let from_new = (&new_rows[..], new_strides, new);
            concatenate((&mut present, strides), from_past, from_new, batch, heads, size);
            for b in 0..batch {
                for h in 0..heads {
                    for i in 0..all {
                        for d in 0..size {
                            let expected = match (i < past, repeats) {
                                (true, _) => ((b * heads + h) * past + i) * size + d,
                                (false, true) => 1_000_000 + (i - past) * size + d,
                                (false, false) => 1_000_000 + ((b * heads + h) * new + i - past) * size + d,
                            };
                            assert_eq!(present[((i * batch + b) * heads + h) * size + d], expected as u32);
                        }
                    }
                }
            }
        }
    }
}
