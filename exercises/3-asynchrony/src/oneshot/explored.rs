//! The channel as the checks explore it. It works only inside of a model of `loom`.

#[path = "channel.rs"]
pub mod channel;
pub mod sync;
