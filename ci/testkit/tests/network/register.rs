//! A server that stores registers, and a check that uses it: what the tests of `testkit::network` run as processes.
//!
//! `register serve …` keeps to the contract of a server. Each key is a file in its folder, so a restart forgets nothing. It knows
//! nothing of replication: two of them disagree. Requests and answers are lines:
//!
//! | request | answer |
//! |---|---|
//! | `r KEY` | the value, or `-` |
//! | `w KEY VALUE` | `ok` |
//! | `ask N REQUEST` | what the server `N` answers |
//!
//! `register check SERVERS` holds a site like a check would, tells what it holds, and waits for its end.

use std::error::Error;
use std::io::{BufRead, BufReader, Write, stdout};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, panic, process, thread};

use testkit::network::Site;

type Anything = Result<(), Box<dyn Error>>;

fn main() -> Anything {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve", "--id", id, "--data", data, "--listen", listen, "--peers", peers] => {
            let peers = peers.split(',').map(str::parse).collect::<Result<Vec<_>, _>>()?;
            serve(id, Path::new(data), listen.parse()?, &peers)
        }
        ["mute", ..] => loop {
            thread::park();
        },
        ["babble", ..] => {
            println!("hello");
            Ok(())
        }
        ["broken", ..] => panic!("there is no disk"),
        ["check", servers] => check(servers.parse()?),
        other => Err(format!("what is {other:?}?").into()),
    }
}

fn serve(id: &str, data: &Path, listen: SocketAddr, peers: &[SocketAddr]) -> Anything {
    let listener = TcpListener::bind(listen)?;
    eprintln!("n{id} begins");
    println!("listening on {}", listener.local_addr()?);
    for socket in listener.incoming() {
        let (socket, data, peers) = (socket?, data.to_owned(), peers.to_owned());
        thread::spawn(move || answer_all(&socket, &data, &peers).unwrap_or_default());
    }
    Ok(())
}

/// Answers one connection until it is closed, or breaks.
fn answer_all(socket: &TcpStream, data: &Path, peers: &[SocketAddr]) -> Option<()> {
    socket.set_nodelay(true).ok()?;
    for request in BufReader::new(socket).lines() {
        let reply = answer(&request.ok()?, data, peers).unwrap_or_else(|| "what?".to_owned());
        (&*socket).write_all(format!("{reply}\n").as_bytes()).ok()?;
    }
    Some(())
}

fn answer(request: &str, data: &Path, peers: &[SocketAddr]) -> Option<String> {
    match request.split(' ').collect::<Vec<_>>().as_slice() {
        ["r", key] => Some(fs::read_to_string(data.join(key)).unwrap_or_else(|_| "-".to_owned())),
        ["w", key, value] => {
            let unfinished: PathBuf = data.join(format!("{key}.{value}.part"));
            fs::write(&unfinished, value).ok()?;
            fs::rename(&unfinished, data.join(key)).ok()?;
            Some("ok".to_owned())
        }
        ["ask", peer, request @ ..] => {
            let mut peer = TcpStream::connect(peers.get(peer.parse::<usize>().ok()?)?).ok()?;
            writeln!(peer, "{}", request.join(" ")).ok()?;
            BufReader::new(peer).lines().next()?.ok()
        }
        _ => None,
    }
}

/// Holds a site, prints its folder and the ids of its processes, and ends by what comes first: a signal, or a line that says how.
fn check(servers: usize) -> Anything {
    let myself = env::current_exe()?;
    let mut site = Site::new(servers, move |seat| {
        let mut command = Command::new(&myself);
        command.arg("serve").args(seat.arguments());
        command
    })?;
    site.start_all()?;
    site.pause(servers - 1)?; // a stopped process must not get away either
    let folder = site.seat(0).data.parent().unwrap_or(Path::new("")).display().to_string();
    let ids: Vec<String> = (0..servers).filter_map(|server| site.id(server)).map(|id| id.to_string()).collect();
    println!("{folder} {}", ids.join(" "));
    stdout().flush()?;
    let mut how = String::new();
    std::io::stdin().read_line(&mut how)?;
    match how.trim() {
        "panic" => panic::resume_unwind(Box::new("as it was told")),
        "abort" => process::abort(),
        "exit" => process::exit(0), // without a drop
        _ => Ok(site.end()?),
    }
}
