//! Hedging: a second copy of a request that takes long, to another replica, and whichever answers first.
//!
//! Most slow answers are not slow because the question was hard. The replica was collecting garbage, or compacting its files, or had an
//! elephant in its queue. Another replica would answer at once. So after a while the caller sends the same request there, too. That is
//! cheap if it is done seldom: after the 95th percentile of the usual latency, one request in twenty is sent twice.
//!
//! It is not cheap if the usual latency is computed wrongly, or if everything is slow *because* there is too much to do. So the machine is
//! careful three times over: about what it counts as a latency, about a budget, and about a service that says it is overloaded.
//!
//! A request has a **first** copy, and perhaps a **second** one. The machine says when to send the second; sending, cancelling and the time
//! are its caller's. It does not retry: a request whose copies have all failed has failed.
//!
//! Source: Dean and Barroso 2013, *The Tail at Scale*; gRPC's proposal A6, "Hedging policy".

//# allow: dead_code, unused_imports, unused_variables
use std::collections::{BTreeMap, VecDeque};

use crate::time::Millis;

/// When second copies are sent, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Which percentile of the latencies a request waits for, in thousandths: 950 for the 95th. From 1 to 1000.
    pub percentile: u32,
    /// How many latencies are remembered: the latest ones. At least 1.
    pub remembers: usize,
    /// With fewer latencies than this nothing is known, and no second copy is sent. From 1 to `remembers`.
    pub needs: usize,
    /// What a request pays into the budget, in thousandths of a second copy: 50 for 5 %. At most 1000.
    pub share: u32,
    /// How many second copies can be saved up at most. At least 1.
    pub saves: u32,
    /// For how long no second copy is sent after a service has said that it is overloaded.
    pub calm: Millis,
}

/// A request, for as long as its caller waits.
pub type RequestId = u64;

/// Which copy of which request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attempt {
    /// Sent when the request begins.
    First(RequestId),
    /// Sent if the first one takes long.
    Second(RequestId),
}

/// What comes back for one copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// It is done.
    Done,
    /// The request is bad. Every replica would say so.
    Refused,
    /// It has not worked at this replica.
    Failed,
    /// The replica has too much to do.
    Overloaded,
}

/// What the caller does after an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Heard {
    /// Says this to its client. The request is over.
    pub say: Option<Answer>,
    /// Cancels this copy, which is still under way.
    pub cancel: Option<Attempt>,
}

/// A request for which a client waits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Request {
    repeatable: bool,
    deadline: Millis,
    began: Millis,
    /// The first copy is under way.
    first: bool,
    /// The second copy: not sent, or sent and perhaps still under way.
    second: Option<bool>,
}

/// Decides about second copies of requests to one service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hedging {
    settings: Settings,
    requests: BTreeMap<RequestId, Request>,
    /// How many requests there were.
    begun: RequestId,
    /// The latest latencies of first copies, oldest first.
    latencies: VecDeque<Millis>,
    /// What is in the budget, in thousandths of a copy.
    budget: u64,
    /// No second copy is sent before this moment.
    calm_until: Millis,
}

impl Hedging {
    /// Nothing is under way, nothing is known, and the budget is empty.
    pub fn new(settings: Settings) -> Self {
        let (requests, latencies) = (BTreeMap::new(), VecDeque::new());
        Hedging { settings, requests, begun: 0, latencies, budget: 0, calm_until: 0 }
    }

    /// A request begins, and its first copy is sent, before its deadline. Requests are numbered from 0.
    ///
    /// Contract: whether it is `repeatable` or not, it pays `share` thousandths into the budget, in which there is room for `saves` whole copies.
    pub fn begin(&mut self, repeatable: bool, deadline: Millis, now: Millis) -> RequestId {
        //# hole: Take note of the request, and of what it pays.
        let id = self.begun;
        self.begun += 1;
        self.requests.insert(id, Request { repeatable, deadline, began: now, first: true, second: None });
        let room = 1000 * u64::from(self.settings.saves);
        self.budget = room.min(self.budget + u64::from(self.settings.share));
        id
        //# end
    }

    /// How long a first copy is given before a second one is sent.
    ///
    /// Contract: the smallest of the remembered latencies that at least `percentile` thousandths of them do not exceed. If fewer than `needs`
    /// are remembered, nothing is known.
    pub fn delay(&self) -> Option<Millis> {
        //# hole: Which of the latencies is it?
        let known = self.latencies.len();
        if known < self.settings.needs {
            return None;
        }
        let mut sorted: Vec<Millis> = self.latencies.iter().copied().collect();
        sorted.sort_unstable();
        let rank = (known * self.settings.percentile as usize).div_ceil(1000);
        Some(sorted[rank - 1])
        //# end
    }

