//! `kv` as a person uses it: what it says, and with which code it ends.

mod asking;
mod monkey;

use std::path::PathBuf;
use std::process::Command;

/// No port that anybody listens at.
const NOBODY: &str = "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3";

/// How a run of `kv` has ended: its exit code, and what it has printed.
#[derive(Debug)]
struct Run {
    code: Option<i32>,
    out: String,
    says: String,
}

fn kv(words: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_kv-reference")).args(words).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Run { code: output.status.code(), out: text(&output.stdout), says: text(&output.stderr) }
}

/// A folder that is gone at the end.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("kv-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Place(folder)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_wrong_command_line_is_told_by_the_argument_that_is_wrong() {
    let serve = ["serve", "--data", "/tmp/none", "--listen", "127.0.0.1:0", "--peers", NOBODY];
    let with = |more: &[&'static str]| [&serve[..], more].concat();
    for (words, parts) in [
        (vec!["serve"], ["--id <ID>", "--data <DIR>"]),
        (vec!["fetch"], ["unrecognized subcommand 'fetch'", "--help"]),
        (vec!["get", "x"], ["--peers <ADDR,ADDR,…>", "not provided"]),
        (vec!["get", "xy", "--peers", NOBODY], ["'xy' for '<KEY>'", "a key is one character"]),
        (vec!["get", "x", "--peers", "127.0.0.1:1,here"], ["'here' for '--peers", "an address is an IP and a port"]),
        (vec!["put", "x", "y", "--peers", NOBODY], ["'y' for '<NUMBER>'", "invalid digit"]),
        (vec!["get", "x", "--peers", NOBODY, "--timeout", "0"], ["'0' for '--timeout <SECONDS>'", "above 0"]),
        (with(&["--id", "3"]), ["`--id 3`", "names 3 of them"]),
        (with(&["--id", "0", "--election", "300-150"]), ["'300-150' for '--election", "written as 150-300"]),
        (with(&["--id", "0", "--heartbeat", "0"]), ["'0' for '--heartbeat", "1.."]),
        (with(&["--id", "0", "--hartbeat", "5"]), ["--hartbeat", "--heartbeat"]),
    ] {
        let run = kv(&words);
        assert!(run.code == Some(2) && parts.iter().all(|part| run.says.contains(part)), "{words:?}: {run:?}");
    }
}

#[test]
fn help_names_every_exit_code() {
    for words in [&["--help"][..], &["serve", "--help"], &["get", "--help"], &["add", "--help"], &["monkey", "--help"]]
    {
        let run = kv(words);
        assert_eq!(run.code, Some(0));
        let codes = ["  0    ", "  1    ", "  2    ", "  3    ", "  4    ", "  5    ", "  101  "];
        assert!(codes.iter().all(|code| run.out.contains(code)), "{}", run.out);
    }
    assert!(kv(&["get", "--help"]).out.contains("[default: 10]"), "the time that a client waits");
}

#[test]
fn what_the_system_refuses_has_its_exit_code() {
    let place = Place::new("exit-codes");
    let data = place.path("n0");
    let serve = |listen: &str| kv(&["serve", "--id", "0", "--data", &data, "--listen", listen, "--peers", NOBODY]);
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = serve(&held.local_addr().unwrap().to_string());
    assert!(taken.code == Some(1) && taken.says.contains("listen at"), "{taken:?}");
    let foreign = failures_solution::wal::frame::encode(0, &[b"no record of ours".to_vec()]);
    std::fs::create_dir_all(&data).unwrap();
    std::fs::write(place.0.join("n0").join(failures_solution::wal::FILE), foreign).unwrap();
    let damaged = serve("127.0.0.1:0");
    assert!(damaged.code == Some(3) && damaged.says.lines().count() == 1, "{damaged:?}");
    std::fs::remove_dir_all(&data).unwrap();
    std::fs::write(&data, "a file").unwrap();
    let no_folder = serve("127.0.0.1:0");
    assert!(
        no_folder.code == Some(1) && no_folder.says.contains("choose another folder with `--data`"),
        "{no_folder:?}"
    );
}
