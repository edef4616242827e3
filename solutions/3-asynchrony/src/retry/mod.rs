//! Retries that do not make it worse.
//!
//! A call that failed may succeed if it is made again: a packet was lost, a server was restarting. Or the service has more work than it can
//! do, and then every retry is more of the same. A chain makes that worse: where each of three services calls the next up to three times, one
//! request becomes 27. So a retry needs four permissions:
//!
//! - of the **answer**: what failed may be repeated, and no service further down has tried already;
//! - of the **deadline**: there is time left for it, and one deadline spans all attempts;
//! - of the **budget** ([`budget`]): the service is failing now and then, and not all the time;
//! - of **chance** ([`backoff`]): clients that failed together do not come back together.
//!
//! Source: gRPC's proposal A6, *Client Retries*; Beyer et al. 2016, *Site Reliability Engineering*, chapters 21 and 22.

//# allow: dead_code, unused_imports, unused_variables
pub mod backoff;
pub mod budget;

use backoff::Backoff;
use budget::Budget;

use crate::time::Millis;

/// What a call comes back with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// It is done.
    Done,
    /// The request is wrong, and would be wrong again.
    Refused,
    /// The service has refused it before it did anything: it has too much to do.
    Overloaded,
    /// Something went wrong, and there is no telling what has been done by then.
    Failed,
    /// The call is not to be made again: the service that says so has tried, or knows why it should not. The request may have been done.
    GivenUp,
}

/// How many times, and how soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Policy {
    /// How many times a call is made at most, the first time included. At least 1.
    pub attempts: u32,
    /// How long a caller waits before it tries again.
    pub backoff: Backoff,
}

/// A call that is being made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// Whether it does no harm to do it twice: a read, or a write under an [idempotency key](crate::idempotency).
    pub repeatable: bool,
    /// The moment at which its client stops waiting.
    pub deadline: Millis,
    /// How many times it has been made.
    pub made: u32,
}

/// What to do after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// Say this to the caller.
    Say(Answer),
    /// Make the call again.
    Retry {
        /// The pause before it.
        after: Millis,
    },
}

/// The retries of all calls to one service.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Retries {
    policy: Policy,
    budget: Budget,
}

impl Retries {
    /// Retries by this policy and out of this budget.
    pub fn new(policy: Policy, budget: Budget) -> Self {
        Retries { policy, budget }
    }

    /// A call has come back, for the `call.made`th time, with `answer`. `draw(most)` gives a random number from 0 to `most`; a number may be
    /// drawn and not used.
    ///
    /// Contract:
    /// - [`Budget::hears`] is told of each answer, once, before it is asked.
    /// - A call is made again only after `Overloaded`, or after `Failed` if it is `repeatable`; only if it was made fewer than `attempts`
    ///   times; only if the budget [allows](Budget::allows_a_retry) it; and only if the back-off that was drawn ends before the deadline.
    ///   A call that meets all of these is made again, after that back-off.
    /// - `Done` and `Refused` are passed on unchanged. Of every other call that is not made again, the caller is told `GivenUp`, so that no
    ///   layer further up tries what was tried here.
    pub fn hear(&mut self, call: &Call, answer: Answer, now: Millis, draw: impl FnOnce(Millis) -> Millis) -> Next {
        //# hole: Say the answer, or make the call again. Which of the four permissions are there?
        self.budget.hears(answer);
        let may_be_repeated = match answer {
            Answer::Done | Answer::Refused => return Next::Say(answer),
            Answer::Overloaded => true,
            Answer::Failed => call.repeatable,
            Answer::GivenUp => false,
        };
        if !may_be_repeated || call.made >= self.policy.attempts || !self.budget.allows_a_retry() {
            return Next::Say(Answer::GivenUp);
        }
        let after = self.policy.backoff.pause(call.made, draw);
        match now.saturating_add(after) < call.deadline {
            true => Next::Retry { after },
            false => Next::Say(Answer::GivenUp),
        }
        //# end
    }

    /// What is left of the budget.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }
}