    /// The second copies to be sent now, in the order in which their requests have begun. From now on they are under way.
    ///
    /// Contract: a second copy is sent for a request if all of this holds:
    /// - It is repeatable, its first copy is under way, and no second one has been sent.
    /// - It has waited for *longer* than the delay.
    /// - Its deadline is after `now`.
    /// - Since the latest answer `Overloaded`, `calm` has passed: after one at `t`, second copies are sent from `t + calm` on.
    /// - There is a whole copy in the budget. It is taken out.
    pub fn tick(&mut self, now: Millis) -> Vec<Attempt> {
        //# hole: For which requests is it time, and what does each of them cost?
        let Some(delay) = self.delay().filter(|_| now >= self.calm_until) else { return Vec::new() };
        let mut copies = Vec::new();
        for (&id, request) in &mut self.requests {
            if self.budget >= 1000 && request.may_be_sent_again(delay, now) {
                self.budget -= 1000;
                request.second = Some(true);
                copies.push(Attempt::Second(id));
            }
        }
        copies
        //# end
    }

    /// A copy is answered.
    ///
    /// Contract:
    /// - A copy that is not under way changes nothing: it was never sent, has been answered, or its request is over.
    /// - `Done` and `Refused` are said at once, and the other copy is cancelled if it is under way.
    /// - `Failed` and `Overloaded` are said if no other copy is under way. Otherwise the other copy's answer decides.
    /// - `Overloaded` at `now` begins the calm, whatever else comes of it.
    /// - A first copy that is answered with `Done` or `Refused` has a latency. If one is cancelled because the second has been answered, it
    ///   counts as if it had been answered now, provided that it has waited for longer than the delay, and not at all otherwise. No
    ///   second copy has a latency, and no answer `Failed` or `Overloaded`.
    pub fn answer(&mut self, copy: Attempt, answer: Answer, now: Millis) -> Heard {
        //# hole: What does this answer say, what becomes of the other copy, and what was learned about latencies?
        let (Attempt::First(id) | Attempt::Second(id)) = copy;
        let Some(request) = self.requests.get_mut(&id).filter(|request| request.is_under_way(copy)) else {
            return Heard::default();
        };
        request.ends(copy);
        let other = request.under_way(id).next();
        if answer == Answer::Overloaded {
            self.calm_until = now.saturating_add(self.settings.calm);
        }
        let decides = matches!(answer, Answer::Done | Answer::Refused);
        if !decides && other.is_some() {
            return Heard::default();
        }
        let waited = now - request.began;
        self.requests.remove(&id);
        match (decides, copy, other) {
            (true, Attempt::First(_), _) => self.remember(waited),
            (true, _, Some(Attempt::First(_))) => self.remember_at_least(waited),
            _ => {}
        }
        Heard { say: Some(answer), cancel: other }
        //# end
    }

    /// The client of a request has left, or its deadline has come: the copies to be cancelled, the first one first.
    ///
    /// Contract: the request is over. If its first copy is under way it counts as it does in [`Hedging::answer`] when it is cancelled. A request
    /// that is over already changes nothing.
    pub fn leave(&mut self, request: RequestId, now: Millis) -> Vec<Attempt> {
        //# hole: What is under way, and what was learned?
        let Some(left) = self.requests.remove(&request) else { return Vec::new() };
        if left.first {
            self.remember_at_least(now - left.began);
        }
        left.under_way(request).collect()
        //# end
    }

    //# private
    fn remember(&mut self, latency: Millis) {
        self.latencies.push_back(latency);
        if self.latencies.len() > self.settings.remembers {
            self.latencies.pop_front();
        }
    }

    /// The latency would have been at least this. That is enough to know on which side of the percentile it is, if it is above.
    fn remember_at_least(&mut self, waited: Millis) {
        if self.delay().is_some_and(|delay| waited > delay) {
            self.remember(waited);
        }
    }
    //# end
}

//# private
impl Request {
    fn may_be_sent_again(&self, delay: Millis, now: Millis) -> bool {
        self.repeatable && self.first && self.second.is_none() && now - self.began > delay && now < self.deadline
    }

    fn is_under_way(&self, copy: Attempt) -> bool {
        match copy {
            Attempt::First(_) => self.first,
            Attempt::Second(_) => self.second == Some(true),
        }
    }

    fn ends(&mut self, copy: Attempt) {
        match copy {
            Attempt::First(_) => self.first = false,
            Attempt::Second(_) => self.second = Some(false),
        }
    }

    fn under_way(&self, id: RequestId) -> impl Iterator<Item = Attempt> + use<> {
        let first = self.first.then_some(Attempt::First(id));
        let second = (self.second == Some(true)).then_some(Attempt::Second(id));
        first.into_iter().chain(second)
    }
}
//# end
