//! The chain: the services through which a customer's log lines pass, each a process of its own.
//!
//! ```text
//!              ┌─▸ enrich ──▸ store        a line is stored
//! client ──▸ gateway
//!              └─▸ tail                    the newest lines of a customer are shown
//! ```
//!
//! `enrich` adds to a line what is known of its sender, and `store` writes it to the write-ahead log of stage 2. `tail` has the newest lines in
//! memory, and hears of each one that is stored. If the store is slow, tails may be out of date, but they are there: `tail` needs no other
//! service for its answer.
//!
//! Everything but the gateway is [`blocking`], and stays so. There are four gateways:
//!
//! | kind | what waits | what limits it |
//! |---|---|---|
//! | [`blocking::gateway`] | threads | a pool of threads, and a timeout for each call |
//! | [`blocking::bounded`] | threads | the same, and your [admission queue](crate::admission::queue) and deadlines |
//! | [`naive`] | tasks | a timeout for each call |
//! | [`gateway`] | tasks | what you make of this stage |
//!
//! The first three are given. The fourth is yours.
//!
//! What takes time in this chain is *waiting*: each service has so many places, and sleeps while it "works". So a chain on a laptop with two
//! cores gets as slow as one on twenty machines, and for the same reason, which is not the processor.

pub mod blocking;
pub mod gateway;
pub mod link;
pub mod listen;
pub mod message;
pub mod naive;
pub mod parameters;
