//! The chain: the services through which a customer's log lines pass.

pub mod parameters;
