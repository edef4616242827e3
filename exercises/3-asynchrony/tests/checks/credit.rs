//! Task `credit`: a sender sends no more than its receiver has room for.

use testkit::check::{Check, Proven, Rule, check};
use testkit::text::list;

use super::records::Request::Resize;
use super::records::records;
use super::streams::Request::{Cancel, Hide, Reset, Write};
use super::streams::{IN_WINDOW, Request, USED, some_come_late, streams};
use crate::subject::credit::Violation;
use crate::subject::credit::limit;
use crate::subject::credit::window::{LARGEST, Receiver, Scope, Sender, Stream, Update};

const GROWS: Rule = Rule::new(
    "an update is for one window",
    "An update lets the window grow that it names, and no other one. One for a stream that is closed changes nothing.",
    "RFC 9113, HTTP/2, sections 5.1 and 6.9",
    "3-asynchrony/credit.md#two-windows",
);

const VALID: Rule = Rule::new(
    "no grant of nothing or too much",
    "An increment of 0 is a violation, and so is one that takes a window above 2,147,483,647.",
    "RFC 9113, HTTP/2, sections 6.9 and 6.9.1",
    "3-asynchrony/credit.md#overflow",
);

const REFUSED: Rule = Rule::new(
    "what was not granted is refused",
    "Data for which there is no credit are a violation, and data for which there is some are not.",
    "RFC 9113, HTTP/2, section 6.9.1; RFC 9000, QUIC, section 4.1",
    "3-asynchrony/credit.md#trust",
);

const IN_LIMIT: Rule = Rule::new(
    "a limit is a limit",
    "A record is sent only if it is before the largest limit that was heard.",
    "RFC 9000, QUIC, section 4.1",
    "3-asynchrony/credit.md#absolute-limits",
);

const NEVER_FALLS: Rule = Rule::new(
    "a limit never falls",
    "A record that a limit has allowed is sent, whatever was heard since.",
    "RFC 9000, QUIC, section 4.1: a smaller limit has no effect; Aeron, UnicastFlowControl",
    "3-asynchrony/credit.md#a-limit-that-falls",
);

/// What may happen to a sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Send(Stream, u32),
    Update(Scope, u32),
    Close(Stream),
}

#[test]
pub fn both_windows_are_counted() {
    check(|check| {
        let mut steps: Vec<Step> = Vec::new();
        for stream in [1, 2] {
            steps.extend([Step::Send(stream, 1), Step::Send(stream, 4), Step::Close(stream)]);
            steps.push(Step::Update(Scope::Stream(stream), 2));
        }
        steps.push(Step::Update(Scope::Connection, 1));
        let mut sequences = 0;
        for connection in [0, 2, 3, 9] {
            every_sequence(&steps, &mut Vec::new(), 5, &mut |steps| {
                sequences += 1;
                is_counted(check, connection, steps)
            })?;
        }
        check.evidence(format!("all {sequences} sequences of up to five steps on two streams, with four connections"));
        Ok(())
    });
}

/// All sequences of up to `more` further steps.
fn every_sequence<T: Copy>(
    steps: &[T],
    begun: &mut Vec<T>,
    more: usize,
    then: &mut impl FnMut(&[T]) -> Proven,
) -> Proven {
    then(begun)?;
    if more > 0 {
        for &step in steps {
            begun.push(step);
            every_sequence(steps, begun, more - 1, then)?;
            begun.pop();
        }
    }
    Ok(())
}

/// Takes the steps, and looks at what the last one comes to.
fn is_counted(check: &mut Check, connection: u32, steps: &[Step]) -> Proven {
    let mut sender = Sender::new(connection);
    let (mut room, mut rooms) = (connection, [None, Some(3), Some(3)]);
    [1, 2].into_iter().for_each(|stream| sender.open(stream, 3));
    for (at, &step) in (1..).zip(steps) {
        let is_last = at == steps.len();
        match step {
            Step::Send(stream, wanted) => {
                let own = rooms[stream as usize].unwrap_or(0);
                let right = wanted.min(own).min(room);
                let sent = sender.send(stream, wanted);
                if is_last {
                    let rule = if sent > right { IN_WINDOW } else { USED };
                    check.requires(rule, sent == right, || {
                        format!(
                            "A connection with a window of {connection}, and two streams with windows of 3 each. After {:?}, the connection has \
                             room for {room}, and stream {stream} for {own}. Of {wanted} bytes, {sent} are sent.",
                            &steps[..at - 1]
                        )
                    })?;
                }
                room -= right;
                rooms[stream as usize] = rooms[stream as usize].map(|window| window - right);
            }
            Step::Update(scope, increment) => {
                let outcome = sender.update(Update { scope, increment });
                if is_last {
                    check.requires(GROWS, outcome == Ok(()), || {
                        format!("After {:?}, {step:?} {}.", &steps[..at - 1], shown(outcome))
                    })?;
                }
                match scope {
                    Scope::Connection => room += increment,
                    Scope::Stream(stream) => {
                        rooms[stream as usize] = rooms[stream as usize].map(|window| window + increment);
                    }
                }
            }
            Step::Close(stream) => {
                sender.close(stream);
                rooms[stream as usize] = None;
            }
        }
    }
    Ok(())
}

