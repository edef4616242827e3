//! What is demanded of servers that leave and come back.

use testkit::check::Rule;

pub const IN_THE_LOG: Rule = Rule::new(
    "the last change in the log counts",
    "A server goes by the last change in its log, committed or not. Without one, it goes by its store.",
    "Ongaro 2014, section 4.1: \"a server always uses the latest configuration in its log\"",
    "2-failures/membership.md#when-committed",
);

pub const ONE_AT_A_TIME: Rule = Rule::new(
    "one change at a time",
    "A leader makes a change only if it adds or removes one server, the last change is committed, and an entry of the leader's \
     own term is committed too.",
    "Ongaro 2014, section 4.1; Ongaro, raft-dev, 10 July 2015",
    "2-failures/membership.md#one-at-a-time",
);

pub const LEAVE: Rule = Rule::new(
    "servers leave",
    "There is a run in which three of five servers have left, so that two count.",
    "Ongaro 2014, section 4.1",
    "2-failures/membership.md#one-at-a-time",
);

pub const A_QUESTION: Rule = Rule::new(
    "a change that is not allowed becomes a question",
    "A change that may not be made goes into the log as a question, under the client's own id. It changes nothing, and is \
     answered.",
    "contract of `Member::on_change`",
    "2-failures/membership.md#a-question",
);

pub const ONCE: Rule = Rule::new(
    "a change is made once",
    "If the map would ignore a change because its client was answered or has gone on, the log holds a question in place of the \
     change.",
    "Ongaro 2014, section 6.3",
    "2-failures/membership.md#twice",
);

pub const WHO_COUNTS: Rule = Rule::new(
    "the new size decides",
    "A change goes to the servers that count once it is made, and is committed by a majority of them.",
    "Ongaro 2014, section 4.1",
    "2-failures/membership.md#sends-first",
);

pub const RESIGNS: Rule = Rule::new(
    "a leader does not remove itself",
    "A leader that may make a change that would remove itself resigns, refuses the client, and leaves the log as it is.",
    "Ongaro 2014, section 4.2.2",
    "2-failures/membership.md#removes-itself",
);

pub const SITS_OUT: Rule = Rule::new(
    "a removed server does not become a candidate",
    "When the election timer of a server that is out fires, the server sends nothing, stays in its term, and arms the timer \
     again.",
    "Ongaro 2014, section 4.2.2",
    "2-failures/membership.md#stands",
);

pub const UNDISTURBED: Rule = Rule::new(
    "a removed server disturbs no leader",
    "A server that counts and knows a leader ignores a candidate that is out, unless the candidate's log ends in a later term \
     than its own.",
    "Ongaro 2014, section 4.2.3",
    "2-failures/membership.md#disturbs",
);

pub const HEARD: Rule = Rule::new(
    "a removed server is still heard",
    "A server listens to every message from outside except a candidate's. It listens to that too if it knows no leader, if the \
     candidate's log ends in a later term, or if it is out itself.",
    "Ongaro 2014, section 4.1: servers process incoming RPC requests without consulting their current configurations",
    "2-failures/membership.md#deaf",
);

pub const COMES_BACK: Rule = Rule::new(
    "a server that comes back catches up",
    "A server that was out, and is in again, ends up with the log and the store of the others.",
    "Ongaro 2014, section 4.2.1",
    "2-failures/membership.md#when",
);
