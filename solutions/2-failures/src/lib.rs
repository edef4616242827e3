//! Stage 2: what survives a failure.
//!
//! Parts fail all the time, and at the worst moment. In this stage you build what is still right afterwards, from the disk up:
//!
//! - [`wal`] keeps records over a crash: a write-ahead log, on a disk that loses, tears and reorders whatever was not synced.
//!
//! All of it is written against the disk of [`testkit::disk`]. Read the documentation of that trait first; it is short, and it says
//! what a disk promises. It promises little.

pub mod wal;
