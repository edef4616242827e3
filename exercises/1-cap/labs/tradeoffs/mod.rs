//! What does each register give up when the network falls apart?
//!
//! The lab plays the same days ([`day`]) for three registers ([`run`]): the naive one, the quorum register (CP) and the
//! last-writer-wins register (AP). Clients ask all the time, links are cut and heal, and every operation is written down. Then
//! it counts ([`measure`]), prints a table ([`table`]) and draws a plot ([`plot`]).
//!
//! It is a simulation in ticks, drawn from seeds. So the same code gives the same numbers on every machine, and there is no
//! wall clock in them.
//!
//! ```console
//! $ cargo course lab tradeoffs                  # your registers; the plot goes to target/course/labs/tradeoffs.svg
//! $ cargo course lab tradeoffs --reference      # the reference
//! $ cargo run -p cap-solution --example tradeoffs -- --record book/src/1-cap/labs 2026-11-24   # the run in the book
//! ```

pub mod day;
pub mod measure;
pub mod plot;
pub mod record;
pub mod run;
pub mod table;

use std::env;
use std::path::Path;
use std::process::ExitCode;

use run::Contender;
use testkit::lab;

/// Runs the lab. `whose` says in the table whose registers these are.
pub fn main(whose: &str) -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    lab::exit(start(whose, &arguments))
}

fn start(whose: &str, arguments: &[&str]) -> Result<(), String> {
    match arguments {
        [] => show(&run::contenders(whose)),
        ["--record", folder, date] => record::record(&run::contenders(whose), Path::new(folder), date),
        _ => {
            Err("This lab takes no arguments, or `--record FOLDER DATE` to write the page and the plot of the book."
                .into())
        }
    }
}

/// Prints the table and draws the plot.
fn show(contenders: &[Contender]) -> Result<(), String> {
    println!("{}", table::terminal(contenders));
    for note in table::notes(contenders) {
        println!("{note}");
    }
    lab::write(&lab::plots().join("tradeoffs.svg"), &plot::draw(contenders))
}
