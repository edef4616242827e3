//! Task `oneshot`: a value that arrives, and a wake-up that is never lost.

use std::mem::ManuallyDrop;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use loom::sync::atomic::AtomicUsize as Step;
use loom::thread;
use testkit::check::{Check, Proven, Rule, check};

use super::interleavings::{Log, explore};
use crate::subject::oneshot::explored::channel as explored;
use crate::subject::oneshot::real::channel as real;

const ONCE: Rule = Rule::new(
    "what was sent arrives, once",
    "The poll after a send gives the value. Every later poll says that no more will come.",
    "tokio::sync::oneshot: a channel for a single message; contract of `Receiver::poll`",
    "3-asynchrony/futures.md#invariants-to-keep",
);

const PENDING: Rule = Rule::new(
    "a poll too many does no harm",
    "As long as the sender has neither sent nor gone, each poll is pending, however often there is one, and nobody is woken.",
    "std::future::Future::poll; The Rust async book, Task Wakeups with Waker",
    "3-asynchrony/futures.md#polled-again-at-once",
);

const GONE: Rule = Rule::new(
    "a sender that goes is noticed",
    "If the sender is dropped without having sent, the receiver is told that no value will come.",
    "tokio::sync::oneshot: RecvError",
    "3-asynchrony/futures.md#nobody-says-goodbye",
);

const WOKEN: Rule = Rule::new(
    "no wake-up is lost",
    "Whoever was told to wait is woken when there is something to be told.",
    "std::future::Future::poll: the waker of the latest call is scheduled to receive a wake-up",
    "3-asynchrony/futures.md#a-lost-wakeup",
);

const LATEST: Rule = Rule::new(
    "the latest waker",
    "Of several polls, the waker of the latest one is woken.",
    "std::future::Future::poll: only the waker from the most recent call",
    "3-asynchrony/futures.md#the-first-waker",
);

const BACK: Rule = Rule::new(
    "a value is somewhere",
    "A value is received, or comes back to its sender, or is dropped: one of these, once. It comes back if the receiver is gone, and only then.",
    "tokio::sync::oneshot::Sender::send",
    "3-asynchrony/futures.md#a-value-that-vanishes",
);

/// What the sender does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Sends,
    Leaves,
}

/// What is sent: it counts how often it is dropped.
struct Value(Arc<AtomicUsize>);

impl Drop for Value {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// An answer in words of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Pending,
    Value,
    Closed,
}

impl From<Does> for Told {
    fn from(does: Does) -> Told {
        match does {
            Does::Sends => Told::Value,
            Does::Leaves => Told::Closed,
        }
    }
}

macro_rules! polls {
    ($name:ident, $channel:ident) => {
        fn $name<T>(receiver: &mut $channel::Receiver<T>, waker: &Waker) -> Told {
            match Pin::new(receiver).poll(&mut Context::from_waker(waker)) {
                Poll::Pending => Told::Pending,
                Poll::Ready(Ok(_)) => Told::Value,
                Poll::Ready(Err($channel::Closed)) => Told::Closed,
            }
        }
    };
}
polls!(poll, real);
polls!(poll_explored, explored);

/// A receiver that polls so often, and notes what it is told.
fn ask(log: &Log, receiver: &mut real::Receiver<u8>, name: usize) -> Told {
    let told = poll(receiver, &log.waker(name));
    log.step(format!("a poll with waker {name}: {told:?}"));
    told
}

#[test]
pub fn what_was_sent_arrives_once() {
    check(|check| {
        for polls in 0..=3 {
            for does in [Does::Sends, Does::Leaves] {
                let log = Log::default();
                arrives(&log, polls, does);
                log.verdict(check)?;
            }
        }
        check.evidence("a send or a drop after none to three polls, and three polls after it");
        Ok(())
    });
}

fn arrives(log: &Log, polls: usize, does: Does) {
    let (sender, mut receiver) = real::channel();
    for _ in 0..polls {
        let told = ask(log, &mut receiver, 1);
        log.requires(&PENDING, told == Told::Pending, || format!("Nothing was sent, and a poll says {told:?}."));
    }
    let woken = log.take_woken();
    log.requires(&PENDING, woken.is_empty(), || "Nothing was sent, and a waker is woken.".to_owned());
    match does {
        Does::Sends => {
            let sent = sender.send(7);
            log.step("a send");
            log.requires(&BACK, sent.is_ok(), || "The receiver is there, and the value comes back.".to_owned());
        }
        Does::Leaves => {
            drop(sender);
            log.step("the sender is dropped");
        }
    }
    let woken = log.take_woken();
    log.requires(&WOKEN, polls == 0 || woken.contains(&1), || {
        "The last poll was pending, and nobody is woken.".to_owned()
    });
    let rule = match does {
        Does::Sends => ONCE,
        Does::Leaves => GONE,
    };
    for expected in [Told::from(does), Told::Closed, Told::Closed] {
        let told = ask(log, &mut receiver, 1);
        log.requires(&rule, told == expected, || format!("A poll says {told:?}, where it should say {expected:?}."));
    }
}

