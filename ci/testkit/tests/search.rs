//! The search: known answers on textbook models, the same number of states as stateright's own searches, and everything
//! that a grade needs of it.

mod aloud;
mod textbook;

use std::fmt::Debug;
use std::hash::Hash;

use stateright::{Checker, Model, Property};
use testkit::cluster::{Cluster, History, Occurrence};
use testkit::node::Node;
use testkit::samples::{Ask, Counter, Courier, Errand};
use testkit::search::{Bounds, ByProperties, Ended, Enough, Found, Judge, search, search_enough};
use textbook::{Dining, Jugs, Peterson, Pour, Puzzle, TwoPhase};

/// Passes every state.
struct Anything;

impl<M: Model> Judge<M> for Anything {
    type Violation = &'static str;

    fn judge(&mut self, _: &M, _: &M::State) -> Result<(), &'static str> {
        Ok(())
    }
}

type Searched<M> = Found<<M as Model>::Action, &'static str>;

/// Searches all states, whatever the properties say.
fn exhaust<M: Model<State: Clone + Hash>>(model: &M) -> Searched<M> {
    search(model, Bounds::exhaustive(1_000_000), &mut Anything)
}

fn exhaust_by_properties<M: Model<State: Clone + Hash>>(model: &M) -> (Searched<M>, Vec<&'static str>) {
    let mut judge = ByProperties::new(model);
    let found = search(model, Bounds::exhaustive(1_000_000), &mut judge);
    (found, judge.unseen)
}

mod known_answers {
    use super::*;

    #[test]
    fn four_litres_take_six_steps() {
        let found = search(&Jugs, Bounds::exhaustive(100), &mut ByProperties::new(&Jugs));
        let Ended::Violated { violation: "never 4 litres", path } = found.ended else { panic!("{found:?}") };
        use Pour::*;
        assert_eq!(path, [FillLarge, LargeToSmall, EmptySmall, LargeToSmall, FillLarge, LargeToSmall]);
        assert_eq!(found.depth, 6);
    }

    #[test]
    fn states_and_depths_are_those_of_the_literature() {
        fn counts<M: Model<State: Clone + Hash, Action: Debug + PartialEq>>(model: M) -> (usize, usize) {
            let found = exhaust(&model);
            assert_eq!(found.ended, Ended::Exhausted);
            (found.states, found.depth)
        }
        assert_eq!(counts(Puzzle::<2, 2>), (12, 6));
        assert_eq!(counts(Puzzle::<3, 2>), (360, 21));
        assert_eq!(counts(Puzzle::<3, 3>), (181_440, 31));
        assert_eq!(counts(TwoPhase::<3>), (288, 10));
        assert_eq!(counts(Jugs).0, 16);
    }

    #[test]
    fn every_step_is_counted_those_to_known_states_too() {
        // Four states on a square; from each of them two steps.
        let square = Grid { side: 2, ..Grid::default() };
        let found = exhaust(&square);
        assert_eq!((found.states, found.transitions, found.depth), (4, 4, 2));
    }

    #[test]
    fn a_deadlock_is_found_where_all_hold_one_fork() {
        let (found, unseen) = exhaust_by_properties(&Dining::<5>);
        let Ended::Violated { violation: "somebody can move", path } = found.ended else { panic!("{found:?}") };
        assert_eq!(path, [0, 1, 2, 3, 4]);
        assert!(unseen.is_empty());
    }

    #[test]
    fn peterson_keeps_two_apart_and_impatience_does_not() {
        let (right, unseen) = exhaust_by_properties(&Peterson::<true>);
        assert_eq!((right.ended, unseen), (Ended::Exhausted, vec![]));
        let (wrong, _) = exhaust_by_properties(&Peterson::<false>);
        let Ended::Violated { violation: "one at a time", path } = wrong.ended else { panic!("{wrong:?}") };
        assert_eq!(path.len(), 6, "flag, wait and enter, twice: {path:?}");
    }

    #[test]
    fn two_phase_commit_decides_alike() {
        let (found, unseen) = exhaust_by_properties(&TwoPhase::<4>);
        assert_eq!((found.ended, unseen), (Ended::Exhausted, vec![]));
    }
}

/// Walks right or up on a square of `side` by `side` points, with mishaps at one point.
#[derive(Default)]
struct Grid {
    side: u8,
    starts: Vec<(u8, u8)>,
    actions_panic: Option<(u8, u8)>,
    next_state_panics: Option<(u8, u8)>,
    boundary_panics: Option<(u8, u8)>,
    forbidden: Option<(u8, u8)>,
    condition_panics: Option<(u8, u8)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Walk {
    Right,
    Up,
}

impl Model for Grid {
    type State = (u8, u8);
    type Action = Walk;

