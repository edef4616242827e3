//! The judge of long histories, on texts under keys: fifty clients, thousands of operations.
//!
//! `cargo bench -p testkit --bench history` measures what it takes to decide a history, and to explain it if it has no
//! order. The histories are made up, with fixed seeds. In each that is broken, one get was told what it cannot have been
//! told, three quarters on.
//!
//! For a comparison with another checker, write the histories to files: `… --bench history -- --write FOLDER` puts one event
//! in each line: `i` for an invocation or `r` for a return, the operation's number, the client, and then the key, the request
//! and its word, or the answer and its text. What never returns has no second line.

#[expect(dead_code, reason = "the tests use all of it")]
#[path = "../../src/history/made_up.rs"]
mod made_up;

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::{env, fs};

use criterion::{BenchmarkId, Criterion};
use testkit::history::{Operation, Verdict, linearizable_by_key};

use made_up::{Answer, Ask, Planted, Shape, Text, Told, happened};

/// Fifty clients on ten keys. Appends are told nothing.
const SILENT: Shape =
    Shape { operations: 2_000, clients: 50, keys: 10, lost_one_in: 0, gets: 5, puts: 1, appends_tell: false };
/// The same without puts, which are what ends the search for the order of the appends before them.
const LONG: Shape = Shape { puts: 0, ..SILENT };
/// Appends that return the whole text.
const TELLING: Shape = Shape { gets: 3, appends_tell: true, ..LONG };
/// One request in fifty is lost.
const LOSSY: Shape = Shape { operations: 4_000, lost_one_in: 50, puts: 1, ..TELLING };
/// All fifty on one key.
const CROWDED: Shape = Shape { keys: 1, ..TELLING };

const SHAPES: [(&str, Shape, bool); 8] = [
    ("silent appends", SILENT, false),
    ("silent appends, broken", SILENT, true),
    ("silent appends without puts, broken", LONG, true),
    ("appends that tell", TELLING, false),
    ("appends that tell, broken", TELLING, true),
    ("lost requests", LOSSY, false),
    ("lost requests, broken", LOSSY, true),
    ("one key, broken", CROWDED, true),
];

fn history(shape: &Shape, broken: bool) -> Vec<Told> {
    let mut history = happened(shape, 1);
    if broken {
        Planted::StaleRead.plant(&mut history, shape.operations * 3 / 4);
    }
    history
}

fn main() {
    let arguments: Vec<String> = env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--write") {
        return write_all(Path::new(&arguments[at + 1]));
    }
    let mut criterion = Criterion::default().sample_size(10).configure_from_args();
    let mut group = criterion.benchmark_group("history");
    for (name, shape, broken) in SHAPES {
        let history = history(&shape, broken);
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| {
                let verdict = linearizable_by_key(|_| Text::default(), black_box(&history), |(key, _)| *key);
                assert_eq!(matches!(verdict, Verdict::Not { .. }), broken, "{name}: {verdict:?}");
            });
        });
    }
    group.finish();
    criterion.final_summary();
}

fn write_all(folder: &Path) {
    for (name, shape, broken) in SHAPES {
        let file = folder.join(name.replace(' ', "-").replace(',', "") + ".txt");
        fs::write(&file, written(&history(&shape, broken))).expect("the folder can be written to");
    }
}

/// A history as lines of text.
fn written(history: &[Told]) -> String {
    let mut events: Vec<(u64, usize, bool)> = Vec::new();
    for (number, Operation { invoked, returned, .. }) in history.iter().enumerate() {
        events.push((*invoked, number, false));
        events.extend(returned.iter().map(|(at, _)| (*at, number, true)));
    }
    events.sort_unstable();
    let mut text = String::new();
    for (_, number, is_return) in events {
        let Operation { client, op: (key, ask), returned, .. } = &history[number];
        let line = match returned.as_ref().filter(|_| is_return) {
            Some((_, Answer::Done)) => format!("r|{number}|{client}|done|"),
            Some((_, Answer::Whole(text))) => format!("r|{number}|{client}|whole|{text}"),
            None => format!("i|{number}|{client}|{key}|{}", asked(ask)),
        };
        writeln!(text, "{line}").expect("text can be written to");
    }
    text
}

fn asked(ask: &Ask) -> String {
    match ask {
        Ask::Get => "get|".to_owned(),
        Ask::Put(text) => format!("put|{text}"),
        Ask::Append(word) => format!("app|{word}"),
        Ask::AppendAndGet(word) => format!("apg|{word}"),
    }
}
