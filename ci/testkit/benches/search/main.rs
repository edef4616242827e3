//! Our search beside stateright's, on the quorum register of stage 1.
//!
//! `cargo bench -p testkit` prints a table first: states, time and peak memory of one whole search, each in a process of its
//! own. Then criterion measures a smaller search of the same kind many times.
//!
//! Four ways of asking the same question, "is every history linearizable?":
//!
//! - *ours*: the testkit's search on the testkit's cluster;
//! - *ours, leaving out*: the same without messages that their receiver would ignore, as most checks do it;
//! - *stateright on the cluster*: stateright's breadth-first search on that same model, state by state;
//! - *stateright's actors*: stateright's search on its own model of actors, which run the same register ([`actors`]). Its
//!   network carries the clients' requests and replies too, and never delivers what would be ignored: the number of its
//!   states lies between the two of ours.

mod actors;

// The register itself: the files of the reference, so that both sides run the same code.
#[path = "../../../../solutions/1-cap/src/abd.rs"]
mod abd;
#[path = "../../../../solutions/1-cap/src/quorum.rs"]
mod quorum;
#[path = "../../../../solutions/1-cap/src/register.rs"]
mod register;

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{env, fs};

use criterion::{BenchmarkId, Criterion};
use stateright::{Checker, Model};
use testkit::cluster::{Cluster, Linearizable, SequentialSpec};
use testkit::rule::Rule;
use testkit::search::{Bounds, ByProperties, search};

use abd::Abd;
use register::Request::{Read, Write};
use register::{Request, Response, Value};

/// What one copy of a register answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Register(Value);

impl SequentialSpec for Register {
    type Op = Request;
    type Ret = Response;

    fn invoke(&mut self, request: &Request) -> Response {
        match *request {
            Read => Response::Read(self.0),
            Write(value) => {
                self.0 = value;
                Response::Written
            }
        }
    }
}

/// How many servers there are, and what the client of each asks.
pub struct Scope {
    name: &'static str,
    servers: usize,
    scripts: &'static [&'static [Request]],
}

/// For criterion: hundreds of states.
const SMALL: Scope = Scope { name: "small", servers: 2, scripts: &[&[Write(1), Read], &[Write(2), Read]] };
/// For the table.
const LARGE: Scope = Scope { name: "large", servers: 3, scripts: &[&[Write(1)], &[Read, Read]] };

/// Searches a scope, and says how many states it has.
type Way = fn(&Scope) -> usize;

/// Ways to search.
const WAYS: [(&str, Way); 4] = [
    ("ours", ours),
    ("ours, leaving out", ours_leaving_out),
    ("stateright on the cluster", stateright_on_cluster),
    ("stateright's actors", stateright_on_actors),
];

const LINEARIZABLE: Rule = Rule::new("linearizable", "", "", "");

fn cluster(scope: &Scope) -> Cluster<Abd, Linearizable<Register>> {
    let empty = Cluster::new(scope.servers, Linearizable::new(Register::default()));
    let clients = scope.scripts.iter().enumerate();
    let cluster = clients.fold(empty, |cluster, (at, script)| cluster.client(&[at], script.iter().copied()));
    cluster.always(LINEARIZABLE, |view| if view.history().holds() { Ok(()) } else { Err("It is not.".to_owned()) })
}

fn ours(scope: &Scope) -> usize {
    search_all(&cluster(scope))
}

fn ours_leaving_out(scope: &Scope) -> usize {
    search_all(&cluster(scope).leaving_out_ignored())
}

fn search_all(cluster: &Cluster<Abd, Linearizable<Register>>) -> usize {
    search(cluster, Bounds::exhaustive(50_000_000), &mut ByProperties::new(cluster)).states
}

fn stateright_on_cluster(scope: &Scope) -> usize {
    cluster(scope).checker().spawn_bfs().join().unique_state_count()
}

fn stateright_on_actors(scope: &Scope) -> usize {
    actors::model(scope).checker().spawn_bfs().join().unique_state_count()
}

/// Names the way to search, in a process that does only that.
const CHILD: &str = "BENCH_ONE_SEARCH";

fn main() {
    if let Ok(way) = env::var(CHILD) {
        return search_once(way.parse().expect("the number of a way"));
    }
    print_table();
    let mut criterion = Criterion::default().measurement_time(Duration::from_secs(5)).configure_from_args();
    let mut group = criterion.benchmark_group(SMALL.name);
    group.sample_size(20);
    for (name, way) in WAYS {
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| bencher.iter(|| way(black_box(&SMALL))));
    }
    group.finish();
    criterion.final_summary();
}

/// Searches once, and tells how many states there were, how long it took, and how much memory it needed.
fn search_once(way: usize) {
    let before = peak_memory();
    let begun = Instant::now();
    let states = WAYS[way].1(&LARGE);
    println!("{states} {} {}", begun.elapsed().as_micros(), peak_memory() - before);
}

/// The most memory that this process ever held, in KiB. Linux tells; elsewhere it is 0.
fn peak_memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn print_table() {
    println!("| search | states | seconds | states/s | MiB | bytes/state |\n|---|---|---|---|---|---|");
    for (way, (name, _)) in WAYS.iter().enumerate() {
        let child = Command::new(env::current_exe().expect("a running program has a path"))
            .env(CHILD, way.to_string())
            .output();
        let output = String::from_utf8(child.expect("it can be run again").stdout).expect("numbers are text");
        let numbers: Vec<f64> = output.split_whitespace().map(|number| number.parse().expect("a number")).collect();
        let [states, micros, kibibytes] = numbers[..] else { panic!("three numbers, not {output:?}") };
        println!(
            "| {name} | {states} | {:.2} | {:.0} | {:.0} | {:.0} |",
            micros / 1e6,
            states / (micros / 1e6),
            kibibytes / 1024.0,
            kibibytes * 1024.0 / states
        );
    }
}
