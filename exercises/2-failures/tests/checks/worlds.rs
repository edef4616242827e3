//! Worlds: what may come of a client's tries, and how a client gets on in them.

use std::collections::BTreeSet;
use std::time::Duration;

use testkit::check::{Check, Failure, Proven, Rule};
use testkit::node::{ClientId, NodeId, RequestId};

use super::harmless::guarded;
use super::words;
use crate::subject::raft::store::Response;
use crate::subject::server::route::{Heard, Next, Patience, Route};

pub const ENDS: Rule = Rule::new(
    "a client gives up, and pauses before that",
    "A client ends after as many tries as its patience allows, and pauses in between, whichever server sends it to which.",
    "contract of `Route::heard`",
    "2-failures/server.md#in-a-circle",
);

pub const FINDS: Rule = Rule::new(
    "a client finds the leader",
    "A server that names a leader is believed at once. One that is silent, unreachable or wrong is passed over, and each server \
     has its turn.",
    "Ongaro 2014, section 6.2: routing requests to the leader",
    "2-failures/server.md#finding-the-leader",
);

/// How long a client pauses.
pub const PAUSE: Duration = Duration::from_millis(70);

/// What the world does to a client's try.
pub type World<'a> = &'a dyn Fn(usize, NodeId, RequestId) -> Heard;

/// A request, from its begin to its end.
pub struct Made {
    /// Who was asked, under which id, and after which pause.
    pub asked: Vec<(NodeId, RequestId, Duration)>,
    pub end: Next,
}

/// A client of `servers` servers with patience for `tries`.
pub fn client(servers: usize, tries: usize) -> Route {
    Route::new(ClientId(9), servers, Patience { tries, pause: PAUSE })
}

/// Lets a client make a request in a world that hears of the how-manieth try it is.
pub fn makes(check: &mut Check, route: &mut Route, world: World<'_>) -> Result<Made, Box<Failure>> {
    let mut asked = Vec::new();
    let mut next = guarded(check, 0, || route.begin())?;
    for _ in 0..1000 {
        match next {
            Next::Ask { server, id, after } => {
                asked.push((server, id, after));
                let heard = world(asked.len() - 1, server, id);
                next = guarded(check, 0, || route.heard(heard))?;
            }
            Next::Wait => next = guarded(check, 0, || route.heard(Heard::Silence))?,
            end => return Ok(Made { asked, end }),
        }
    }
    check.requires(ENDS, false, || "A request does not end after 1000 tries.".to_owned())?;
    Ok(Made { asked, end: next })
}

pub fn answer(id: RequestId, response: Response) -> Heard {
    Heard::Answer { id, response }
}

pub fn refuses(id: RequestId, leader: Option<usize>) -> Heard {
    answer(id, Response::NotLeader { leader: leader.map(NodeId) })
}

/// What a world is like, what it does, and what the client must say in the end.
pub type Bleak = (&'static str, Box<dyn Fn(usize, NodeId, RequestId) -> Heard>, Next);

/// Worlds in which nobody ever does anything, with what the client must say in the end.
pub fn bleak() -> Vec<Bleak> {
    vec![
        ("all are silent", Box::new(|_, _, _| Heard::Silence), Next::Unknown),
        ("no server can be reached", Box::new(|_, _, _| Heard::Unreachable), Next::NotDone),
        ("no server knows a leader", Box::new(|_, _, id| refuses(id, None)), Next::NotDone),
        ("n0 and n1 name each other", Box::new(|_, at, id| refuses(id, Some(usize::from(at.0 == 0)))), Next::NotDone),
        (
            "the first is silent, then n1 and n2 name each other",
            Box::new(
                |n, at, id| if n == 0 { Heard::Silence } else { refuses(id, Some(if at.0 == 1 { 2 } else { 1 })) },
            ),
            Next::Unknown,
        ),
        ("each names the next", Box::new(|_, at, id| refuses(id, Some(at.0.wrapping_add(1) % 3))), Next::NotDone),
        ("each names itself", Box::new(|_, at, id| refuses(id, Some(at.0))), Next::NotDone),
        ("all name a server that does not exist", Box::new(|_, _, id| refuses(id, Some(3))), Next::NotDone),
        ("all name one far outside", Box::new(|_, _, id| refuses(id, Some(usize::MAX))), Next::NotDone),
        (
            "the first is silent",
            Box::new(|n, _, id| if n == 0 { Heard::Silence } else { refuses(id, None) }),
            Next::Unknown,
        ),
        (
            "the first is silent, then no server can be reached",
            Box::new(|n, _, _| if n == 0 { Heard::Silence } else { Heard::Unreachable }),
            Next::Unknown,
        ),
        (
            "the last is silent",
            Box::new(|n, _, id| if n == 7 { Heard::Silence } else { refuses(id, None) }),
            Next::Unknown,
        ),
    ]
}

/// Only servers that exist are asked, and by turns unless a leader was named: as many tries as there are servers reach each of
/// them.
pub fn asks_whom_there_is(check: &mut Check, when: &str, made: &Made) -> Proven {
    let exist = made.asked.iter().all(|(server, _, _)| server.0 < 3);
    check.requires(FINDS, exist, || {
        format!(
            "When {when}, a client of n0, n1 and n2 asks a server that does not exist. The client asks {}.",
            way(made)
        )
    })?;
    let (all, named) = (BTreeSet::from([0, 1, 2]), when.contains("name each other"));
    let by_turns =
        made.asked.windows(3).all(|three| three.iter().map(|(server, _, _)| server.0).collect::<BTreeSet<_>>() == all);
    check.requires(FINDS, by_turns || named, || {
        format!("When {when}, three tries in a row should reach each of three servers. The client asks {}.", way(made))
    })
}

/// Whom a client asked, and how that ended: "n0, then n2 after 70ms; then it says `Unknown`".
pub fn way(made: &Made) -> String {
    let ask = |(server, _, after): &(NodeId, RequestId, Duration)| {
        if after.is_zero() { server.to_string() } else { format!("{server} after {after:?}") }
    };
    let asked: Vec<_> = made.asked.iter().map(ask).collect();
    format!("{}; then {}", asked.join(", then "), words::next(made.end))
}
