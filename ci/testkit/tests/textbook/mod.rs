//! Small models from textbooks, whose numbers of states are known.

use stateright::{Model, Property};

/// Two jugs, a tap and a drain: how does one measure 4 litres with jugs of 3 and 5?
///
/// Perelman, and a film. 16 states can be reached; 4 litres take 6 steps.
pub struct Jugs;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pour {
    FillSmall,
    FillLarge,
    EmptySmall,
    EmptyLarge,
    SmallToLarge,
    LargeToSmall,
}

impl Model for Jugs {
    type State = (u8, u8);
    type Action = Pour;

    fn init_states(&self) -> Vec<(u8, u8)> {
        vec![(0, 0)]
    }

    fn actions(&self, _: &(u8, u8), actions: &mut Vec<Pour>) {
        use Pour::*;
        actions.extend([FillSmall, FillLarge, EmptySmall, EmptyLarge, SmallToLarge, LargeToSmall]);
    }

    fn next_state(&self, &(small, large): &(u8, u8), pour: Pour) -> Option<(u8, u8)> {
        let next = match pour {
            Pour::FillSmall => (3, large),
            Pour::FillLarge => (small, 5),
            Pour::EmptySmall => (0, large),
            Pour::EmptyLarge => (small, 0),
            Pour::SmallToLarge => {
                let poured = small.min(5 - large);
                (small - poured, large + poured)
            }
            Pour::LargeToSmall => {
                let poured = large.min(3 - small);
                (small + poured, large - poured)
            }
        };
        (next != (small, large)).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("never 4 litres", |_, (_, large)| *large != 4),
            Property::sometimes("both full", |_, jugs| *jugs == (3, 5)),
            Property::sometimes("both half full", |_, jugs| *jugs == (2, 2)),
        ]
    }
}

/// The sliding puzzle of `WIDTH` by `HEIGHT` tiles, from its solved position.
///
/// Half of all orders of the tiles can be reached: 360 of 2 by 3, 181,440 of 3 by 3. The furthest are 21 and 31 moves away.
pub struct Puzzle<const WIDTH: usize, const HEIGHT: usize>;

impl<const WIDTH: usize, const HEIGHT: usize> Model for Puzzle<WIDTH, HEIGHT> {
    /// The tile in each place; 0 is the gap.
    type State = Vec<u8>;
    /// The place whose tile slides into the gap.
    type Action = usize;

    fn init_states(&self) -> Vec<Vec<u8>> {
        vec![(0..(WIDTH * HEIGHT) as u8).collect()]
    }

    fn actions(&self, tiles: &Vec<u8>, actions: &mut Vec<usize>) {
        let gap = gap(tiles);
        actions.extend((gap >= WIDTH).then(|| gap - WIDTH));
        actions.extend((!gap.is_multiple_of(WIDTH)).then(|| gap - 1));
        actions.extend((gap % WIDTH + 1 < WIDTH).then(|| gap + 1));
        actions.extend((gap + WIDTH < tiles.len()).then(|| gap + WIDTH));
    }

    fn next_state(&self, tiles: &Vec<u8>, from: usize) -> Option<Vec<u8>> {
        let mut next = tiles.clone();
        next.swap(gap(tiles), from);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![Property::always("no tile is lost", |_, tiles: &Vec<u8>| {
            (0..tiles.len() as u8).all(|tile| tiles.contains(&tile))
        })]
    }
}

fn gap(tiles: &[u8]) -> usize {
    tiles.iter().position(|&tile| tile == 0).expect("there is a gap")
}