fn shown(outcome: Result<(), Violation>) -> String {
    match outcome {
        Ok(()) => "is accepted".to_owned(),
        Err(violation) => format!("is a violation: {violation:?}"),
    }
}

#[test]
pub fn a_grant_of_nothing_or_too_much_is_a_violation() {
    check(|check| {
        let (stream, connection) = (Scope::Stream(1), Scope::Connection);
        for scope in [stream, connection] {
            for window in [0, 1, 65_535, LARGEST - 1, LARGEST] {
                for increment in [0, 1, 2, LARGEST - 65_535, LARGEST - 65_534, LARGEST - 1, LARGEST, u32::MAX] {
                    let sum = u64::from(window) + u64::from(increment);
                    let right = match increment {
                        0 => Err(Violation::NoIncrement),
                        _ if sum > u64::from(LARGEST) => Err(Violation::TooMuchCredit),
                        _ => Ok(()),
                    };
                    let (own, all) = if scope == stream { (window, LARGEST) } else { (LARGEST, window) };
                    let mut sender = Sender::new(all);
                    sender.open(1, own);
                    let outcome = sender.update(Update { scope, increment });
                    check.requires(VALID, outcome == right, || {
                        format!("The window of {scope:?} is {window}. An increment of {increment} {}.", shown(outcome))
                    })?;
                    let (left, right) = (sender.send(1, u32::MAX), if right.is_ok() { sum } else { window.into() });
                    check.requires(GROWS, u64::from(left) == right, || {
                        format!(
                            "The window of {scope:?} is {window}, and an increment of {increment} {}. After that, {left} bytes may be sent, and \
                             not {right}.",
                            shown(outcome)
                        )
                    })?;
                }
            }
        }
        check.evidence("the first and last increments that are allowed, of both windows");
        Ok(())
    });
}

#[test]
pub fn bytes_without_credit_are_refused() {
    check(|check| {
        for (connection, stream) in [(3, 2), (2, 3), (2, 2)] {
            for first in 1..=4 {
                for consumed in 0..=first {
                    for second in 1..=4 {
                        is_refused(check, (connection, stream), (first, consumed, second))?;
                    }
                }
            }
        }
        for (first, late, then) in
            [(1, 1, 3), (1, 1, 4), (2, 0, 3), (2, 0, 4), (0, 3, 3), (0, 3, 4), (0, 4, 1), (2, 4, 1)]
        {
            is_refused_after_a_close(check, (first, late, then))?;
        }
        check.evidence("the first byte for which there is no credit, with open streams and with a closed one");
        Ok(())
    });
}

/// Bytes come, some of them are consumed, and others come.
fn is_refused(
    check: &mut Check,
    (connection, stream): (u32, u32),
    (first, consumed, second): (u32, u32, u32),
) -> Proven {
    let mut receiver = Receiver::new(connection);
    receiver.open(1, stream);
    let (mut all, mut own) = (connection, stream);
    let mut before = String::new();
    for size in [first, second] {
        let outcome = receiver.receive(1, size);
        let right = if size <= all && size <= own { Ok(()) } else { Err(Violation::TooMuchData) };
        check.requires(REFUSED, outcome.clone().map(|_| ()) == right, || {
            format!(
                "A connection with a window of {connection}, and a stream with one of {stream}. {before}There is credit for {all} bytes in all, \
                 and for {own} on the stream. {size} bytes come: {outcome:?}."
            )
        })?;
        let Ok(mut updates) = outcome else { return Ok(()) };
        if before.is_empty() && consumed > 0 {
            updates.extend(receiver.consume(1, consumed));
        }
        (all, own) = (all - size, own - size);
        for Update { scope, increment } in updates {
            match scope {
                Scope::Connection => all = all.saturating_add(increment),
                Scope::Stream(_) => own = own.saturating_add(increment),
            }
        }
        before = format!("{size} bytes came, and {consumed} were consumed. ");
    }
    Ok(())
}

