//! A run on the terminal, while it goes on: some lines that are drawn anew in their place, and above them what was done.
//!
//! Where the output is no terminal, a line is printed each second, and one for each fault.
//!
//! The cursor stays visible and the screen is the usual one, so whoever presses Ctrl-C finds the terminal as it was. The servers are ended by
//! their [`Enclosure`](testkit::network::Enclosure), however this process ends.

use std::collections::VecDeque;
use std::env;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write as _};
use std::time::Duration;

use testkit::text::thousands;

use super::run::leader;
use crate::subject::chaos::{Progress, Report, ServerStatus};
use crate::subject::monkey::{Kind, State};

const SECOND: Duration = Duration::from_secs(1);

const BOLD: &str = "1";
const FAINT: &str = "2";
const GREEN: &str = "32";
const RED: &str = "31";

/// What is shown of a run.
pub struct Screen {
    is_terminal: bool,
    colours: bool,
    /// How many lines were drawn that are to be drawn anew.
    drawn: usize,
    /// What each server suffered when it was seen last.
    suffered: Vec<Option<Kind>>,
    /// Who led then.
    led: Option<(usize, u64)>,
    /// How many answers there were, in the last second.
    answered: VecDeque<(Duration, usize)>,
    /// When the last line was printed, if the output is no terminal.
    printed: Duration,
}

impl Screen {
    /// Says which run begins.
    pub fn begin(title: &str) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let colours = is_terminal && env::var_os("NO_COLOR").is_none();
        let answered = VecDeque::from([(Duration::ZERO, 0)]);
        let (suffered, printed) = (Vec::new(), Duration::ZERO);
        let screen = Screen { is_terminal, colours, drawn: 0, suffered, led: None, answered, printed };
        say(&format!("\n{}\n", screen.paint(BOLD, title)));
        screen
    }

    /// Shows how it goes.
    pub fn show(&mut self, progress: &Progress) {
        self.answered.push_back((progress.elapsed, progress.answered));
        while self.answered.front().is_some_and(|(at, _)| *at + SECOND < progress.elapsed) {
            self.answered.pop_front();
        }
        let mut text = self.faults(progress);
        if self.is_terminal {
            let block = self.block(progress);
            text = format!("{}{text}{block}", self.back());
            self.drawn = block.lines().count();
        } else if progress.elapsed >= self.printed + SECOND {
            self.printed = progress.elapsed;
            text += &self.line(progress);
        }
        self.suffered = progress.servers.iter().map(|status| status.suffers).collect();
        self.led = leader(&progress.servers);
        say(&text);
    }

    /// Says how it went. What was drawn is taken away.
    pub fn end(&mut self, report: &Report) {
        let verdict = match report.broken.len() {
            0 => self.paint(GREEN, "Clients were told one story."),
            _ => self.paint(RED, "A rule was broken, see below."),
        };
        let answered = thousands(report.answers.len());
        say(&format!("{}  {answered} operations were answered. {verdict}\n", self.back()));
        self.drawn = 0;
    }

    /// Takes the cursor back to where the block begins, and takes that away.
    fn back(&self) -> String {
        match self.drawn {
            0 => String::new(),
            lines => format!("\x1b[{lines}A\r\x1b[J"),
        }
    }

    /// A line for each fault that was done since the last look.
    fn faults(&self, progress: &Progress) -> String {
        let mut text = String::new();
        for (server, status) in progress.servers.iter().enumerate() {
            let before = self.suffered.get(server).copied().flatten();
            let Some(kind) = status.suffers.filter(|kind| Some(*kind) != before) else { continue };
            let led = self.led.filter(|(leader, _)| *leader == server);
            let led = led.map_or(String::new(), |(_, term)| format!(", which leads in term {term}"));
            let seconds = progress.elapsed.as_secs_f64();
            let _ = writeln!(text, "  {seconds:>5.1} s  {}", self.paint(RED, &format!("n{server}{led}: {kind}")));
        }
        text
    }

    /// The lines that are drawn anew.
    fn block(&self, progress: &Progress) -> String {
        let (seconds, rate) = (progress.elapsed.as_secs_f64(), self.rate());
        let head = format!("  {seconds:>5.1} s  {rate:>5} operations a second");
        let mut text = format!("\n{}\n", self.paint(BOLD, &head));
        let leader = leader(&progress.servers).map(|(server, _)| server);
        for (server, status) in progress.servers.iter().enumerate() {
            let word = word(status);
            let code = if word == "up" { GREEN } else { RED };
            let word = self.paint(code, &format!("{word:<22}"));
            let leads = status.leads.map_or(String::new(), |term| {
                let claims = if leader == Some(server) { "leads in term" } else { "led last in term" };
                format!("{claims} {term}")
            });
            let _ = writeln!(text, "         n{server}  {word} {}", self.paint(FAINT, &leads));
        }
        text
    }

    /// All of it in one line.
    fn line(&self, progress: &Progress) -> String {
        let leader = leader(&progress.servers);
        let leads =
            leader.map_or("nobody leads".to_owned(), |(server, term)| format!("n{server} leads in term {term}"));
        let ill = progress.servers.iter().enumerate().filter(|(_, status)| word(status) != "up");
        let ill: String = ill.map(|(server, status)| format!("; n{server} {}", word(status))).collect();
        format!("  {:>5.1} s  {:>5} operations a second; {leads}{ill}\n", progress.elapsed.as_secs_f64(), self.rate())
    }

    /// How many operations were answered in the last second.
    fn rate(&self) -> usize {
        let (Some((from, before)), Some((until, after))) = (self.answered.front(), self.answered.back()) else {
            return 0;
        };
        let seconds = until.saturating_sub(*from).as_secs_f64().max(0.1);
        ((after - before) as f64 / seconds) as usize
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colours && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// How a server is, in a word or two.
fn word(status: &ServerStatus) -> &'static str {
    let is_gone = status.state == State::Gone;
    match status.suffers {
        Some(Kind::Kill) => "killed",
        Some(Kind::Pause { .. }) => "paused",
        Some(Kind::Cut { .. }) => "cut off",
        Some(Kind::Slow { .. }) => "slow",
        Some(Kind::Fill { .. }) if is_gone => "disk full, has ended",
        Some(Kind::Fill { .. }) => "disk full",
        Some(Kind::Fail { .. }) if is_gone => "disk fails, has ended",
        Some(Kind::Fail { .. }) => "disk fails",
        None if is_gone => "down",
        None => "up",
    }
}

/// Prints a text at once. A reader that closes the pipe early has read enough.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    if out.write_all(text.as_bytes()).and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}
