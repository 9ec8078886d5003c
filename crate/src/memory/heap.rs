//! A heap that can fail: two-level segregated fit with boundary tags.
//!
//! ```text
//! region:   | header | payload | header | payload | … | header | payload | end |
//! header:   state, size of the payload, size of the payload before it (0: none), bytes that were asked for
//! payload:  a multiple of 16 bytes; while the block is free its first bytes link it into the list of its class
//! end:      a header alone, of size 0; when the region is extended it becomes the header of the new block
//! ```
//!
//! Free blocks are listed by size class, 16 classes to each power of two, and two levels of bitmaps find the next
//! class that isn't empty, so that allocating and freeing take a constant number of steps. One case is longer: before
//! the memory is grown, the class of the request itself is searched to its end, as some of its blocks may be large
//! enough. So no allocation fails, and no page is added, while a free block fits.
//!
//! Freeing merges a block with free neighbours at once: two free blocks are never adjacent.
//!
//! After M. Masmano, I. Ripoll, A. Crespo, J. Real, "TLSF: a new dynamic memory allocator for real-time systems",
//! ECRTS 2004.

mod audit;

pub use audit::Audit;

use core::cell::Cell;
use core::ops::Deref;
use core::ptr::{NonNull, null_mut};

/// Size of a page of WebAssembly memory.
pub const PAGE_BYTES: usize = 1 << 16;

/// Every payload begins at a multiple of this, which suits a SIMD vector.
pub const ALIGNMENT: usize = 16;

/// The largest request: Rust's pointer offsets, and so its slices, end at `isize::MAX` bytes of wasm32.
pub const MAXIMUM_BYTES: usize = i32::MAX as usize;

/// As many pages as 32-bit addresses reach; hence every size below is less than 2^32, natively too.
const MAXIMUM_PAGES: usize = 1 << 16;

const HEADER_BYTES: usize = size_of::<Header>();

/// A free payload holds its links.
const MINIMUM_PAYLOAD: usize = ALIGNMENT;
const _: () = assert!(size_of::<Links>() <= MINIMUM_PAYLOAD);
const _: () = assert!(HEADER_BYTES.is_multiple_of(ALIGNMENT) && align_of::<Header>() == ALIGNMENT);

/// 16 classes to a power of two: a class spans 6% of its size.
const SUBCLASS_BITS: u32 = 4;
const CLASSES: usize = (32 - ALIGNMENT.ilog2() as usize - SUBCLASS_BITS as usize + 1) << SUBCLASS_BITS;
const CLASS_WORDS: usize = CLASSES.div_ceil(32);

/// Blocks of the request's own class that are tried before the larger classes are: the block freed last often fits.
const PROBES: usize = 4;

// Neither is a likely number in a tensor. Anything else is a block's end or a header that a merge made void.
const LIVE: usize = 0x5bd1_e995;
const FREE: usize = 0x6ed9_eba1;
const VOID: usize = 0;

/// Where a heap gets its pages.
///
/// # Safety
///
/// What `initial` and `grow` return is readable and writable, aligned to 16 bytes, nobody else's, and stays where it is
/// for as long as the heap or its blocks are used. When `continues` has answered true, the pages of the next `grow`
/// begin where the memory before ended, and pointers into the one may be moved on into the other.
pub unsafe trait PageSource {
    /// Pages held, together with those that aren't the heap's.
    fn pages(&self) -> usize;
    /// Memory that is free from the start, and its bytes. Asked while the heap has none yet, before `grow`.
    fn initial(&mut self) -> Option<(NonNull<u8>, usize)>;
    /// Whether the next growth follows directly on the pages that the heap got last.
    fn continues(&self) -> bool;
    /// Adds `pages`; None, and no change, where that is impossible.
    fn grow(&mut self, pages: usize) -> Option<NonNull<u8>>;
}

/// Cells, since neighbours reach each other's header.
#[repr(C, align(16))]
struct Header {
    // First, so that a kernel that writes past the end of the block before spoils the state, and `free` sees it.
    state: Cell<usize>,
    size: Cell<usize>,
    previous_size: Cell<usize>,
    requested: Cell<usize>,
}

struct Links {
    next: Cell<Option<Block>>,
    previous: Cell<Option<Block>>,
}

