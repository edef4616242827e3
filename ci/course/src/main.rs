//! `cargo course`: the course's command.
//!
//! [`cli`] reads the command line and calls one file of [`commands`] for each subcommand. What the commands share:
//! [`workspace`] knows where things are, [`manifest`] what the tasks are, [`progress`] what the learner has done, [`guide`]
//! what comes next, [`runner`] builds an exercise and runs its checks, [`shown`] which failure was shown last, [`style`]
//! prints. A command ends in an [`error::Exit`] or in an [`error::Error`], which says what to do next.

mod book;
mod cli;
mod clock;
mod commands;
mod error;
mod guide;
mod manifest;
mod misconception;
mod progress;
mod runner;
mod shown;
mod style;
mod workspace;

fn main() -> std::process::ExitCode {
    cli::run()
}
