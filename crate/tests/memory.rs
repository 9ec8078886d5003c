//! The heap over native memory, read as tests of what `memory::heap` documents. Memory is handed out uninitialised, so
//! that Miri sees any read of what nobody wrote.

#![allow(unsafe_code)]

use std::alloc::Layout;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ptr::NonNull;
use std::rc::Rc;
use wasm_attention::memory::heap::{ALIGNMENT, Audit, Heap, MAXIMUM_BYTES, PAGE_BYTES, PageSource};

const HEADER_BYTES: usize = 4 * size_of::<usize>();

/// Native memory in runs of consecutive pages, each one allocation.
struct Pages {
    /// Pages that a run can grow to.
    run_pages: usize,
    /// Bytes at the start of the first run that the heap gets without growing.
    initial_bytes: Cell<usize>,
    runs: RefCell<Vec<(NonNull<u8>, Layout)>>,
    /// Pages of the newest run in use.
    used: Cell<usize>,
    /// All pages, with those of others.
    pages: Cell<usize>,
    interrupted: Cell<bool>,
    refuse: Cell<bool>,
}

impl Pages {
    fn new(run_pages: usize) -> Rc<Self> {
        Rc::new(Self {
            run_pages,
            initial_bytes: Cell::new(0),
            runs: RefCell::new(Vec::new()),
            used: Cell::new(0),
            pages: Cell::new(0),
            interrupted: Cell::new(false),
            refuse: Cell::new(false),
        })
    }

    fn start_run(&self, pages: usize) -> NonNull<u8> {
        let layout = Layout::from_size_align(pages.max(self.run_pages) * PAGE_BYTES, ALIGNMENT).unwrap();
        // SAFETY: the layout isn't empty.
        let start = NonNull::new(unsafe { std::alloc::alloc(layout) }).expect("the test needs more memory");
        self.runs.borrow_mut().push((start, layout));
        self.used.set(0);
        self.interrupted.set(false);
        start
    }

    /// Somebody else takes the next page.
    fn interrupt(&self) {
        self.pages.set(self.pages.get() + 1);
        self.interrupted.set(true);
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        for &(start, layout) in self.runs.get_mut().iter() {
            // SAFETY: it was allocated with this layout, and the heap is gone: it held the other reference.
            unsafe { std::alloc::dealloc(start.as_ptr(), layout) };
        }
    }
}

struct Source(Rc<Pages>);

// SAFETY: a run is one allocation that stays until the heap is gone; its pages are handed out once, in order.
unsafe impl PageSource for Source {
    fn pages(&self) -> usize {
        self.0.pages.get()
    }

    fn initial(&mut self) -> Option<(NonNull<u8>, usize)> {
        let bytes = self.0.initial_bytes.get();
        if bytes == 0 {
            return None;
        }
        let pages = bytes.div_ceil(PAGE_BYTES);
        let start = self.0.start_run(pages);
        self.0.used.set(pages);
        self.0.pages.set(pages);
        // The last byte of the last page, so that an initial part of less than its pages is continued as well.
        let offset = pages * PAGE_BYTES - bytes.next_multiple_of(ALIGNMENT);
        // SAFETY: the offset is within the run.
        Some((unsafe { start.add(offset) }, bytes))
    }

    fn continues(&self) -> bool {
        !self.0.runs.borrow().is_empty() && !self.0.interrupted.get()
    }

    fn grow(&mut self, pages: usize) -> Option<NonNull<u8>> {
        let state = &self.0;
        if state.refuse.get() {
            return None;
        }
        let start = if self.continues() { state.runs.borrow().last()?.0 } else { state.start_run(pages) };
        let (used, capacity) = (state.used.get(), state.runs.borrow().last()?.1.size() / PAGE_BYTES);
        if used + pages > capacity {
            return None;
        }
        state.used.set(used + pages);
        state.pages.set(state.pages.get() + pages);
        // SAFETY: within the run.
        Some(unsafe { start.add(used * PAGE_BYTES) })
    }
}

fn heap_of(run_pages: usize) -> (Heap<Source>, Rc<Pages>) {
    let pages = Pages::new(run_pages);
    (Heap::new(Source(pages.clone())), pages)
}