/// Bytes of stream 1 come, it is closed, late bytes of it come, and then bytes of stream 2.
fn is_refused_after_a_close(check: &mut Check, (first, late, then): (u32, u32, u32)) -> Proven {
    let (mut receiver, mut credit) = (Receiver::new(3), 3);
    [1, 2].into_iter().for_each(|stream| receiver.open(stream, 9));
    let mut before = "A connection with a window of 3".to_owned();
    for (stream, size, closes) in [(1, first, true), (1, late, false), (2, then, false)] {
        if size > 0 {
            let outcome = receiver.receive(stream, size);
            let right = if size <= credit { Ok(()) } else { Err(Violation::TooMuchData) };
            check.requires(REFUSED, outcome.clone().map(|_| ()) == right, || {
                format!(
                    "{before}. There is credit for {credit} bytes. {size} bytes of stream {stream} come: {outcome:?}."
                )
            })?;
            let Ok(updates) = outcome else { return Ok(()) };
            credit = granted(credit - size, &updates);
            before = format!("{before}; {size} bytes of stream {stream} came");
        }
        if closes {
            credit = granted(credit, &receiver.close(1));
            before = format!("{before}; stream 1 was closed");
        }
    }
    Ok(())
}

/// The connection's credit after these updates.
fn granted(credit: u32, updates: &[Update]) -> u32 {
    let own = updates.iter().filter(|update| update.scope == Scope::Connection);
    own.fold(credit, |credit, update| credit.saturating_add(update.increment))
}

fn write(stream: Stream, size: u32) -> Request {
    Write { stream, size }
}

#[test]
pub fn what_was_consumed_is_granted_again() {
    check(|check| {
        let clients: [&[Request]; 2] = [&[write(1, 3)], &[write(2, 2)]];
        check.exhausts("two streams, of which each could fill the buffer", streams::<2, 2>(&clients))?;
        let clients: [&[Request]; 2] = [&[write(1, 4)], &[write(2, 2), write(2, 1)]];
        check.exhausts("two streams, of which neither can", streams::<3, 2>(&clients))?;
        let clients: [&[Request]; 3] = [&[write(1, 3)], &[write(2, 3)], &[Hide { stream: 1 }]];
        check.exhausts("a stream that the application stops reading, and another one", streams::<3, 2>(&clients))
    });
}

#[test]
pub fn a_closed_stream_gives_its_credit_back_once() {
    check(|check| {
        let cancel: [&[Request]; 3] = [&[write(1, 3)], &[write(2, 2), write(2, 2)], &[Cancel { stream: 1 }]];
        check.exhausts("a stream is cancelled", some_come_late(streams::<2, 2>(&cancel)))?;
        let reset: [&[Request]; 2] = [&[write(1, 3), Reset { stream: 1 }], &[write(2, 2), write(2, 1)]];
        check.exhausts("a stream is reset", streams::<2, 2>(&reset))?;
        let first: &[Request] = &[write(1, 1), Reset { stream: 1 }, write(3, 2)];
        let both = [first, &[write(2, 2)], &[Cancel { stream: 2 }, Cancel { stream: 1 }]];
        check.exhausts("streams are closed from both sides", some_come_late(streams::<2, 1>(&both)))
    });
}

#[test]
pub fn a_limit_never_falls() {
    check(|check| {
        let heard = [None, Some((0, 1)), Some((0, 2)), Some((1, 3)), Some((2, 4))];
        let mut sequences = 0;
        every_sequence(&heard, &mut Vec::new(), 6, &mut |steps| {
            sequences += 1;
            is_allowed(check, steps)
        })?;
        check.evidence(format!("all {sequences} sequences of up to six statuses and new records"));
        Ok(())
    });
}

/// A sender that begins with room for two gets statuses (consumed, limit), and new records where there is none.
fn is_allowed(check: &mut Check, steps: &[Option<(u64, u64)>]) -> Proven {
    let mut sender = limit::Sender::new(2);
    let (mut sent, mut largest) = (0, 2);
    for (at, &step) in (1..).zip(steps) {
        match step {
            // No receiver has consumed what was never sent.
            Some((consumed, _)) if consumed > sent => return Ok(()),
            Some((consumed, limit)) => {
                largest = largest.max(limit);
                sender.hear(limit::Status { consumed, limit });
            }
            None => {
                let (told, right) = (sender.send(), (sent < largest).then_some(sent));
                sent += u64::from(right.is_some());
                if at == steps.len() {
                    let rule = if right.is_none() { IN_LIMIT } else { NEVER_FALLS };
                    check.requires(rule, told == right, || {
                        let shown = steps[..at - 1].iter().map(|step| match step {
                            Some((consumed, limit)) => format!("it hears the limit {limit}, with {consumed} consumed"),
                            None => "there is a record".to_owned(),
                        });
                        format!(
                            "A sender knows that the first two records may be sent. Then {}. Now there is another record. The largest limit that \
                             was heard is {largest}, and `send` gives {told:?}, not {right:?}.",
                            list(shown, "nothing happens")
                        )
                    })?;
                }
            }
        }
    }
    Ok(())
}

