//! Task `idempotency`: what is asked twice under one key is done once.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use testkit::check::{Rule, check};
use testkit::cluster::{Cluster, Occurrence, View};
use testkit::node::{ClientId, Membership, Never, Node, NodeId, Outbox, RequestId};
use testkit::simulation::{Faults, Simulation};

use super::oracle::{Broken, keeps};
use crate::subject::idempotency::{Answer, Date, Fingerprint, Key, Keys, Record, Tenant, Verdict};

const ONCE: Rule = Rule::new(
    "once",
    "What a tenant asks for under one key is done at most once for as long as its record is kept.",
    "Jena and Dalal 2025, The Idempotency-Key HTTP Header Field, section 2.6",
    "3-asynchrony/idempotency.md#invariants-to-keep",
);

const SAME: Rule = Rule::new(
    "the same answer again",
    "A client that asks the same again is told what was answered first, even if that was an error.",
    "Jena and Dalal 2025, The Idempotency-Key HTTP Header Field, section 2.6",
    "3-asynchrony/idempotency.md#invariants-to-keep",
);

const UNDER_WAY: Rule = Rule::new(
    "one at a time",
    "While a request is being done, the same request is told so, and nothing is done.",
    "Jena and Dalal 2025, The Idempotency-Key HTTP Header Field, section 2.7: 409",
    "3-asynchrony/idempotency.md#check-then-act",
);

const REUSED: Rule = Rule::new(
    "one key, one request",
    "A key that was used for one request is refused for another, whether that one is done or under way.",
    "Jena and Dalal 2025, The Idempotency-Key HTTP Header Field, section 2.7: 422",
    "3-asynchrony/idempotency.md#any-request",
);

const DONE: Rule = Rule::new(
    "what is new is done",
    "A request is done if nothing is known of its key: no record, and nothing under way.",
    "Jena and Dalal 2025, The Idempotency-Key HTTP Header Field, section 2.6",
    "3-asynchrony/idempotency.md#reserved-forever",
);

const RECORDED: Rule = Rule::new(
    "the record says what was done",
    "When a request is done, the record that goes to the disk names its tenant, its key, what it asked for, the answer and the time.",
    "contract of `Keys::finish`",
    "3-asynchrony/idempotency.md#the-idea",
);

const FORGOTTEN: Rule = Rule::new(
    "what is old is forgotten",
    "Memory grows with the keys that are under way and the records that are kept, and with nothing else.",
    "Jena and Dalal 2025, The Idempotency-Key HTTP Header Field, section 2.3: expiry",
    "3-asynchrony/idempotency.md#kept-forever",
);

const ANSWERED: Rule = Rule::new(
    "a client that goes on asking is answered",
    "A client that asks again as long as its request is under way is told in the end what came of it.",
    "contract of the Keys",
    "3-asynchrony/idempotency.md#reserved-forever",
);

const REPEATED: Rule = Rule::new(
    "an answer is repeated",
    "There is a run in which a client is told what was told before.",
    "contract of `Keys::ask`",
    "3-asynchrony/idempotency.md#the-idea",
);

/// For how long records are kept here, in milliseconds, of which few pass.
const KEEPS: u64 = 2;

/// A request with its key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Asked {
    tenant: Tenant,
    key: Key,
    request: Fingerprint,
}

impl fmt::Debug for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenant {} asks for {} under key {}", self.tenant, self.request, self.key)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Told {
    UnderWay,
    Reused,
    Is(Answer),
}

/// What may happen to a request that is being done, by the number of its client; and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Event {
    Works(usize),
    IsImpossible(usize),
    IsAbandoned(usize),
    TimePasses,
    TheClockIsSetBack,
}

/// A server that carries out requests, with all that it has on its disk.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Server {
    keys: Keys,
    now: Date,
    disk: Vec<Record>,
    /// Who is told when a request is done that is under way.
    doing: BTreeMap<usize, (RequestId, Asked)>,
    /// What was done and is on record.
    done: BTreeMap<(Tenant, Key), Record>,
    /// Records that were too old at some moment: they may be forgotten, even if the clock has been set back since.
    aged: BTreeSet<(Tenant, Key)>,
    broken: Option<Broken>,
    repeated: bool,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "at {}: {:?}, being done: {:?}",
            self.now,
            self.keys,
            self.doing.values().map(|(_, asked)| asked).collect::<Vec<_>>()
        )
    }
}

impl Server {
    fn breaks(&mut self, rule: Rule, why: String) {
        self.broken.get_or_insert((rule, why));
    }

