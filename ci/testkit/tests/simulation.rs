//! Simulation: the same seed gives the same run, faults happen, and what breaks is shrunk and can be replayed.

use std::time::Instant;

use testkit::check::{FailureKind, Finding};
use testkit::cluster::{Causes, Cluster, History, Invocation, View};
use testkit::node::{ClientId, NodeId, RequestId};
use testkit::rule::Rule;
use testkit::samples::{Again, Ask, Counter, Courier, Errand};
use testkit::simulation::{Faults, Simulation};
use testkit::trace::{Producer, StepKind};

const NONE: Faults = Faults { duplicated: 0, lost: 0, partitions: 0, flaps: 0, crashes: 0, restarts: 0, slow: None };

const fn rule(name: &'static str) -> Rule {
    Rule::new(name, "As the test says.", "this test", "")
}

/// Three counters, and clients that each add so many times at any of them.
fn counters(clients: usize, each: usize) -> Cluster<Counter<false>> {
    let add = |cluster: Cluster<_>, _| cluster.client(&[0, 1, 2], vec![Ask::Add; each]);
    (0..clients).fold(Cluster::new(3, ()), add)
}

fn counts(view: &View<'_, Counter<false>, ()>) -> Vec<u32> {
    view.servers().map(|(_, counter)| counter.count()).collect()
}

fn run(cluster: Cluster<Counter<false>>, faults: Faults, seed: u64) -> Result<String, Box<Finding>> {
    Simulation::new(cluster, faults).run(seed..seed + 1)
}

mod seeds {
    use super::*;

    /// A run of which no step can be taken away: it ends when all servers have heard of everything.
    fn whole_run(seed: u64) -> String {
        let cluster = counters(3, 5).always(rule("never complete"), |view| match counts(view)[..] {
            [15, 15, 15] => Err("All have heard of everything.".to_owned()),
            _ => Ok(()),
        });
        let finding = run(cluster, NONE, seed).unwrap_err();
        let trace = finding.trace.unwrap();
        assert_eq!((trace.producer, trace.seed, trace.steps.len()), (Producer::Simulation, Some(seed), 15 + 30));
        serde_json::to_string(&trace).unwrap()
    }

    #[test]
    fn the_same_seed_gives_the_same_run_to_the_byte() {
        for seed in 0..5 {
            assert_eq!(whole_run(seed), whole_run(seed));
        }
    }

    #[test]
    fn different_seeds_give_different_runs() {
        assert_ne!(whole_run(0).replace("\"seed\":0", ""), whole_run(1).replace("\"seed\":1", ""));
    }

    #[test]
    fn a_seed_gives_the_same_run_alone_and_after_others() {
        let faults = Faults { duplicated: 100, partitions: 2, ..NONE };
        let broken_at_4 = |seeds| {
            let cluster = counters(2, 10).settles(rule("few duplicates"), 1, |view| match counts(view)[0] {
                ..25 => Ok(()),
                count => Err(format!("n0 counts {count} of 20 additions.")),
            });
            Simulation::new(cluster, faults).run(seeds).unwrap_err()
        };
        let after_others = broken_at_4(0..100);
        let seed = after_others.trace.as_ref().unwrap().seed.unwrap();
        assert!(seed > 0, "the first seed breaks it already: the test says nothing");
        assert_eq!(broken_at_4(seed..seed + 1), after_others);
    }
}

mod faults {
    use super::*;

