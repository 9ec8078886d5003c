//! Enumerations that cross the interface as numbers.

/// An enumeration whose variants are numbered in their order. Each has the name by which the calling layer knows it; the
/// build prints names and numbers for it (`examples/interface.rs`), so that no number is written twice.
macro_rules! numbered {
    ($(#[$attribute:meta])* pub enum $name:ident { $($(#[$text:meta])* $variant:ident = $label:literal,)+ }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u32)]
        pub enum $name {
            $($(#[$text])* $variant,)+
        }

        impl $name {
            /// The calling layer's names, in the order of the numbers.
            pub const NAMES: &[&str] = &[$($label,)+];

            /// The variant with this number.
            pub fn from_number(number: u32) -> Option<Self> {
                [$(Self::$variant,)+].get(number as usize).copied()
            }
        }
    };
}

pub(crate) use numbered;