#[test]
pub fn what_is_not_received_is_not_lost() {
    check(|check| {
        let log = Log::default();
        comes_back(&log, 0);
        comes_back(&log, 1);
        is_dropped(&log);
        log.verdict(check)?;
        check.evidence("a receiver that goes before the send, polled or not, and one that goes after it");
        for polls in 0..=2 {
            let what = format!("{polls} polls, and the receiver goes while the sender sends");
            explore(check, &what, (2, 2), move |log| both_go(log, polls))?;
        }
        Ok(())
    });
}

/// The receiver goes, and then the sender sends.
fn comes_back(log: &Log, polls: usize) {
    let drops = Arc::new(AtomicUsize::new(0));
    let (sender, mut receiver) = real::channel();
    for _ in 0..polls {
        poll(&mut receiver, &log.waker(1));
    }
    drop(receiver);
    log.step("the receiver is dropped");
    let back = sender.send(Value(drops.clone()));
    log.step("a send");
    let untouched = drops.load(Ordering::Relaxed) == 0;
    log.requires(&BACK, back.is_err() && untouched, || {
        "The receiver is gone, and the sender does not get its value back.".to_owned()
    });
}

/// The sender sends, and then the receiver goes.
fn is_dropped(log: &Log) {
    let drops = Arc::new(AtomicUsize::new(0));
    let (sender, receiver) = real::channel();
    let sent = sender.send(Value(drops.clone())).is_ok();
    log.step("a send, and no poll");
    drop(receiver);
    log.step("the receiver is dropped");
    let drops = drops.load(Ordering::Relaxed);
    log.requires(&BACK, sent && drops == 1, || format!("Nobody received the value, and it was dropped {drops} times."));
}

fn both_go(log: &Log, polls: usize) {
    let drops = Arc::new(AtomicUsize::new(0));
    let (sender, mut receiver) = explored::channel();
    let step = loom::sync::Arc::new(Step::new(0));
    let other = thread::spawn({
        let (log, step, drops) = (log.clone(), step.clone(), drops.clone());
        move || {
            step.fetch_add(1, Ordering::AcqRel);
            let back = sender.send(Value(drops.clone())).err();
            let came_back = back.is_some();
            log.step(if came_back { "a send: the value comes back" } else { "a send" });
            let dropped = drops.load(Ordering::Relaxed) > 0;
            log.requires(&BACK, !(came_back && dropped), || "A value comes back that was dropped.".to_owned());
            came_back
        }
    });
    step.fetch_add(1, Ordering::AcqRel);
    let mut told = Told::Pending;
    for _ in 0..polls {
        told = poll_explored(&mut receiver, &log.waker(1));
        log.step(format!("a poll: {told:?}"));
        if told != Told::Pending {
            break;
        }
    }
    drop(receiver);
    log.step("the receiver is dropped");
    let came_back = other.join().expect("a thread that panics ends the run");
    log.ends_as(usize::from(came_back));
    log.requires(&BACK, !(came_back && told == Told::Value), || {
        "The value is received, and comes back as well.".to_owned()
    });
    let drops = drops.load(Ordering::Relaxed);
    log.requires(&BACK, drops == 1, || format!("Both halves are gone, and the value was dropped {drops} times."));
}

#[test]
pub fn no_wakeup_is_lost() {
    check(|check| {
        for does in [Does::Sends, Does::Leaves] {
            for polls in [&[1][..], &[1, 1], &[1, 1, 1]] {
                let what = format!("{} polls, while the sender {}", polls.len(), words(does));
                waits(check, &what, polls, does)?;
            }
        }
        Ok(())
    });
}

#[test]
pub fn the_latest_waker_is_woken() {
    check(|check| {
        for does in [Does::Sends, Does::Leaves] {
            for polls in [&[1, 2][..], &[1, 2, 1], &[1, 2, 3]] {
                let what = format!("polls with the wakers {polls:?}, while the sender {}", words(does));
                waits(check, &what, polls, does)?;
            }
        }
        Ok(())
    });
}