#[test]
pub fn records_beyond_the_limit_are_refused() {
    check(|check| {
        for (window, consumed) in [(1, 0), (2, 1), (3, 2), (3, 3)] {
            let mut receiver = limit::Receiver::new(window);
            for number in 0..consumed {
                let outcome = receiver.receive(number);
                check.requires(REFUSED, outcome.is_ok(), || {
                    format!("There is room for {window} records. Record {number} comes: {outcome:?}.")
                })?;
                receiver.consume();
            }
            let limit = receiver.report().map_or(window, |status| status.limit.max(window));
            for number in [limit - 1, limit, limit + 1, limit + 100] {
                let outcome = receiver.clone().receive(number);
                let right = if number < limit { Ok(()) } else { Err(Violation::TooMuchData) };
                check.requires(REFUSED, outcome.map(|_| ()) == right, || {
                    format!("The largest limit that was said is {limit}. Record {number} comes: {outcome:?}.")
                })?;
            }
        }
        check.evidence("the first record for which there is no credit");
        unsaid(check)?;
        unheard(check)
    });
}

/// A limit counts from when it is said, and not from when there is room.
fn unsaid(check: &mut Check) -> Proven {
    let mut receiver = limit::Receiver::new(2);
    let read = (receiver.receive(0), receiver.consume());
    let outcome = receiver.clone().receive(2);
    check.requires(REFUSED, outcome == Err(Violation::TooMuchData), || {
        format!("There is room for 2 records. Record 0 comes and is consumed ({read:?}), and no status is given. Then record 2 comes: {outcome:?}.")
    })?;
    receiver.resize(1);
    let status = receiver.report();
    check.requires(REFUSED, status.is_none_or(|status| status.limit == 2), || {
        format!("There is room for 2 records. Record 0 comes and is consumed, and no status is given. Then there is room for 1, and the status is {status:?}.")
    })
}

/// What a record proves about the sender: which limit it must have heard, and no more.
fn unheard(check: &mut Check) -> Proven {
    let mut receiver = limit::Receiver::new(2);
    let first = (receiver.receive(0), receiver.consume(), receiver.report());
    let second = (receiver.receive(1), receiver.consume(), receiver.report());
    let third = receiver.receive(2);
    let (status, right) = (receiver.report(), limit::Status { consumed: 2, limit: 4 });
    check.requires(REFUSED, status == Some(right), || {
        format!(
            "There is room for 2 records. Records 0 and 1 come and are consumed ({first:?}, {second:?}), and the second status is lost. Record 2, \
             which the first one allows, comes: {third:?}. The sender does not know {right:?}, and `report` gives {status:?}."
        )
    })?;
    let mut receiver = limit::Receiver::new(3);
    receiver.resize(1);
    let first = (receiver.receive(0), receiver.consume(), receiver.report());
    let last = receiver.receive(2);
    let (status, right) = (receiver.report(), limit::Status { consumed: 1, limit: 3 });
    check.requires(REFUSED, status == Some(right), || {
        format!(
            "There was room for 3 records, and now there is for 1. Record 0 comes and is consumed ({first:?}), and the status is lost. Record 2 comes: \
             {last:?}. The sender does not know {right:?}, and `report` gives {status:?}."
        )
    })
}

#[test]
pub fn a_promise_is_kept() {
    check(|check| {
        check.exhausts("five records, room for two, and a link that reorders", records::<2>(&[3, 2], 2))?;
        let shrinks = records::<2>(&[4], 2).client(&[1], [Resize(1)]);
        check.exhausts("four records, room for two, and then for one", shrinks)?;
        let grows = records::<1>(&[4], 2).client(&[1], [Resize(2)]);
        check.exhausts("four records, room for one, and then for two", grows)
    });
}

#[test]
pub fn copies_do_no_harm() {
    check(|check| check.exhausts("four records, room for two, and two copies", records::<2>(&[4], 1).duplicates(2)))
}

#[test]
pub fn nothing_is_lost_for_good() {
    check(|check| {
        check.exhausts("four records, room for two, and two losses", records::<2>(&[4], 2).drops(2))?;
        let both = records::<1>(&[3], 2).drops(2).duplicates(1);
        check.exhausts("three records, room for one, two losses and a copy", both)
    });
}
