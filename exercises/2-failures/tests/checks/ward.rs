//! A ward: instances that fall ill by themselves and by the monkey's faults, and get well again.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

use super::clock::why_not;
use super::trial::{Event, day, group};
use super::words;
use crate::subject::monkey::{Config, Kind, State, View};

/// What an instance may be besides healthy. `None`: nobody knows anything of it.
const ILLS: [Option<State>; 5] =
    [Some(State::Paused), Some(State::CutOff), Some(State::Silent), Some(State::Gone), None];

pub struct Ward {
    instances: Vec<String>,
    chance: ChaCha8Rng,
    /// Who is not healthy, what they are, and until when.
    ill: BTreeMap<String, (Option<State>, Timestamp)>,
    /// Whether faults have an effect.
    pub feels_faults: bool,
    /// What was known at each tick.
    pub seen: BTreeMap<Timestamp, View>,
}

impl Ward {
    pub fn new(config: &Config, seed: u64) -> Ward {
        let instances = config.groups.iter().flat_map(|group| group.instances.clone()).collect();
        let chance = ChaCha8Rng::seed_from_u64(seed);
        Ward { instances, chance, ill: BTreeMap::new(), feels_faults: true, seen: BTreeMap::new() }
    }

    /// What is known at a tick, after what has happened since the last one.
    pub fn view(&mut self, now: Timestamp, events: &[Event]) -> View {
        self.ill.retain(|_, (_, until)| *until > now);
        if self.feels_faults {
            self.feel(now, events);
        }
        self.fall_ill(now);
        let known = |name: &String| match self.ill.get(name) {
            Some((state, _)) => state.map(|state| (name.clone(), state)),
            None => Some((name.clone(), State::Healthy)),
        };
        let view: View = self.instances.iter().filter_map(known).collect();
        self.seen.insert(now, view.clone());
        view
    }

    fn feel(&mut self, now: Timestamp, events: &[Event]) {
        for fault in events.iter().filter_map(Event::fault) {
            let state = match fault.kind {
                Kind::Kill => Some(State::Gone),
                Kind::Pause { .. } => Some(State::Paused),
                Kind::Cut { .. } => Some(State::CutOff),
                Kind::Slow { .. } | Kind::Fill { .. } | Kind::Fail { .. } => Some(State::Silent),
            };
            self.ill.insert(fault.victim.clone(), (state, now + SignedDuration::from_hours(3)));
        }
    }

    fn fall_ill(&mut self, now: Timestamp) {
        for name in &self.instances {
            if self.chance.next_u64().is_multiple_of(60) {
                let state = ILLS[(self.chance.next_u64() % 5) as usize];
                let hours = 1 + (self.chance.next_u64() % 20) as i64;
                self.ill.entry(name.clone()).or_insert((state, now + SignedDuration::from_hours(hours)));
            }
        }
    }
}

/// The healthy instances of a group.
pub fn healthy<'c>(config: &'c Config, name: &str, view: &View) -> Vec<&'c String> {
    let instances = group(config, name).map(|group| &group.instances);
    instances.into_iter().flatten().filter(|name| view.get(*name) == Some(&State::Healthy)).collect()
}

/// What is known of the instances of a group.
pub fn shown(config: &Config, name: &str, view: &View) -> String {
    let state = |name: &String| format!("{name} {}", words::state(view.get(name).copied()));
    let instances = group(config, name).map(|group| &group.instances);
    instances.into_iter().flatten().map(state).collect::<Vec<_>>().join(", ")
}

/// Whether more than `min_healthy` of a group's instances are healthy at a tick in working time, from `at` on and on the same date.
pub fn get_well(config: &Config, name: &str, seen: &BTreeMap<Timestamp, View>, at: Timestamp) -> bool {
    let least = group(config, name).map_or(0, |group| group.min_healthy);
    let mut later = seen.range(at..).take_while(|(later, _)| day(config, **later) == day(config, at));
    later.any(|(later, view)| healthy(config, name, view).len() > least && why_not(&config.schedule, *later).is_none())
}
