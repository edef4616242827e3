//! Programs that would pass if the learner's own types were believed, or if servers could share more than messages.

use std::cell::Cell;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, Ordering};

use testkit::check::{FailureKind, Finding};
use testkit::cluster::{Cluster, Linearizable, Log, SequentialSpec};
use testkit::node::{Membership, Never, Node, NodeId, Outbox, RequestId};
use testkit::rule::Rule;
use testkit::search::Bounds;
use testkit::simulation::{Faults, Simulation};

const LINEARIZABLE: Rule = Rule::new("linearizability", "As one copy.", "this test", "");

/// Replaces the register's value, or leaves it; the answer is the value after that.
type Request = Option<u32>;

/// A register as the checks of it know it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Register(u32);

impl SequentialSpec for Register {
    type Op = Request;
    type Ret = u32;

    fn invoke(&mut self, request: &Request) -> u32 {
        self.0 = request.unwrap_or(self.0);
        self.0
    }
}

/// An answer that calls itself equal to all others, and looks like them.
#[derive(Clone, Copy, Eq, PartialOrd, Ord)]
struct Yes(u32);

impl PartialEq for Yes {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Hash for Yes {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl fmt::Debug for Yes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("yes")
    }
}

impl From<Yes> for u32 {
    fn from(yes: Yes) -> u32 {
        yes.0
    }
}

/// How a program keeps the register's value.
trait Keep: Clone + Eq + Hash + fmt::Debug + Send + Sync + Default + 'static {
    fn set(&mut self, value: u32);
    fn get(&self) -> u32;
}

/// A server that answers from what it keeps, and tells nobody.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Server<K, R> {
    kept: K,
    answers: PhantomData<R>,
}

impl<K: Keep, R> Node for Server<K, R>
where
    R: From<u32> + Clone + Ord + Hash + fmt::Debug + Send + Sync + 'static,
{
    type Message = ();
    type Timer = Never;
    type Request = Request;
    type Response = R;
    type Durable = ();

    fn start(_: Membership, _: Option<()>, _: &mut Outbox<Self>) -> Self {
        Server { kept: K::default(), answers: PhantomData }
    }

    fn on_message(&mut self, _: NodeId, (): (), _: &mut Outbox<Self>) {}

    fn on_request(&mut self, id: RequestId, request: Request, out: &mut Outbox<Self>) {
        request.into_iter().for_each(|value| self.kept.set(value));
        out.reply(id, R::from(self.kept.get()));
    }
}

impl From<u32> for Yes {
    fn from(value: u32) -> Self {
        Yes(value)
    }
}

/// Keeps the value in a field, as it should.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct InAField(u32);

impl Keep for InAField {
    fn set(&mut self, value: u32) {
        self.0 = value;
    }
    fn get(&self) -> u32 {
        self.0
    }
}

/// Keeps nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Nowhere;

impl Keep for Nowhere {
    fn set(&mut self, _: u32) {}
    fn get(&self) -> u32 {
        7
    }
}

/// All states are one to the search, and are shown alike.
#[derive(Clone, Default, Eq)]
struct Faceless(u32);

impl PartialEq for Faceless {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Hash for Faceless {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl fmt::Debug for Faceless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a server")
    }
}

impl Keep for Faceless {
    fn set(&mut self, value: u32) {
        self.0 = value;
    }
    fn get(&self) -> u32 {
        self.0
    }
}

/// Leaves a field out of `==` on which nothing depends.
#[derive(Clone, Debug, Default, Eq)]
struct WithACount {
    value: u32,
    sets: u32,
}

impl PartialEq for WithACount {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Hash for WithACount {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.value.hash(hasher);
    }
}

impl Keep for WithACount {
    fn set(&mut self, value: u32) {
        self.value = value;
        self.sets += 1;
    }
    fn get(&self) -> u32 {
        self.value
    }
}

/// One value for all servers. There is one static for each test that needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct InAStatic<const TEST: usize>;

static SHARED: [AtomicU32; 2] = [AtomicU32::new(0), AtomicU32::new(0)];

impl<const TEST: usize> Keep for InAStatic<TEST> {
    fn set(&mut self, value: u32) {
        SHARED[TEST].store(value, Ordering::SeqCst);
    }
    fn get(&self) -> u32 {
        SHARED[TEST].load(Ordering::SeqCst)
    }
}

/// One value for all servers of a thread, which never goes down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct InTheThread;

thread_local! {
    static LARGEST: Cell<u32> = const { Cell::new(0) };
}

impl Keep for InTheThread {
    fn set(&mut self, value: u32) {
        LARGEST.set(LARGEST.get().max(value));
    }
    fn get(&self) -> u32 {
        LARGEST.get()
    }
}

/// Looks at every run of so many servers, each with a client that reads, writes and reads.
fn search<K: Keep, R>(servers: usize) -> Result<String, Box<Finding>>
where
    R: From<u32> + Clone + Ord + Hash + fmt::Debug + Send + Sync + 'static,
    u32: From<R>,
{
    let mut cluster = Cluster::<Server<K, R>, _>::new(servers, Linearizable::new(Register::default()));
    for client in 0..servers {
        cluster = cluster.client(&[client], [None, Some(client as u32 + 1), None]);
    }
    let cluster = cluster.whole_run(LINEARIZABLE, |view| match view.history().holds() {
        true => Ok(()),
        false => Err(view.history().summary()),
    });
    cluster.prove(Bounds::exhaustive(10_000), None)
}