    /// Runs ten seeds in which `happens` must be seen.
    fn happens(
        faults: Faults,
        happens: impl Fn(&View<'_, Counter<false>, ()>) -> bool + Send + Sync + 'static,
    ) -> bool {
        let cluster = counters(3, 20).sometimes(rule("it happens"), happens);
        Simulation::new(cluster, faults).run(0..10).is_ok()
    }

    #[test]
    fn each_fault_happens_where_it_is_allowed_and_nowhere_else() {
        let cut = |view: &View<'_, _, _>| view.is_cut(NodeId(0), NodeId(1));
        assert!(happens(Faults { partitions: 2, ..NONE }, cut) && !happens(NONE, cut));
        assert!(happens(Faults { flaps: 4, ..NONE }, cut));
        let down = |view: &View<'_, Counter<false>, ()>| view.servers().count() < 3;
        assert!(happens(Faults { crashes: 1, ..NONE }, down) && !happens(NONE, down));
        let too_many = |view: &View<'_, _, _>| counts(view).iter().any(|count| *count > 60);
        assert!(happens(Faults { duplicated: 100, ..NONE }, too_many) && !happens(NONE, too_many));
        let done = |view: &View<'_, Counter<false>, ()>| view.is_finished() && view.in_flight().count() == 0;
        let too_few = move |view: &View<'_, _, _>| done(view) && counts(view).iter().any(|count| *count < 60);
        assert!(happens(Faults { lost: 100, ..NONE }, too_few) && !happens(NONE, too_few));
        // A counter that restarts has forgotten what it had counted.
        assert!(happens(Faults { restarts: 1, ..NONE }, too_few));
    }

    #[test]
    fn crashes_stay_within_their_number() {
        assert!(!happens(Faults { crashes: 1, ..NONE }, |view| view.servers().count() < 2));
    }

    #[test]
    fn without_faults_everything_arrives() {
        let cluster = counters(4, 25).settles(rule("all"), 1, |view| match counts(view)[..] {
            [100, 100, 100] => Ok(()),
            ref counts => Err(format!("{counts:?}")),
        });
        let evidence = Simulation::new(cluster, NONE).run(0..10).unwrap();
        assert_eq!(evidence, "10 seeds, 3,000 steps, 1,000 answers");
    }

    #[test]
    fn timers_fire_when_messages_are_lost() {
        let cluster = Cluster::<Courier<true>>::new(2, ()).client(&[0], vec![Errand; 20]);
        let cluster = cluster.leads_to(rule("arrives"), 1, |view| match view.waiting(ClientId(0)) {
            None => Ok(()),
            Some(_) => Err("c0 waits.".to_owned()),
        });
        let faults = Faults { lost: 300, ..NONE };
        let finished = cluster.sometimes(rule("finishes"), |view| view.is_finished());
        assert!(Simulation::new(finished, faults).run(0..10).is_ok());
    }

    /// What the last request's server could have heard of.
    #[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
    struct Last(Causes);

    impl History<Counter<false>> for Last {
        fn invoked(&mut self, invocation: Invocation<'_, Counter<false>>) {
            self.0 = invocation.causes;
        }

        fn returned(&mut self, _: RequestId, _: &u32) {}
    }

    #[test]
    fn causes_are_tracked_too() {
        let cluster = Cluster::<Counter<false>, _>::new(2, Last::default()).track_causes();
        let cluster = cluster.client(&[0], vec![Ask::Add; 8]).client(&[1], vec![Ask::Add; 8]);
        let cluster = cluster.sometimes(rule("messages arrive"), |view| view.history().0.count_ones() > 8);
        assert!(Simulation::new(cluster, NONE).run(0..3).is_ok());
    }
}

mod shrinking {
    use super::*;

    /// Counters that all count the same in the end: duplicates break that.
    fn agreeing() -> Cluster<Counter<false>> {
        counters(4, 50).settles(rule("agree"), 1, |view| match counts(view)[..] {
            [a, b, c] if a != b || b != c => Err(format!("The servers count {a}, {b} and {c}.")),
            _ => Ok(()),
        })
    }

    const DUPLICATES: Faults = Faults { duplicated: 20, partitions: 2, ..NONE };

    #[test]
    fn a_planted_bug_is_found_and_shrunk_to_a_few_steps() {
        let finding = run(agreeing(), DUPLICATES, 0).unwrap_err();
        assert_eq!((finding.kind, &finding.rule), (FailureKind::Violated, &rule("agree")));
        let told = finding.summary.lines().last().unwrap();
        assert!(told.starts_with("Seed 0 broke this rule after 6"), "{told}");
        let trace = finding.trace.unwrap();
        let kinds: Vec<_> = trace.steps.iter().map(|step| step.kind).collect();
        // One addition, its duplicate, and the suffix in which the rest arrives.
        assert!(kinds.len() <= 4, "{kinds:?}");
        assert!(kinds.contains(&StepKind::Duplicate), "{kinds:?}");
    }

