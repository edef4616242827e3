//! How long things take, in the terminal: a spinner while cargo builds, a bar while checks run.

use std::io::{self, IsTerminal};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use testkit::check::Run;

use crate::manifest::sentence;
use crate::runner::{Listener, test_path};

/// What is drawn on the standard error, if that is a terminal.
#[derive(Default)]
pub struct Bars(Mutex<Drawn>);

#[derive(Default)]
struct Drawn {
    bar: Option<ProgressBar>,
    /// The checks that run at this moment, the one that has run longest first: it is what one waits for.
    under_way: Vec<String>,
}

impl Bars {
    fn change(&self, change: impl FnOnce(&mut Drawn)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Listener for Bars {
    fn building(&self, what: &str) {
        self.change(|drawn| drawn.bar.get_or_insert_with(begin_building).set_message(what.to_owned()));
    }

    fn built(&self) {
        self.change(Drawn::clear);
    }

    fn starting(&self, checks: &[&str]) {
        self.change(|drawn| drawn.bar = Some(progress_bar(checks.len())));
    }

    fn begun(&self, check: &str) {
        self.change(|drawn| {
            drawn.under_way.push(test_path(check));
            drawn.name();
        });
    }

    fn ended(&self, run: &Run) {
        self.change(|drawn| {
            drawn.under_way.retain(|check| *check != run.check);
            drawn.bar.iter().for_each(|bar| bar.inc(1));
            drawn.name();
        });
    }

    fn finished(&self) {
        self.change(Drawn::clear);
    }
}

impl Drawn {
    fn clear(&mut self) {
        self.bar.take().iter().for_each(ProgressBar::finish_and_clear);
    }

    fn name(&self) {
        let waits_for = self.under_way.first().map(|check| sentence(check)).unwrap_or_default();
        self.bar.iter().for_each(|bar| bar.set_message(waits_for.clone()));
    }
}

/// A spinner for a build. Where no spinner is seen, a line says what takes so long.
fn begin_building() -> ProgressBar {
    if !io::stderr().is_terminal() {
        eprintln!("Building your code and the checks. The first time, this takes minutes.");
    }
    spinner("")
}

/// A spinner on the standard error, if that is a terminal. It appears with its first tick.
pub fn spinner(message: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("{spinner:.cyan} {wide_msg:.dim} {elapsed:.dim}");
    let bar = ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
    bar.set_message(message.to_owned());
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

fn progress_bar(length: usize) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{spinner:.cyan} {bar:24.cyan/dim} {pos}/{len} {wide_msg:.dim} {elapsed:.dim}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━━─");
    let bar = ProgressBar::new(length as u64).with_style(style);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
