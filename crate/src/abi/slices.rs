//! From pointers to slices.

use super::Status;
use super::arguments::Arguments;
use core::arch::wasm32::memory_size;

const PAGE_BYTES: usize = 65536;

/// The product of sizes, or `InvalidArgument` when it overflows.
pub fn product(sizes: &[usize]) -> Result<usize, Status> {
    let mut product = 1_usize;
    for &size in sizes {
        product = product.checked_mul(size).ok_or(Status::InvalidArgument)?;
    }
    Ok(product)
}

fn check<T>(pointer: usize, length: usize) -> Result<(), Status> {
    check_block(pointer, length, size_of::<T>(), align_of::<T>())
}

// Once for all types and exports, since it would be a part of each.
#[inline(never)]
fn check_block(pointer: usize, length: usize, size: usize, alignment: usize) -> Result<(), Status> {
    let bytes = length.checked_mul(size).ok_or(Status::InvalidArgument)?;
    let end = pointer.checked_add(bytes).ok_or(Status::InvalidArgument)?;
    // The memory may be 4 GiB, which a usize can't hold: compare pages.
    let inside = end.div_ceil(PAGE_BYTES) <= memory_size(0);
    let aligned = pointer.is_multiple_of(alignment);
    if pointer != 0 && inside && aligned && bytes <= isize::MAX as usize {
        Ok(())
    } else {
        Err(Status::InvalidArgument)
    }
}

/// `length` elements to read at `pointer`. T is a plain number type: every bit pattern is a value.
pub fn slice<'a, T: Number>(pointer: usize, length: usize) -> Result<&'a [T], Status> {
    check::<T>(pointer, length)?;
    // SAFETY: inside the memory, aligned, initialised (linear memory always is), any bits are a T; not written while it
    // lives, by the contract.
    Ok(unsafe { core::slice::from_raw_parts(pointer as *const T, length) })
}

/// As `slice`; None for a null pointer.
pub fn optional_slice<'a, T: Number>(pointer: usize, length: usize) -> Result<Option<&'a [T]>, Status> {
    if pointer == 0 { Ok(None) } else { slice(pointer, length).map(Some) }
}

/// The argument block at `pointer`.
pub fn read<A: Arguments>(pointer: usize) -> Result<A, Status> {
    let words = slice::<u32>(pointer, A::FIELDS.len())?;
    // SAFETY: as many words as the block has, by its trait, aligned like u32; every bit pattern is a value.
    Ok(unsafe { words.as_ptr().cast::<A>().read() })
}

/// `length` elements to write at `pointer`.
pub fn slice_mut<'a, T: Number>(pointer: usize, length: usize) -> Result<&'a mut [T], Status> {
    check::<T>(pointer, length)?;
    // SAFETY: as in `slice`; the block is nobody else's while it lives, by the contract.
    Ok(unsafe { core::slice::from_raw_parts_mut(pointer as *mut T, length) })
}

/// As `slice_mut`; None for a null pointer.
pub fn optional_slice_mut<'a, T: Number>(pointer: usize, length: usize) -> Result<Option<&'a mut [T]>, Status> {
    if pointer == 0 { Ok(None) } else { slice_mut(pointer, length).map(Some) }
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

/// The status of a result.
pub fn status(result: Result<(), Status>) -> u32 {
    match result {
        Ok(()) => Status::Ok as u32,
        Err(status) => status as u32,
    }
}
