//! Values of a learner's types, each kept once, as far as the learner's `==` tells them apart.
//!
//! An `==` that leaves a field out merges values that are not the same, and the search never sees what follows from one of
//! them. So it is not taken on trust: of a sample of the values that are merged, one is kept beside the first as its
//! **double**. Whatever is done with the first is then done with the double, too, and must lead to the same
//! ([`super::calls`], [`super::tables`]). A field that nothing depends on may be left out: that does not show.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::{self, Debug, Write};
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Mutex;

use foldhash::fast::FixedState;

use super::state::Key;
use super::tables::{Entered, Table, lock};

/// So many merges are all looked at.
const FIRST: usize = 256;
/// Of the later ones, one in so many.
const LATER: usize = 16;
/// A double that is shown as the first value is shown is most likely the same. But it is also the learner who says how a value is
/// shown, so a few of the first, and one in so many of the later ones, are kept all the same.
const ALIKE: (usize, usize) = (64, 64);

/// A table of values, with a double of some of them.
pub(super) struct Merged<T> {
    table: Table<T>,
    doubles: Mutex<Doubles<T>>,
}

struct Doubles<T> {
    merges: usize,
    kept: HashMap<Key, T, FixedState>,
}

/// Which of the values with one key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Pick {
    /// The one that came first.
    First,
    /// Its double, or the first where there is none.
    Double,
}

impl<T: Clone + Eq + Hash + Debug> Merged<T> {
    pub fn new() -> Self {
        Merged { table: Table::new(), doubles: Mutex::new(Doubles { merges: 0, kept: HashMap::default() }) }
    }

    /// The index of `value`, which is added if no value equals it.
    pub fn key(&self, value: T) -> Key {
        match self.table.enter(value) {
            Entered::New(key) => key,
            Entered::Known(key, value) => {
                self.consider(key, value);
                key
            }
        }
    }

    /// Forgets all values, but not how many were merged: the sample is one of all runs.
    pub fn clear(&mut self) {
        self.table = Table::new();
        lock(&self.doubles).kept.clear();
    }

    /// The first value with this key.
    pub fn get(&self, key: Key) -> &T {
        self.table.get(key)
    }

    /// One of the values with this key.
    pub fn pick(&self, key: Key, pick: Pick) -> T {
        let double = (pick == Pick::Double).then(|| lock(&self.doubles).kept.get(&key).cloned()).flatten();
        double.unwrap_or_else(|| self.get(key).clone())
    }

    pub fn has_double(&self, key: Key) -> bool {
        lock(&self.doubles).kept.contains_key(&key)
    }

    /// Keeps a value that was merged with the first of this key as its double, if it is shown otherwise and there is none yet.
    pub fn keep_if_shown_otherwise(&self, key: Key, value: T) {
        if !self.has_double(key) && shown(&value) != shown(self.get(key)) {
            lock(&self.doubles).kept.insert(key, value);
        }
    }

    /// Decides whether a value that was merged becomes the double of its key.
    fn consider(&self, key: Key, value: T) {
        let mut doubles = lock(&self.doubles);
        let merge = doubles.merges;
        doubles.merges += 1;
        if merge >= FIRST && !merge.is_multiple_of(LATER) {
            return;
        }
        let first = shown(self.get(key));
        let otherwise = shown(&value) != first;
        let wanted = otherwise || merge < ALIKE.0 || merge.is_multiple_of(ALIKE.1);
        match doubles.kept.entry(key) {
            Entry::Vacant(place) if wanted => drop(place.insert(value)),
            // The newest one, since the program has gone on; but none that is shown alike for one that is not.
            Entry::Occupied(mut kept) if otherwise || wanted && shown(kept.get()) == first => drop(kept.insert(value)),
            _ => {}
        }
    }
}

/// A fingerprint of how a value is shown.
fn shown(value: &impl Debug) -> u64 {
    struct Hashing<H>(H);
    impl<H: Hasher> Write for Hashing<H> {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0.write(text.as_bytes());
            Ok(())
        }
    }
    let mut hashing = Hashing(FixedState::default().build_hasher());
    let _ = write!(hashing, "{value:?}"); // a `Debug` that fails shows less, and no more is meant here
    hashing.0.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All are equal.
    #[derive(Clone, Debug, Eq)]
    struct Same(u32);

    impl PartialEq for Same {
        fn eq(&self, _: &Self) -> bool {
            true
        }
    }

    impl Hash for Same {
        fn hash<H: Hasher>(&self, _: &mut H) {}
    }

    #[test]
    fn a_value_that_is_shown_otherwise_becomes_the_double() {
        let merged = Merged::new();
        assert_eq!([merged.key(Same(1)), merged.key(Same(1)), merged.key(Same(2))], [0, 0, 0]);
        assert_eq!((merged.pick(0, Pick::First).0, merged.pick(0, Pick::Double).0), (1, 2));
    }

    #[test]
    fn a_value_of_its_own_has_no_double() {
        let merged = Merged::new();
        assert_eq!((merged.key(1), merged.key(2)), (0, 1));
        assert!(!merged.has_double(0) && !merged.has_double(1));
        assert_eq!(merged.pick(1, Pick::Double), 2);
    }
}
