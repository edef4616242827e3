//! Rules whose breach an oracle finds: the contract of a machine, kept beside it and asked at each of its calls.

use testkit::check::Rule;
use testkit::cluster::{Cluster, View};
use testkit::node::Node;

/// The rule that was broken, and how.
pub type Broken = (Rule, String);

/// Adds the rules of an oracle to a cluster. `broken` says of a state which one was broken first, if one was.
pub fn keeps<N: Node>(
    cluster: Cluster<N>,
    rules: impl IntoIterator<Item = Rule>,
    broken: impl for<'a> Fn(&View<'a, N, ()>) -> Option<&'a Broken> + Copy + Send + Sync + 'static,
) -> Cluster<N> {
    rules.into_iter().fold(cluster, |cluster, rule| {
        let name = rule.name.clone();
        cluster.always(rule, move |view| match broken(view) {
            Some((rule, why)) if rule.name == name => Err(why.clone()),
            _ => Ok(()),
        })
    })
}
