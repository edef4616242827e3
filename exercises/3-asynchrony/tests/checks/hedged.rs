//! What hedging has to say, by its contract: the memory of all that has happened, and what follows from it.

use std::collections::BTreeMap;

use testkit::check::Rule;

use super::oracle::Broken;
use crate::subject::hedging::{Answer, Attempt, Heard, Hedging, RequestId, Settings};
use crate::subject::time::Millis;

pub const PERCENTILE: Rule = Rule::new(
    "a percentile of what is usual",
    "The delay is the smallest remembered latency that the given part of them does not exceed; with too few of them, none is known.",
    "Dean and Barroso 2013, The Tail at Scale: the 95th-percentile expected latency",
    "3-asynchrony/hedging.md#what-is-usual",
);

pub const SLOW: Rule = Rule::new(
    "what counts as usual",
    "A first copy counts with its latency. One that was cancelled counts with what it had waited, if that was longer than the delay. Nothing else counts.",
    "contract of `Hedging::answer`",
    "3-asynchrony/hedging.md#what-is-usual",
);

pub const FEW: Rule = Rule::new(
    "few are sent twice",
    "Each request pays its share of a second copy, whole ones are saved up to a bound, and a second copy costs one.",
    "Dean and Barroso 2013, The Tail at Scale: about 5 per cent more load; gRPC proposal A6, throttling of hedged RPCs",
    "3-asynchrony/hedging.md#paid-by-hedges",
);

pub const LATE: Rule = Rule::new(
    "not at once",
    "A second copy is sent only for a request that has waited for longer than the delay.",
    "Dean and Barroso 2013, The Tail at Scale",
    "3-asynchrony/hedging.md#hedged-at-once",
);

pub const IN_TIME: Rule = Rule::new(
    "nothing after the deadline",
    "At the deadline of a request and after it, no copy is sent for it.",
    "gRPC proposal A6: the deadline applies across all attempts",
    "3-asynchrony/hedging.md#hedged-at-once",
);

pub const REPEATABLE: Rule = Rule::new(
    "only what may be done twice",
    "A second copy is sent for repeatable requests only.",
    "gRPC proposal A6, Hedging policy: hedge only what is safe to be executed several times",
    "3-asynchrony/hedging.md#invariants-to-keep",
);

pub const ONCE: Rule = Rule::new(
    "two copies at most",
    "A second copy is sent once, and only while the first one is under way.",
    "contract of `Hedging::tick`",
    "3-asynchrony/hedging.md#two-answers",
);

pub const TURN: Rule = Rule::new(
    "the longest wait first",
    "If there is not enough in the budget for all, the requests that began first get second copies.",
    "contract of `Hedging::tick`",
    "3-asynchrony/hedging.md#invariants-to-keep",
);

pub const CALM: Rule = Rule::new(
    "an overloaded service is left alone",
    "After an answer `Overloaded`, no second copy is sent until the calm is over.",
    "gRPC proposal A6: hedged RPCs are throttled, and pushback ends them; grafana/loki pull request 4826",
    "3-asynchrony/hedging.md#under-overload",
);

pub const HELPS: Rule = Rule::new(
    "a second copy where it helps",
    "If nothing forbids it, a second copy is sent.",
    "Dean and Barroso 2013, The Tail at Scale",
    "3-asynchrony/hedging.md#the-idea",
);

pub const ANSWERED: Rule = Rule::new(
    "one answer",
    "A request is answered once: by the first copy that decides, or by the last one that can.",
    "grpc/grpc-java issue 7222 and pull request 10007",
    "3-asynchrony/hedging.md#two-answers",
);

pub const CANCELLED: Rule = Rule::new(
    "losers are cancelled",
    "When a request is over, its copies that are under way are cancelled, and no others.",
    "Dean and Barroso 2013, The Tail at Scale; gRPC proposal A6",
    "3-asynchrony/hedging.md#the-loser",
);

