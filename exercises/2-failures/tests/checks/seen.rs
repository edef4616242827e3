//! What the user of something that stands on a disk has seen of it, and may rely on.

use testkit::disk::Faulty;

/// What keeps things on a disk: a log, or a server's storage.
pub trait Keeper {
    type Item;

    /// What its user does when a sync has succeeded, as the diagram says it.
    const PROMISES: &str;

    fn keep(&mut self, item: &Self::Item);

    /// Whether the sync succeeds.
    fn syncs(&mut self) -> bool;

    fn shown(item: &Self::Item) -> String;
}

/// What a keeper's user has seen.
#[derive(Clone)]
pub struct Seen<T> {
    /// What was handed to the keeper, in this order.
    pub handed: Vec<T>,
    /// How many of them were promised to others after a sync, or read back.
    pub promised: usize,
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Seen { handed: Vec::new(), promised: 0 }
    }
}

impl<T> Seen<T> {
    /// Hands over things to keep, and syncs. The keeper is used as the network driver of a server would: what fails is tried once more.
    pub fn write<K: Keeper<Item = T>>(&mut self, disk: &Faulty, keeper: &mut K, items: impl IntoIterator<Item = T>) {
        for item in items {
            keeper.keep(&item);
            disk.note(format!("is to keep {}", K::shown(&item)));
            self.handed.push(item);
        }
        if keeper.syncs() || keeper.syncs() {
            self.promised = self.handed.len();
            disk.note(K::PROMISES);
        }
    }

    /// The keeper holds the first `count` things. From now on its user relies on them, and `relies` says so in the diagram if not all
    /// of them were promised.
    pub fn rely_on(&mut self, disk: &Faulty, count: usize, relies: &str) {
        if count > self.promised {
            disk.note(relies);
        }
        self.handed.truncate(count);
        self.promised = count;
    }

    /// Whether all that was handed over is promised.
    pub fn all_is_promised(&self) -> bool {
        self.promised == self.handed.len()
    }
}
