//! The heap of a WebAssembly instance: what lies behind static data and stack, and every page that it adds.

use super::heap::{ALIGNMENT, Heap, PAGE_BYTES, PageSource};
use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::{memory_grow, memory_size};
use core::cell::UnsafeCell;
use core::ptr::{NonNull, null_mut, with_exposed_provenance_mut};

// A build for threads needs a spin lock in `with_heap` (one that waits throws on a page's main thread), and it must
// leave the initial pages alone (`initial` returns None): wasm-bindgen puts a page with a thread counter and a
// temporary stack at `__heap_base`, after the linker has fixed the address that this file sees.
#[cfg(target_feature = "atomics")]
compile_error!("the heap has no lock yet");

unsafe extern "C" {
    /// The linker's symbol: its address is where static data and stack end.
    static __heap_base: u8;
}

struct LinearMemory {
    /// The page after the heap's last one.
    end: usize,
}

impl LinearMemory {
    /// Where page number `page` begins. The pages belong to no Rust object, so the pointer comes from its address.
    fn start_of(page: usize) -> Option<NonNull<u8>> {
        NonNull::new(with_exposed_provenance_mut(page * PAGE_BYTES))
    }
}

// SAFETY: WebAssembly memory is readable and writable in all its pages and never shrinks or moves within its own
// addresses. Behind `__heap_base` the linker put nothing; pages that `memory.grow` returned are new, so nobody else's.
// When the memory still ends at the heap's last page, what is added follows on it.
unsafe impl PageSource for LinearMemory {
    fn pages(&self) -> usize {
        memory_size(0)
    }

    fn initial(&mut self) -> Option<(NonNull<u8>, usize)> {
        self.end = memory_size(0);
        let start = (&raw const __heap_base).addr().next_multiple_of(ALIGNMENT);
        // The end of 65536 pages is address 0 again, hence the wrapping.
        let bytes = (self.end.wrapping_mul(PAGE_BYTES)).wrapping_sub(start);
        Some((NonNull::new(with_exposed_provenance_mut(start))?, bytes))
    }

    fn continues(&self) -> bool {
        memory_size(0) == self.end
    }

    fn grow(&mut self, pages: usize) -> Option<NonNull<u8>> {
        let first = memory_grow(0, pages);
        if first == usize::MAX {
            return None;
        }
        self.end = first + pages;
        Self::start_of(first)
    }
}

struct OneThread<T>(UnsafeCell<T>);

// SAFETY: without atomics (see above) an instance and its memory belong to one thread.
unsafe impl<T> Sync for OneThread<T> {}

static HEAP: OneThread<Heap<LinearMemory>> = OneThread(UnsafeCell::new(Heap::new(LinearMemory { end: 0 })));

/// The only way to the heap, and the place for a lock.
fn with_heap<R>(operation: impl FnOnce(&mut Heap<LinearMemory>) -> R) -> R {
    // SAFETY: one thread, no signals, and no operation of the heap calls back: the reference is the only one.
    operation(unsafe { &mut *HEAP.0.get() })
}

/// A block of `bytes` bytes, aligned to 16, its contents undefined; null when there is no memory for it or the limit
/// forbids it. `allocate(0)` is a block too. No block is 2 GiB or more. Growing the memory detaches JavaScript's views.
pub fn allocate(bytes: usize) -> *mut u8 {
    with_heap(|heap| heap.allocate(bytes))
}

/// Gives a block back; null is no block, and ignored. So is any pointer without a live header before it, as after a
/// first `free`: that doesn't trap either.
///
/// # Safety
///
/// As `Heap::free`: the block came from `allocate`, is used no more and freed once.
pub unsafe fn free(pointer: *mut u8) {
    // SAFETY: the caller's promise is the same.
    with_heap(|heap| unsafe { heap.free(pointer) });
}

/// The bytes that were asked for and not yet freed.
pub fn bytes_in_use() -> usize {
    with_heap(|heap| heap.bytes_in_use())
}

/// The most that `bytes_in_use` has been.
pub fn bytes_peak() -> usize {
    with_heap(|heap| heap.bytes_peak())
}

/// Forbids the memory to grow beyond `pages` of 64 KiB, stack and static data included.
pub fn set_limit(pages: usize) {
    with_heap(|heap| heap.set_limit(pages));
}

/// wasm-bindgen links Rust's `alloc` crate, which wants a global allocator, though the exports never use it.
struct Global;

// SAFETY: blocks have the size that was asked for, are disjoint and stay until they are freed. They are aligned to 16;
// for more the answer is null, as the trait allows.
unsafe impl GlobalAlloc for Global {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > ALIGNMENT { null_mut() } else { allocate(layout.size()) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, _: Layout) {
        // SAFETY: the caller promises a pointer from `alloc` that is used no more.
        unsafe { free(pointer) };
    }
}

#[global_allocator]
static GLOBAL: Global = Global;