/// All rules of the contract.
pub const RULES: [Rule; 12] =
    [PERCENTILE, SLOW, FEW, LATE, IN_TIME, REPEATABLE, ONCE, TURN, CALM, HELPS, ANSWERED, CANCELLED];

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Request {
    repeatable: bool,
    began: Millis,
    deadline: Millis,
    sent_twice: bool,
    under_way: Vec<Attempt>,
}

/// A machine, and beside it what its contract says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Hedged {
    settings: Settings,
    machine: Hedging,
    open: BTreeMap<RequestId, Request>,
    begun: u64,
    counted: Vec<Millis>,
    budget: u64,
    calm: Millis,
    /// How many second copies were sent.
    pub sent: u64,
    /// The rule that was broken first, and how.
    pub broken: Option<Broken>,
}

impl Hedged {
    pub fn new(settings: Settings) -> Self {
        Hedged {
            settings,
            machine: Hedging::new(settings),
            open: BTreeMap::new(),
            begun: 0,
            counted: Vec::new(),
            budget: 0,
            calm: 0,
            sent: 0,
            broken: None,
        }
    }

    /// The smallest latency that so many thousandths do not exceed: counted, as the definition says.
    pub fn delay(&self) -> Option<Millis> {
        let known = &self.counted[self.counted.len().saturating_sub(self.settings.remembers)..];
        let enough = |most: &Millis| {
            let within = known.iter().filter(|latency| *latency <= most).count();
            1000 * within >= self.settings.percentile as usize * known.len()
        };
        known.iter().copied().filter(enough).min().filter(|_| known.len() >= self.settings.needs)
    }

    fn demand(&mut self, rule: Rule, holds: bool, why: impl FnOnce() -> String) {
        if !holds && self.broken.is_none() {
            self.broken = Some((rule, why()));
        }
    }

    /// Compares what the machine takes for usual with what the contract does.
    fn compare_delays(&mut self, rule: Rule) {
        let (expected, delay) = (self.delay(), self.machine.delay());
        let counted = self.counted.clone();
        self.demand(rule, delay == expected, || {
            format!(
                "These have counted, in this order: {counted:?}. The delay should be {expected:?}, and is {delay:?}."
            )
        });
    }

    pub fn begin(&mut self, repeatable: bool, deadline: Millis, now: Millis) -> RequestId {
        let id = self.machine.begin(repeatable, deadline, now);
        let expected = self.begun;
        self.demand(ONCE, id == expected, || format!("Request {expected} is called {id}."));
        self.begun += 1;
        self.budget = (self.budget + u64::from(self.settings.share)).min(1000 * u64::from(self.settings.saves));
        let under_way = vec![Attempt::First(id)];
        self.open.insert(id, Request { repeatable, began: now, deadline, sent_twice: false, under_way });
        id
    }

    pub fn tick(&mut self, now: Millis) -> Vec<Attempt> {
        let copies = self.machine.tick(now);
        for &copy in &copies {
            self.is_sent(copy, now);
        }
        let missing = self.open.keys().copied().find(|id| self.forbids(*id, now).is_none());
        if let Some(id) = missing {
            self.demand(HELPS, false, || {
                format!("Nothing forbids a second copy of request {id} at {now}, and none is sent.")
            });
        }
        copies
    }

    fn is_sent(&mut self, copy: Attempt, now: Millis) {
        let Attempt::Second(id) = copy else {
            return self.demand(ONCE, false, || format!("{copy:?} is sent again at {now}."));
        };
        if let Some((rule, why)) = self.forbids(id, now) {
            return self.demand(rule, false, || format!("At {now} a second copy of request {id} is sent. {why}"));
        }
        let earlier =
            self.open.range(..id).map(|(&earlier, _)| earlier).find(|&earlier| self.forbids(earlier, now).is_none());
        self.demand(TURN, earlier.is_none(), || {
            format!("At {now} a second copy of request {id} is sent before that of {earlier:?}.")
        });
        self.sent += 1;
        self.budget -= 1000;
        if let Some(request) = self.open.get_mut(&id) {
            request.sent_twice = true;
            request.under_way.push(copy);
        }
    }

