//! The three registers, each through the same days.

use testkit::check::FailureKind;
use testkit::cluster::Cluster;
use testkit::node::{Never, Node};
use testkit::panics;
use testkit::simulation::{Faults, Sighting, Simulation, Tick};

use super::day::{DELAY, Day, PATIENCE, Part, Planned, SEEDS, SERVERS};
use crate::subject::abd::Abd;
use crate::subject::lww::Lww;
use crate::subject::naive::Naive;
use crate::subject::register::{Request, Response};

/// A register that takes part.
pub struct Contender {
    /// How it is called: `naive`, `CP`, `AP`.
    pub name: &'static str,
    /// Whose it is: `given`, `yours`, `reference`.
    pub whose: String,
    /// The task in which it is written; the naive one is given.
    pub task: Option<&'static str>,
    /// How its days went, or one line that says why they could not be played.
    pub runs: Result<Vec<Run>, String>,
}

/// How a day went.
pub struct Run {
    /// The day, the same for each register.
    pub day: Day,
    /// The operations, by their number.
    pub operations: Vec<Operation>,
}

/// An operation, and what came of it.
pub struct Operation {
    /// What was asked, and when.
    pub planned: Planned,
    /// Its place among all questions and answers of the day, from 1.
    pub asked: u64,
    /// The answer, if it came before the client gave up.
    pub answer: Option<Answer>,
}

/// An answer in time.
#[derive(Clone, Copy)]
pub struct Answer {
    /// Its place among all questions and answers of the day.
    pub place: u64,
    /// When it came.
    pub at: Tick,
    /// What was answered.
    pub response: Response,
}

impl Operation {
    /// Was it asked by a client, not by the lab?
    pub fn is_counted(&self) -> bool {
        self.planned.part != Part::Look
    }

    /// Is it a write?
    pub fn is_write(&self) -> bool {
        matches!(self.planned.request, Request::Write(_))
    }

    /// How long the answer took.
    pub fn latency(&self) -> Option<Tick> {
        self.answer.map(|answer| answer.at - self.planned.at)
    }
}

/// Lets each register go through all days.
pub fn contenders(whose: &str) -> Vec<Contender> {
    panics::listen(); // A `todo!` is told in the table, not by a panic's message.
    let contenders = vec![
        contender::<Naive>("naive", "given", None),
        contender::<Abd>("CP", whose, Some("abd")),
        contender::<Lww>("AP", whose, Some("lww")),
    ];
    let _ = std::panic::take_hook();
    contenders
}

fn contender<N>(name: &'static str, whose: &str, task: Option<&'static str>) -> Contender
where
    N: Node<Request = Request, Response = Response, Timer = Never>,
{
    let runs: Result<Vec<_>, _> =
        SEEDS.map(|seed| play::<N>(seed).map_err(|why| format!("The {name} register {why}"))).collect();
    let check = |why: String| format!("{why}: cargo course check {}", task.unwrap_or_default());
    Contender { name, whose: whose.to_owned(), task, runs: runs.map_err(check) }
}

/// Plays the day of `seed`. The error says what is the matter with the register.
fn play<N>(seed: u64) -> Result<Run, String>
where
    N: Node<Request = Request, Response = Response, Timer = Never>,
{
    let day = Day::draw(seed);
    let simulation = Simulation::<N, ()>::new(Cluster::new(SERVERS, ()), Faults::default()).messages_take(DELAY);
    let seen = simulation.play(&day.timetable, seed).map_err(|finding| match finding.kind {
        FailureKind::Unwritten => "is not written yet".to_owned(),
        _ => format!("breaks a rule ({})", finding.rule.name),
    })?;
    Ok(Run { operations: operations(&day, &seen), day })
}

/// Puts questions and answers together.
fn operations(day: &Day, seen: &[Sighting<Response>]) -> Vec<Operation> {
    let unasked = |&planned| Operation { planned, asked: 0, answer: None };
    let mut operations: Vec<_> = day.planned.iter().map(unasked).collect();
    for (place, sighting) in (1..).zip(seen) {
        match *sighting {
            Sighting::Asked { client, .. } => operations[client.0].asked = place,
            Sighting::Answered { client, at, response } => {
                let operation = &mut operations[client.0];
                let in_time = at <= operation.planned.at + PATIENCE;
                operation.answer = in_time.then_some(Answer { place, at, response });
            }
        }
    }
    operations
}
