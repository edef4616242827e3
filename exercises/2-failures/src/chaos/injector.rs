//! Injects faults into a [`Site`], and ends them.
//!
//! A server that was killed is started again after a while; whatever else was done to one is undone when its time is over. Links belong to two
//! servers, and both may be hit: so when anything ends, all links are made clear, and what still lasts is done to them again.
//!
//! A server whose disk is full or fails must end itself. When the disk is well it is started again. Every second server that is cut off
//! can still be reached by clients: that is how one finds a leader that answers although nobody follows it.

use std::io;
use std::thread;
use std::time::Duration;

use testkit::disk::Ailment;
use testkit::network::{Error, Party, Site, State as Process};

use super::clients::Clients;
use super::{Broken, Injected, PATIENCE, Plan, Progress, ServerStatus, away, majority};
use crate::monkey::{Entry, Executor, Fault, Kind, State, View};
use crate::server::KEPT;
use crate::server::engine::CUT;

/// How often it is looked whether something ends.
const LOOK: Duration = Duration::from_millis(5);

/// How often whoever watches gets to see something.
const FRAME: Duration = Duration::from_millis(100);

/// How many of a server's last lines are shown.
const SHOWN: usize = 12;

/// What an instance is called.
pub(super) fn name(server: usize) -> String {
    format!("n{server}")
}

/// A site, and what was done to it.
pub(super) struct Injector<'c> {
    site: Site,
    clients: &'c Clients,
    /// Must a client be served before a fault is undone, and a majority be healthy before one is done?
    insists: bool,
    /// How long a server that was killed stays down.
    down: Duration,
    active: Vec<Active>,
    over: Vec<Injected>,
    cuts: usize,
    broken: Vec<Broken>,
    shown: Duration,
}

/// Something that lasts until its time is over.
struct Active {
    server: usize,
    kind: Kind,
    from: Duration,
    until: Duration,
    /// For a cut: are clients kept away as well?
    from_all: bool,
}

impl Active {
    /// What must be seen before it is undone, and is not yet: that a client that asked after it was served, and that a server
    /// whose disk is ill has ended.
    fn lacks(&self, served: Duration, has_ended: bool) -> Option<Broken> {
        let (who, kind, seconds) = (name(self.server), self.kind, PATIENCE.as_secs());
        let is_ill = matches!(kind, Kind::Fill { .. } | Kind::Fail { .. });
        if served <= self.from {
            return Some(Broken::Progress(format!(
                "This was done to {who}: {kind}. A majority of the servers was healthy, and nobody who asked after that was served for \
                 {seconds} s."
            )));
        }
        (is_ill && !has_ended).then(|| {
            Broken::Disk(format!(
                "This was done to {who}: {kind}. {seconds} s later it still goes on, and others believe what it says. Nothing of that is on \
                 its disk."
            ))
        })
    }
}

impl<'c> Injector<'c> {
    pub(super) fn new(site: Site, clients: &'c Clients, plan: &Plan) -> Self {
        Injector {
            site,
            clients,
            insists: plan.script.is_none(),
            down: away(plan.lasts),
            active: Vec::new(),
            over: Vec::new(),
            cuts: 0,
            broken: Vec::new(),
            shown: Duration::ZERO,
        }
    }

    /// The time since the run's start.
    pub(super) fn now(&self) -> Duration {
        self.clients.elapsed()
    }

    /// Is there nothing more to be seen? A rule is broken, or clients have asked as often as they were to.
    pub(super) fn is_over(&self) -> bool {
        !self.broken.is_empty() || self.clients.have_enough()
    }

    /// What the monkey gets to see. A slow server is not healthy either.
    pub(super) fn view(&mut self) -> Result<View, Error> {
        (0..self.site.size()).map(|server| Ok((name(server), self.state(server)?))).collect()
    }

    /// What was done to a server, and still lasts.
    pub(super) fn suffers(&self, server: usize) -> Option<Kind> {
        self.active.iter().find(|active| active.server == server).map(|active| active.kind)
    }

