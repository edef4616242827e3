//! The third tier: a learner's server as several real processes on loopback, under failures that a check chooses.
//!
//! # The problem
//!
//! The model and the simulation decide what happens. Here the operating system does, and all that a check can do is to break
//! things and look at what clients are told. Three parts make that possible without root, and none of them knows a stage:
//!
//! - [`Proxy`] carries every connection between two parties, and can be told to hold back, delay or tear what passes;
//! - [`Enclosure`] holds processes and their files. Nothing of them outlives the check, however the check ends;
//! - [`Recorder`] notes what clients asked and were told, in one order, for [`history`](crate::history) to judge.
//!
//! A [`Site`] puts the first two together: a number of servers that reach each other only through the proxy.
//!
//! ```no_run
//! use std::process::Command;
//! use testkit::network::{Party, Site};
//!
//! let mut site = Site::new(3, |seat| {
//!     let mut command = Command::new("target/debug/kv");
//!     command.arg("serve").args(seat.arguments());
//!     command
//! })?;
//! site.start_all()?;
//! let first = site.address(0); // where clients reach n0, whatever happens to it
//! site.cut(0, 1);              // silence, in both directions
//! site.kill(2)?;
//! site.restart(2)?;            // on the same files, at the same address
//! site.heal(0, 1);
//! site.cut(Party::Clients, 0);
//! site.end()?;
//! # Ok::<(), testkit::network::Error>(())
//! ```
//!
//! # What a server must keep to
//!
//! 1. It is told on its command line who it is, where its files are, where to listen, and where each server is reached. A check's
//!    closure makes a command of a [`Seat`]; [`Seat::arguments`] is `--id 0 --data DIR --listen 127.0.0.1:0 --peers ADDR,ADDR,…`.
//! 2. It listens at exactly that address. The port 0 stands for any that is free, so that no two processes ever race for one.
//! 3. When it is ready, the first line of its standard output is `listening on 127.0.0.1:PORT`, with the port that it got. What it
//!    prints after that, and on standard error, is free; the last lines are shown when a check fails.
//! 4. It reaches the others only at the addresses of `--peers`: the n-th is that of the server n, and its own is the one at which
//!    clients reach it. These addresses never change. Behind them is the proxy.
//! 5. It keeps what it must remember in its folder, and nothing elsewhere. It is started again on the same folder.
//! 6. It ends on SIGTERM. It starts no process that leaves its process group.
//!
//! # Why nothing is left behind
//!
//! A check's process may be killed at any moment, also by a signal that it cannot handle, and then has no chance to clean up. So
//! the cleaning is done by a process that outlives it ([`Enclosure`]). The end of a check that goes well takes the same way:
//! there is no second one that is only used when it matters.
//!
//! # What holds here
//!
//! - The verdict on a history does not depend on time, but the history does. A run cannot be repeated to the byte.
//! - Limits of time are only there against hanging. Nothing waits and hopes: whatever is waited for is looked at.
//! - Only loopback is used.
//!
//! # Left out on purpose
//!
//! Packets: a user-space proxy sees streams, so it cannot lose, double or swap a packet, nor would a program on TCP notice. A
//! connection that is opened while its link is cut is accepted at once, since the system does that before the proxy is asked; then
//! nothing comes back. The plan of what fails when: that is the monkey's, which the learner writes.

mod enclosure;
mod error;
mod log;
mod process;
pub mod proxy;
mod recorder;
mod site;
mod wait;

pub use enclosure::Enclosure;
pub use error::Error;
pub use log::Log;
pub use process::{Process, built_program};
pub use proxy::{Condition, Party, Proxy};
pub use recorder::{Call, Recorder, settled};
pub use site::{Seat, Site, State};
pub use wait::until;