/// Frees a block that must be one.
fn free(heap: &mut Heap<Source>, pointer: *mut u8) {
    // SAFETY: the tests pass blocks of this heap, once.
    assert!(unsafe { heap.free(pointer) });
}

/// Frees what the heap must ignore.
fn free_ignored(heap: &mut Heap<Source>, pointer: *mut u8) {
    let (audit, bytes) = (heap.audit(), heap.bytes_in_use());
    // SAFETY: null, or derived from a block of this heap, with no allocation since that was freed.
    assert!(!unsafe { heap.free(pointer) });
    assert_eq!((heap.audit(), heap.bytes_in_use()), (audit, bytes));
}

fn allocate(heap: &mut Heap<Source>, bytes: usize) -> *mut u8 {
    let pointer = heap.allocate(bytes);
    assert!(!pointer.is_null(), "no memory for {bytes} bytes");
    assert!(pointer.addr().is_multiple_of(ALIGNMENT));
    pointer
}

#[test]
fn blocks_are_aligned_and_writable_to_their_last_byte() {
    let (mut heap, _pages) = heap_of(64);
    let sizes = (0..=200).chain([255, 256, 257, 4095, 4096, 4097, 65519, 65535, 65536, 65537, 200_003]);
    let blocks: Vec<_> = sizes.map(|bytes| (allocate(&mut heap, bytes), bytes)).collect();
    for (index, &(pointer, bytes)) in blocks.iter().enumerate() {
        // SAFETY: the block has `bytes` bytes.
        unsafe { pointer.write_bytes(index as u8, bytes) };
    }
    heap.audit();
    for (index, &(pointer, bytes)) in blocks.iter().enumerate() {
        // SAFETY: they were written.
        let contents = unsafe { std::slice::from_raw_parts(pointer, bytes) };
        assert!(contents == vec![index as u8; bytes]);
    }
}

#[test]
fn zero_bytes_are_blocks_of_their_own() {
    let (mut heap, _pages) = heap_of(4);
    let (first, second) = (allocate(&mut heap, 0), allocate(&mut heap, 0));
    assert_ne!(first, second);
    assert_eq!(heap.bytes_in_use(), 0);
    assert_eq!(heap.audit().live_blocks, 2);
    free(&mut heap, first);
    free(&mut heap, second);
    assert_eq!(heap.audit().free_blocks, 1);
}

#[test]
fn impossible_sizes_fail_and_change_nothing() {
    let (mut heap, pages) = heap_of(4);
    let block = allocate(&mut heap, 100);
    let before = (heap.audit(), heap.bytes_in_use(), heap.bytes_peak(), pages.pages.get());
    let edges = [MAXIMUM_BYTES, u32::MAX as usize, isize::MAX as usize, usize::MAX];
    for edge in edges {
        for bytes in edge.saturating_sub(70_000)..=edge.saturating_sub(69_990) {
            assert!(heap.allocate(bytes).is_null(), "{bytes}");
        }
        for bytes in edge - 40..=edge.saturating_add(40) {
            assert!(heap.allocate(bytes).is_null(), "{bytes}");
        }
    }
    assert_eq!((heap.audit(), heap.bytes_in_use(), heap.bytes_peak(), pages.pages.get()), before);
    free(&mut heap, block);
}

#[test]
#[cfg_attr(miri, ignore = "reserves 4 GiB")]
fn sizes_up_to_the_whole_address_space() {
    let (mut heap, pages) = heap_of((1 << 16) + 64);
    heap.set_limit(usize::MAX);
    assert!(heap.allocate(MAXIMUM_BYTES + 1).is_null());
    let large = allocate(&mut heap, MAXIMUM_BYTES);
    assert!(heap.allocate(MAXIMUM_BYTES).is_null(), "two of them and their headers exceed 4 GiB");
    let rest = allocate(&mut heap, MAXIMUM_BYTES - (1 << 17));
    assert_eq!(heap.bytes_in_use(), 2 * MAXIMUM_BYTES - (1 << 17));
    free(&mut heap, large);
    free(&mut heap, rest);
    assert_eq!(heap.audit().free_blocks, 1);

    // All 65536 pages become one free block, larger than any request.
    let blocks: Vec<_> =
        std::iter::repeat_with(|| heap.allocate(1 << 28)).take_while(|block| !block.is_null()).collect();
    assert_eq!(blocks.len(), 15);
    allocate(&mut heap, (1 << 28) - 5 * PAGE_BYTES);
    assert!(heap.allocate(5 * PAGE_BYTES).is_null());
    assert!(pages.pages.get() <= 1 << 16, "more pages than 32 bits address");
    heap.audit();
    for block in blocks {
        free(&mut heap, block);
    }
    heap.audit();
    let large = allocate(&mut heap, MAXIMUM_BYTES);
    free(&mut heap, large);
}