fn words(does: Does) -> &'static str {
    match does {
        Does::Sends => "sends",
        Does::Leaves => "goes",
    }
}

/// In every order: whoever was told to wait is woken, and is told what there is.
fn waits(check: &mut Check, what: &str, polls: &'static [usize], does: Does) -> Proven {
    // What comes first: the send, or one of the polls, or another one.
    let endings = polls.len() + 1;
    explore(check, what, (endings, 2 * endings), move |log| waiting(log, polls, does))
}

fn waiting(log: &Log, polls: &[usize], does: Does) {
    let (sender, mut receiver) = explored::channel();
    let step = loom::sync::Arc::new(Step::new(0));
    let other = thread::spawn({
        let (log, step) = (log.clone(), step.clone());
        move || {
            step.fetch_add(1, Ordering::AcqRel);
            log.step(format!("the sender begins: it {}", words(does)));
            let sent = match does {
                Does::Sends => sender.send(7).is_ok(),
                Does::Leaves => true,
            };
            log.requires(&BACK, sent, || "The receiver is there, and the value comes back.".to_owned());
        }
    });
    step.fetch_add(1, Ordering::AcqRel);
    let mut waits = None;
    let mut pending = 0;
    for &name in polls {
        log.take_woken();
        let told = poll_explored(&mut receiver, &log.waker(name));
        log.step(format!("a poll with waker {name}: {told:?}"));
        waits = (told == Told::Pending).then_some(name);
        if told != Told::Pending {
            log.requires(&ONCE, told == Told::from(does), || {
                format!("The sender {}, and a poll says {told:?}.", words(does))
            });
            break;
        }
        pending += 1;
    }
    other.join().expect("a thread that panics ends the run");
    log.step("the sender has ended");
    log.ends_as(pending);
    let Some(name) = waits else { return };
    let woken = log.take_woken();
    let rule = if woken.is_empty() { WOKEN } else { LATEST };
    log.requires(&rule, woken.contains(&name), || {
        format!("The last poll was pending, and its waker {name} is not woken after that: the task sleeps for good.")
    });
    let told = poll_explored(&mut receiver, &log.waker(name));
    log.step(format!("a poll with waker {name}: {told:?}"));
    log.requires(&ONCE, told == Told::from(does), || format!("The sender {}, and a poll says {told:?}.", words(does)));
}

/// A waker that does something with the receiver, there and then.
struct Acting {
    receiver: Mutex<Option<explored::Receiver<u8>>>,
    polls: bool,
    told: Mutex<Option<Told>>,
}

impl Wake for Acting {
    fn wake(self: Arc<Self>) {
        let receiver = self.receiver.lock().expect("nothing panics under the lock").take();
        if let Some(receiver) = receiver
            && self.polls
        {
            // If the poll panics, its receiver is not dropped as well: a second panic would end the process without a word.
            let mut receiver = ManuallyDrop::new(receiver);
            *self.told.lock().expect("nothing panics under the lock") =
                Some(poll_explored(&mut receiver, Waker::noop()));
            drop(ManuallyDrop::into_inner(receiver));
        }
    }
}

#[test]
pub fn a_waker_may_do_anything() {
    check(|check| {
        for does in [Does::Sends, Does::Leaves] {
            for polls in [true, false] {
                let act = if polls { "polls" } else { "drops" };
                let what = format!("the sender {}, and the waker {act} the receiver at once", words(does));
                explore(check, &what, (1, 1), move |log| acting(log, does, polls))?;
            }
        }
        Ok(())
    });
}

fn acting(log: &Log, does: Does, polls: bool) {
    let (sender, mut receiver) = explored::channel();
    let acting = Arc::new(Acting { receiver: Mutex::new(None), polls, told: Mutex::new(None) });
    poll_explored(&mut receiver, &Waker::from(acting.clone()));
    log.step("a poll, which is pending");
    *acting.receiver.lock().expect("nothing panics under the lock") = Some(receiver);
    log.step(format!("the sender begins: it {}", words(does)));
    match does {
        Does::Sends => {
            let _ = sender.send(7);
        }
        Does::Leaves => drop(sender),
    }
    let left = acting.receiver.lock().expect("nothing panics under the lock").take();
    log.requires(&WOKEN, left.is_none(), || "The poll was pending, and its waker is not woken.".to_owned());
    let told = *acting.told.lock().expect("nothing panics under the lock");
    log.requires(&ONCE, told == polls.then(|| Told::from(does)), || {
        format!("The waker polls at once, and is told {told:?}: woken too early.")
    });
}
