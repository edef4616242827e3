//! The gateway that is yours: asynchronous, and limited in all that it does.
//!
//! # The problem
//!
//! Clients send lines and ask for tails, as many as they like. Lines go to `enrich`, tails to `tail`, and either may be slow, or fail, or say
//! nothing at all. The gateway answers each client in time, whatever happens below. It never has more under way than helps, and what happens
//! on one path is not felt on the other.
//!
//! You have written the parts: the [admission queue](crate::admission::queue) and the [limit](crate::admission::limit), the
//! [breaker](crate::breaker), [retries](crate::retry) and deadlines. Each is a machine that is told what happens. Here they meet: clients that come
//! and leave, calls that end, and time that passes.
//!
//! # What is yours
//!
//! Nearly everything. What a gateway keeps, and which futures it is made of, is for you to design.
//!
//! # Left out on purpose
//!
//! Hedging, which is a task of its own. And fairness between customers: that is stage 5.

//# allow: dead_code, unused_imports, unused_variables
//# private
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
//# end
use std::time::Duration;

//# private
use tokio::sync::{oneshot, watch};
//# end
use tokio::time::Instant;
//# private
use tokio::time::{sleep, timeout, timeout_at};
//# end

//# private
use crate::admission::limit::{Ending, Limit, Slot};
use crate::admission::queue::{Queue, Refusal};
//# end
use crate::admission::{limit, queue};
//# private
use crate::breaker::{Breaker, Outcome, Permit};
//# end
use crate::breaker;
use crate::retry::Policy;
use crate::retry::budget::Budget;
//# private
use crate::retry::{self, Answer, Next, Retries};
//# end
use crate::time::Millis;

use super::link::Downstream;
use super::listen::Answers;
use super::message::{Reply, Request};

/// How a gateway treats the requests of one path.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The requests that wait.
    pub queue: queue::Settings,
    /// The calls that are under way.
    pub limit: limit::Settings,
    /// When the service below is left alone.
    pub breaker: breaker::Settings,
    /// When a call is made again.
    pub retries: Policy,
    /// How often, over all.
    pub budget: Budget,
    /// A call that takes longer than this is a sign that the service has too much to do, even if it succeeds.
    pub slow: Duration,
    /// A call of which nothing is heard for so long has failed. Longer than `slow`.
    pub timeout: Duration,
}

/// `draw(most)` gives a random number from 0 to `most`, each as likely as the others.
pub type Draw = Box<dyn FnMut(Millis) -> Millis + Send>;

/// A gateway: its two paths share nothing.
pub struct Gateway<E, T> {
    //# private
    lines: Path<E>,
    tails: Path<T>,
    //# end
    //# placeholder: services: std::marker::PhantomData<(E, T)>, // replace it by what a gateway keeps
}

impl<E: Downstream, T: Downstream> Gateway<E, T> {
    /// A gateway that calls `enrich` for lines and `tail` for tails, with the same settings for both paths. It has to be made in a runtime of
    /// tokio's. A retry's pause is drawn by `draw`.
    pub fn new(settings: &Settings, enrich: E, tail: T, draw: Draw) -> Self {
        //# hole: What does a gateway keep?
        let draw = Arc::new(Mutex::new(draw));
        Gateway { lines: Path::new(settings, enrich, Arc::clone(&draw)), tails: Path::new(settings, tail, draw) }
        //# end
    }
}

impl<E: Downstream, T: Downstream> Answers for Gateway<E, T> {
    /// Answers a request whose client leaves at `deadline`. The client has left as well when this future is dropped.
    ///
    /// Contract, for each path:
    ///
    /// **Answers.**
    /// - There is one reply, at the deadline at the latest: then it is [`TooLate`](Reply::TooLate).
    /// - A request whose call cannot begin at once waits in a [`Queue`], in its turn. If the queue refuses it, it is told
    ///   [`Overloaded`](Reply::Overloaded), or [`TooLate`](Reply::TooLate) if it has expired.
    /// - A request whose call could begin, and is rejected by the [`Breaker`], is told [`Overloaded`](Reply::Overloaded) at once.
    /// - Whatever [`Retries`] has to say about a reply of the service is done or said. A key makes a line repeatable, and a tail is anyhow. During
    ///   a pause nothing is under way. An attempt that is not the first waits and asks like the first one; if it is turned away, the
    ///   client is told [`GivenUp`](Reply::GivenUp), unless every attempt before it was told `Overloaded` or `Closing`: `Overloaded` means
    ///   that nothing was done.
    ///
    /// **Calls.**
    /// - No more calls are under way than the [`Limit`] says. A call is under way until it is answered, or its future is dropped. If one could
    ///   begin, no request waits.
    /// - A call is told how long the gateway waits for it: until the deadline, but `timeout` at most. It is dropped then. No call begins
    ///   when no time is left.
    /// - Each call ends once for the limit: as `Overload` if it was told [`Overloaded`](Reply::Overloaded) or took longer than `slow`, however it
    ///   ended; otherwise as `Success` if it was told `Stored` or `Lines`; otherwise as `Ignored`.
    /// - And once for the breaker: as `Success` after `Stored` and `Lines`; as `Failure` after [`Failed`](Reply::Failed),
    ///   [`GivenUp`](Reply::GivenUp), or nothing within `timeout`; as `Dropped` if the deadline came first, or the client left; otherwise as
    ///   `Ignored`.
    /// - A place that was not used for a call tells neither of them anything.
    /// - For [`Retries`], a call without an answer within `timeout` has `Failed`, a service that is [`Closing`](Reply::Closing) is
    ///   `Overloaded`, and one that is [`TooLate`](Reply::TooLate) has `GivenUp`. If the deadline has come, there is nothing to retry.
    ///
    /// **What is left.** When the future is ready or was dropped, at whichever `await`, then no call and no task of it goes on, nothing is kept of
    /// it, and what it held is free, for the request that has waited longest.
    async fn answer(&self, request: Request, deadline: Instant) -> Reply {
        //# hole: Let the parts work together.
        match request {
            Request::Line { .. } => self.lines.answer(request, deadline).await,
            Request::Tail { .. } => self.tails.answer(request, deadline).await,
        }
        //# end
    }

