//! What the clients saw: the part of a run by which it is judged.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::Hash;

use stateright::semantics::{ConsistencyTester, LinearizabilityTester, SequentialSpec};

use super::state::Causes;
use super::transition::Transition;
use crate::history::{self, Operation, Verdict};
use crate::node::{ClientId, Node, NodeId, RequestId};
use crate::text::thousands;

/// A request at the moment in which a server is handed it for the first time.
#[derive(Debug)]
pub struct Invocation<'a, N: Node> {
    /// Which request of which client.
    pub id: RequestId,
    /// Who is asked.
    pub server: NodeId,
    /// What is asked.
    pub request: &'a N::Request,
    /// The server just before it handles the request.
    pub state: &'a N,
    /// Which requests (bit n for the n-th request of the run) can have reached this server by any chain of messages.
    pub causes: Causes,
}

impl<N: Node> Clone for Invocation<'_, N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<N: Node> Copy for Invocation<'_, N> {}

/// A record of what clients asked and were told. It is part of the model's state, so it should remember no more than the
/// check needs.
pub trait History<N: Node>: Clone + Eq + Hash + fmt::Debug + Send + Sync + 'static {
    /// Whether [`server_changed`](Self::server_changed) is of interest. It costs a look at each step.
    const WATCHES_SERVERS: bool = false;
    /// Whether [`transition`](Self::transition) is of interest. It costs a look at each step, too.
    const WATCHES_TRANSITIONS: bool = false;

    /// A client made a request.
    fn invoked(&mut self, invocation: Invocation<'_, N>);
    /// A client was answered. Each request is answered at most once here; later replies are ignored by the client.
    fn returned(&mut self, id: RequestId, response: &N::Response);
    /// A server is not what it was: for rules about what happens to a server, or about what has happened in a run. Without a
    /// `before` it has just started.
    fn server_changed(&mut self, server: NodeId, before: Option<&N>, after: &N) {
        let _ = (server, before, after);
    }
    /// A server has handled something, even if it is still what it was: for memories of what it heard and said.
    fn transition(&mut self, transition: &Transition<'_, N>) {
        let _ = transition;
    }
}

/// Remembers nothing.
impl<N: Node> History<N> for () {
    fn invoked(&mut self, _: Invocation<'_, N>) {}
    fn returned(&mut self, _: RequestId, _: &N::Response) {}
}

/// Keeps two records of the same run.
impl<N: Node, A: History<N>, B: History<N>> History<N> for (A, B) {
    const WATCHES_SERVERS: bool = A::WATCHES_SERVERS || B::WATCHES_SERVERS;
    const WATCHES_TRANSITIONS: bool = A::WATCHES_TRANSITIONS || B::WATCHES_TRANSITIONS;

    fn invoked(&mut self, invocation: Invocation<'_, N>) {
        self.0.invoked(invocation);
        self.1.invoked(invocation);
    }

    fn returned(&mut self, id: RequestId, response: &N::Response) {
        self.0.returned(id, response);
        self.1.returned(id, response);
    }

    fn server_changed(&mut self, server: NodeId, before: Option<&N>, after: &N) {
        self.0.server_changed(server, before, after);
        self.1.server_changed(server, before, after);
    }

    fn transition(&mut self, transition: &Transition<'_, N>) {
        self.0.transition(transition);
        self.1.transition(transition);
    }
}

/// An object whose histories can be judged: what it answers to each request when nothing is concurrent.
///
/// Its requests and answers are made of those of the code under test by `From`. Where a learner can change those, an object of a
/// check has types of its own: what an answer equals is not the learner's to say.
pub trait Object: SequentialSpec<Op: Word, Ret: Word> + Word {}
impl<S: SequentialSpec<Op: Word, Ret: Word> + Word> Object for S {}

/// What can stand in a history: a value that can be compared, kept and shown.
pub trait Word: Clone + Eq + Hash + fmt::Debug + Send + Sync + 'static {}
impl<T: Clone + Eq + Hash + fmt::Debug + Send + Sync + 'static> Word for T {}

/// A request, and its answer if it came.
type Told<S> = (<S as SequentialSpec>::Op, Option<<S as SequentialSpec>::Ret>);

/// Judges by linearizability (Herlihy & Wing 1990) against the object `S`, with stateright's tester.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Linearizable<S: Object>
where
    S::Op: Word,
    S::Ret: Word,
{
    tester: LinearizabilityTester<ClientId, S>,
    /// What each client asked and was told; the tester knows it too, but keeps it to itself.
    told: BTreeMap<ClientId, Vec<Told<S>>>,
    holds: bool,
}

impl<S: Object> Linearizable<S> {
    /// An empty history of `object`.
    pub fn new(object: S) -> Self {
        Linearizable { tester: LinearizabilityTester::new(object), told: BTreeMap::new(), holds: true }
    }

