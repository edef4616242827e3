//! Servers that reach each other, and are reached by clients, only through a proxy.

use std::fmt;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use super::proxy::{Condition, Party, Proxy};
use super::{Enclosure, Error, Log, Process};
use crate::disk::Ailment;

/// How long a server may take to say where it listens. This is only against hanging.
const READY: Duration = Duration::from_secs(30);

/// Where every server is asked to listen: at any port that is free.
const ANYWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What a server needs to know when it is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Its number, from 0.
    pub id: usize,
    /// Its folder, which is there, and is the same one each time.
    pub data: PathBuf,
    /// Where a note says what its disk has ([`Ailing`](crate::disk::Ailing)), for a server that looks there.
    pub ailment: PathBuf,
    /// Where it is to listen: at a port that the system chooses.
    pub listen: SocketAddr,
    /// Where it reaches each server. At its own place stands where clients reach it.
    pub peers: Vec<SocketAddr>,
}

impl Seat {
    /// The usual command line: `--id 0 --data DIR --listen 127.0.0.1:0 --peers ADDR,ADDR,ADDR`.
    pub fn arguments(&self) -> Vec<String> {
        let peers: Vec<String> = self.peers.iter().map(SocketAddr::to_string).collect();
        let (id, data, listen) = (self.id.to_string(), self.data.display().to_string(), self.listen.to_string());
        let named = [("--id", id), ("--data", data), ("--listen", listen), ("--peers", peers.join(","))];
        named.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }
}

/// How a server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It was not started yet, or has ended.
    Down,
    /// It runs.
    Up,
    /// It was stopped, and can go on.
    Paused,
}

/// A number of servers, their files, and all ways between them and the clients.
///
/// At first no server runs, and all ways are clear. Dropping it ends everything.
pub struct Site {
    /// Before the enclosure, so that each process is waited for while it still has a group.
    servers: Vec<Server>,
    command: Box<dyn Fn(&Seat) -> Command + Send>,
    proxy: Proxy,
    enclosure: Enclosure,
}

#[derive(Debug)]
struct Server {
    seat: Seat,
    process: Option<Process>,
    /// Where it listens, while it runs.
    at: Option<SocketAddr>,
    log: Log,
}

impl Site {
    /// Makes a place for `size` servers. `command` makes the command that starts a server of its seat.
    ///
    /// # Errors
    /// If the system has no process, port or file left.
    pub fn new(size: usize, command: impl Fn(&Seat) -> Command + Send + 'static) -> Result<Self, Error> {
        let enclosure = Enclosure::new()?;
        let proxy = Proxy::start().map_err(Error::system("start a proxy"))?;
        let server = |id| {
            let data = enclosure.folder().join(format!("n{id}"));
            fs::create_dir(&data).map_err(Error::system(format!("make the folder {}", data.display())))?;
            let port = |peer| {
                let from = if peer == id { Party::Clients } else { Party::Server(id) };
                proxy.open(from, peer).map_err(Error::system("open a port"))
            };
            let peers = (0..size).map(port).collect::<Result<_, _>>()?;
            let ailment = enclosure.folder().join(format!("n{id}.ailment"));
            let seat = Seat { id, data, ailment, listen: ANYWHERE, peers };
            Ok(Server { seat, process: None, at: None, log: Log::new() })
        };
        let servers = (0..size).map(server).collect::<Result<_, Error>>()?;
        Ok(Self { servers, command: Box::new(command), proxy, enclosure })
    }

    /// How many servers have a place.
    pub fn size(&self) -> usize {
        self.servers.len()
    }

    /// Where clients reach a server, through the proxy. It never changes.
    pub fn address(&self, server: usize) -> SocketAddr {
        self.servers[server].seat.peers[server]
    }

    /// Where a server itself listens, past the proxy, if it runs. Each start changes it.
    pub fn direct(&self, server: usize) -> Option<SocketAddr> {
        self.servers[server].at
    }

    /// What a server is told when it starts, with its folder.
    pub fn seat(&self, server: usize) -> &Seat {
        &self.servers[server].seat
    }

    /// The id of a server's process, if it runs.
    pub fn id(&self, server: usize) -> Option<u32> {
        self.servers[server].process.as_ref().map(Process::id)
    }

    /// How a server is. One that has ended by itself is found to be down, too.
    ///
    /// # Errors
    /// If the system has lost it.
    pub fn state(&mut self, server: usize) -> Result<State, Error> {
        if self.ended(server)?.is_some() {
            return Ok(State::Down);
        }
        Ok(match &self.servers[server].process {
            None => State::Down,
            Some(process) if process.is_paused() => State::Paused,
            Some(_) => State::Up,
        })
    }

    /// How a server ended that was started and not ended by this site, such as by a panic. Asking makes it [`State::Down`].
    ///
    /// # Errors
    /// If the system has lost it.
    pub fn ended(&mut self, server: usize) -> Result<Option<ExitStatus>, Error> {
        let Some(process) = &mut self.servers[server].process else { return Ok(None) };
        let ended = process.ended()?;
        if ended.is_some() {
            self.is_down(server);
        }
        Ok(ended)
    }

    /// At most so many of the last lines that a server has printed, over all its lives.
    pub fn printed(&self, server: usize, most: usize) -> String {
        self.servers[server].log.last(most)
    }

    /// Starts a server that is not running, and waits until it listens.
    ///
    /// # Errors
    /// If it does not say where it listens; then it is not running.
    ///
    /// # Panics
    /// If it runs.
    pub fn start(&mut self, server: usize) -> Result<(), Error> {
        self.look_around()?;
        let mut process = self.launch(server)?;
        let at = process.listening(READY)?;
        self.is_up(server, process, at);
        Ok(())
    }

