//! Quorum arithmetic over log indices: how far does a majority agree?

//# allow: unused_variables, unused_imports
use super::log::Index;
use crate::quorum::majority;

/// The largest index such that a majority of the cluster holds the log at least that far. `held` says how far each server of the
/// cluster holds it, the leader included, in any order. A cluster has at least one server, so `held` is never empty. This
/// function is graded on its own, whether your leader uses it or counts in another way.
///
/// | held | agreed |
/// |---|---|
/// | 7 | 7 |
/// | 7, 3 | 3 |
/// | 7, 3, 5 | 5 |
/// | 7, 3, 5, 5 | 5 |
/// | 7, 3, 0, 5, 0 | 3 |
///
/// Source: Ongaro & Ousterhout 2014, figure 2, rules for leaders: "a majority of matchIndex\[i\] ≥ N".
pub fn agreed(held: &[Index]) -> Index {
    //# hole: How far does a majority agree?
    let mut held = held.to_vec();
    held.sort_unstable_by(|a, b| b.cmp(a));
    held[majority(held.len()) - 1]
    //# end
}
