//! The heap's invariants, walked. For tests: it takes time in proportion to the blocks.

use super::{ALIGNMENT, Block, HEADER_BYTES, Heap, LIVE, PageSource, VOID, class_of};

/// What a walk over the heap found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Audit {
    /// Free blocks of all regions.
    pub free_blocks: usize,
    /// The payload of the largest of them.
    pub largest_free_bytes: usize,
    /// Blocks in use, of the newest region.
    pub live_blocks: usize,
    /// Bytes of the newest region, headers included.
    pub region_bytes: usize,
}

impl<S: PageSource> Heap<S> {
    /// Walks all lists, and the newest region from its end to its start.
    ///
    /// # Panics
    ///
    /// Where an invariant is broken.
    pub fn audit(&self) -> Audit {
        let mut audit = Audit::default();
        for (class, &list) in self.lists.iter().enumerate() {
            let listed = self.classes[class / 32] & (1 << (class % 32)) != 0;
            assert_eq!(listed, list.is_some(), "the bitmap differs from the list of class {class}");
            let (mut next, mut previous) = (list, None);
            while let Some(block) = next {
                self.audit_block(block);
                assert!(block.is_free(), "a listed block is not free");
                assert_eq!(class_of(block.size.get()), class, "a block is in another class's list");
                assert!(block.links().previous.get() == previous, "a link back is wrong");
                audit.free_blocks += 1;
                audit.largest_free_bytes = audit.largest_free_bytes.max(block.size.get());
                (previous, next) = (next, block.links().next.get());
            }
        }
        for (word, &bits) in self.classes.iter().enumerate() {
            assert_eq!(self.words & (1 << word) != 0, bits != 0, "the upper bitmap differs in bit {word}");
        }
        let Some(end) = self.end else { return audit };
        assert!(end.state.get() == VOID && end.size.get() == 0, "the end of the region is damaged");
        audit.region_bytes = HEADER_BYTES;
        let mut next = end.previous();
        while let Some(block) = next {
            self.audit_block(block);
            audit.live_blocks += usize::from(block.state.get() == LIVE);
            audit.region_bytes += HEADER_BYTES + block.size.get();
            next = block.previous();
        }
        audit
    }

    fn audit_block(&self, block: Block) {
        let (state, size) = (block.state.get(), block.size.get());
        assert!(block.is_free() || state == LIVE, "state {state:#x} is neither free nor live");
        assert!(size > 0 && size.is_multiple_of(ALIGNMENT), "{size} is no size of a block");
        assert!((self.lowest..self.highest).contains(&block.0.addr().get()), "a block lies outside the heap");
        assert_eq!(block.next().previous_size.get(), size, "the tag behind a block is wrong");
        assert!(block.is_free() || block.requested.get() <= size, "a block is smaller than the request");
        let neighbour = block.previous().is_some_and(Block::is_free) || block.next().is_free();
        assert!(!(block.is_free() && neighbour), "two free blocks are adjacent");
    }
}