    fn state(&mut self, server: usize) -> Result<State, Error> {
        Ok(match (self.site.state(server)?, self.suffers(server)) {
            (Process::Down, _) => State::Gone,
            (Process::Paused, _) => State::Paused,
            (Process::Up, Some(Kind::Cut { .. })) => State::CutOff,
            (Process::Up, Some(_)) => State::Silent,
            (Process::Up, None) => State::Healthy,
        })
    }

    /// Waits, and ends what is to end meanwhile.
    pub(super) fn wait_until(
        &mut self,
        then: Duration,
        audit: &[Entry],
        watch: &mut dyn FnMut(&Progress),
    ) -> Result<(), Error> {
        while self.now() < then && self.broken.is_empty() {
            thread::sleep(LOOK);
            self.look(audit, watch)?;
        }
        Ok(())
    }

    /// Waits until nothing lasts any more.
    pub(super) fn wait_until_all_is_over(
        &mut self,
        audit: &[Entry],
        watch: &mut dyn FnMut(&Progress),
    ) -> Result<(), Error> {
        while !self.active.is_empty() && self.broken.is_empty() {
            thread::sleep(LOOK);
            self.look(audit, watch)?;
        }
        Ok(())
    }

    /// How many servers have said that they cut their logs off.
    pub(super) fn cut_logs(&self) -> usize {
        (0..self.site.size()).filter(|server| has_cut_its_log(&self.site.printed(*server, usize::MAX))).count()
    }

    /// Waits until a server has cut its log off: so clients must have asked often enough, however slow the machine is. It does not wait any
    /// more when they have asked far more often than that, or when nobody is served.
    pub(super) fn wait_until_a_log_is_cut(
        &mut self,
        audit: &[Entry],
        watch: &mut dyn FnMut(&Progress),
    ) -> Result<(), Error> {
        let enough = 4 * usize::try_from(KEPT).unwrap_or(usize::MAX);
        let is_served = |injector: &Self| injector.now() < injector.clients.newest_served() + PATIENCE;
        while self.cut_logs() == 0 && self.clients.answered() < enough && is_served(self) && !self.is_over() {
            thread::sleep(LOOK);
            self.look(audit, watch)?;
        }
        Ok(())
    }

    /// Gives back the site, with what was done to it and what went wrong.
    pub(super) fn let_go(self) -> (Site, Vec<Injected>, Vec<Broken>) {
        (self.site, self.over, self.broken)
    }

    fn look(&mut self, audit: &[Entry], watch: &mut dyn FnMut(&Progress)) -> Result<(), Error> {
        self.find_who_has_ended()?;
        self.end_what_is_over()?;
        let elapsed = self.now();
        if elapsed >= self.shown + FRAME {
            self.shown = elapsed;
            let servers = (0..self.site.size()).map(|server| self.status(server)).collect::<Result<_, Error>>()?;
            watch(&Progress { elapsed, answered: self.clients.answered(), servers, entries: audit });
        }
        Ok(())
    }

    fn end_what_is_over(&mut self) -> Result<(), Error> {
        let now = self.now();
        let (served, insists) = (self.clients.newest_served(), self.insists);
        let has_ended = |server| self.site.id(server).is_none();
        let lacks = |active: &Active| active.lacks(served, has_ended(active.server)).filter(|_| insists);
        let over: Vec<Active> =
            self.active.extract_if(.., |active| active.until <= now && lacks(active).is_none()).collect();
        let stuck = self.active.iter().filter(|active| now > active.until + PATIENCE).find_map(lacks);
        self.broken.extend(stuck);
        for Active { server, kind, from, from_all, .. } in &over {
            match kind {
                Kind::Kill => self.site.start(*server)?,
                Kind::Pause { .. } => self.site.resume(*server)?,
                Kind::Cut { .. } | Kind::Slow { .. } => {}
                Kind::Fill { .. } | Kind::Fail { .. } => self.cure(*server)?,
            }
            let (server, kind, from, from_all) = (*server, *kind, *from, *from_all);
            self.over.push(Injected { server, kind, from_all, from, until: self.now() });
        }
        if !over.is_empty() {
            self.set_links();
        }
        Ok(())
    }

    /// Makes a disk well, and starts its server again. One that has just met an error may still be about to end, so it is not asked.
    fn cure(&mut self, server: usize) -> Result<(), Error> {
        self.site.ail(server, None)?;
        self.site.restart(server)
    }

