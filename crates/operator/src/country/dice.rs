//! Chance that can be repeated: the same seed and the same question give the same answers, on
//! every machine and in any order of asking.

/// What a roll is about, so that two questions about one person never share their luck.
#[derive(Debug, Clone, Copy)]
pub(super) enum Topic {
    Payer,
    Person,
    Career,
    Job,
    Month,
    Income,
    Filing,
}

/// A sequence of SplitMix64 (Steele, Lea and Flood 2014), started anew for every question.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dice {
    state: u64,
}

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self { state: mix(seed) }
    }

    /// The dice of one question about the `index`-th of something.
    pub(super) const fn about(self, topic: Topic, index: u64) -> Self {
        let topic = mix(topic as u64 + 1);
        Self { state: mix(mix(self.state ^ topic).wrapping_add(index)) }
    }

    /// A number below `bound`, 0 when there is none.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        // The high half of a product of 32 bits by 32 bits is below either factor.
        ((u64::from(bound) * (self.next() >> 32)) >> 32) as u32
    }

    /// A number from `least` to `most`.
    pub(super) fn between(&mut self, least: u32, most: u32) -> u32 {
        least + self.below(most - least + 1)
    }

    /// A day or a number of days from `least` to `most`.
    pub(super) fn days(&mut self, least: u8, most: u8) -> u8 {
        least + self.below(u32::from(most - least) + 1) as u8
    }

    /// Whether one of `chances` equal chances falls.
    pub(super) fn one_in(&mut self, chances: u32) -> bool {
        self.below(chances) == 0
    }

    /// One of these.
    pub(super) fn pick<T: Copy, const N: usize>(&mut self, items: &[T; N]) -> T {
        const { assert!(N > 0) };
        items[self.below(N as u32) as usize]
    }

    /// One of these, each with its share of the sum of the shares; the first takes what is left.
    pub(super) fn share<T: Copy, const N: usize>(&mut self, items: &[(u32, T); N]) -> T {
        const { assert!(N > 0) };
        let mut rest = self.below(items.iter().map(|(share, _)| share).sum());
        for (share, item) in items {
            if rest < *share {
                return *item;
            }
            rest -= share;
        }
        items[0].1
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }
}

/// The finaliser of SplitMix64.
const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
