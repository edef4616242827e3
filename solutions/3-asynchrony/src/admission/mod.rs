//! Admission: work that cannot be done in time is refused at the entrance.
//!
//! A service that gets ten times what it can do has one choice left: *which* nine of ten requests it does not serve. Left alone, it serves
//! those that have waited longest, and their clients have gone. Two machines choose better:
//!
//! - [`queue`] holds the requests that wait. It has an end, it starts nothing whose client has gone, and it finds out whether it is a queue
//!   that a burst has made, which will go away by itself, or one that stays.
//! - [`limit`] says how many calls may be under way at once, to a service whose strength is not known. It goes up while all is well, and down
//!   when it is told "overloaded".
//!
//! Both say no **before** any work has been done. A request that is refused costs nothing, and may be made again elsewhere.
//!
//! Source: Maurer 2015, *Fail at Scale*, ACM Queue 13(8); facebook/folly, `folly/executors/Codel.cpp`; Netflix/concurrency-limits,
//! `AIMDLimit.java`.

pub mod limit;
pub mod queue;