    #[test]
    fn a_shrunk_run_replays() {
        let finding = run(agreeing(), DUPLICATES, 0).unwrap_err();
        let trace = finding.trace.unwrap();
        let again = agreeing().replay(&trace).unwrap_err();
        assert_eq!((again.kind, &again.rule), (finding.kind, &finding.rule));
        assert_eq!(again.trace.unwrap().seed, Some(0));
    }

    #[test]
    fn a_shrunk_run_breaks_the_rule_that_the_whole_run_broke() {
        // Both rules break in the whole run; the one about five additions is the first.
        let cluster = agreeing().always(rule("fewer than five"), |view| match counts(view).into_iter().max() {
            Some(5..) => Err("Five.".to_owned()),
            _ => Ok(()),
        });
        let finding = run(cluster, DUPLICATES, 0).unwrap_err();
        assert_eq!(finding.rule, rule("fewer than five"));
        assert!(finding.trace.unwrap().steps.len() <= 10);
    }

    #[test]
    fn what_never_happens_is_unreachable() {
        let finding = run(counters(1, 1).sometimes(rule("ten"), |view| counts(view)[0] == 10), NONE, 0).unwrap_err();
        assert_eq!((finding.kind, finding.trace), (FailureKind::Unreachable, None));
        assert_eq!(
            finding.summary,
            "No run does what is wanted (1 seeds, 3 steps, 1 answers). A single one that does would have been enough."
        );
    }
}

#[test]
fn a_run_of_thousands_of_steps_is_short() {
    let begun = Instant::now();
    let evidence = run(counters(10, 500), Faults { duplicated: 50, partitions: 5, slow: Some(5), ..NONE }, 0).unwrap();
    println!("{evidence} in {:?}", begun.elapsed());
}

mod clients_that_ask_again {
    use super::*;

    /// An errand on a network that loses two parcels in five.
    fn errands<const REARMS: bool>() -> Cluster<Courier<REARMS>> {
        Cluster::new(2, ()).client(&[0], [Errand]).sometimes(rule("finishes"), |view| view.is_finished())
    }

    #[test]
    fn get_an_answer_where_others_wait_for_ever() {
        let lossy = Faults { lost: 400, ..NONE };
        let always_done = |cluster: Cluster<Courier<false>>| {
            cluster.settles(
                rule("done"),
                0,
                |view| if view.is_finished() { Ok(()) } else { Err("c0 waits.".to_owned()) },
            )
        };
        let simulation = || Simulation::new(always_done(errands::<false>()), lossy);
        let broken = simulation().run(0..20).unwrap_err();
        assert_eq!(broken.kind, FailureKind::Violated);
        assert!(broken.summary.contains("; 0 of them are enough"), "{}", broken.summary);
        let answered = simulation().clients_ask_again(300..=400).run(0..20);
        assert!(answered.is_ok(), "{answered:?}");
    }

    #[test]
    fn stop_when_they_are_answered() {
        let evidence = Simulation::new(errands::<true>(), NONE).clients_ask_again(300..=400).run(0..10).unwrap();
        assert_eq!(evidence, "10 seeds, 30 steps, 10 answers", "each asks, is delivered to, and answered");
    }
}

mod timers {
    use super::*;

    #[test]
    fn of_a_kind_of_their_own_wait_as_long_as_is_said() {
        // A parcel and its receipt take at most 20 ticks: a timer of 50 never fires, one of 1 always does.
        let fires = |ticks| {
            let cluster = Cluster::<Courier<true>>::new(2, ()).client(&[0], [Errand]);
            let simulation = Simulation::new(cluster, NONE).messages_take(5..=10).timer_waits(Again, ticks);
            simulation.run(0..10).unwrap()
        };
        assert_eq!(fires(50..=60), "10 seeds, 30 steps, 10 answers");
        assert_ne!(fires(1..=1), fires(50..=60));
    }
}
