//! Notes that handlers leave for whoever reads a run.

use testkit::cluster::Cluster;
use testkit::node::{ClientId, NodeId};

use crate::puppet::Do::{Answer, Note, Panic, Remember, Tell};
use crate::puppet::{Puppet, Puppetry};
use crate::{ALL, rule};

/// The steps of the run in which `requests` are answered, each with what the server noted and did.
fn told(requests: Vec<Puppetry>) -> Vec<Vec<String>> {
    let asked = requests.len();
    let cluster = Cluster::<Puppet>::new(2, ()).client(&[0], requests);
    let cluster = cluster.always(rule("silence"), move |view| match view.answered(ClientId(0)) == asked {
        true => Err("All is answered.".to_owned()),
        false => Ok(()),
    });
    let finding = *cluster.prove(ALL, None).unwrap_err();
    finding.trace.expect("a run").steps.into_iter().map(|step| step.effects).collect()
}

#[test]
fn a_note_stands_once_in_the_step_that_it_is_of() {
    let requests =
        vec![vec![Remember(3), Note("begins"), Tell(1, 5), Note("told n1"), Answer(1)], vec![Note("again"), Answer(2)]];
    let steps = told(requests);
    assert_eq!(steps[0], ["notes: begins, after 3", "notes: told n1, after 3", "sends 5 to n1", "replies 1 to c0"]);
    assert_eq!(steps[1], ["notes: again, after 3", "replies 2 to c0"]);
}

#[test]
fn what_a_handler_notes_before_it_panics_is_told() {
    let cluster = Cluster::<Puppet>::new(1, ()).client(&[0], [vec![Note("still well"), Panic]]);
    let finding = *cluster.prove(ALL, None).unwrap_err();
    let steps = finding.trace.expect("a run").steps;
    assert_eq!(steps[0].effects, ["notes: still well, after 0"]);
    assert_eq!(steps[0].who, 1 + NodeId(0).0);
}

#[test]
fn a_note_that_nobody_wants_is_not_even_formatted() {
    fn expensive() -> u32 {
        panic!("nobody tells a run here")
    }
    testkit::note!("{}", expensive());
}