#[test]
fn statistics_count_the_bytes_asked_for() {
    let (mut heap, _pages) = heap_of(8);
    assert_eq!((heap.bytes_in_use(), heap.bytes_peak()), (0, 0));
    let first = allocate(&mut heap, 12);
    let second = allocate(&mut heap, 1000);
    assert_eq!((heap.bytes_in_use(), heap.bytes_peak()), (1012, 1012));
    free(&mut heap, first);
    assert_eq!((heap.bytes_in_use(), heap.bytes_peak()), (1000, 1012));
    let third = allocate(&mut heap, 7);
    assert_eq!((heap.bytes_in_use(), heap.bytes_peak()), (1007, 1012));
    free(&mut heap, second);
    free(&mut heap, third);
    assert_eq!((heap.bytes_in_use(), heap.bytes_peak()), (0, 1012));
}

#[test]
fn what_is_no_block_is_ignored() {
    let (mut heap, _pages) = heap_of(8);
    free_ignored(&mut heap, std::ptr::null_mut());
    let blocks: Vec<_> = (0..4).map(|_| allocate(&mut heap, 256)).collect();
    for &block in &blocks {
        // SAFETY: 256 bytes each.
        unsafe { block.write_bytes(0xa5, 256) };
        for offset in [1, 4, 8, 15, 64, 128] {
            free_ignored(&mut heap, block.wrapping_add(offset));
        }
        free_ignored(&mut heap, std::ptr::without_provenance_mut(16));
        free_ignored(&mut heap, std::ptr::without_provenance_mut(usize::MAX - 15));
    }
    // Freed twice: as a block of its own, merged into the one before, merged with the one behind.
    for index in [1, 2, 0] {
        free(&mut heap, blocks[index]);
        free_ignored(&mut heap, blocks[index]);
    }
    for &block in &blocks[..3] {
        free_ignored(&mut heap, block);
    }
    free(&mut heap, blocks[3]);
    assert_eq!(heap.audit().free_blocks, 1);
}

#[test]
fn a_header_that_a_neighbour_overwrote_is_not_trusted() {
    let (mut heap, _pages) = heap_of(8);
    let (first, second) = (allocate(&mut heap, 64), allocate(&mut heap, 64));
    // SAFETY: the region's memory, which this pointer reaches; four bytes too many.
    unsafe { first.write_bytes(0, 64 + 4) };
    // SAFETY: a block of this heap.
    assert!(!unsafe { heap.free(second) });
    free(&mut heap, first);
}

#[test]
fn neighbours_merge_in_every_order() {
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let (mut heap, pages) = heap_of(4);
        let blocks = [100, 5000, 33].map(|bytes| allocate(&mut heap, bytes));
        for index in order {
            free(&mut heap, blocks[index]);
            heap.audit();
        }
        let free_bytes = PAGE_BYTES - 2 * HEADER_BYTES;
        let whole = Audit { free_blocks: 1, largest_free_bytes: free_bytes, live_blocks: 0, region_bytes: PAGE_BYTES };
        assert_eq!(heap.audit(), whole);
        free_whole(&mut heap, free_bytes);
        assert_eq!(pages.pages.get(), 1);
    }
}

/// Takes and frees one block of `bytes` bytes.
fn free_whole(heap: &mut Heap<Source>, bytes: usize) {
    let block = allocate(heap, bytes);
    free(heap, block);
}

