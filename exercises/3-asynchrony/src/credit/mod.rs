//! Flow control: a receiver says how much it has room for, and a sender sends no more.
//!
//! A fast sender and a slow receiver need a buffer between them, and a buffer needs an end. **Credit** is the permission to send: the
//! receiver grants as much as it has room for, the sender spends it, and the receiver grants more when its application has **consumed**
//! what came. What has only been *received* still takes up room.
//!
//! How credit is written on the wire depends on the link.
//!
//! - [`window`] is for a link that loses nothing and keeps the order, such as a TCP connection. A grant says how much **more** may be
//!   sent. Several streams share the link, so each has a window, and all of them together have another one. This is how HTTP/2 does it.
//! - [`limit`] is for a link that loses, repeats and reorders. A grant says how much may be sent **in all**. It can be lost, repeated
//!   and overtaken without harm. This is how QUIC and Aeron do it.
//!
//! Left out on purpose: settings that change a window while it is in use, how data is cut into frames, and the end of a stream that was
//! sent completely.
//!
//! Sources: RFC 9113, *HTTP/2*, sections 5.2 and 6.9; RFC 9000, *QUIC*, sections 4.1 and 13.3; Aeron's `UnicastFlowControl`.

pub mod limit;
pub mod window;

/// The other side has broken the rules. The connection is of no use any more, and is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Violation {
    /// A grant of nothing.
    NoIncrement,
    /// A grant that makes a window larger than any may be.
    TooMuchCredit,
    /// Data for which there was no credit.
    TooMuchData,
}
