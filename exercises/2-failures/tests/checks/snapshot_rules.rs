//! What is demanded of a server that cuts its log off.

use testkit::check::Rule;

pub const TRUE: Rule = Rule::new(
    "a snapshot is the result of the log",
    "A snapshot holds the index and the term of an applied entry, and the result of all entries up to that one. The log \
     continues from there.",
    "Ongaro & Ousterhout 2014 (extended version), section 7: last included index, last included term",
    "2-failures/snapshots.md#cut-too-far",
);

pub const SENT_INSTEAD: Rule = Rule::new(
    "what is gone is sent as a snapshot",
    "A leader sends its snapshot when a follower needs an entry that the leader has cut off, and in no other case.",
    "Ongaro & Ousterhout 2014 (extended version), section 7",
    "2-failures/snapshots.md#who-was-away",
);

pub const IN_PLACE: Rule = Rule::new(
    "entries that come late",
    "If a message has entries from before the log's start, the follower skips those that it has cut off, and takes the others.",
    "Ongaro & Ousterhout 2014 (extended version), sections 5.3 and 7",
    "2-failures/snapshots.md#late-entries",
);

pub const CATCHES_UP: Rule = Rule::new(
    "a server that was away catches up",
    "Once messages arrive and timers fire in turn, every server has the store of the server that is furthest ahead.",
    "Ongaro & Ousterhout 2014 (extended version), section 7, figure 13",
    "2-failures/snapshots.md#who-was-away",
);

pub const NEVER_BACK: Rule = Rule::new(
    "an old snapshot takes nothing back",
    "A snapshot of entries that the follower already knows to be committed changes nothing.",
    "Ongaro & Ousterhout 2014 (extended version), section 7; Ongaro 2014, section 5.3",
    "2-failures/snapshots.md#an-old-snapshot",
);

pub const KEEPS_SUFFIX: Rule = Rule::new(
    "what follows the snapshot stays",
    "If the log holds the snapshot's last entry, the entries after it stay. If it does not, none of the log's entries stay.",
    "Ongaro & Ousterhout 2014 (extended version), figure 13, receiver implementation, steps 6 and 7",
    "2-failures/snapshots.md#what-stands-behind",
);

pub const SAVED_FIRST: Rule = Rule::new(
    "a snapshot is saved before it is answered",
    "Before a follower confirms a snapshot, it saves the snapshot, and a log that continues from it.",
    "Ongaro & Ousterhout 2014 (extended version), figure 13, receiver implementation, step 4, and figure 2",
    "2-failures/snapshots.md#saved-first",
);

pub const ANSWERED: Rule = Rule::new(
    "a snapshot is answered",
    "A server that gets a snapshot tells the sender how far their logs agree, or that the sender is deposed.",
    "Ongaro & Ousterhout 2014 (extended version), figure 13",
    "2-failures/snapshots.md#who-was-away",
);

pub const AT_MOST_ONCE: Rule = Rule::new(
    "at most once",
    "A request is carried out once, even if it arrives again after a snapshot, on any server.",
    "Ongaro 2014, section 6.3: sessions are part of the state machine, and so of a snapshot",
    "2-failures/snapshots.md#drops-the-sessions",
);