#[test]
fn growth_adds_what_is_missing_to_the_last_free_block() {
    let (mut heap, pages) = heap_of(64);
    let first = allocate(&mut heap, PAGE_BYTES - 2 * HEADER_BYTES);
    assert_eq!(pages.pages.get(), 1, "it fits a page exactly");
    // Behind a block in use a page has room for one header less than a page alone: the old end is the new header.
    let second = allocate(&mut heap, PAGE_BYTES - HEADER_BYTES);
    assert_eq!(pages.pages.get(), 2);
    free(&mut heap, second);
    let third = allocate(&mut heap, 3 * PAGE_BYTES - HEADER_BYTES);
    assert_eq!(pages.pages.get(), 4, "one page was free, two are new");
    free(&mut heap, third);
    let fourth = allocate(&mut heap, 3 * PAGE_BYTES - HEADER_BYTES + 1);
    assert_eq!(pages.pages.get(), 5);
    free(&mut heap, first);
    free(&mut heap, fourth);
    assert_eq!(heap.audit().largest_free_bytes, 5 * PAGE_BYTES - 2 * HEADER_BYTES);
}

#[test]
fn the_limit_holds_and_can_be_raised() {
    let (mut heap, pages) = heap_of(64);
    heap.set_limit(2);
    let whole = 2 * PAGE_BYTES - 2 * HEADER_BYTES;
    assert!(heap.allocate(whole + 1).is_null());
    let block = allocate(&mut heap, whole);
    assert!(heap.allocate(0).is_null(), "nothing is left");
    assert_eq!(heap.bytes_in_use(), whole);
    heap.set_limit(3);
    let small = allocate(&mut heap, 0);
    assert_eq!(pages.pages.get(), 3);
    // A limit below what is held forbids growth, not use.
    heap.set_limit(0);
    free(&mut heap, block);
    free(&mut heap, small);
    free_whole(&mut heap, 3 * PAGE_BYTES - 2 * HEADER_BYTES);
    assert!(heap.allocate(3 * PAGE_BYTES).is_null());
    assert_eq!((heap.bytes_in_use(), heap.audit().free_blocks), (0, 1));
    heap.set_limit(usize::MAX);
    free_whole(&mut heap, 3 * PAGE_BYTES);
}

#[test]
fn a_refused_growth_leaves_the_heap_as_it_was() {
    let (mut heap, pages) = heap_of(16);
    let block = allocate(&mut heap, 3000);
    // SAFETY: 3000 bytes.
    unsafe { block.write_bytes(7, 3000) };
    let before = (heap.audit(), heap.bytes_in_use(), heap.bytes_peak());
    pages.refuse.set(true);
    assert!(heap.allocate(PAGE_BYTES).is_null());
    assert_eq!((heap.audit(), heap.bytes_in_use(), heap.bytes_peak()), before);
    let other = allocate(&mut heap, 3000);
    pages.refuse.set(false);
    free_whole(&mut heap, PAGE_BYTES);
    // SAFETY: written above.
    assert!(unsafe { std::slice::from_raw_parts(block, 3000) } == [7; 3000]);
    free(&mut heap, block);
    free(&mut heap, other);
    assert_eq!(heap.audit().free_blocks, 1);
}

#[test]
fn a_block_of_the_requests_own_class_is_found_before_the_memory_grows() {
    let (mut heap, pages) = heap_of(16);
    // One class holds 4096 to 4336 bytes. The block that fits is freed first: last in its list.
    let sizes = [4336, 4096, 4112, 4128, 4144, 4160, 4176, 4192];
    let blocks = sizes.map(|bytes| (allocate(&mut heap, bytes), allocate(&mut heap, 16)).0);
    let rest = heap.audit().largest_free_bytes;
    allocate(&mut heap, rest);
    for &block in &blocks {
        free(&mut heap, block);
    }
    assert_eq!(heap.audit().free_blocks, sizes.len());
    let held = pages.pages.get();
    assert_eq!(allocate(&mut heap, 4300), blocks[0]);
    assert_eq!(pages.pages.get(), held);
}

