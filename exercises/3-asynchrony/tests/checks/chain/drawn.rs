//! Scenes that are drawn from a seed: settings, clients that come and leave, and what becomes of each of their calls.

use std::fmt;
use std::time::Duration;

use super::super::dice::Dice;
use super::expected::Client;
use super::services::FOREVER;
use crate::subject::admission::{limit, queue};
use crate::subject::breaker;
use crate::subject::chain::gateway::Settings;
use crate::subject::chain::message::Reply;
use crate::subject::retry::Policy;
use crate::subject::retry::backoff::Backoff;
use crate::subject::retry::budget::Budget;
use crate::subject::time::Millis;

/// What happens to a gateway.
#[derive(Clone, Debug)]
pub struct Scene {
    pub settings: Settings,
    /// The tokens of the budget, and what a success puts in.
    budget: (u32, u32),
    pub lines: Vec<Client>,
    pub tails: Vec<Client>,
    pub drain: Option<Millis>,
}

impl Scene {
    /// The scene of a seed.
    pub fn new(seed: u64) -> Scene {
        let mut dice = Dice(seed);
        let dice = &mut dice;
        let (settings, budget) = settings(dice);
        let lines = clients(dice, &settings, 0);
        let tails = if dice.happens(30) { clients(dice, &settings, 50) } else { Vec::new() };
        let drain = dice.happens(40).then(|| dice.from(100, 900));
        Scene { settings, budget, lines, tails, drain }
    }

    /// The same scene with a little less in it, in every way.
    pub fn smaller(&self) -> impl Iterator<Item = Scene> {
        let without = |clients: &[Client], at: usize| {
            let others = clients.iter().enumerate().filter(|(other, _)| *other != at);
            others.map(|(_, client)| client.clone()).collect::<Vec<_>>()
        };
        let lines = (0..self.lines.len()).map(move |at| Scene { lines: without(&self.lines, at), ..self.clone() });
        let tails = (0..self.tails.len()).map(move |at| Scene { tails: without(&self.tails, at), ..self.clone() });
        let drain = self.drain.map(|_| Scene { drain: None, ..self.clone() });
        let stays = (0..self.lines.len()).filter(|&at| self.lines[at].leaves.is_some()).map(|at| {
            let mut scene = self.clone();
            scene.lines[at].leaves = None;
            scene
        });
        lines.chain(tails).chain(drain).chain(stays)
    }
}

fn settings(dice: &mut Dice) -> (Settings, (u32, u32)) {
    let most = dice.from(1, 4) as u32;
    let least = dice.from(1, u64::from(most)) as u32;
    let slow = dice.from(60, 200);
    let timeout = if dice.happens(10) { Duration::MAX } else { Duration::from_millis(slow + dice.from(1, 250)) };
    let sheds = dice.happens(25);
    let budget = (dice.one_of(&[2, 3, 8, 100]), dice.from(100, 1_000) as u32);
    let (target, interval) = if sheds { (dice.from(15, 40), dice.from(60, 150)) } else { (1_000_000, 2_000_000) };
    let base = dice.one_of(&[0, 30, 90]);
    let is_calm = dice.happens(40);
    let settings = Settings {
        queue: queue::Settings { capacity: dice.one_of(&[1, 1, 2, 3, 6]), target, interval },
        limit: limit::Settings { least, most, first: dice.from(u64::from(least), u64::from(most)) as u32, keeps: 50 },
        breaker: breaker::Settings {
            failures: if is_calm { 1_000 } else { dice.from(1, 3) as u32 },
            pause: dice.from(40, 200),
            probes: dice.from(1, 2) as u32,
            patience: dice.from(100, 800),
        },
        retries: Policy { attempts: dice.one_of(&[1, 2, 3, 3]), backoff: Backoff { base, cap: 100 } },
        budget: Budget::new(budget.0, budget.1),
        slow: Duration::from_millis(slow),
        timeout,
    };
    (settings, budget)
}

fn clients(dice: &mut Dice, settings: &Settings, first: u64) -> Vec<Client> {
    let slow = settings.slow.as_millis() as Millis;
    let count = dice.from(3, 12);
    let within = dice.one_of(&[60, 300, 900]);
    let (well, fails) = (dice.from(10, 70), dice.happens(50));
    let mut clients: Vec<Client> = (0..count)
        .map(|_| {
            let comes = dice.from(1, within);
            let patience = dice.from(40, 1_200);
            let leaves = dice.happens(25).then(|| comes + dice.from(5, 300)).filter(|at| *at < comes + patience);
            let calls = (0..3).map(|_| {
                let reply = match (fails, dice.below(100) < well) {
                    (false, _) | (true, true) => Reply::Stored,
                    _ => dice.one_of(&[
                        Reply::Failed,
                        Reply::Failed,
                        Reply::Overloaded,
                        Reply::Overloaded,
                        Reply::Refused,
                        Reply::GivenUp,
                        Reply::TooLate,
                        Reply::Closing,
                    ]),
                };
                let takes = match dice.below(20) {
                    0 => FOREVER,
                    1 => slow,
                    2..=5 => dice.from(slow, 2 * slow),
                    _ => dice.from(5, slow),
                };
                (takes, reply)
            });
            Client { number: 0, comes, patience, leaves, calls: calls.collect() }
        })
        .collect();
    clients.sort_by_key(|client| client.comes);
    (first..).zip(&mut clients).for_each(|(number, client)| client.number = number);
    clients
}

impl fmt::Display for Scene {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { queue, limit, breaker, retries, slow, timeout, .. } = &self.settings;
        let (tokens, ratio) = self.budget;
        write!(
            f,
            "The gateway:\n  \
             queue: {} may wait, target {} ms, interval {} ms\n  \
             limit: {} at first, from {} to {}, keeps {} %\n  \
             breaker: opens after {}, pauses for {} ms, {} probes, patience {} ms\n  \
             retries: {} attempts, base {} ms, cap {} ms, half of the pause is drawn; budget of {tokens} tokens, ratio {ratio}\n  \
             slow after {} ms, ",
            queue.capacity,
            queue.target,
            queue.interval,
            limit.first,
            limit.least,
            limit.most,
            limit.keeps,
            breaker.failures,
            breaker.pause,
            breaker.probes,
            breaker.patience,
            retries.attempts,
            retries.backoff.base,
            retries.backoff.cap,
            slow.as_millis(),
        )?;
        match *timeout {
            Duration::MAX => write!(f, "no timeout")?,
            timeout => write!(f, "timeout {} ms", timeout.as_millis())?,
        }
        write!(f, "\nWhat happens:")?;
        for (what, clients) in [("line", &self.lines), ("tail of", &self.tails)] {
            for client in clients {
                let Client { number, comes, patience, .. } = client;
                write!(f, "\n  {what} {number} comes at {comes} ms, for {patience} ms")?;
                if let Some(leaves) = client.leaves {
                    write!(f, ", and leaves at {leaves} ms")?;
                }
                let calls = client.calls.iter().take(retries.attempts as usize).map(|(takes, reply)| match *takes {
                    FOREVER => "nothing, ever".to_owned(),
                    takes => format!("{reply:?} after {takes} ms"),
                });
                write!(f, "; its calls are told: {}", calls.collect::<Vec<_>>().join(", then "))?;
            }
        }
        match self.drain {
            Some(at) => write!(f, "\n  the gateway is drained at {at} ms"),
            None => Ok(()),
        }
    }
}
