//! Shrinking: from a run of thousands of steps to the few that break the rule.
//!
//! Any order of deliveries is legal in an asynchronous network, and any message may be late forever. So what is left of a run
//! when steps are taken out is a run too, as long as each remaining step is possible when its turn comes; the others are passed
//! over. A message whose fields have changed, because an earlier step is gone, is mistaken for the one in its place: of the same
//! kind, between the same two servers. Steps are taken out in chunks, from large to small (delta debugging: Zeller & Hildebrandt
//! 2002, Simplifying and Isolating Failure-Inducing Input), and a run counts if it breaks the same rule.

use crate::cluster::{Action, Broken, Cluster, History};
use crate::node::Node;

/// How many steps may be replayed in all, so that shrinking ends soon even if it gains little.
const EFFORT: usize = 5_000_000;

/// A shorter run that breaks the rule that `broken` names, or the run itself.
pub(super) fn shrink<N: Node, H: History<N>>(
    cluster: &Cluster<N, H>,
    mut actions: Vec<Action>,
    mut broken: Box<Broken>,
) -> (Vec<Action>, Box<Broken>) {
    let mut effort = 0;
    let mut chunk = actions.len().div_ceil(2);
    while chunk > 0 {
        let mut shorter = false;
        let mut start = actions.len().saturating_sub(chunk);
        loop {
            effort += actions.len();
            if effort > EFFORT {
                return (actions, broken);
            }
            let end = (start + chunk).min(actions.len());
            let rest = [&actions[..start], &actions[end..]].concat();
            // A run that is broken before its first step has nothing left to take out.
            if let Some((taken, again)) = retake(cluster, &rest, &broken)
                && taken.len() < actions.len()
            {
                (actions, broken, shorter) = (taken, again, true);
            }
            if start == 0 {
                break;
            }
            start = start.min(actions.len()).saturating_sub(chunk);
        }
        chunk = if shorter && chunk <= 8 { chunk } else { chunk / 2 };
    }
    (actions, broken)
}

/// Takes `actions` in order, passing over those that are not possible, until the rule breaks.
fn retake<N: Node, H: History<N>>(
    cluster: &Cluster<N, H>,
    actions: &[Action],
    broken: &Broken,
) -> Option<(Vec<Action>, Box<Broken>)> {
    let mut state = cluster.initial();
    let mut taken = Vec::new();
    for &action in actions {
        let Some(action) = cluster.alike(&state, action) else { continue };
        cluster.take(&mut state, action, &mut taken);
        if let Err(again) = cluster.test_state(&state) {
            return again.is_like(broken).then_some((taken, again));
        }
    }
    let again = cluster.test_end(&state).err()?;
    again.is_like(broken).then_some((taken, again))
}