#[test]
fn regions_are_never_merged_across_a_gap() {
    let (mut heap, pages) = heap_of(16);
    let first = allocate(&mut heap, 1000);
    pages.interrupt();
    let second = allocate(&mut heap, PAGE_BYTES);
    assert_eq!(pages.pages.get(), 1 + 1 + 2, "the last free block is not extended");
    let third = allocate(&mut heap, 2 * PAGE_BYTES);
    assert_eq!(pages.pages.get(), 6, "the new region is");
    for block in [first, second, third] {
        free(&mut heap, block);
        heap.audit();
    }
    let audit = heap.audit();
    assert_eq!((audit.free_blocks, audit.largest_free_bytes), (2, 4 * PAGE_BYTES - 2 * HEADER_BYTES));
    // The older region is still used.
    let fourth = allocate(&mut heap, 4 * PAGE_BYTES - 2 * HEADER_BYTES);
    let fifth = allocate(&mut heap, PAGE_BYTES - 2 * HEADER_BYTES);
    assert_eq!(pages.pages.get(), 6);
    free(&mut heap, fourth);
    free(&mut heap, fifth);
}

#[test]
fn initial_memory_comes_first_and_is_continued() {
    for bytes in [1, ALIGNMENT, 2 * HEADER_BYTES + 15, 2 * HEADER_BYTES + 16, 1000, 65536, 65536 + 4001] {
        let (mut heap, pages) = heap_of(16);
        pages.initial_bytes.set(bytes);
        let held = bytes.div_ceil(PAGE_BYTES);
        let usable = (bytes / ALIGNMENT * ALIGNMENT).checked_sub(2 * HEADER_BYTES).filter(|&usable| usable > 0);
        if let Some(usable) = usable {
            free_whole(&mut heap, usable);
            assert_eq!((pages.pages.get(), heap.audit().region_bytes), (held, usable + 2 * HEADER_BYTES));
            if bytes.is_multiple_of(ALIGNMENT) {
                free_whole(&mut heap, usable + 1);
                assert_eq!(pages.pages.get(), held + 1);
                assert_eq!(heap.audit().largest_free_bytes, usable + PAGE_BYTES);
            }
        } else {
            free_whole(&mut heap, 16);
            assert_eq!(heap.audit().largest_free_bytes, PAGE_BYTES - 2 * HEADER_BYTES);
        }
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// A size, every power of two up to `2^bits` as likely.
    fn size(&mut self, bits: usize) -> usize {
        let bits = self.below(bits + 1);
        self.below((1 << bits) + 1)
    }
}

/// The blocks that should exist: by address, with length and fill.
struct Model {
    heap: Heap<Source>,
    pages: Rc<Pages>,
    blocks: BTreeMap<usize, (*mut u8, usize, u8)>,
}

impl Model {
    fn new(run_pages: usize) -> Self {
        let (heap, pages) = heap_of(run_pages);
        Self { heap, pages, blocks: BTreeMap::new() }
    }

    fn allocate(&mut self, bytes: usize, fill: u8) -> bool {
        let pointer = self.heap.allocate(bytes);
        if pointer.is_null() {
            let largest = self.heap.audit().largest_free_bytes;
            assert!(largest < bytes.max(1), "{bytes} bytes were refused with {largest} free");
            return false;
        }
        let address = pointer.addr();
        assert!(address.is_multiple_of(ALIGNMENT));
        if let Some((before, &(_, length, _))) = self.blocks.range(..=address).next_back() {
            assert!(before + length.max(1) <= address, "a block overlaps the one before");
        }
        if let Some((&after, _)) = self.blocks.range(address..).next() {
            assert!(address + bytes.max(1) <= after, "a block overlaps the one behind");
        }
        // SAFETY: the block has `bytes` bytes.
        unsafe { pointer.write_bytes(fill, bytes) };
        self.blocks.insert(address, (pointer, bytes, fill));
        true
    }

    fn free(&mut self, address: usize) {
        let (pointer, bytes, fill) = self.blocks.remove(&address).unwrap();
        // SAFETY: written when it was allocated.
        let contents = unsafe { std::slice::from_raw_parts(pointer, bytes) };
        assert!(contents == vec![fill; bytes], "a block's contents changed");
        free(&mut self.heap, pointer);
    }

    fn check(&self) {
        if !cfg!(miri) {
            self.heap.audit();
        }
        assert_eq!(self.heap.bytes_in_use(), self.blocks.values().map(|block| block.1).sum());
    }

    /// Frees all; every region must be one free block again.
    fn finish(mut self) {
        self.heap.audit();
        while let Some((&address, _)) = self.blocks.iter().next() {
            self.free(address);
        }
        let audit = self.heap.audit();
        assert_eq!(audit.free_blocks, self.pages.runs.borrow().len());
        let held = self.pages.pages.get();
        if audit.free_blocks > 0 {
            free_whole(&mut self.heap, audit.largest_free_bytes);
        }
        assert_eq!((self.pages.pages.get(), self.heap.bytes_in_use()), (held, 0));
    }
}

#[test]
fn random_operations_keep_blocks_apart_and_contents_whole() {
    let (seeds, operations, bits) = if cfg!(miri) { (3, 150, 14) } else { (300, 1500, 19) };
    for seed in 0..seeds {
        let mut random = Random(seed);
        let mut model = Model::new(if cfg!(miri) { 8 } else { 100 });
        if random.below(2) == 0 {
            model.pages.initial_bytes.set(1 + random.below(3 * PAGE_BYTES));
        }
        // From rarely full to always full, so that failing is tried as much as succeeding.
        let limit = random.below(model.pages.run_pages) + 1;
        model.heap.set_limit(limit);
        let frees = 30 + random.below(25);
        let mut interrupts = 0;
        for _ in 0..operations {
            if random.below(100) < frees && !model.blocks.is_empty() {
                let nth = random.below(model.blocks.len());
                let address = *model.blocks.keys().nth(nth).unwrap();
                model.free(address);
            } else {
                let bytes = random.size(bits);
                model.allocate(bytes, random.next() as u8);
            }
            match random.below(200) {
                0 => {
                    model.pages.interrupt();
                    interrupts += 1;
                }
                1 => model.pages.refuse.set(random.below(2) == 0),
                _ => {}
            }
            model.check();
        }
        let initial = model.pages.initial_bytes.get().div_ceil(PAGE_BYTES);
        assert!(model.pages.pages.get() <= limit.max(initial) + interrupts, "the limit was passed");
        model.pages.refuse.set(false);
        model.finish();
    }
}

#[test]
fn every_short_sequence() {
    let length = if cfg!(miri) { 2 } else { 6 };
    for sequence in 0..6_usize.pow(length) {
        let mut model = Model::new(6);
        let mut order = Vec::new();
        for step in 0..length {
            let bytes = match sequence / 6_usize.pow(step) % 6 {
                0 => 1,
                1 => 40,
                2 => PAGE_BYTES - 3 * HEADER_BYTES,
                3 => 90_000,
                operation => {
                    let block = if operation == 4 { order.pop() } else { (!order.is_empty()).then(|| order.remove(0)) };
                    block.into_iter().for_each(|address| model.free(address));
                    model.check();
                    continue;
                }
            };
            let before: Vec<_> = model.blocks.keys().copied().collect();
            if model.allocate(bytes, step as u8) {
                order.extend(model.blocks.keys().find(|address| !before.contains(address)));
            }
            model.check();
        }
        model.finish();
    }
}

#[test]
fn a_repeated_round_needs_no_new_pages() {
    let (mut heap, pages) = heap_of(1000);
    let mut held = 0;
    for round in 0..if cfg!(miri) { 2 } else { 5 } {
        let mut random = Random(1);
        let mut blocks = Vec::new();
        for _ in 0..300 {
            if random.below(3) == 0 && !blocks.is_empty() {
                let block = blocks.swap_remove(random.below(blocks.len()));
                free(&mut heap, block);
            } else {
                blocks.push(allocate(&mut heap, random.size(17)));
            }
        }
        for block in blocks {
            free(&mut heap, block);
        }
        assert_eq!((heap.audit().free_blocks, heap.bytes_in_use()), (1, 0));
        assert!(round == 0 || pages.pages.get() == held, "round {round} added pages");
        held = pages.pages.get();
    }
}
