//! `cargo course`: the course's command.
//!
//! [`cli`] reads the command line and calls one file of [`commands`] for each subcommand. What the commands share:
//! [`workspace`] knows where things are, [`manifest`] what the tasks are, [`progress`] what the learner has done, [`guide`]
//! what comes next, [`runner`] builds an exercise and runs its checks, [`bars`] shows how that comes along, [`shown`] which failure was shown last, [`refusals`] what is
//! refused unbuilt, [`needs`] which functions a check needs, [`source`] and [`copy`] judge another person's code, [`style`] prints. A command ends in an [`error::Exit`] or in an [`error::Error`], which says what to do next.

mod bars;
mod book;
mod cli;
mod clock;
mod commands;
mod copy;
mod editor;
mod error;
mod group;
mod guide;
mod lines;
mod manifest;
mod mine;
mod misconception;
mod needs;
mod progress;
mod refusals;
mod runner;
mod server;
mod shown;
mod source;
mod style;
mod workspace;

fn main() -> std::process::ExitCode {
    cli::run()
}
