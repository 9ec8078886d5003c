//! From pointers to slices.

use super::arguments::Arguments;
use core::arch::wasm32::memory_size;

const PAGE_BYTES: usize = 65536;

/// The product of sizes. Panics when it overflows.
#[inline(never)]
pub fn product(sizes: &[usize]) -> usize {
    sizes.iter().fold(1, |product: usize, &size| product.checked_mul(size).unwrap())
}

fn check<T>(pointer: usize, length: usize) {
    check_block(pointer, length, size_of::<T>(), align_of::<T>());
}

/// Panics unless a block lies in the memory, aligned. Once for all types and exports, since it would be a part of each.
#[inline(never)]
fn check_block(pointer: usize, length: usize, size: usize, alignment: usize) {
    let bytes = length.checked_mul(size).unwrap();
    let end = pointer.checked_add(bytes).unwrap();
    // The memory may be 4 GiB, which a usize can't hold: compare pages.
    let inside = end.div_ceil(PAGE_BYTES) <= memory_size(0);
    assert!(pointer != 0 && inside && pointer.is_multiple_of(alignment) && bytes <= isize::MAX as usize);
}

/// `length` elements to read at `pointer`. T is a plain number type: every bit pattern is a value.
pub fn slice<'a, T: Number>(pointer: usize, length: usize) -> &'a [T] {
    check::<T>(pointer, length);
    // SAFETY: inside the memory, aligned, initialised (linear memory always is), any bits are a T; not written while it
    // lives, by the contract.
    unsafe { core::slice::from_raw_parts(pointer as *const T, length) }
}

/// As `slice`; None for a null pointer.
pub fn optional_slice<'a, T: Number>(pointer: usize, length: usize) -> Option<&'a [T]> {
    (pointer != 0).then(|| slice(pointer, length))
}

/// The argument block at `pointer`.
pub fn read<A: Arguments>(pointer: usize) -> A {
    let words = slice::<u32>(pointer, A::FIELDS.len());
    // SAFETY: as many words as the block has, by its trait, aligned like u32; every bit pattern is a value.
    unsafe { words.as_ptr().cast::<A>().read() }
}

/// `length` elements to write at `pointer`.
pub fn slice_mut<'a, T: Number>(pointer: usize, length: usize) -> &'a mut [T] {
    check::<T>(pointer, length);
    // SAFETY: as in `slice`; the block is nobody else's while it lives, by the contract.
    unsafe { core::slice::from_raw_parts_mut(pointer as *mut T, length) }
}

/// As `slice_mut`; None for a null pointer.
pub fn optional_slice_mut<'a, T: Number>(pointer: usize, length: usize) -> Option<&'a mut [T]> {
    (pointer != 0).then(|| slice_mut(pointer, length))
}

/// Number types of which every bit pattern is a value.
pub trait Number: Copy {}
impl Number for u8 {}
impl Number for u16 {}
impl Number for u32 {}
impl Number for u64 {}
impl Number for i32 {}
impl Number for f32 {}
impl Number for f64 {}