    /// What the contract says, and compares it with what was said.
    fn is_right(&mut self, asked: Asked, told: Verdict) {
        let (now, at) = (self.now, (asked.tenant, asked.key));
        self.done.retain(|_, record| now.saturating_sub(record.at) <= KEEPS);
        if told == Verdict::Do && self.aged.remove(&at) {
            self.done.remove(&at);
        }
        let running = self.doing.values().map(|(_, other)| *other).find(|other| (other.tenant, other.key) == at);
        let right = match (self.done.get(&at), running) {
            (Some(record), _) if record.request == asked.request => Verdict::Again(record.answer),
            (None, Some(other)) if other.request == asked.request => Verdict::UnderWay,
            (None, None) => Verdict::Do,
            _ => Verdict::Reused,
        };
        if told == right {
            return;
        }
        let rule = match (right, told) {
            (Verdict::Reused, _) => REUSED,
            (_, Verdict::Do) => ONCE,
            (Verdict::Again(_), _) => SAME,
            (Verdict::UnderWay, _) => UNDER_WAY,
            (Verdict::Do, _) => DONE,
        };
        let record = self.done.get(&at);
        let known = match (record, running) {
            (Some(record), _) => format!(
                "{} was asked for under it and answered with {} at {}",
                record.request, record.answer, record.at
            ),
            (_, Some(other)) => format!("{} is being done under it", other.request),
            _ => "nothing is known of it".to_owned(),
        };
        self.breaks(
            rule,
            format!(
                "It is {now}. {asked:?}, of which {known}. What the server is told is {told:?}; it should be {right:?}."
            ),
        );
    }

    /// A request that is being done has come to its end.
    fn ends(&mut self, client: usize, answer: Answer, out: &mut Outbox<Self>) {
        let Some((id, asked)) = self.doing.remove(&client) else { return };
        let record = self.keys.finish(asked.tenant, asked.key, answer, self.now);
        let right = Record { tenant: asked.tenant, key: asked.key, request: asked.request, answer, at: self.now };
        if record != Some(right) {
            self.breaks(
                RECORDED,
                format!("{asked:?}, and is told {answer} at {}. The record is {record:?}.", self.now),
            );
        }
        if answer == 500 {
            self.keys.abandon(asked.tenant, asked.key); // by a guard that comes too late
        }
        self.done.insert((asked.tenant, asked.key), right);
        self.aged.remove(&(asked.tenant, asked.key));
        self.disk.extend(record);
        out.save(self.disk.clone());
        out.reply(id, Told::Is(answer));
    }
}

impl Node for Server {
    type Message = Never;
    type Timer = Event;
    type Request = Asked;
    type Response = Told;
    type Durable = Vec<Record>;

    fn start(_: Membership, saved: Option<Vec<Record>>, out: &mut Outbox<Self>) -> Self {
        let disk = saved.unwrap_or_default();
        out.arm(Event::TimePasses);
        out.arm(Event::TheClockIsSetBack);
        let now = disk.iter().map(|record| record.at).max().unwrap_or(10);
        let done = disk.iter().map(|record| ((record.tenant, record.key), *record)).collect();
        let keys = Keys::start(KEEPS, disk.iter().copied());
        Server { keys, now, disk, doing: BTreeMap::new(), done, aged: BTreeSet::new(), broken: None, repeated: false }
    }

    fn on_message(&mut self, _: NodeId, message: Never, _: &mut Outbox<Self>) {
        match message {}
    }

    fn on_timer(&mut self, event: Event, out: &mut Outbox<Self>) {
        match event {
            Event::Works(client) => self.ends(client, 200, out),
            Event::IsImpossible(client) => self.ends(client, 500, out),
            Event::IsAbandoned(client) => {
                if let Some((id, asked)) = self.doing.remove(&client) {
                    self.keys.abandon(asked.tenant, asked.key);
                    out.reply(id, Told::UnderWay);
                }
            }
            Event::TimePasses => {
                self.now += 1;
                let aged = self.done.values().filter(|record| self.now.saturating_sub(record.at) > KEEPS);
                self.aged.extend(aged.map(|record| (record.tenant, record.key)));
                out.arm(Event::TimePasses);
            }
            Event::TheClockIsSetBack => self.now -= 3,
        }
    }

    fn on_request(&mut self, id: RequestId, asked: Asked, out: &mut Outbox<Self>) {
        let told = self.keys.ask(asked.tenant, asked.key, asked.request, self.now);
        self.is_right(asked, told);
        let most = self.done.len() + self.doing.len() + 1;
        if self.keys.len() > most {
            let len = self.keys.len();
            self.breaks(
                FORGOTTEN,
                format!(
                    "It is {}. {asked:?}. {} records and requests matter now, and {len} are remembered.",
                    self.now,
                    most - 1
                ),
            );
        }
        match told {
            Verdict::Do => {
                let client = id.client.0;
                self.doing.insert(client, (id, asked));
                let ends = [Event::Works(client), Event::IsImpossible(client), Event::IsAbandoned(client)];
                ends.into_iter().for_each(|event| out.arm(event));
            }
            Verdict::UnderWay => out.reply(id, Told::UnderWay),
            Verdict::Reused => out.reply(id, Told::Reused),
            Verdict::Again(answer) => {
                self.repeated = true;
                out.reply(id, Told::Is(answer));
            }
        }
    }
}

