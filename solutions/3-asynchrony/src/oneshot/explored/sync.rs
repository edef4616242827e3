//! What the channel is built from where it is explored: `loom`'s atomics, and a mutex on `loom`'s, with the functions of the standard
//! library's.
//!
//! The mutex has one thing of its own. A thread that locks it twice would wait for itself; `loom` finds that, and gives up on all threads
//! at once. This one says which mutex it is, as an ordinary panic.

use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, PoisonError, TryLockError};

use loom::thread::{self, ThreadId};

pub use loom::sync::{Arc, atomic};

/// What the panic says.
pub const LOCKED_TWICE: &str = "a thread locks a mutex that it has locked already";

/// What the panic says of a `Drop` that runs while an earlier panic is handled: no other thread will ever go on.
const HELD_BY_ANOTHER: &str = "two threads wait for each other's mutex (or your code has panicked before): \
                               a `Drop` wants what another thread has locked";

/// A mutex at which `loom` can let another thread go first.
#[derive(Debug)]
pub struct Mutex<T> {
    order: loom::sync::Mutex<()>,
    holder: std::sync::Mutex<Option<ThreadId>>,
    value: std::sync::Mutex<T>,
}

/// The right to look at what a mutex holds, until it is dropped.
#[derive(Debug)]
pub struct MutexGuard<'a, T> {
    // Dropped from top to bottom: the next thread comes in when the value is free again.
    value: std::sync::MutexGuard<'a, T>,
    _held: Held<'a>,
    _order: Option<loom::sync::MutexGuard<'a, ()>>,
}

#[derive(Debug)]
struct Held<'a>(&'a std::sync::Mutex<Option<ThreadId>>);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        *unpoisoned(self.0.lock()) = None;
    }
}

impl<T> Mutex<T> {
    /// A mutex that is open.
    pub fn new(value: T) -> Self {
        Mutex { order: loom::sync::Mutex::new(()), holder: Default::default(), value: value.into() }
    }

    /// Waits until no other thread has it.
    ///
    /// # Panics
    /// If this thread has it.
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        if std::thread::panicking() {
            return Ok(self.guard(None)); // the run is over, and `loom` lets no other thread go on: only `Drop`s come here
        }
        let here = thread::current().id();
        assert!(*unpoisoned(self.holder.lock()) != Some(here), "{LOCKED_TWICE}");
        let order = unpoisoned(self.order.lock());
        *unpoisoned(self.holder.lock()) = Some(here);
        Ok(self.guard(Some(order)))
    }

    fn guard<'a>(&'a self, order: Option<loom::sync::MutexGuard<'a, ()>>) -> MutexGuard<'a, T> {
        let value = match self.value.try_lock() {
            Ok(value) => value,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => panic!("{HELD_BY_ANOTHER}"),
        };
        MutexGuard { value, _held: Held(&self.holder), _order: order }
    }

    /// What it holds, which nobody else has.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.value.get_mut()
    }

    /// What it held.
    pub fn into_inner(self) -> LockResult<T> {
        self.value.into_inner()
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

fn unpoisoned<T>(result: LockResult<T>) -> T {
    result.unwrap_or_else(PoisonError::into_inner)
}
