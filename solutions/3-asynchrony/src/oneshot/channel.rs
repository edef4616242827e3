//! The channel. This file is compiled twice, so its locks and atomics come from `super::sync` and from nowhere else.
//!
//! Left out on purpose: a waker whose *drop* comes back to the channel. It may, if it is the last of a task that holds the sender. The reference
//! drops no waker under its lock, but no check asks for that.
//!
//! Sources: [`std::future::Future`] and [`std::task::Waker`], whose pages are the contract between a future and whatever polls it;
//! [`tokio::sync::oneshot`], which this is a small one of.

//# allow: dead_code, unused_imports, unused_variables
use std::future::Future;
//# placeholder: use std::marker::PhantomData;
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
    //# placeholder: nothing_yet: PhantomData<T>,
    //# private
    state: Mutex<State<T>>,
    //# end
}

//# private
/// How far the channel is.
enum State<T> {
    /// Nothing was sent, and both halves are there. A task that was told to wait has left its waker.
    Open(Option<Waker>),
    /// The value was sent and not received.
    Sent(T),
    /// No value will come any more, or no receiver will.
    Closed,
}

impl<T> Shared<T> {
    /// Puts another state in the place of this one, which it gives back. Nothing is dropped or woken under the lock.
    fn replace(&self, state: State<T>) -> State<T> {
        mem::replace(&mut *self.state.lock().expect("nothing panics under the lock"), state)
    }
}
//# end

/// A channel for one value.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    //# hole: Make what is shared, and both halves of it.
    let shared = Arc::new(Shared { state: Mutex::new(State::Open(None)) });
    (Sender { shared: shared.clone() }, Receiver { shared })
    //# end
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
        //# hole: Leave the value where the receiver finds it, and wake whoever waits. What if there is no receiver any more?
        let mut state = self.shared.state.lock().expect("nothing panics under the lock");
        if matches!(*state, State::Closed) {
            return Err(value);
        }
        let before = mem::replace(&mut *state, State::Sent(value));
        drop(state);
        if let State::Open(Some(waker)) = before {
            waker.wake();
        }
        Ok(())
        //# end
    }
}

impl<T> Drop for Sender<T> {
    /// The sender is gone.
    ///
    /// Contract: if it has sent nothing, the receiver's next poll says so, and whoever waits is woken, as by a value. If it has sent a value,
    /// that stays.
    fn drop(&mut self) {
        //# starter: // Until this is written: a second panic would hide the first one.
        //# starter: if std::thread::panicking() { return }
        //# hole: Has it sent something? If not, who has to hear of it?
        let mut state = self.shared.state.lock().expect("nothing panics under the lock");
        let State::Open(waiting) = &mut *state else { return };
        let waiting = waiting.take();
        *state = State::Closed;
        drop(state);
        if let Some(waker) = waiting {
            waker.wake();
        }
        //# end
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
        //# hole: Is there something to give? If not, who is to be woken, and what may the sender do in the meantime?
        let mut state = self.shared.state.lock().expect("nothing panics under the lock");
        if let State::Open(waiting) = &mut *state {
            let earlier = waiting.replace(context.waker().clone());
            drop(state);
            drop(earlier); // perhaps the last of its task: code of others, as `wake` is
            return Poll::Pending;
        }
        match mem::replace(&mut *state, State::Closed) {
            State::Sent(value) => Poll::Ready(Ok(value)),
            State::Open(_) | State::Closed => Poll::Ready(Err(Closed)),
        }
        //# end
    }
}

impl<T> Drop for Receiver<T> {
    /// The receiver is gone.
    ///
    /// Contract: what is sent from now on comes back to the sender. A value that was sent and not received is dropped, once.
    fn drop(&mut self) {
        //# starter: // Until this is written: a second panic would hide the first one.
        //# starter: if std::thread::panicking() { return }
        //# hole: What may the sender still find out, and what is left in the channel?
        drop(self.shared.replace(State::Closed));
        //# end
    }
}