/// A block, by its header.
///
/// Invariant: the header lies in a region of the heap, initialised, with the region's provenance, and its sizes lead to
/// the neighbours' headers. Only this file writes headers.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Block(NonNull<Header>);

impl Deref for Block {
    type Target = Header;

    fn deref(&self) -> &Header {
        // SAFETY: the invariant; cells may be shared.
        unsafe { self.0.as_ref() }
    }
}

impl Block {
    /// Makes a header at `place`.
    ///
    /// # Safety
    ///
    /// `place` is aligned, in the heap's memory and part of no payload in use; `size` and `previous_size` are true.
    unsafe fn write(place: *mut u8, state: usize, size: usize, previous_size: usize) -> Self {
        let (state, size, previous_size) = (Cell::new(state), Cell::new(size), Cell::new(previous_size));
        let header = place.cast::<Header>();
        // SAFETY: writable, aligned and, being in the heap's memory, not null, as the caller has it.
        unsafe {
            header.write(Header { state, size, previous_size, requested: Cell::new(0) });
            Self(NonNull::new_unchecked(header))
        }
    }

    // Sums of addresses wrap here and below: a free block may be larger than `isize::MAX` bytes.
    fn payload(self) -> *mut u8 {
        self.0.as_ptr().wrapping_add(1).cast()
    }

    /// The header after this block. Not to be asked of a region's end.
    fn next(self) -> Self {
        let next = self.payload().wrapping_add(self.size.get()).cast();
        // SAFETY: by the invariant a header is there, and the heap's memory doesn't hold address 0.
        Self(unsafe { NonNull::new_unchecked(next) })
    }

    /// The block before this one, unless this is the first of its region.
    fn previous(self) -> Option<Self> {
        let size = self.previous_size.get();
        // SAFETY: by the invariant a header is there, and the heap's memory doesn't hold address 0.
        (size != 0)
            .then(|| Self(unsafe { NonNull::new_unchecked(self.0.as_ptr().wrapping_byte_sub(HEADER_BYTES + size)) }))
    }

    fn is_free(self) -> bool {
        self.state.get() == FREE
    }

    /// Sets the size, here and in the next header's tag.
    fn resize(self, size: usize) {
        self.size.set(size);
        self.next().previous_size.set(size);
    }

    fn links(&self) -> &Links {
        debug_assert!(self.is_free());
        // SAFETY: `insert` wrote the links when it made the block free, and they fit every payload.
        unsafe { &*self.payload().cast() }
    }
}

/// The class of blocks with `size` bytes of payload (a multiple of 16, not 0). In units of 16 bytes: sizes below 32
/// have a class each, then every power of two has 16.
const fn class_of(size: usize) -> usize {
    let units = size / ALIGNMENT;
    let shift = (units | 1).ilog2().saturating_sub(SUBCLASS_BITS);
    let class = ((shift as usize) << SUBCLASS_BITS) + (units >> shift);
    // Never cut; it shows the compiler that indexing by class needs no check.
    if class < CLASSES { class } else { CLASSES - 1 }
}
const _: () = assert!(class_of(u32::MAX as usize) == CLASSES - 1);

/// The heap. It is not locked: whoever shares one between threads locks around each call.
pub struct Heap<S> {
    source: S,
    limit: usize,
    /// The end of the region that grows.
    end: Option<Block>,
    /// The addresses between which all headers lie.
    lowest: usize,
    highest: usize,
    bytes_in_use: usize,
    bytes_peak: usize,
    /// Bit w: `classes[w]` isn't 0.
    words: u32,
    /// Bit c of the array: the list of class c isn't empty.
    classes: [u32; CLASS_WORDS],
    lists: [Option<Block>; CLASSES],
}

impl<S: PageSource> Heap<S> {
    /// An empty heap; it asks for memory at the first allocation.
    pub const fn new(source: S) -> Self {
        Self {
            source,
            limit: MAXIMUM_PAGES,
            end: None,
            lowest: usize::MAX,
            highest: 0,
            bytes_in_use: 0,
            bytes_peak: 0,
            words: 0,
            classes: [0; CLASS_WORDS],
            lists: [None; CLASSES],
        }
    }