/// So many milliseconds pass, and clients ask.
fn asked(milliseconds: u8, clients: &[&[(Tenant, Key, Fingerprint)]]) -> Cluster<Server> {
    let abandoned =
        |step: &Occurrence<'_, Server>| matches!(step, Occurrence::Timeout { timer: Event::IsAbandoned(_), .. });
    let cluster = Cluster::new(1, ())
        .limit(milliseconds, |step| matches!(step, Occurrence::Timeout { timer: Event::TimePasses, .. }))
        .limit(1, |step| matches!(step, Occurrence::Timeout { timer: Event::TheClockIsSetBack, .. }))
        .limit(2, abandoned);
    let cluster = clients.iter().fold(cluster, |cluster, requests| {
        let requests = requests.iter().map(|&(tenant, key, request)| Asked { tenant, key, request });
        cluster.client(&[0], requests)
    });
    let cluster = cluster.refusals(|told| *told == Told::UnderWay).persistent_clients();
    keeps(cluster, [ONCE, SAME, UNDER_WAY, REUSED, DONE, RECORDED, FORGOTTEN], |view| {
        server(view).and_then(|server| server.broken.as_ref())
    })
}

/// The server, unless it did not even start.
fn server<'a>(view: &View<'a, Server, ()>) -> Option<&'a Server> {
    view.server(NodeId(0))
}

fn all_are_answered(cluster: Cluster<Server>) -> Cluster<Server> {
    cluster.leads_to(ANSWERED, 8, |view| {
        let waiting = (0..).map(ClientId).take(2).find_map(|client| view.waiting(client));
        match waiting {
            None => Ok(()),
            Some(request) => {
                Err(format!("{request} still waits, though nothing fails any more and its client asks again."))
            }
        }
    })
}

fn repeats(cluster: Cluster<Server>) -> Cluster<Server> {
    cluster.sometimes(REPEATED, |view| server(view).is_some_and(|server| server.repeated))
}

#[test]
pub fn what_is_asked_twice_is_done_once() {
    check(|check| {
        let clients: [&[_]; 2] = [&[(1, 7, 70), (1, 7, 70)], &[(1, 7, 70)]];
        check.exhausts("two clients with the same request and key", repeats(all_are_answered(asked(1, &clients))))
    });
}

#[test]
pub fn a_key_is_for_one_request() {
    check(|check| {
        let clients: [&[_]; 2] = [&[(1, 7, 70), (1, 7, 71)], &[(1, 7, 71), (1, 7, 70)]];
        check.exhausts("two requests under one key", repeats(asked(1, &clients)))
    });
}

#[test]
pub fn tenants_and_keys_are_apart() {
    check(|check| {
        let clients: [&[_]; 2] = [&[(1, 7, 70), (1, 8, 70)], &[(2, 7, 70), (1, 7, 70)]];
        check.exhausts("two tenants with the same key, and two keys", all_are_answered(asked(1, &clients)))
    });
}

#[test]
pub fn a_crash_undoes_what_was_under_way_and_nothing_else() {
    check(|check| {
        let clients: [&[_]; 2] = [&[(1, 7, 70)], &[(1, 7, 70)]];
        let cluster = asked(0, &clients).restarts(1).retries(2);
        check.exhausts("two clients with the same request, and a crash", repeats(cluster))
    });
}

#[test]
pub fn what_is_old_is_forgotten() {
    check(|check| {
        let clients: [&[_]; 2] = [&[(1, 7, 70), (1, 8, 80), (1, 7, 71)], &[(1, 7, 70)]];
        check.exhausts("four milliseconds, and records that are kept for two", repeats(asked(4, &clients)))?;
        let requests = |client: u64| (0..40).map(move |ask| (1, (ask / 3 + client) % 4, 70 + u64::from(ask % 11 == 0)));
        let clients: Vec<Vec<_>> = (0..4).map(|client| requests(client).collect()).collect();
        let clients: Vec<&[_]> = clients.iter().map(Vec::as_slice).collect();
        let faults = Faults { restarts: 3, ..Faults::default() };
        let server = Simulation::new(repeats(asked(0, &clients)), faults).clients_ask_again(10_000..=20_000);
        check.simulates("four clients with 40 requests each, a clock that is set back, and restarts", server, 0..40)
    });
}