    /// Only a server that was killed, or whose disk has failed, may be gone.
    fn find_who_has_ended(&mut self) -> Result<(), Error> {
        for server in 0..self.site.size() {
            let may_end = matches!(self.suffers(server), Some(Kind::Kill | Kind::Fill { .. } | Kind::Fail { .. }));
            if let Some(status) = self.site.ended(server)?.filter(|_| !may_end) {
                let printed = self.site.printed(server, SHOWN);
                let says = format!("n{server} has ended by itself ({status}). It printed last:\n{printed}");
                self.broken.push(Broken::Ended(says));
            }
        }
        Ok(())
    }

    fn status(&mut self, server: usize) -> Result<ServerStatus, Error> {
        Ok(ServerStatus {
            state: self.state(server)?,
            suffers: self.suffers(server),
            leads: leads(&self.site.printed(server, usize::MAX)),
        })
    }

    fn set_links(&self) {
        self.site.heal_all();
        for active in &self.active {
            let others = (0..self.site.size()).filter(|other| *other != active.server).map(Party::Server);
            let clients = active.from_all.then_some(Party::Clients);
            for other in others.chain(clients) {
                match active.kind {
                    Kind::Cut { .. } => self.site.cut(active.server, other),
                    Kind::Slow { by, .. } => self.site.slow(active.server, other, by),
                    Kind::Kill | Kind::Pause { .. } | Kind::Fill { .. } | Kind::Fail { .. } => {}
                }
            }
        }
    }

    /// Begins to do something to a server.
    pub(super) fn hit(&mut self, server: usize, kind: Kind) -> Result<(), Error> {
        let lasts = match kind {
            Kind::Kill => self.site.kill(server).map(|_| self.down),
            Kind::Pause { lasts } => self.site.pause(server).map(|()| lasts),
            Kind::Cut { lasts } | Kind::Slow { lasts, .. } => Ok(lasts),
            Kind::Fill { lasts } => self.site.ail(server, Some(Ailment::Full)).map(|()| lasts),
            Kind::Fail { lasts } => self.site.ail(server, Some(Ailment::Failing)).map(|()| lasts),
        };
        let (from, cut) = (self.now(), matches!(kind, Kind::Cut { .. }));
        self.cuts += usize::from(cut);
        let from_all = !(cut && self.cuts.is_multiple_of(2));
        self.active.push(Active { server, kind, from, until: from + lasts?, from_all });
        self.set_links();
        Ok(())
    }

    /// A healthy majority must be left. A monkey that does not make sure of it has done enough.
    fn must_leave_a_majority(&mut self, victim: &str, view: &View) {
        let healthy = view.values().filter(|state| **state == State::Healthy).count();
        let left = healthy - usize::from(view.get(victim) == Some(&State::Healthy));
        if left < majority(view.len()) {
            let says =
                format!("The monkey has hit {victim}, so that only {left} of {} servers are healthy.", view.len());
            self.broken.push(Broken::Monkey(says));
        }
    }
}

impl Executor for Injector<'_> {
    fn carry_out(&mut self, fault: &Fault) -> io::Result<()> {
        let server = (0..self.site.size()).find(|server| name(*server) == fault.victim);
        let server = server.ok_or_else(|| io::Error::other(format!("there is no {}", fault.victim)))?;
        let system = |error: Error| io::Error::other(error.to_string());
        let view = self.view().map_err(system)?;
        self.must_leave_a_majority(&fault.victim, &view);
        self.hit(server, fault.kind).map_err(system)
    }
}

/// Whether a server says that it has cut its log off, by what it has printed.
fn has_cut_its_log(printed: &str) -> bool {
    printed.lines().any(|line| line.starts_with(CUT))
}

/// The term in which a server says to lead, by what it has printed.
pub fn leads(printed: &str) -> Option<cap::raft::log::Term> {
    let says = |line: &str| match line.strip_prefix("leads in term ") {
        Some(term) => Some(term.parse().ok()),
        None => (line.starts_with("leads no more") || line.starts_with("listening on ")).then_some(None),
    };
    printed.lines().rev().find_map(says).flatten()
}