    /// Takes no more requests, and returns when those that were taken are answered.
    ///
    /// Contract: from the moment at which the future of `drain` is first polled, a new request is told [`Closing`](Reply::Closing), even if that
    /// future is dropped. Requests that came before are answered as if nothing had happened: those that wait, those that pause before a
    /// retry, and those under way. A request comes when the future of its `answer` is first polled.
    async fn drain(&self) {
        //# hole: Close, and wait.
        let gates = [&self.lines.gate, &self.tails.gate];
        gates.iter().for_each(|gate| gate.state().is_closed = true);
        for gate in gates {
            gate.drain().await;
        }
        //# end
    }
}

//# private
/// One path: a service, and what limits the calls to it.
struct Path<D> {
    service: D,
    timeout: Duration,
    gate: Arc<Gate>,
    draw: Arc<Mutex<Draw>>,
}

/// What all requests of a path share.
struct Gate {
    begun: Instant,
    slow: Duration,
    state: Mutex<State>,
    /// How many requests have come and are not answered yet.
    open: watch::Sender<usize>,
}

struct State {
    queue: Queue,
    limit: Limit,
    breaker: Breaker,
    retries: Retries,
    /// The requests that wait in the queue, by the names they have there.
    waiting: BTreeMap<queue::Request, oneshot::Sender<Result<Place, Refusal>>>,
    names: queue::Request,
    is_closed: bool,
}

/// Leave to make one call, and what came of it. It is given back when it is dropped, whatever the reason.
struct Place {
    gate: Arc<Gate>,
    slot: Option<Slot>,
    call: Option<Made>,
}

/// A call that was made.
struct Made {
    permit: Permit,
    begun: Instant,
    /// What came of it; nothing if it was dropped.
    reply: Option<Reply>,
}

/// A request that has come and is not answered yet.
struct Open<'g>(&'g Gate);

impl<D: Downstream> Path<D> {
    fn new(settings: &Settings, service: D, draw: Arc<Mutex<Draw>>) -> Self {
        Path { service, timeout: settings.timeout, gate: Arc::new(Gate::new(settings)), draw }
    }

    async fn answer(&self, request: Request, deadline: Instant) -> Reply {
        if self.gate.state().is_closed {
            return Reply::Closing;
        }
        let _open = Open::new(&self.gate);
        timeout_at(deadline, self.attempts(request, deadline)).await.unwrap_or(Reply::TooLate)
    }

    async fn attempts(&self, request: Request, deadline: Instant) -> Reply {
        let mut call = retry::Call { repeatable: true, deadline: self.gate.millis(deadline), made: 0 };
        let mut is_untouched = true;
        loop {
            let reply = match self.attempt(&request, deadline).await {
                Ok(reply) => reply,
                Err(Reply::Overloaded) if !is_untouched => return Reply::GivenUp,
                Err(turned_away) => return turned_away,
            };
            call.made += 1;
            let answer = heard(&reply);
            is_untouched &= answer == Answer::Overloaded;
            match self.next(&call, answer) {
                Next::Say(Answer::GivenUp) => return Reply::GivenUp,
                Next::Say(_) => return reply,
                Next::Retry { after } => sleep(Duration::from_millis(after)).await,
            }
        }
    }

    fn next(&self, call: &retry::Call, answer: Answer) -> Next {
        let mut draw = self.draw.lock().unwrap_or_else(PoisonError::into_inner);
        self.gate.state().retries.hear(call, answer, self.gate.now(), &mut *draw)
    }

    /// Waits for a place and makes one call; or says why it was turned away before.
    async fn attempt(&self, request: &Request, deadline: Instant) -> Result<Reply, Reply> {
        let mut place = self.gate.enter(deadline).await?;
        let left = deadline.saturating_duration_since(Instant::now()).min(self.timeout);
        if left.is_zero() {
            return Err(Reply::TooLate);
        }
        place.begin()?;
        let reply = timeout(self.timeout, self.service.call(request.clone(), left)).await.unwrap_or(Reply::Failed);
        place.end(&reply);
        Ok(reply)
    }
}