/// Two-phase commit, by Lamport's TLA+ specification of it: a manager and `RESOURCES` resource managers.
///
/// Gray & Lamport 2006, "Consensus on transaction commit", section 3. TLC finds 288 states with three resource managers.
pub struct TwoPhase<const RESOURCES: usize>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    Working,
    Prepared,
    Committed,
    Aborted,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Transaction {
    resources: Vec<Resource>,
    /// Has the manager decided?
    done: bool,
    /// Whose "prepared" the manager has received.
    prepared: Vec<bool>,
    /// Whose "prepared" has been sent. Messages are never lost, and may be read again.
    sent: Vec<bool>,
    commit_sent: bool,
    abort_sent: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vote {
    ReceivePrepared(usize),
    DecideCommit,
    DecideAbort,
    Prepare(usize),
    Refuse(usize),
    HearCommit(usize),
    HearAbort(usize),
}

impl<const RESOURCES: usize> Model for TwoPhase<RESOURCES> {
    type State = Transaction;
    type Action = Vote;

    fn init_states(&self) -> Vec<Transaction> {
        vec![Transaction {
            resources: vec![Resource::Working; RESOURCES],
            done: false,
            prepared: vec![false; RESOURCES],
            sent: vec![false; RESOURCES],
            commit_sent: false,
            abort_sent: false,
        }]
    }

    fn actions(&self, state: &Transaction, actions: &mut Vec<Vote>) {
        if !state.done {
            actions.extend(state.prepared.iter().all(|prepared| *prepared).then_some(Vote::DecideCommit));
            actions.push(Vote::DecideAbort);
        }
        for id in 0..RESOURCES {
            let working = state.resources[id] == Resource::Working;
            actions.extend((!state.done && state.sent[id]).then_some(Vote::ReceivePrepared(id)));
            actions.extend(working.then_some(Vote::Prepare(id)));
            actions.extend(working.then_some(Vote::Refuse(id)));
            actions.extend(state.commit_sent.then_some(Vote::HearCommit(id)));
            actions.extend(state.abort_sent.then_some(Vote::HearAbort(id)));
        }
    }

    fn next_state(&self, state: &Transaction, vote: Vote) -> Option<Transaction> {
        let mut next = state.clone();
        match vote {
            Vote::ReceivePrepared(id) => next.prepared[id] = true,
            Vote::DecideCommit => (next.done, next.commit_sent) = (true, true),
            Vote::DecideAbort => (next.done, next.abort_sent) = (true, true),
            Vote::Prepare(id) => (next.resources[id], next.sent[id]) = (Resource::Prepared, true),
            Vote::Refuse(id) => next.resources[id] = Resource::Aborted,
            Vote::HearCommit(id) => next.resources[id] = Resource::Committed,
            Vote::HearAbort(id) => next.resources[id] = Resource::Aborted,
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("all decide alike", |_, state: &Transaction| {
                !(state.resources.contains(&Resource::Committed) && state.resources.contains(&Resource::Aborted))
            }),
            Property::sometimes("all commit", |_, state: &Transaction| {
                state.resources.iter().all(|resource| *resource == Resource::Committed)
            }),
            Property::sometimes("all abort", |_, state: &Transaction| {
                state.resources.iter().all(|resource| *resource == Resource::Aborted)
            }),
        ]
    }
}

/// Philosophers around a table, each of whom takes the fork on the left first (Dijkstra 1971). All hold one fork in the end.
pub struct Dining<const SEATS: usize>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Philosopher {
    Thinks,
    HoldsLeft,
    Eats,
}

impl<const SEATS: usize> Model for Dining<SEATS> {
    type State = Vec<Philosopher>;
    /// Who takes the next fork, or puts both down.
    type Action = usize;

    fn init_states(&self) -> Vec<Vec<Philosopher>> {
        vec![vec![Philosopher::Thinks; SEATS]]
    }

    fn actions(&self, table: &Vec<Philosopher>, actions: &mut Vec<usize>) {
        actions.extend((0..SEATS).filter(|&seat| can_move(table, seat)));
    }

    fn next_state(&self, table: &Vec<Philosopher>, seat: usize) -> Option<Vec<Philosopher>> {
        let mut next = table.clone();
        next[seat] = match table[seat] {
            Philosopher::Thinks => Philosopher::HoldsLeft,
            Philosopher::HoldsLeft => Philosopher::Eats,
            Philosopher::Eats => Philosopher::Thinks,
        };
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("somebody can move", |_, table: &Vec<Philosopher>| {
                (0..SEATS).any(|seat| can_move(table, seat))
            }),
            Property::sometimes("somebody eats", |_, table: &Vec<Philosopher>| table.contains(&Philosopher::Eats)),
        ]
    }
}

fn can_move(table: &[Philosopher], seat: usize) -> bool {
    // The fork on one's left is held by the neighbour there only while that one eats; the fork on one's right, as soon as
    // the neighbour there holds anything.
    let (left, right) = (table[(seat + table.len() - 1) % table.len()], table[(seat + 1) % table.len()]);
    match table[seat] {
        Philosopher::Thinks => left != Philosopher::Eats,
        Philosopher::HoldsLeft => right == Philosopher::Thinks,
        Philosopher::Eats => true,
    }
}

/// Two processes that keep out of each other's way (Peterson 1981), or, with `POLITE` false, that forget to let the other
/// one go first.
pub struct Peterson<const POLITE: bool>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    Elsewhere,
    Flagged,
    Waiting,
    Inside,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Both {
    at: [At; 2],
    turn: usize,
}

impl<const POLITE: bool> Model for Peterson<POLITE> {
    type State = Both;
    /// Which of the two takes its next step.
    type Action = usize;

    fn init_states(&self) -> Vec<Both> {
        [0, 1].map(|turn| Both { at: [At::Elsewhere; 2], turn }).into()
    }

    fn actions(&self, _: &Both, actions: &mut Vec<usize>) {
        actions.extend([0, 1]);
    }

    fn next_state(&self, state: &Both, one: usize) -> Option<Both> {
        let (mut next, other) = (*state, 1 - one);
        next.at[one] = match state.at[one] {
            At::Elsewhere => At::Flagged,
            At::Flagged => {
                next.turn = if POLITE { other } else { one };
                At::Waiting
            }
            At::Waiting if state.at[other] == At::Elsewhere || state.turn == one => At::Inside,
            At::Waiting => return None,
            At::Inside => At::Elsewhere,
        };
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("one at a time", |_, state: &Both| state.at != [At::Inside; 2]),
            Property::sometimes("one gets in", |_, state: &Both| state.at.contains(&At::Inside)),
        ]
    }
}
