//! `cargo course serve`: the book in the browser, rebuilt and reloaded when a page changes.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use tokio::sync::watch::{self, Sender};

use crate::book::build::build;
use crate::book::watch::Watcher;
use crate::error::{Error, Exit};
use crate::server::{self, Edition, Entrance};
use crate::style::{self, FAINT, GOOD, STRONG, TYPE, WARN, paint};
use crate::workspace::Workspace;

/// Serve the book on this machine, and reload it in the browser when a page changes
#[derive(clap::Args)]
pub struct Args {
    /// The port to serve on; the next free one is taken where this one is in use, and 0 takes any
    #[arg(long, default_value_t = 3000)]
    port: u16,
    /// Open the book in the browser
    #[arg(long)]
    open: bool,
}

/// Runs the command.
pub fn run(args: &Args, workspace: &Workspace) -> Result<Exit, Error> {
    let said = |address: &str| {
        let ok = paint(GOOD, "ok");
        style::say(format_args!("{ok} The book is at {}", paint(TYPE, address)));
        style::say(paint(
            FAINT,
            "   Keep the address to yourself: anyone who has it can run your code. Ctrl-C ends this.",
        ));
    };
    serve(workspace, args.port, "", args.open, said)
}

/// Serves the book until it is interrupted. `say` is told the address of `page` once it is there.
pub fn serve(
    workspace: &Workspace,
    wanted: u16,
    page: &str,
    is_opened: bool,
    say: impl FnOnce(&str),
) -> Result<Exit, Error> {
    let (listener, port) = listen(wanted)?;
    let entrance = Entrance::new(workspace, port)?;
    // Before the first build: a page that is saved while the book is built is built again.
    let watcher = Watcher::new(workspace)?;
    let (editions, newest) = watch::channel(Arc::new(publish(workspace, 0)?));
    let address = entrance.address(page);
    if wanted != 0 && port != wanted {
        style::say(format_args!("{} port {wanted} is in use, so this is {port}.", paint(WARN, "note")));
    }
    say(&address);
    let owned = workspace.clone();
    thread::spawn(move || rebuild_on_change(&owned, &watcher, &editions));
    if is_opened {
        open(&address);
    }
    server::serve(workspace, listener, newest, entrance)
        .map_err(|error| Error::Course(format!("Serving the book failed: {error}.")))?;
    Ok(Exit::Fine)
}

/// Takes the port, or else the next free one.
fn listen(port: u16) -> Result<(TcpListener, u16), Error> {
    let candidates = port..=port.saturating_add(if port == 0 { 0 } else { 50 });
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for port in candidates {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => {
                let port = listener.local_addr().map_or(port, |address| address.port());
                return Ok((listener, port));
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
            Err(error) => return Err(cannot_listen(port, &error)),
        }
    }
    Err(cannot_listen(port, &last))
}

fn cannot_listen(port: u16, error: &io::Error) -> Error {
    Error::Course(format!("Cannot listen on port {port}: {error}. Choose another with `--port`; `--port 0` takes any."))
}

/// Builds an edition, and shows what mdBook complains about.
fn publish(workspace: &Workspace, number: u64) -> Result<Edition, Error> {
    let spinner = ProgressBar::new_spinner().with_message("building the book");
    spinner.enable_steady_tick(Duration::from_millis(100));
    let built = build(workspace, Some(&server::reload_endpoint(number)));
    spinner.finish_and_clear();
    let built = built?;
    for complaint in built.complaints {
        style::say(format_args!("{} {complaint}", paint(WARN, "mdBook:")));
    }
    Ok(Edition { number, site: built.site })
}

/// Runs beside the server until the process ends. A build that fails leaves the last good edition in place.
fn rebuild_on_change(workspace: &Workspace, watcher: &Watcher, editions: &Sender<Arc<Edition>>) {
    for number in 1.. {
        if let Err(error) = watcher.wait() {
            return style::complain(&error);
        }
        let start = Instant::now();
        match publish(workspace, number) {
            Ok(edition) => {
                editions.send_replace(Arc::new(edition));
                let took = format!("in {:.1} s", start.elapsed().as_secs_f64());
                style::say(format_args!("{} {}", paint(STRONG, "rebuilt"), paint(FAINT, took)));
            }
            Err(error) => {
                style::complain(&error);
                style::say("The last good book stays up. Fix the page and save it.");
            }
        }
    }
}

/// Opens the system's browser. If that does not work, the address stands in the terminal.
fn open(address: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let opened =
        Command::new(program).arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    if opened.is_err() {
        style::say(format_args!("{} `{program}` did not start: open the address yourself.", paint(WARN, "note")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_gives_the_next_free_one() {
        let (_taken, port) = listen(0).unwrap();
        let (_listener, next) = listen(port).unwrap();
        assert!(next > port && next - port <= 50, "{port} {next}");
    }
}
