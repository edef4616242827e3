//! What clients can ask of a register, however it is replicated.

/// The content of a register. It is 0 before the first write.
pub type Value = u32;

/// What a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Request {
    /// What is the value?
    Read,
    /// Replace the value.
    Write(Value),
}

/// What a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Response {
    /// The answer to [`Request::Read`].
    Read(Value),
    /// The answer to [`Request::Write`]: the value is in the register.
    Written,
}
