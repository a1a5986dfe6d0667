//! The forms of the detail record.

use crate::planilla::layout;

/// Length of a detail record: which form of the annex it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum DetailLength {
    /// 676 characters, 96 fields: from 2016.
    L676,
    /// 686 characters: with field 97, from 2019.
    L686,
    /// 693 characters: with fields 97 and 98.
    #[default]
    L693,
}

impl DetailLength {
    /// Every form, oldest first.
    pub const ALL: [Self; 3] = [Self::L676, Self::L686, Self::L693];

    /// Characters of the record.
    #[must_use]
    pub const fn characters(self) -> usize {
        match self {
            Self::L676 => layout::DETAIL_LENGTHS[0],
            Self::L686 => layout::DETAIL_LENGTHS[1],
            Self::L693 => layout::DETAIL_LENGTHS[2],
        }
    }
}