    /// Starts all servers that are not running, side by side.
    ///
    /// # Errors
    /// That of the first one that does not say where it listens.
    pub fn start_all(&mut self) -> Result<(), Error> {
        self.look_around()?;
        let down: Vec<usize> = (0..self.size()).filter(|&server| self.servers[server].process.is_none()).collect();
        let launched = down.iter().map(|&server| Ok((server, self.launch(server)?)));
        for (server, mut process) in launched.collect::<Result<Vec<_>, Error>>()? {
            let at = process.listening(READY)?;
            self.is_up(server, process, at);
        }
        Ok(())
    }

    /// Finds servers that have ended by themselves. Their ports are free, and one that is started may get such a port.
    fn look_around(&mut self) -> Result<(), Error> {
        (0..self.size()).try_for_each(|server| self.ended(server).map(drop))
    }

    fn launch(&self, server: usize) -> Result<Process, Error> {
        let Server { seat, process, log, .. } = &self.servers[server];
        assert!(process.is_none(), "n{server} runs already");
        self.enclosure.start(&format!("n{server}"), (self.command)(seat), log)
    }

    /// Kills a server (SIGKILL), whether it runs or is paused.
    ///
    /// # Errors
    /// [`Error::NotRunning`] if it is down.
    pub fn kill(&mut self, server: usize) -> Result<ExitStatus, Error> {
        let status = self.running(server)?.kill()?;
        self.is_down(server);
        Ok(status)
    }

    /// Asks a server to end (SIGTERM), and waits for that.
    ///
    /// # Errors
    /// [`Error::StillRunning`] if it does not end within `limit`, [`Error::NotRunning`] if it is down.
    pub fn terminate(&mut self, server: usize, limit: Duration) -> Result<ExitStatus, Error> {
        let status = self.running(server)?.terminate(limit)?;
        self.is_down(server);
        Ok(status)
    }

    /// Starts a server again on its folder, and kills it first if it still runs.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn restart(&mut self, server: usize) -> Result<(), Error> {
        if self.servers[server].process.is_some() {
            self.kill(server)?;
        }
        self.start(server)
    }

    /// Pauses a server (SIGSTOP). Its connections stay open, and nobody is told.
    ///
    /// # Errors
    /// [`Error::NotRunning`] if it is down.
    pub fn pause(&mut self, server: usize) -> Result<(), Error> {
        self.running(server)?.pause()
    }

    /// Lets a paused server go on (SIGCONT).
    ///
    /// # Errors
    /// [`Error::NotRunning`] if it is down.
    pub fn resume(&mut self, server: usize) -> Result<(), Error> {
        self.running(server)?.resume()
    }

    /// Makes a server's disk fill up or fail, if the server looks for the note of its [`Seat`]; `None` makes it well again.
    ///
    /// # Errors
    /// If the note cannot be written.
    pub fn ail(&self, server: usize, ailment: Option<Ailment>) -> Result<(), Error> {
        let note = &self.servers[server].seat.ailment;
        let noted = ailment.map_or_else(|| Ailment::end(note), |ailment| ailment.begin(note));
        noted.map_err(Error::system(format!("write {}", note.display())))
    }

    /// Cuts the ways between two parties: nothing passes, in neither direction, and nobody is told.
    pub fn cut(&self, one: impl Into<Party>, other: impl Into<Party>) {
        self.set_both(one, other, Condition::Cut);
    }

    /// Cuts the way from one party to another. The way back stays as it is.
    pub fn cut_one_way(&self, from: impl Into<Party>, to: impl Into<Party>) {
        self.proxy.set(from, to, Condition::Cut);
    }

    /// Delays all that passes between two parties, in each direction.
    pub fn slow(&self, one: impl Into<Party>, other: impl Into<Party>, delay: Duration) {
        self.set_both(one, other, Condition::Slow(delay));
    }

    /// Makes the ways between two parties clear, in both directions. Connections that are still open go on.
    pub fn heal(&self, one: impl Into<Party>, other: impl Into<Party>) {
        self.set_both(one, other, Condition::Clear);
    }

    /// Makes all ways clear.
    pub fn heal_all(&self) {
        let parties = || (0..self.size()).map(Party::Server).chain([Party::Clients]);
        parties().for_each(|from| parties().for_each(|to| self.proxy.set(from, to, Condition::Clear)));
    }

    /// Resets all connections between two parties. Over a cut this is what their systems would do after minutes.
    pub fn reset(&self, one: impl Into<Party>, other: impl Into<Party>) {
        self.proxy.reset(one, other);
    }

    /// The proxy: what it has carried, and each way by itself.
    pub fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    /// Ends everything and removes all files, and says if that worked. Dropping does the same, without a word.
    ///
    /// # Errors
    /// If files are left.
    pub fn end(mut self) -> Result<(), Error> {
        self.servers.clear();
        self.enclosure.end()
    }

    fn set_both(&self, one: impl Into<Party>, other: impl Into<Party>, condition: Condition) {
        let (one, other) = (one.into(), other.into());
        self.proxy.set(one, other, condition);
        self.proxy.set(other, one, condition);
    }

    fn running(&mut self, server: usize) -> Result<&mut Process, Error> {
        let running = self.servers[server].process.as_mut();
        running.ok_or_else(|| Error::NotRunning { who: format!("n{server}") })
    }

    fn is_up(&mut self, server: usize, process: Process, at: SocketAddr) {
        self.servers[server].process = Some(process);
        self.servers[server].at = Some(at);
        self.proxy.is_at(server, Some(at));
    }

    fn is_down(&mut self, server: usize) {
        self.servers[server].process = None;
        self.servers[server].at = None;
        self.proxy.is_at(server, None);
    }
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("servers", &self.servers).finish_non_exhaustive()
    }
}