    fn init_states(&self) -> Vec<(u8, u8)> {
        if self.starts.is_empty() { vec![(0, 0)] } else { self.starts.clone() }
    }

    fn actions(&self, at: &(u8, u8), actions: &mut Vec<Walk>) {
        assert_ne!(self.actions_panic, Some(*at), "no steps from {at:?}");
        actions.extend([Walk::Right, Walk::Up]);
    }

    fn next_state(&self, &(x, y): &(u8, u8), walk: Walk) -> Option<(u8, u8)> {
        assert_ne!(self.next_state_panics, Some((x, y)), "no way on from {:?}", (x, y));
        let next = if walk == Walk::Right { (x + 1, y) } else { (x, y + 1) };
        (next.0.max(next.1) < self.side).then_some(next)
    }

    fn within_boundary(&self, at: &(u8, u8)) -> bool {
        assert_ne!(self.boundary_panics, Some(*at), "no boundary at {at:?}");
        self.side < 100 || at.0 + at.1 < 10
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("allowed", |grid: &Grid, at| {
                assert_ne!(grid.condition_panics, Some(*at), "no judgement of {at:?}");
                grid.forbidden != Some(*at)
            }),
            Property::sometimes("the corner", |grid: &Grid, at| *at == (grid.side - 1, grid.side - 1)),
        ]
    }
}

mod bounds {
    use super::*;

    fn walk(bounds: Bounds) -> Searched<Grid> {
        search(&Grid { side: 5, ..Grid::default() }, bounds, &mut Anything)
    }

    #[test]
    fn the_cap_on_states_is_loud() {
        let found = walk(Bounds::exhaustive(24));
        assert_eq!((found.ended, found.states), (Ended::StatesReached, 25));
        assert_eq!(walk(Bounds::exhaustive(25)).ended, Ended::Exhausted, "a cap that is just met is no failure");
    }

    #[test]
    fn a_search_that_has_seen_enough_ends() {
        let enough = |depth, states| {
            let grid = Grid { side: 5, ..Grid::default() };
            search_enough(&grid, Bounds::exhaustive(20), Some(Enough { depth, states }), &mut Anything)
        };
        let found = enough(3, 5);
        assert_eq!(
            (found.ended, found.states, found.depth),
            (Ended::StatesReached, 11, 4),
            "three steps take ten states"
        );
        assert_eq!((enough(1, 5).ended, enough(1, 5).states), (Ended::StatesReached, 6));
        assert_eq!(enough(8, 5).states, 21, "the bound holds where enough was not seen");
    }

    #[test]
    fn the_bound_on_depth_holds_and_is_told() {
        let within = |depth| walk(Bounds { states: 100, depth: Some(depth) });
        let found = within(3);
        assert_eq!((found.ended, found.states, found.depth), (Ended::DepthReached, 1 + 2 + 3 + 4, 3));
        assert_eq!((within(0).states, within(0).ended), (1, Ended::DepthReached));
        assert_eq!(within(9).ended, Ended::Exhausted, "all is seen once the furthest states have been left");
    }

    #[test]
    fn a_violation_just_within_the_depth_is_found_and_none_beyond() {
        let grid = Grid { side: 5, forbidden: Some((2, 1)), ..Grid::default() };
        let within =
            |depth| search(&grid, Bounds { states: 100, depth: Some(depth) }, &mut ByProperties::new(&grid)).ended;
        assert!(matches!(within(3), Ended::Violated { path, .. } if path.len() == 3));
        assert_eq!(within(2), Ended::DepthReached);
    }

    #[test]
    fn the_models_own_boundary_holds_for_first_states_too() {
        let wide = Grid { side: 100, ..Grid::default() };
        assert_eq!(exhaust(&wide).states, 10 * 11 / 2);
        let starts = vec![(9, 0), (50, 50)];
        assert_eq!(exhaust(&Grid { side: 100, starts, ..Grid::default() }).states, 1);
    }
}

mod verdicts {
    use super::*;

    #[test]
    fn the_first_of_several_shortest_paths_is_shown_each_time() {
        let grid = Grid { side: 5, forbidden: Some((1, 1)), ..Grid::default() };
        for _ in 0..3 {
            let (found, _) = exhaust_by_properties(&grid);
            let path = vec![Walk::Right, Walk::Up];
            assert_eq!(found.ended, Ended::Violated { violation: "allowed", path });
        }
    }

