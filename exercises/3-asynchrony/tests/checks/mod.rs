//! The checks of stage 3: one file for each task. They name the code under test only as `crate::subject`.

pub mod admission;
pub mod breaker;
pub mod bulkhead;
pub mod caller;
pub mod chains;
pub mod credit;
pub mod deadline;
pub mod downstream;
pub mod expected;
pub mod hops;
pub mod idempotency;
pub mod oracle;
pub mod places;
pub mod predict;
pub mod purse;
pub mod records;
pub mod retry;
pub mod rush;
pub mod slots;
pub mod streams;
pub mod wild;
pub mod wire;
pub mod workers;
