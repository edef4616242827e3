//! The guide of a walk: a person's side names places, this side shows them.
//!
//! The person's side listens at a socket. It writes a line for each place that it wants to see: the labels of the steps that lead
//! there, as a JSON array. It gets a line for each: the [`Place`] as JSON. The walk ends when the socket does.

use std::io::{BufRead, BufReader, Result, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use super::Check;
use crate::cluster::{Cluster, History, Place};
use crate::node::Node;

impl Check {
    /// Shows places of `cluster` as long as it is asked for one.
    pub(super) fn guide<N: Node, H: History<N>>(&self, scope: &str, mut cluster: Cluster<N, H>, socket: &Path) {
        // Whoever went away in the middle of a walk does not have to be told so.
        let _ = show(socket, |path| {
            let mut place = cluster.place(path);
            self.sign(&mut place.trace);
            place.trace.scope = scope.to_owned();
            place
        });
    }
}

fn show(socket: &Path, mut place: impl FnMut(&[String]) -> Place) -> Result<()> {
    let mut out = UnixStream::connect(socket)?;
    for line in BufReader::new(out.try_clone()?).lines() {
        let path: Vec<String> = serde_json::from_str(&line?)?;
        writeln!(out, "{}", serde_json::to_string(&place(&path))?)?;
    }
    Ok(())
}
