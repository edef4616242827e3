//! The channel as programs use it.

#[path = "channel.rs"]
pub mod channel;

/// What the channel is built from: the standard library's.
pub mod sync {
    pub use std::sync::atomic;
    pub use std::sync::{Arc, Mutex, MutexGuard};
}
