//! Which value each tag stands for, in everything that coordinators tell.

use std::collections::BTreeMap;

use testkit::check::Rule;
use testkit::cluster::{Cluster, History, Invocation, Transition, View};
use testkit::node::RequestId;

use crate::subject::abd::{Abd, Message, Tag};
use crate::subject::register::{Response, Value};

/// No tag is told with two values.
const ONE_VALUE: Rule = Rule::new(
    "a tag is used for one value",
    "No two writes share a tag, not even those of two clients of one server.",
    "Lynch & Shvartsman 1997, section 4: a tag is a number and the writer's name, so that tags are unique",
    "1-cap/abd.md#invariants-to-keep",
);

/// The value of each tag that was told so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tags {
    values: BTreeMap<Tag, Value>,
    wrong: Option<String>,
}

/// Servers of which every version that is told is remembered.
pub fn with_tags(size: usize) -> Cluster<Abd, Tags> {
    let one_value = |view: &View<'_, Abd, Tags>| view.history().wrong.clone().map_or(Ok(()), Err);
    Cluster::new(size, Tags::default()).always(ONE_VALUE, one_value)
}

impl History<Abd> for Tags {
    const WATCHES_TRANSITIONS: bool = true;

    fn invoked(&mut self, _: Invocation<'_, Abd>) {}

    fn returned(&mut self, _: RequestId, _: &Response) {}

    fn transition(&mut self, transition: &Transition<'_, Abd>) {
        for (_, message, _) in transition.sent() {
            let Message::Store { version, .. } = message else { continue };
            let first = *self.values.entry(version.tag).or_insert(version.value);
            if first != version.value {
                let (who, tag, value) = (transition.server, version.tag, version.value);
                self.wrong = Some(format!(
                    "{who} tells others to hold {value} with the tag {tag:?}. With the same tag, {first} has been sent before."
                ));
            }
        }
    }
}
