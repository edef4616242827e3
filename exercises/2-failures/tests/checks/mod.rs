//! The checks of stage 2: one file for each task. They name the code under test only as `crate::subject`.
//!
//! - [`words`]: what failures call a value.
//!
//! Of whole servers:
//! - [`entries`]: entries and snapshots as a leader would make them;
//! - [`cut_log`]: the log of stage 1 with its beginning cut off, beside the whole one;
//! - [`lone_server`]: a server that is alone with the messages of others;
//! - [`snapshot_rules`]: what is demanded of a server that cuts its log off;
//! - [`short_logs`]: clusters whose servers keep their logs short;
//! - [`sizes`]: clusters whose size is changed;
//! - [`lone_member`]: a server of such a cluster, alone with the messages of others;
//! - [`member_trials`]: what a check asks of it;
//! - [`membership_rules`]: what is demanded of it.
//!
//! Of what is on a disk:
//! - [`life`]: what a server has in its memory, from one change to the next;
//! - [`successions`]: what it may save right after something else;
//! - [`rewriting`]: what a log may hold that is being rewritten;
//! - [`seen`]: what the user of a log or of a storage has seen, and relies on.
//!
//! Of faults:
//! - [`planted`]: servers that are wrong in one way.
//!
//! Of bytes from outside, and of clients:
//! - [`harmless`]: code that must not panic, whatever it is given;
//! - [`speakers`]: what is said to a server, by friends and by others;
//! - [`visit`]: a speaker on an inbound connection;
//! - [`worlds`]: what may come of a client's tries.
//!
//! Of the monkey:
//! - [`clock`]: what the zone's clock says;
//! - [`trial`]: a monkey that is woken at given instants, and all that it does;
//! - [`settings`]: the configurations and trials that it goes through;
//! - [`ward`]: instances that fall ill and get well again;
//! - [`turns`]: on which days a group has one, and what comes of it;
//! - [`chances`]: whether, when and whom it hits;
//! - [`counting`]: whether chance was as it should be;
//! - [`order`]: what of a tick is in the audit log, and when;
//! - [`monkey_rules`]: what is demanded of it.

mod chances;
mod clock;
mod counting;
mod cut_log;
mod entries;
mod harmless;
mod life;
mod lone_member;
mod lone_server;
mod member_trials;
mod membership_rules;
mod monkey_rules;
mod order;
mod planted;
mod rewriting;
mod seen;
mod settings;
mod short_logs;
mod sizes;
mod snapshot_rules;
mod speakers;
mod successions;
mod trial;
mod turns;
mod visit;
mod ward;
mod words;
mod worlds;

pub mod chaos;
pub mod faults;
pub mod frame;
pub mod host;
pub mod machine;
pub mod membership;
pub mod monkey;
pub mod raft;
pub mod schedule;
pub mod server;
pub mod snapshot;
pub mod storage;
pub mod wal;
