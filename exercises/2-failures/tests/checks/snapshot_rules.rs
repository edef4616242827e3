//! What is demanded of a server that cuts its log off.

use testkit::check::Rule;

pub const TRUE: Rule = Rule::new(
    "a snapshot is what the log led to",
    "A snapshot holds the index and the term of an applied entry, and what all entries up to that one led to; the log goes on from there.",
    "Ongaro & Ousterhout 2014 (extended version), section 7: last included index, last included term",
    "2-failures/snapshots.md#cut-too-far",
);

pub const SENT_INSTEAD: Rule = Rule::new(
    "what is gone is sent as a snapshot",
    "A leader that would have to continue at an entry which it has cut off sends its snapshot, and in no other case.",
    "Ongaro & Ousterhout 2014 (extended version), section 7",
    "2-failures/snapshots.md#who-was-away",
);

pub const IN_PLACE: Rule = Rule::new(
    "entries that come late",
    "Of entries that begin before the log does, those that are cut off are left out, and the others are taken.",
    "Ongaro & Ousterhout 2014 (extended version), sections 5.3 and 7",
    "2-failures/snapshots.md#late-entries",
);

pub const CATCHES_UP: Rule = Rule::new(
    "whoever was away catches up",
    "Once messages arrive and timers fire in turn, every server has the store of the one that is furthest.",
    "Ongaro & Ousterhout 2014 (extended version), section 7, figure 13",
    "2-failures/snapshots.md#who-was-away",
);

pub const NEVER_BACK: Rule = Rule::new(
    "an old snapshot takes nothing back",
    "A snapshot of entries that are committed here already changes nothing.",
    "Ongaro & Ousterhout 2014 (extended version), section 7; Ongaro 2014, section 5.3",
    "2-failures/snapshots.md#an-old-snapshot",
);

pub const KEEPS_SUFFIX: Rule = Rule::new(
    "what stands behind the snapshot stays",
    "If the log holds the snapshot's last entry, the entries behind that stay; if it does not, none of the log's entries stay.",
    "Ongaro & Ousterhout 2014 (extended version), figure 13, receiver implementation, steps 6 and 7",
    "2-failures/snapshots.md#what-stands-behind",
);

pub const SAVED_FIRST: Rule = Rule::new(
    "a snapshot is saved before it is answered",
    "When a follower says that it has what a snapshot stands for, the snapshot is saved, and so is a log that goes on from it.",
    "Ongaro & Ousterhout 2014 (extended version), figure 13, receiver implementation, step 4, and figure 2",
    "2-failures/snapshots.md#saved-first",
);

pub const ANSWERED: Rule = Rule::new(
    "a snapshot is answered",
    "Whoever gets a snapshot tells its sender how far both agree, or that it is deposed.",
    "Ongaro & Ousterhout 2014 (extended version), figure 13",
    "2-failures/snapshots.md#who-was-away",
);

pub const AT_MOST_ONCE: Rule = Rule::new(
    "at most once",
    "A request is carried out once, also if it comes again after a snapshot, on whichever server.",
    "Ongaro 2014, section 6.3: sessions are part of the state machine, and so of a snapshot",
    "2-failures/snapshots.md#drops-the-sessions",
);
