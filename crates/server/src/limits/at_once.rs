//! How much is done at once for each of many.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Counts what is being done, by key.
pub(crate) struct AtOnce<K: Hash + Eq + Copy>(Arc<Mutex<HashMap<K, usize>>>);

/// One thing that is being done, until this is dropped.
pub(crate) struct Inside<K: Hash + Eq + Copy> {
    key: K,
    all: AtOnce<K>,
}

impl<K: Hash + Eq + Copy> Default for AtOnce<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Hash + Eq + Copy> AtOnce<K> {
    /// Counts one thing more; `None` when there are `most` already.
    pub(crate) fn enter(&self, key: K, most: usize) -> Option<Inside<K>> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Inside { key, all: Self(Arc::clone(&self.0)) })
    }
}

impl<K: Hash + Eq + Copy> Drop for Inside<K> {
    fn drop(&mut self) {
        let mut counts = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_places() {
        let all = AtOnce::default();
        let (one, two) = (all.enter("a", 2), all.enter("a", 2));
        assert!(one.is_some() && two.is_some());
        assert!(all.enter("a", 2).is_none());
        assert!(all.enter("b", 1).is_some(), "others are not concerned");
        drop(one);
        assert!(all.enter("a", 2).is_some());
        drop(two);
        assert!(all.0.lock().unwrap().is_empty(), "nothing is kept of who does nothing");
    }
}
