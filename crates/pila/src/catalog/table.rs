//! Reading the embedded lists: tab-separated text with one header line, into indexed tables.

use std::str::FromStr;

/// One row of a list, its cells found by the name of the column.
pub(super) struct Row {
    header: &'static str,
    line: &'static str,
}

impl Row {
    /// The cell of a column, empty when blank; `None` when the list has no such column.
    pub(super) fn text(&self, column: &str) -> Option<&'static str> {
        let position = self.header.split('\t').position(|name| name == column)?;
        self.line.split('\t').nth(position)
    }

    /// The cell of a column, `Some(None)` when blank.
    pub(super) fn optional(&self, column: &str) -> Option<Option<&'static str>> {
        self.text(column).map(|text| (!text.is_empty()).then_some(text))
    }

    /// A `yes` or `no`.
    pub(super) fn flag(&self, column: &str) -> Option<bool> {
        self.optional_flag(column)?
    }

    /// A `yes` or `no`, `Some(None)` when the list says neither.
    pub(super) fn optional_flag(&self, column: &str) -> Option<Option<bool>> {
        Some(match self.text(column)? {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        })
    }

    /// A value written as text, for example a number or a date.
    pub(super) fn parsed<T: FromStr>(&self, column: &str) -> Option<T> {
        self.text(column)?.parse().ok()
    }

    /// A value written as text, `Some(None)` when blank.
    pub(super) fn optional_parsed<T: FromStr>(&self, column: &str) -> Option<Option<T>> {
        match self.optional(column)? {
            None => Some(None),
            Some(text) => text.parse().ok().map(Some),
        }
    }

    /// Words separated by spaces.
    pub(super) fn words(&self, column: &str) -> Option<Box<[&'static str]>> {
        Some(self.text(column)?.split_whitespace().collect())
    }
}

/// One entry of a list.
pub(super) trait Record: Sized {
    /// The entry a row describes; `None` when a cell cannot be read.
    fn read(row: &Row) -> Option<Self>;

    /// The code the entry is looked up by.
    fn code(&self) -> &'static str;
}

/// The entries of an embedded list in the order of its rows.
///
/// The lists are part of the program and a test holds every row of each of them against the
/// table, so an unreadable row cannot pass unnoticed.
pub(super) fn records<T: Record>(tsv: &'static str) -> impl Iterator<Item = T> {
    let mut lines = tsv.lines();
    let header = lines.next().unwrap_or_default();
    lines.filter_map(move |line| T::read(&Row { header, line }))
}

/// Entries found by binary search on their code.
pub(super) struct Sorted<T> {
    /// The first bytes of each code, in the order of the entries.
    keys: Box<[u64]>,
    entries: Box<[T]>,
}

impl<T: Record> Sorted<T> {
    pub(super) fn read(tsv: &'static str) -> Self {
        let mut entries: Vec<T> = records(tsv).collect();
        entries.sort_by_key(T::code);
        let keys = entries.iter().map(|entry| key_of(entry.code())).collect();
        Self { keys, entries: entries.into_boxed_slice() }
    }

    pub(super) fn get(&self, code: &str) -> Option<&T> {
        let key = key_of(code);
        let from = self.keys.partition_point(|&known| known < key);
        let like_it = self.keys.iter().zip(&self.entries).skip(from);
        let mut like_it = like_it.take_while(|(known, _)| **known == key);
        like_it.find(|(_, entry)| entry.code() == code).map(|(_, entry)| entry)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter()
    }
}

/// The first eight bytes of a code as a number: numbers stand in the order of their codes.
fn key_of(code: &str) -> u64 {
    let bytes = code.as_bytes();
    let first = bytes.first_chunk().copied().unwrap_or_else(|| {
        let mut first = [0; 8];
        for (to, from) in first.iter_mut().zip(bytes) {
            *to = *from;
        }
        first
    });
    u64::from_be_bytes(first)
}

/// Entries with a short code, found by its position: two digits, or one capital letter.
pub(super) struct Indexed<T>(Box<[Option<T>]>);

impl<T: Record> Indexed<T> {
    pub(super) fn read(tsv: &'static str) -> Self {
        let mut slots: Vec<Option<T>> = Vec::new();
        slots.resize_with(SLOTS, || None);
        for entry in records::<T>(tsv) {
            if let Some(slot) = slot_of(entry.code()).and_then(|at| slots.get_mut(at)) {
                *slot = Some(entry);
            }
        }
        Self(slots.into_boxed_slice())
    }

    pub(super) fn get(&self, code: &str) -> Option<&T> {
        let entry = self.0.get(slot_of(code)?)?.as_ref();
        // A letter and two digits may share a slot.
        entry.filter(|entry| entry.code() == code)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }
}

const SLOTS: usize = 100;

fn slot_of(code: &str) -> Option<usize> {
    match code.as_bytes() {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Some(usize::from(tens - b'0') * 10 + usize::from(ones - b'0'))
        }
        [letter @ b'A'..=b'Z'] => Some(usize::from(letter - b'A')),
        _ => None,
    }
}