    /// What each client asked and was told, in words: `c0 asked Write(1) and was told Written; c1 asked Read and waits`.
    pub fn summary(&self) -> String {
        let operation = |client: &ClientId, (op, ret): &(S::Op, Option<S::Ret>)| match ret {
            Some(ret) => format!("{client} asked {op:?} and was told {ret:?}"),
            None => format!("{client} asked {op:?} and waits"),
        };
        let operations = self.told.iter().flat_map(|(client, told)| told.iter().map(move |one| operation(client, one)));
        operations.collect::<Vec<_>>().join("; ")
    }

    /// Is there an order of the operations that one copy of the object could have answered like this?
    pub fn holds(&self) -> bool {
        self.holds
    }
}

impl<S: Object> fmt::Debug for Linearizable<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tester.serialized_history() {
            Some(order) => write!(f, "linearizable, for instance as {order:?}"),
            None => write!(f, "not linearizable: {}", self.summary()),
        }
    }
}

impl<N: Node, S: Object> History<N> for Linearizable<S>
where
    S::Op: From<N::Request>,
    S::Ret: From<N::Response>,
{
    fn invoked(&mut self, invocation: Invocation<'_, N>) {
        let request = S::Op::from(invocation.request.clone());
        self.told.entry(invocation.id.client).or_default().push((request.clone(), None));
        self.tester.on_invoke(invocation.id.client, request).expect("the model lets a client have one open request");
    }

    fn returned(&mut self, id: RequestId, response: &N::Response) {
        let response = S::Ret::from(response.clone());
        let open = self.told.get_mut(&id.client).and_then(|told| told.last_mut());
        open.expect("the model passes on replies to requests").1 = Some(response.clone());
        self.tester.on_return(id.client, response).expect("the model passes on one reply to each open request");
        // A history that cannot be explained stays so, whatever comes after it.
        self.holds = self.holds && self.tester.is_consistent();
    }
}

/// Every operation in the order of its events: for the long histories of a simulation, not for a model's state.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Log<N: Node> {
    /// The operations, in the order of their requests. Their times count events.
    pub operations: Vec<Operation<N::Request, N::Response>>,
    events: u64,
}

impl<N: Node> Default for Log<N> {
    fn default() -> Self {
        Log { operations: Vec::new(), events: 0 }
    }
}

impl<N: Node> Log<N> {
    /// Judges the operations as those of one `object`.
    ///
    /// # Errors
    /// The operation that no order explains, and why.
    pub fn linearizable<S: Object>(&self, object: S) -> Result<(), String>
    where
        S::Op: From<N::Request>,
        S::Ret: From<N::Response>,
    {
        let operations = self.told::<S>();
        explained(history::linearizable(object, &operations), &operations)
    }

    /// Judges the operations on each key by themselves: linearizability is local (Herlihy & Wing 1990, theorem 1). `object` is
    /// the first value of a key.
    ///
    /// # Errors
    /// As [`linearizable`](Self::linearizable).
    pub fn linearizable_by_key<S: Object, K: Ord>(
        &self,
        object: impl Fn(&K) -> S,
        key: impl Fn(&S::Op) -> K,
    ) -> Result<(), String>
    where
        S::Op: From<N::Request>,
        S::Ret: From<N::Response>,
    {
        let operations = self.told::<S>();
        explained(history::linearizable_by_key(object, &operations, key), &operations)
    }

    /// The operations in the words of an object.
    fn told<S: Object>(&self) -> Vec<Operation<S::Op, S::Ret>>
    where
        S::Op: From<N::Request>,
        S::Ret: From<N::Response>,
    {
        let told = |Operation { client, op, invoked, returned }| {
            let returned = returned.map(|(at, response)| (at, S::Ret::from(response)));
            Operation { client, op: S::Op::from(op), invoked, returned }
        };
        self.operations.iter().cloned().map(told).collect()
    }

    fn now(&mut self) -> u64 {
        self.events += 1;
        self.events
    }
}

impl<N: Node> History<N> for Log<N> {
    fn invoked(&mut self, invocation: Invocation<'_, N>) {
        let invoked = self.now();
        let (client, op) = (invocation.id.client.0, invocation.request.clone());
        self.operations.push(Operation { client, op, invoked, returned: None });
    }

    fn returned(&mut self, id: RequestId, response: &N::Response) {
        let now = self.now();
        let open = self.operations.iter_mut().rev().find(|operation| operation.client == id.client.0);
        open.expect("the model passes on replies to requests").returned = Some((now, response.clone()));
    }
}

fn explained<Op: fmt::Debug, Ret: fmt::Debug>(
    verdict: Verdict<Ret>,
    operations: &[Operation<Op, Ret>],
) -> Result<(), String> {
    match verdict {
        Verdict::Linearizable { .. } => Ok(()),
        Verdict::Not { misfit, .. } => Err(misfit.sentence(operations)),
        Verdict::Undecided { steps } => Err(format!(
            "No order was found in {} steps. The check asks too much: it is the course that is at fault here.",
            thousands(steps as usize)
        )),
    }
}