/// One long run of three servers, each with a client that writes and reads in turn.
fn simulate<K: Keep>() -> Result<String, Box<Finding>> {
    let mut cluster = Cluster::<Server<K, u32>, _>::new(3, Log::default());
    for client in 0..3_u32 {
        let value = move |n: u32| n.is_multiple_of(2).then_some(10 * n + client);
        cluster = cluster.client(&[client as usize], (0..40).map(value));
    }
    let cluster = cluster.whole_run(LINEARIZABLE, |view| view.history().linearizable(Register::default()));
    Simulation::new(cluster, Faults::default()).run(0..1)
}

fn rule_of(result: Result<String, Box<Finding>>) -> String {
    result.expect_err("it passes").rule.name.into_owned()
}

#[test]
fn an_honest_program_passes() {
    search::<InAField, u32>(1).unwrap();
    search::<WithACount, u32>(1).unwrap();
}

#[test]
fn an_answer_that_equals_every_other_is_still_the_wrong_answer() {
    assert_eq!(rule_of(search::<Nowhere, u32>(1)), LINEARIZABLE.name);
    assert_eq!(rule_of(search::<Nowhere, Yes>(1)), LINEARIZABLE.name);
    assert!(search::<InAField, Yes>(1).is_err(), "the answers 0 and 1 are merged, and the history tells them apart");
}

#[test]
fn states_that_are_equal_and_lead_to_different_answers_are_found_out() {
    let finding = search::<Faceless, u32>(1).unwrap_err();
    assert_eq!((finding.kind, &*finding.rule.name), (FailureKind::Violated, "equal is alike"));
    assert!(finding.summary.contains("a `PartialEq` or a `Hash` that is written by hand"), "{}", finding.summary);
}

#[test]
fn servers_that_share_a_static_are_found_out() {
    let finding = simulate::<InAStatic<0>>().unwrap_err();
    assert_eq!((finding.kind, &*finding.rule.name), (FailureKind::Violated, "servers share nothing"));
    assert!(
        finding.summary.contains("Look for a `static` or a `thread_local!` variable, or for a clock"),
        "{}",
        finding.summary
    );
    assert_eq!(finding.trace, None, "no run in particular shows it");
    assert!(
        search::<InAStatic<1>, u32>(2).is_err(),
        "the search calls each handler once: what is shared is out of date there"
    );
}

#[test]
fn servers_that_share_what_never_goes_down_are_found_out() {
    assert_eq!(rule_of(simulate::<InTheThread>()), "servers share nothing");
    assert!(search::<InTheThread, u32>(2).is_err());
}

/// Starts another timer each time, as if a timer could carry what it is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Occasions;

impl Node for Occasions {
    type Message = Never;
    type Timer = u32;
    type Request = Never;
    type Response = Never;
    type Durable = ();

    fn start(_: Membership, _: Option<()>, out: &mut Outbox<Self>) -> Self {
        out.arm(0);
        Occasions
    }

    fn on_timer(&mut self, timer: u32, out: &mut Outbox<Self>) {
        out.arm(timer + 1);
    }

    fn on_message(&mut self, _: NodeId, message: Never, _: &mut Outbox<Self>) {
        match message {}
    }

    fn on_request(&mut self, _: RequestId, request: Never, _: &mut Outbox<Self>) {
        match request {}
    }
}

#[test]
fn timers_without_end_break_a_rule() {
    let finding = Cluster::<Occasions, ()>::new(1, ()).prove(Bounds::exhaustive(1_000), None).unwrap_err();
    assert_eq!((finding.kind, &*finding.rule.name), (FailureKind::Violated, "few timers"));
    assert!(finding.summary.contains("64 is one more"), "{}", finding.summary);
}

/// Hands on whatever it hears, to everybody.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Gossip(Membership);

impl Node for Gossip {
    type Message = ();
    type Timer = Never;
    type Request = ();
    type Response = ();
    type Durable = ();

    fn start(me: Membership, _: Option<()>, _: &mut Outbox<Self>) -> Self {
        Gossip(me)
    }

    fn on_request(&mut self, id: RequestId, (): (), out: &mut Outbox<Self>) {
        out.send_all(self.0.peers(), &());
        out.reply(id, ());
    }

    fn on_message(&mut self, _: NodeId, (): (), out: &mut Outbox<Self>) {
        out.send_all(self.0.peers(), &());
    }
}

#[test]
fn messages_that_multiply_without_end_break_a_rule() {
    let cluster = Cluster::<Gossip, ()>::new(4, ()).client(&[0], [()]).settles(LINEARIZABLE, 1, |_| Ok(()));
    let finding = Simulation::new(cluster, Faults::default()).run(0..1).unwrap_err();
    assert_eq!((finding.kind, &*finding.rule.name), (FailureKind::Violated, "no flood"));
}