impl Gate {
    fn new(settings: &Settings) -> Self {
        let state = State {
            queue: Queue::new(settings.queue),
            limit: Limit::new(settings.limit),
            breaker: Breaker::new(settings.breaker),
            retries: Retries::new(settings.retries, settings.budget.clone()),
            waiting: BTreeMap::new(),
            names: 0,
            is_closed: false,
        };
        Gate { begun: Instant::now(), slow: settings.slow, state: Mutex::new(state), open: watch::Sender::new(0) }
    }

    /// Waits for a place.
    async fn enter(self: &Arc<Self>, deadline: Instant) -> Result<Place, Reply> {
        let place = self.ask(deadline)?;
        self.admit();
        match place.await {
            Ok(told) => Ok(told?),
            Err(_) => unreachable!("a request that waits is told what becomes of it"),
        }
    }

    fn ask(&self, deadline: Instant) -> Result<oneshot::Receiver<Result<Place, Refusal>>, Refusal> {
        let mut state = self.state();
        let name = state.names;
        state.queue.offer(name, self.millis(deadline), self.now())?;
        state.names += 1;
        let (tell, told) = oneshot::channel();
        state.waiting.insert(name, tell);
        Ok(told)
    }

    /// Gives free places to those that wait, and tells those that wait in vain.
    fn admit(self: &Arc<Self>) {
        while let Some((waiting, slot)) = self.next() {
            // If it leaves at this very moment, the place comes back and is dropped, and that is how it gets to the next one.
            let _ = waiting.send(Ok(Place { gate: Arc::clone(self), slot: Some(slot), call: None }));
        }
    }

    /// The next that waits, and its slot, if one is free.
    fn next(&self) -> Option<(oneshot::Sender<Result<Place, Refusal>>, Slot)> {
        let mut state = self.state();
        let State { queue, limit, waiting, .. } = &mut *state;
        while limit.under_way() < limit.limit() {
            let taken = queue.take(self.now());
            for (name, refusal) in taken.refused {
                let _ = waiting.remove(&name).map(|waiting| waiting.send(Err(refusal)));
            }
            let next = waiting.remove(&taken.start?)?;
            if !next.is_closed() {
                return Some((next, limit.begin().ok()?));
            }
        }
        None
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Millis {
        self.millis(Instant::now())
    }

    fn millis(&self, at: Instant) -> Millis {
        at.saturating_duration_since(self.begun).as_millis() as Millis
    }

    async fn drain(&self) {
        let mut open = self.open.subscribe();
        let _ = open.wait_for(|open| *open == 0).await;
    }
}

impl Place {
    /// A call begins, if the breaker allows it.
    fn begin(&mut self) -> Result<(), Reply> {
        let permit = self.gate.state().breaker.try_acquire(self.gate.now()).map_err(|_| Reply::Overloaded)?;
        self.call = Some(Made { permit, begun: Instant::now(), reply: None });
        Ok(())
    }

    fn end(&mut self, reply: &Reply) {
        self.call.iter_mut().for_each(|call| call.reply = Some(reply.clone()));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        let call = self.call.take();
        if let Some(slot) = self.slot.take() {
            state.limit.end(slot, call.as_ref().map_or(Ending::Ignored, |call| call.ending(self.gate.slow)));
        }
        if let Some(call) = call {
            let outcome = call.outcome();
            state.breaker.finish(call.permit, outcome, self.gate.now());
        }
        drop(state);
        self.gate.admit();
    }
}

impl Made {
    /// What it says about the load.
    fn ending(&self, slow: Duration) -> Ending {
        match self.reply {
            Some(Reply::Overloaded) => Ending::Overload,
            _ if self.begun.elapsed() > slow => Ending::Overload,
            Some(Reply::Stored | Reply::Lines(_)) => Ending::Success,
            _ => Ending::Ignored,
        }
    }

    /// What it says about the service's health.
    fn outcome(&self) -> Outcome {
        match self.reply {
            Some(Reply::Stored | Reply::Lines(_)) => Outcome::Success,
            Some(Reply::Failed | Reply::GivenUp) => Outcome::Failure,
            Some(Reply::Refused | Reply::Overloaded | Reply::TooLate | Reply::Closing) => Outcome::Ignored,
            None => Outcome::Dropped,
        }
    }
}

impl<'g> Open<'g> {
    fn new(gate: &'g Gate) -> Self {
        gate.open.send_modify(|open| *open += 1);
        Open(gate)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.open.send_modify(|open| *open -= 1);
    }
}

/// What retries make of a reply.
fn heard(reply: &Reply) -> Answer {
    match reply {
        Reply::Stored | Reply::Lines(_) => Answer::Done,
        Reply::Refused => Answer::Refused,
        Reply::Overloaded | Reply::Closing => Answer::Overloaded,
        Reply::Failed => Answer::Failed,
        Reply::GivenUp | Reply::TooLate => Answer::GivenUp,
    }
}
//# end