    /// A block of `bytes` bytes, aligned to 16, its contents undefined. Null where there is no memory for it, the limit
    /// forbids it or `bytes` exceeds `MAXIMUM_BYTES`: nothing has changed then. 0 bytes is a block as well.
    pub fn allocate(&mut self, bytes: usize) -> *mut u8 {
        if bytes > MAXIMUM_BYTES {
            return null_mut();
        }
        let size = bytes.max(1).next_multiple_of(ALIGNMENT);
        let Some(block) = self.find(size).or_else(|| self.grow(size)) else {
            return null_mut();
        };
        self.remove(block);
        self.split(block, size);
        block.state.set(LIVE);
        block.requested.set(bytes);
        self.bytes_in_use += bytes;
        self.bytes_peak = self.bytes_peak.max(self.bytes_in_use);
        block.payload()
    }

    /// Gives a block back. False, and no change, when `pointer` isn't one: null, misaligned, outside the heap, or
    /// without a live header before it, as after a first `free`.
    ///
    /// The check is a net: it can't tell a block from a later one at the same address, nor a header from payload that
    /// imitates it.
    ///
    /// # Safety
    ///
    /// `pointer` is null or came from `allocate` of this heap. Its block is not used any more, and where it was freed
    /// before, that memory hasn't been handed out again.
    pub unsafe fn free(&mut self, pointer: *mut u8) -> bool {
        let address = pointer.addr();
        // Within these bounds there is memory before the pointer, and any bits can be read as a header.
        if !address.is_multiple_of(ALIGNMENT) || address <= self.lowest || address > self.highest {
            return false;
        }
        let Some(header) = NonNull::new(pointer.cast::<Header>().wrapping_sub(1)) else {
            return false;
        };
        let block = Block(header);
        if block.state.get() != LIVE {
            return false;
        }
        self.bytes_in_use -= block.requested.get();
        self.release(block);
        true
    }

    /// The bytes that were asked for and not yet freed, without headers and rounding.
    pub fn bytes_in_use(&self) -> usize {
        self.bytes_in_use
    }

    /// The most that `bytes_in_use` has been.
    pub fn bytes_peak(&self) -> usize {
        self.bytes_peak
    }

    /// Forbids growth beyond `pages`, those that aren't the heap's included. What is held already stays in use.
    pub fn set_limit(&mut self, pages: usize) {
        self.limit = pages.min(MAXIMUM_PAGES);
    }

    /// A free block of at least `size` bytes, if there is one.
    fn find(&self, size: usize) -> Option<Block> {
        let class = class_of(size);
        self.search(class, size, PROBES)
            .or_else(|| self.any_larger(class))
            .or_else(|| self.search(class, size, usize::MAX))
    }

    /// The first of the first `probes` blocks of a class that has `size` bytes.
    fn search(&self, class: usize, size: usize, probes: usize) -> Option<Block> {
        let mut candidate = self.lists[class];
        for _ in 0..probes {
            match candidate {
                Some(block) if block.size.get() < size => candidate = block.links().next.get(),
                _ => return candidate,
            }
        }
        None
    }

    /// A block of the smallest class above `class` that has any.
    fn any_larger(&self, class: usize) -> Option<Block> {
        let mut word = (class + 1) / 32;
        let mut bits = self.classes.get(word)? & (u32::MAX << ((class + 1) % 32));
        if bits == 0 {
            let words = self.words & (u32::MAX << (word + 1));
            if words == 0 {
                return None;
            }
            word = words.trailing_zeros() as usize;
            bits = *self.classes.get(word)?;
        }
        *self.lists.get(word * 32 + bits.trailing_zeros() as usize)?
    }

    // `insert`, `remove` and `release` would be inlined several times each, for a quarter more bytes in all.

    /// Puts a block at the head of the list of its class.
    #[inline(never)]
    fn insert(&mut self, block: Block) {
        let class = class_of(block.size.get());
        let next = self.lists[class];
        block.state.set(FREE);
        // SAFETY: a payload begins aligned and has room for the links, and this one is nobody's.
        unsafe { block.payload().cast::<Links>().write(Links { next: Cell::new(next), previous: Cell::new(None) }) };
        if let Some(next) = next {
            next.links().previous.set(Some(block));
        }
        self.lists[class] = Some(block);
        self.classes[class / 32] |= 1 << (class % 32);
        self.words |= 1 << (class / 32);
    }

