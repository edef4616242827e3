//! What a limit should have said, from the calls that a service has seen.

use std::time::Duration;

use super::services::{Called, End};
use crate::subject::admission::limit::{self, Limit};
use crate::subject::chain::gateway::Settings;
use crate::subject::chain::message::Reply;
use crate::subject::time::Millis;

/// Follows what the limit should say, from what the service saw.
pub struct Followed {
    limit: Limit,
    slots: Vec<(usize, limit::Slot)>,
}

impl Followed {
    /// Says the first call that began although the limit did not allow it, and follows all others.
    pub fn first_too_many(settings: &Settings, calls: &[Called]) -> Option<Called> {
        let mut followed = Followed { limit: Limit::new(settings.limit), slots: Vec::new() };
        let all = || calls.iter().enumerate();
        let began = all().map(|(number, called)| (called.order, true, number));
        let ended = all().filter_map(|(number, called)| Some((called.end_order?, false, number)));
        let mut moments: Vec<_> = began.chain(ended).collect();
        moments.sort_unstable();
        moments.into_iter().find_map(|(_, begins, number)| followed.step(settings, begins, number, &calls[number]))
    }

    fn step(&mut self, settings: &Settings, begins: bool, number: usize, called: &Called) -> Option<Called> {
        if begins {
            let Ok(slot) = self.limit.begin() else { return Some(called.clone()) };
            self.slots.push((number, slot));
        } else if let Some(at) = self.slots.iter().position(|(other, _)| *other == number) {
            self.limit.end(self.slots.swap_remove(at).1, ending(settings, called));
        }
        None
    }
}

/// What a call says about the load.
pub fn ending(settings: &Settings, called: &Called) -> limit::Ending {
    let (end, at) = called.end.as_ref().expect("the call has ended");
    ending_of(settings, end, Duration::from_millis(at - called.at))
}

/// What the end of a call says about the load that has taken so long.
pub fn ending_of(settings: &Settings, end: &End, took: Duration) -> limit::Ending {
    match end {
        End::Answered(Reply::Overloaded) => limit::Ending::Overload,
        _ if took > settings.slow => limit::Ending::Overload,
        End::Answered(Reply::Stored | Reply::Lines(_)) => limit::Ending::Success,
        End::Answered(_) | End::Dropped => limit::Ending::Ignored,
    }
}

/// The first moment at which a call could have begun, and did not although more were to come.
pub fn idle(settings: &Settings, calls: &[Called]) -> Option<Millis> {
    let mut moments: Vec<Millis> = calls.iter().filter_map(|called| Some(called.end.as_ref()?.1)).chain([0]).collect();
    moments.sort_unstable();
    moments.into_iter().find(|&now| {
        let before = calls.iter().filter(|called| called.at <= now).map(|called| called.until(now));
        let mut with_one_more: Vec<Called> = before.collect();
        let could = with_one_more.len() < calls.len();
        with_one_more.push(Called { at: now, order: usize::MAX, end: None, end_order: None, ..calls[0].clone() });
        could && Followed::first_too_many(settings, &with_one_more).is_none()
    })
}
