//! Why a history has no order: the first return with which there is none.
//!
//! The search that decided knew how every operation returns in the end. So the return at which it was stuck need not be
//! the first that cannot be: if an operation was still running then, perhaps it is *its* answer, which came later. In most
//! histories that cannot be, because the answers which were still to come are those of reads, or of writes that are told
//! nothing: whatever they are, the object is the same. Only where such an operation would have changed the object, and
//! answered something else, a search that does not know later answers must decide; and since it may place whatever is
//! still running anywhere or nowhere, it has much more to try.
//!
//! So explaining has a bound: about as many steps as deciding took. Beyond it, the explanation is coarser and still true
//! ([`Misfit::alone`]).

use std::hash::Hash;

use stateright::semantics::SequentialSpec;

use super::wgl::{Call, Ending, Search};
use super::{Judged, Misfit};

/// How many different answers a [`Misfit`] offers at most.
const ANSWERS: usize = 8;

/// Explaining may take as many steps as deciding, and so many more.
const MORE_STEPS: u64 = 10_000;

/// Explains why an object's operations have no order. Its search is stuck.
pub(super) fn explain<S>(object: &mut Judged<'_, S>) -> Misfit<S::Ret>
where
    S: SequentialSpec + Clone + Hash + PartialEq,
{
    let Judged { initial, search, ending: Ending::Stuck { call: stuck } } = object else {
        unreachable!("only what has no order is explained")
    };
    let mut effort = Effort { left: search.steps + MORE_STEPS };
    let depends = effort.spend(search, |search, limit| search.depends_on_later_answers(*stuck, limit));
    if depends == Some(false) {
        return misfit(search, *stuck, true, &mut effort);
    }
    match first_without_order(initial, search.calls(), *stuck, &mut effort) {
        Some((mut search, call)) => misfit(&mut search, call, true, &mut effort),
        None => misfit(search, *stuck, false, &mut effort),
    }
}

/// What may still be spent.
struct Effort {
    left: u64,
}

impl Effort {
    /// Lets a search do something, up to a number of steps in all.
    fn spend<'a, S, T>(&mut self, search: &mut Search<'a, S>, run: impl FnOnce(&mut Search<'a, S>, u64) -> T) -> T
    where
        S: SequentialSpec + Clone + Hash + PartialEq,
    {
        let before = search.steps;
        let result = run(search, before + self.left);
        self.left = self.left.saturating_sub(search.steps - before);
        result
    }
}

/// Finds the first call with whose return there is no order, as far as was known then, with the search up to it. None if
/// that takes too many steps.
fn first_without_order<'a, S>(
    initial: &S,
    calls: &[Call<'a, S::Op, S::Ret>],
    stuck: usize,
    effort: &mut Effort,
) -> Option<(Search<'a, S>, usize)>
where
    S: SequentialSpec + Clone + Hash + PartialEq,
{
    let mut suspects: Vec<u64> = calls.iter().filter(|call| call.returned.is_some()).map(Call::end).collect();
    suspects.retain(|&end| end >= calls[stuck].end());
    suspects.sort_unstable();
    // It is most likely the first of them. The last has no order, since the whole history has none.
    let (mut below, mut from) = (0, 0);
    let mut found = None;
    while below < suspects.len() {
        let mut search = Search::new(initial.clone(), up_to(suspects[from], calls));
        match effort.spend(&mut search, |search, limit| search.run(limit)) {
            Ending::GaveUp => return None,
            Ending::Ordered => below = from + 1,
            Ending::Stuck { .. } => {
                let call = search.calls().iter().position(|call| call.end() == suspects[from]);
                found = call.map(|call| (search, call));
                suspects.truncate(from);
            }
        }
        from = below + (suspects.len() - below) / 2;
    }
    found
}

/// The history as it looked at `time`: what returned later is still running.
fn up_to<'a, Op, Ret>(time: u64, calls: &[Call<'a, Op, Ret>]) -> Vec<Call<'a, Op, Ret>> {
    let so_far = calls.iter().filter(|call| call.invoked <= time);
    so_far.map(|call| Call { returned: call.returned.filter(|&(at, _)| at <= time), ..*call }).collect()
}

/// Tells about a call of a search that is stuck there or before.
fn misfit<S>(search: &mut Search<'_, S>, call: usize, alone: bool, effort: &mut Effort) -> Misfit<S::Ret>
where
    S: SequentialSpec + Clone + Hash + PartialEq,
{
    let fitting = effort.spend(search, |search, limit| search.fitting(call, ANSWERS, limit));
    let calls = search.calls();
    let misfit = &calls[call];
    let overlaps = |call: &&Call<'_, S::Op, S::Ret>| {
        call.index != misfit.index && call.invoked < misfit.end() && call.end() > misfit.invoked
    };
    Misfit {
        operation: misfit.index,
        alone,
        ordered: calls.iter().filter(|call| call.end() < misfit.end()).count(),
        beside: calls.iter().filter(overlaps).map(|call| call.index).collect(),
        fitting,
    }
}