    /// Takes a free block out of its list.
    #[inline(never)]
    fn remove(&mut self, block: Block) {
        let (next, previous) = (block.links().next.get(), block.links().previous.get());
        if let Some(next) = next {
            next.links().previous.set(previous);
        }
        if let Some(previous) = previous {
            previous.links().next.set(next);
            return;
        }
        let class = class_of(block.size.get());
        self.lists[class] = next;
        if next.is_none() {
            self.classes[class / 32] &= !(1 << (class % 32));
            if self.classes[class / 32] == 0 {
                self.words &= !(1 << (class / 32));
            }
        }
    }

    /// Cuts an unlisted block to `size` bytes and lists the rest, where that makes a block.
    fn split(&mut self, block: Block, size: usize) {
        let rest = block.size.get() - size;
        if rest < HEADER_BYTES + MINIMUM_PAYLOAD {
            return;
        }
        block.size.set(size);
        // SAFETY: the rest begins `size` bytes into the payload, has room for a header, and belongs to no other block.
        let rest = unsafe { Block::write(block.payload().wrapping_add(size), VOID, rest - HEADER_BYTES, size) };
        rest.resize(rest.size.get());
        self.insert(rest);
    }

    /// Lists an unlisted block, merged with its free neighbours; the merged block.
    #[inline(never)]
    fn release(&mut self, mut block: Block) -> Block {
        let next = block.next();
        if next.is_free() {
            self.remove(next);
            block.size.set(block.size.get() + HEADER_BYTES + next.size.get());
        }
        if let Some(previous) = block.previous().filter(|previous| previous.is_free()) {
            self.remove(previous);
            block.state.set(VOID);
            previous.size.set(previous.size.get() + HEADER_BYTES + block.size.get());
            block = previous;
        }
        block.resize(block.size.get());
        self.insert(block);
        block
    }

    /// Adds as many pages as make a free block of `size` bytes; that block.
    fn grow(&mut self, size: usize) -> Option<Block> {
        if self.end.is_none()
            && let Some((start, bytes)) = self.source.initial()
            && let Some(block) = self.append(start, bytes, None)
            && block.size.get() >= size
        {
            return Some(block);
        }
        let end = self.end.filter(|_| self.source.continues());
        let last = end.and_then(Block::previous).filter(|last| last.is_free());
        // Everything free is smaller than `size`, the last block too.
        let bytes = match (end, last) {
            (_, Some(last)) => size - last.size.get(),
            (Some(_), None) => size + HEADER_BYTES,
            (None, None) => size + 2 * HEADER_BYTES,
        };
        let pages = bytes.div_ceil(PAGE_BYTES);
        if self.source.pages().checked_add(pages)? > self.limit {
            return None;
        }
        let start = self.source.grow(pages)?;
        self.append(start, pages * PAGE_BYTES, end)
    }

    /// Makes new memory a free block, or part of the last one: behind `end` it extends the region, without one it
    /// begins a region. None where it is too small for a block.
    fn append(&mut self, start: NonNull<u8>, bytes: usize, end: Option<Block>) -> Option<Block> {
        let start = start.as_ptr();
        let place = end.map_or(start, |end| end.0.as_ptr().cast());
        let bytes = start.addr() - place.addr() + bytes / ALIGNMENT * ALIGNMENT;
        let size = bytes.checked_sub(2 * HEADER_BYTES).filter(|&size| size >= MINIMUM_PAYLOAD)?;
        let previous_size = end.map_or(0, |end| end.previous_size.get());
        // SAFETY: the source gave the memory from `start`, aligned, for the heap alone. Before it lies at most the old
        // end, which it continues. The new end is the last header that the memory has room for.
        let (block, end) = unsafe {
            let block = Block::write(place, VOID, size, previous_size);
            (block, Block::write(place.wrapping_add(HEADER_BYTES + size), VOID, 0, size))
        };
        self.lowest = self.lowest.min(place.addr());
        self.highest = self.highest.max(end.0.addr().get());
        self.end = Some(end);
        Some(self.release(block))
    }
}
