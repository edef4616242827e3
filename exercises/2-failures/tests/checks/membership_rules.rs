//! What is demanded of servers that leave and come back.

use testkit::check::Rule;

pub const IN_THE_LOG: Rule = Rule::new(
    "the last change in the log counts",
    "A server goes by the last change in its log, committed or not; without one, by what its store says.",
    "Ongaro 2014, section 4.1: \"a server always uses the latest configuration in its log\"",
    "2-failures/membership.md#when-committed",
);

pub const ONE_AT_A_TIME: Rule = Rule::new(
    "one change at a time",
    "A leader makes a change only if it is by one, the last one is committed, and so is an entry of the leader's own term.",
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
    "what may not be done is a question",
    "A change that may not be made goes into the log as a question, under the client's own id; it changes nothing, and is answered.",
    "contract of `Member::on_change`",
    "2-failures/membership.md#a-question",
);

pub const ONCE: Rule = Rule::new(
    "a change is made once",
    "A change that the map would not carry out, since its client was answered or has gone on, does not stand in the log: it is a question.",
    "Ongaro 2014, section 6.3",
    "2-failures/membership.md#twice",
);

pub const WHO_COUNTS: Rule = Rule::new(
    "the new size decides",
    "A change goes to those who count by it, and is committed by a majority of them.",
    "Ongaro 2014, section 4.1",
    "2-failures/membership.md#sends-first",
);

pub const RESIGNS: Rule = Rule::new(
    "a leader does not remove itself",
    "A leader that may make a change, and would be out by it, resigns, refuses the client, and leaves the log as it is.",
    "Ongaro 2014, section 4.2.2",
    "2-failures/membership.md#removes-itself",
);

pub const SITS_OUT: Rule = Rule::new(
    "who is out does not stand",
    "A server that is out sends nothing when its election timer fires, stays in its term, and waits anew.",
    "Ongaro 2014, section 4.2.2",
    "2-failures/membership.md#stands",
);

pub const UNDISTURBED: Rule = Rule::new(
    "who is out disturbs nobody",
    "A server that counts, and knows a leader, does not listen to a candidate that is out, unless the candidate's log ends in a later term.",
    "Ongaro 2014, section 4.2.3",
    "2-failures/membership.md#disturbs",
);

pub const HEARD: Rule = Rule::new(
    "who is out is heard all the same",
    "From outside all but candidates are heard, and candidates too if they may know more: without a leader, with a later log, or by who is out itself.",
    "Ongaro 2014, section 4.1: servers process incoming RPC requests without consulting their current configurations",
    "2-failures/membership.md#deaf",
);

pub const COMES_BACK: Rule = Rule::new(
    "who comes back catches up",
    "A server that was out, and is in again, ends with the log and the store of the others.",
    "Ongaro 2014, section 4.2.1",
    "2-failures/membership.md#when",
);
