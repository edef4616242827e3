//! How the command prints: colours on a terminal, none in a pipe or under `NO_COLOR`.

use std::fmt::{self, Display};
use std::io::Write as _;

use anstyle::{AnsiColor, Style};

use crate::error::Error;

/// Passed.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// Failed.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Needs a look, but is not wrong.
pub const WARN: Style = AnsiColor::Yellow.on_default();
/// Headings, and what matters most on a line.
pub const STRONG: Style = Style::new().bold();
/// What can be skipped when reading.
pub const FAINT: Style = Style::new().dimmed();
/// Something to type or to open.
pub const TYPE: Style = AnsiColor::Cyan.on_default();

/// A text in a style.
pub struct Painted<T>(Style, T);

/// Puts a text in a style.
pub fn paint<T: Display>(style: Style, text: T) -> Painted<T> {
    Painted(style, text)
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        self.1.fmt(f)?;
        write!(f, "{:#}", self.0)
    }
}

/// Prints one line (or several) to the standard output.
///
/// A reader that closes the pipe early (`| head`) has read enough: the command ends.
pub fn say(text: impl Display) {
    if writeln!(anstream::stdout(), "{text}").is_err() {
        std::process::exit(0);
    }
}

/// Prints one line (or several) to the standard error: what is not the command's answer.
pub fn say_aside(text: impl Display) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Whether the standard output shows colours.
pub fn colour() -> bool {
    !matches!(anstream::AutoStream::choice(&std::io::stdout()), anstream::ColorChoice::Never)
}

/// Prints an error to the standard error.
pub fn complain(error: &Error) {
    let _ = writeln!(anstream::stderr(), "{} {error}", paint(BAD, "error:"));
}