    #[test]
    fn a_path_may_start_at_any_of_the_first_states() {
        let starts = vec![(0, 0), (3, 3)];
        let (found, _) = exhaust_by_properties(&Grid { side: 5, starts, forbidden: Some((3, 4)), ..Grid::default() });
        assert_eq!(found.ended, Ended::Violated { violation: "allowed", path: vec![Walk::Up] });
    }

    #[test]
    fn what_never_happens_is_left_unseen() {
        let (found, unseen) = exhaust_by_properties(&Grid { side: 5, starts: vec![(0, 0)], ..Grid::default() });
        assert_eq!((found.ended, unseen.len()), (Ended::Exhausted, 0));
        let grid = Grid { side: 5, ..Grid::default() };
        let mut judge = ByProperties::new(&grid);
        search(&grid, Bounds { states: 100, depth: Some(7) }, &mut judge);
        assert_eq!(judge.unseen, ["the corner"]);
    }

    #[test]
    fn jugs_are_never_both_half_full() {
        let mut judge = ByProperties::new(&OnlySometimes);
        search(&OnlySometimes, Bounds::exhaustive(100), &mut judge);
        assert_eq!(judge.unseen, ["both half full"]);
    }

    /// The jugs, without the rule that they break.
    struct OnlySometimes;

    impl Model for OnlySometimes {
        type State = (u8, u8);
        type Action = Pour;

        fn init_states(&self) -> Vec<(u8, u8)> {
            Jugs.init_states()
        }

        fn actions(&self, state: &(u8, u8), actions: &mut Vec<Pour>) {
            Jugs.actions(state, actions);
        }

        fn next_state(&self, state: &(u8, u8), pour: Pour) -> Option<(u8, u8)> {
            Jugs.next_state(state, pour)
        }

        fn properties(&self) -> Vec<Property<Self>> {
            vec![
                Property::sometimes("both full", |_, jugs| *jugs == (3, 5)),
                Property::sometimes("both half full", |_, jugs| *jugs == (2, 2)),
            ]
        }
    }

    #[test]
    #[should_panic(expected = "`eventually` is not decided by a search over states; use `leads_to` instead")]
    fn eventually_is_refused() {
        struct Patient;
        impl Model for Patient {
            type State = ();
            type Action = ();
            fn init_states(&self) -> Vec<()> {
                vec![()]
            }
            fn actions(&self, _: &(), _: &mut Vec<()>) {}
            fn next_state(&self, _: &(), _: ()) -> Option<()> {
                None
            }
            fn properties(&self) -> Vec<Property<Self>> {
                vec![Property::eventually("one day", |_, _| true)]
            }
        }
        ByProperties::new(&Patient);
    }
}

mod panicking_models {
    use super::*;

    /// What `grid` panics with, and on the way to where.
    fn panic_of(grid: Grid) -> (String, Vec<Walk>) {
        aloud::listen();
        let (found, _) = exhaust_by_properties(&grid);
        let Ended::Panicked { message, at, path } = found.ended else { panic!("{found:?}") };
        assert!(at.starts_with(file!()), "{at}");
        let said = message.lines().next().unwrap_or_default();
        (said.rsplit(": ").next().unwrap_or_default().to_owned(), path)
    }

    const AT: Option<(u8, u8)> = Some((1, 1));
    const PATH: [Walk; 2] = [Walk::Right, Walk::Up];

    #[test]
    fn a_panic_in_next_state_comes_with_its_path() {
        let grid = Grid { side: 5, next_state_panics: AT, ..Grid::default() };
        assert_eq!(panic_of(grid), ("no way on from (1, 1)".into(), PATH.into()));
    }

    #[test]
    fn a_panic_in_actions_comes_with_its_path() {
        let grid = Grid { side: 5, actions_panic: AT, ..Grid::default() };
        assert_eq!(panic_of(grid), ("no steps from (1, 1)".into(), PATH.into()));
    }

    #[test]
    fn a_panic_in_a_property_comes_with_its_path() {
        let grid = Grid { side: 5, condition_panics: AT, ..Grid::default() };
        assert_eq!(panic_of(grid), ("no judgement of (1, 1)".into(), PATH.into()));
    }

    #[test]
    fn a_panic_in_the_boundary_comes_with_the_path_to_the_state_before() {
        let grid = Grid { side: 5, boundary_panics: AT, ..Grid::default() };
        assert_eq!(panic_of(grid), ("no boundary at (1, 1)".into(), vec![Walk::Right]));
    }

    #[test]
    fn a_panic_before_the_first_state_has_no_path() {
        let grid = Grid { side: 5, boundary_panics: Some((0, 0)), ..Grid::default() };
        assert_eq!(panic_of(grid), ("no boundary at (0, 0)".into(), vec![]));
    }