    /// Why no second copy of a request may be sent now.
    fn forbids(&self, id: RequestId, now: Millis) -> Option<Broken> {
        let Some(request) = self.open.get(&id) else { return Some((ONCE, "That request is over.".to_owned())) };
        let (delay, waited) = (self.delay(), now - request.began);
        let reasons = [
            (REPEATABLE, !request.repeatable, "It is not repeatable.".to_owned()),
            (ONCE, request.sent_twice, "One was sent before.".to_owned()),
            (ONCE, !request.under_way.contains(&Attempt::First(id)), "Its first copy is over.".to_owned()),
            (IN_TIME, now >= request.deadline, format!("Its deadline is {}.", request.deadline)),
            (CALM, now < self.calm, format!("The service is overloaded, and to be left alone until {}.", self.calm)),
            (FEW, self.budget < 1000, format!("There are {} thousandths of a copy in the budget.", self.budget)),
            (
                LATE,
                delay.is_none_or(|delay| waited <= delay),
                format!("It has waited for {waited}, and the delay is {delay:?}."),
            ),
        ];
        reasons.into_iter().find(|reason| reason.1).map(|(rule, _, why)| (rule, why))
    }

    pub fn answer(&mut self, copy: Attempt, answer: Answer, now: Millis) -> Heard {
        let heard = self.machine.answer(copy, answer, now);
        let expected = self.expected(copy, answer, now);
        self.demand(ANSWERED, heard.say == expected.say, || {
            format!(
                "{copy:?} is answered with {answer:?} at {now}. To say is {:?}, and said is {:?}.",
                expected.say, heard.say
            )
        });
        self.demand(CANCELLED, heard.cancel == expected.cancel, || {
            format!(
                "{copy:?} is answered with {answer:?} at {now}. To be cancelled is {:?}, and cancelled is {:?}.",
                expected.cancel, heard.cancel
            )
        });
        self.compare_delays(SLOW);
        heard
    }

    fn expected(&mut self, copy: Attempt, answer: Answer, now: Millis) -> Heard {
        let (Attempt::First(id) | Attempt::Second(id)) = copy;
        let Some(request) = self.open.get_mut(&id) else { return Heard::default() };
        let before = request.under_way.len();
        request.under_way.retain(|other| *other != copy);
        if request.under_way.len() == before {
            return Heard::default();
        }
        if answer == Answer::Overloaded {
            self.calm = now + self.settings.calm;
        }
        let decides = matches!(answer, Answer::Done | Answer::Refused);
        if !decides && !request.under_way.is_empty() {
            return Heard::default();
        }
        let (waited, cancel) = (now - request.began, request.under_way.first().copied());
        self.open.remove(&id);
        if decides && copy == Attempt::First(id) {
            self.counted.push(waited);
        }
        self.is_cancelled(cancel, waited);
        Heard { say: Some(answer), cancel }
    }

    fn is_cancelled(&mut self, copy: Option<Attempt>, waited: Millis) {
        if matches!(copy, Some(Attempt::First(_))) && self.delay().is_some_and(|delay| waited > delay) {
            self.counted.push(waited);
        }
    }

    pub fn leave(&mut self, id: RequestId, now: Millis) -> Vec<Attempt> {
        let cancelled = self.machine.leave(id, now);
        let left = self.open.remove(&id);
        let expected = left.as_ref().map(|left| left.under_way.clone()).unwrap_or_default();
        self.demand(CANCELLED, cancelled == expected, || {
            format!("The client of request {id} leaves at {now}. To be cancelled is {expected:?}, and cancelled is {cancelled:?}.")
        });
        if let Some(left) = left {
            self.is_cancelled(left.under_way.first().copied(), now - left.began);
        }
        self.compare_delays(SLOW);
        cancelled
    }

    /// A request is answered by its first copy after so long.
    pub fn usual(&mut self, latency: Millis, now: Millis) {
        let id = self.begin(false, Millis::MAX, now);
        self.answer(Attempt::First(id), Answer::Done, now + latency);
    }

    pub fn compare_percentiles(&mut self) {
        self.compare_delays(PERCENTILE);
    }
}
