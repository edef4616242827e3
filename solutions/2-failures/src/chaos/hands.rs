//! The monkey's hands on a [`Site`], and what ends by itself.
//!
//! A server that was killed is started again after a while; whatever else was done to one is undone when its time is over. Links belong to two
//! servers, and both may be hit: so when anything ends, all links are made clear, and what still lasts is done to them again.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use testkit::network::{Error, Party, Site, State as Process};

use crate::monkey::{Deed, Hands, Kind, State, View};

/// How long a server that was killed stays down.
const DOWN: Duration = Duration::from_millis(600);

/// How often it is looked whether something ends.
const LOOK: Duration = Duration::from_millis(5);

/// What an instance is called.
pub(super) fn name(server: usize) -> String {
    format!("n{server}")
}

/// A site, and what was done to it.
pub(super) struct Grip {
    site: Site,
    lasting: Vec<Lasting>,
}

/// Something that lasts until its time is over.
struct Lasting {
    server: usize,
    kind: Kind,
    until: Instant,
}

impl Grip {
    pub(super) fn new(site: Site) -> Self {
        Grip { site, lasting: Vec::new() }
    }

    /// What the monkey gets to see. Who is slow is not healthy either.
    pub(super) fn view(&mut self) -> Result<View, Error> {
        (0..self.site.size()).map(|server| Ok((name(server), self.state(server)?))).collect()
    }

    fn state(&mut self, server: usize) -> Result<State, Error> {
        Ok(match (self.site.state(server)?, self.lasting.iter().find(|lasting| lasting.server == server)) {
            (Process::Down, _) => State::Gone,
            (Process::Paused, _) => State::Paused,
            (Process::Up, Some(Lasting { kind: Kind::Cut { .. }, .. })) => State::CutOff,
            (Process::Up, Some(_)) => State::Silent,
            (Process::Up, None) => State::Healthy,
        })
    }

    /// Waits, and ends what is to end meanwhile.
    pub(super) fn wait_until(&mut self, then: Instant) -> Result<(), Error> {
        while Instant::now() < then {
            thread::sleep(LOOK);
            self.end_what_is_over(Instant::now())?;
        }
        Ok(())
    }

    /// Waits until all is over, and gives the site back.
    pub(super) fn end(mut self) -> Result<Site, Error> {
        while let Some(last) = self.lasting.iter().map(|lasting| lasting.until).max() {
            self.wait_until(last)?;
            self.end_what_is_over(Instant::now())?;
        }
        Ok(self.site)
    }

    fn end_what_is_over(&mut self, now: Instant) -> Result<(), Error> {
        let over = |lasting: &mut Lasting| lasting.until <= now;
        let over: Vec<Lasting> = self.lasting.extract_if(.., over).collect();
        for Lasting { server, kind, .. } in &over {
            match kind {
                Kind::Kill => self.site.start(*server)?,
                Kind::Pause { .. } => self.site.resume(*server)?,
                Kind::Cut { .. } | Kind::Slow { .. } | Kind::Fill { .. } => {}
            }
        }
        if !over.is_empty() {
            self.set_links();
        }
        Ok(())
    }

    fn set_links(&self) {
        self.site.heal_all();
        for lasting in &self.lasting {
            let others = (0..self.site.size()).filter(|other| *other != lasting.server).map(Party::Server);
            for other in others.chain([Party::Clients]) {
                match lasting.kind {
                    Kind::Cut { .. } => self.site.cut(lasting.server, other),
                    Kind::Slow { by, .. } => self.site.slow(lasting.server, other, by),
                    Kind::Kill | Kind::Pause { .. } | Kind::Fill { .. } => {}
                }
            }
        }
    }
}

impl Hands for Grip {
    fn carry_out(&mut self, deed: &Deed) -> io::Result<()> {
        let server = (0..self.site.size()).find(|server| name(*server) == deed.victim);
        let server = server.ok_or_else(|| io::Error::other(format!("there is no {}", deed.victim)))?;
        let lasts = match deed.kind {
            Kind::Kill => self.site.kill(server).map(|_| DOWN),
            Kind::Pause { lasts } => self.site.pause(server).map(|()| lasts),
            Kind::Cut { lasts } | Kind::Slow { lasts, .. } => Ok(lasts),
            Kind::Fill { .. } => return Err(io::ErrorKind::Unsupported.into()),
        };
        let until = Instant::now() + lasts.map_err(|error| io::Error::other(error.to_string()))?;
        self.lasting.push(Lasting { server, kind: deed.kind, until });
        self.set_links();
        Ok(())
    }
}