    #[test]
    fn a_payload_that_panics_when_dropped_does_no_harm() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("dropped");
            }
        }
        struct Exploding;
        impl Model for Exploding {
            type State = ();
            type Action = ();
            fn init_states(&self) -> Vec<()> {
                std::panic::panic_any(Bomb)
            }
            fn actions(&self, _: &(), _: &mut Vec<()>) {}
            fn next_state(&self, _: &(), _: ()) -> Option<()> {
                None
            }
        }
        let found = exhaust(&Exploding);
        assert!(matches!(found.ended, Ended::Panicked { .. }), "{found:?}");
    }
}

mod beside_stateright {
    use super::*;

    /// The number of states that our search and both of stateright's find. Its searches stop when each property has been
    /// decided, so `model` needs one that stays open: an `always` that holds.
    fn states<M>(name: &str, model: impl Fn() -> M) -> usize
    where
        M: Model<
                State: Clone + Debug + Hash + PartialEq + Send + Sync,
                Action: Clone + Debug + PartialEq + Send + Sync,
            > + Send
            + Sync
            + 'static,
    {
        let ours = exhaust(&model());
        assert_eq!(ours.ended, Ended::Exhausted, "{name}");
        let breadth = model().checker().spawn_bfs().join();
        let depth = model().checker().spawn_dfs().join();
        assert_eq!(ours.states, breadth.unique_state_count(), "{name}: ours and stateright's breadth-first search");
        assert_eq!(ours.states, depth.unique_state_count(), "{name}: ours and stateright's depth-first search");
        assert_eq!(ours.depth + 1, breadth.max_depth(), "{name}: stateright counts states on the path, not steps");
        ours.states
    }

    #[test]
    fn textbook_models_have_the_same_number_of_states() {
        assert_eq!(states("2 by 3 puzzle", || Puzzle::<3, 2>), 360);
        assert_eq!(states("two-phase commit of three", || TwoPhase::<3>), 288);
        assert_eq!(states("two-phase commit of five", || TwoPhase::<5>), 8_832);
        states("Peterson", || Peterson::<true>);
        assert_eq!(states("a walk within a boundary", || Grid { side: 100, ..Grid::default() }), 55);
    }

    /// A cluster's count, which must be the same in each of the searches.
    fn cluster_states<N: Node, H: History<N>>(name: &str, cluster: impl Fn() -> Cluster<N, H>) -> usize {
        states(name, cluster)
    }

    fn counters(size: usize) -> Cluster<Counter<true>> {
        let everywhere: Vec<_> = (0..size).collect();
        Cluster::new(size, ()).client(&everywhere, [Ask::Add, Ask::Get]).client(&[0], [Ask::Add])
    }

    #[test]
    fn clusters_in_which_nothing_fails_have_the_same_number_of_states() {
        cluster_states("two counters", || counters(2));
        cluster_states("three counters", || counters(3));
        cluster_states("three counters, leaving out", || counters(3).leaving_out_ignored());
        cluster_states("three counters with causes", || counters(3).track_causes());
    }

    #[test]
    fn clusters_in_which_servers_fail_have_the_same_number_of_states() {
        let plain = cluster_states("plain", || counters(2));
        assert!(plain < cluster_states("a crash", || counters(2).crashes(1)));
        assert!(plain < cluster_states("two restarts", || counters(2).restarts(2)));
        cluster_states("a crash and a restart", || counters(3).crashes(1).restarts(1));
    }

    #[test]
    fn clusters_in_which_the_network_fails_have_the_same_number_of_states() {
        let plain = cluster_states("plain", || counters(2));
        assert!(plain < cluster_states("two duplicates", || counters(2).duplicates(2)));
        assert!(plain < cluster_states("two drops", || counters(2).drops(2)));
        assert!(plain < cluster_states("partitions", || counters(2).partitions(&[&[&[0], &[1]]], 2)));
        assert!(plain > cluster_states("split", || counters(2).split(&[&[0], &[1]])));
    }

    #[test]
    fn clusters_with_impatient_clients_have_the_same_number_of_states() {
        let fires = |occurrence: &Occurrence<'_, _>| matches!(occurrence, Occurrence::Timeout { .. });
        let errands = || Cluster::<Courier<true>>::new(2, ()).client(&[0], [Errand]).limit(2, fires);
        let plain = cluster_states("plain", || errands().drops(1));
        assert!(plain < cluster_states("retries", || errands().drops(1).retries(2)));
        assert!(plain < cluster_states("lost replies", || errands().drops(1).lost_replies(1).retries(1)));
        cluster_states("all of it", || errands().drops(1).lost_replies(1).retries(2).duplicates(1).restarts(1));
    }
}
