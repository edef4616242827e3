//! The rules and the clusters of stage 1's checks. They hold of any server that has a Raft in it, so of a server that cuts its log,
//! and of one that stands on a disk.

#[path = "../../../1-cap/tests/checks/raft/chronicle.rs"]
pub mod chronicle;
#[path = "../../../1-cap/tests/checks/raft/rules.rs"]
pub mod rules;
#[allow(dead_code, reason = "stage 1's checks use the rest of it")]
#[path = "../../../1-cap/tests/checks/raft/servers.rs"]
pub mod servers;
#[path = "../../../1-cap/tests/checks/raft/words.rs"]
pub mod words;

use testkit::cluster::{History, View};
use testkit::node::NodeId;

use self::servers::Server;
use crate::subject::membership::Member;
use crate::subject::raft::Raft;
use crate::subject::snapshot::Compacting;

impl<const LIMIT: u64> Server for Compacting<LIMIT> {
    fn raft(&self) -> &Raft {
        Compacting::raft(self)
    }
}

impl<const LIMIT: u64> Server for Member<LIMIT> {
    fn raft(&self) -> &Raft {
        Member::raft(self)
    }
}

/// All servers know the same to be committed, and hold the same store.
pub fn all_have_caught_up<N: Server, H: History<N>>(view: &View<'_, N, H>) -> Result<(), String> {
    let furthest = view.servers().max_by_key(|(_, server)| server.raft().commit_index());
    let Some((first, ahead)) = furthest.map(|(id, server)| (id, server.raft())) else { return Ok(()) };
    for (id, server) in view.servers() {
        let raft = server.raft();
        if (raft.commit_index(), raft.store()) != (ahead.commit_index(), ahead.store()) {
            return Err(format!(
                "{first} has applied {} entries and holds {}. {id} has applied {} and holds {}.",
                ahead.applied(),
                words::store(ahead.store()),
                raft.applied(),
                words::store(raft.store())
            ));
        }
    }
    Ok(())
}

/// The server that is furthest has cut off what another one lacks.
pub fn somebody_lacks_what_is_cut_off<N: Server, H: History<N>>(view: &View<'_, N, H>) -> bool {
    let starts = |(_, server): (NodeId, &N)| server.raft().log().start().index;
    let ends = |(_, server): (NodeId, &N)| server.raft().log().last_index();
    let furthest = view.servers().map(starts).max().unwrap_or(0);
    view.servers().map(ends).any(|end| end < furthest)
}
