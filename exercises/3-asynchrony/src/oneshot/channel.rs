//! The channel. This file is compiled twice, so its locks and atomics come from `super::sync` and from nowhere else.
//!
//! Left out on purpose: a waker whose *drop* comes back to the channel. It may, if it is the last of a task that holds the sender. The reference
//! drops no waker under its lock, but no check asks for that.
//!
//! Sources: [`std::future::Future`] and [`std::task::Waker`], whose pages are the contract between a future and whatever polls it;
//! [`tokio::sync::oneshot`], which this is a small one of.

#![allow(
    dead_code,
    unused_imports,
    unused_variables,
    reason = "for the holes below: delete this line when all are filled"
)]
use std::future::Future;
use std::marker::PhantomData;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::sync::{Arc, Mutex};

/// The half that sends.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

/// The half that waits. It is a future: `receiver.await` gives the value, or says that none will come.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
}

/// No value will come: the sender was dropped without having sent one, or its value has been received already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

/// What both halves see. Its fields are yours.
struct Shared<T> {
    nothing_yet: PhantomData<T>,
}

/// A channel for one value.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    todo!("Make what is shared, and both halves of it.")
}

impl<T> Sender<T> {
    /// Sends the value, at once and without waiting.
    ///
    /// Contract:
    /// - If the receiver has been dropped, the value comes back.
    /// - Otherwise the receiver's next poll gives it. If the latest poll said `Pending`, then the waker of *that* poll is woken, once the
    ///   value is there to be received, and before this function returns.
    /// - A waker's `wake` is code of others. It may poll the receiver, or drop it, before it returns.
    pub fn send(self, value: T) -> Result<(), T> {
        todo!(
            "Leave the value where the receiver finds it, and wake whoever waits. What if there is no receiver any more?"
        )
    }
}

impl<T> Drop for Sender<T> {
    /// The sender is gone.
    ///
    /// Contract: if it has sent nothing, the receiver's next poll says so, and whoever waits is woken, as by a value. If it has sent a value,
    /// that stays.
    fn drop(&mut self) {
        // Until this is written: a second panic would hide the first one.
        if std::thread::panicking() {
            return;
        }
        todo!("Has it sent something? If not, who has to hear of it?")
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, Closed>;

    /// Asks for the value.
    ///
    /// Contract:
    /// - A value that was sent is given, once. After that, and if the sender was dropped without having sent one, the answer is [`Closed`], as
    ///   often as it is asked for.
    /// - Otherwise it is `Pending`. It may be polled again at any time, woken or not, by the same task or by another one. The waker of the
    ///   latest poll is the one that counts.
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        todo!("Is there something to give? If not, who is to be woken, and what may the sender do in the meantime?")
    }
}

impl<T> Drop for Receiver<T> {
    /// The receiver is gone.
    ///
    /// Contract: what is sent from now on comes back to the sender. A value that was sent and not received is dropped, once.
    fn drop(&mut self) {
        // Until this is written: a second panic would hide the first one.
        if std::thread::panicking() {
            return;
        }
        todo!("What may the sender still find out, and what is left in the channel?")
    }
}
