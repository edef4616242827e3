//! Task `predict`: what is predicted of a chain, against what a simulation of it counts.
//!
//! A prediction is arithmetic on a fluid, and a simulation moves single requests. Each tolerance below allows for that difference, and says
//! how much of it there can be.

use testkit::check::{Check, Failure, Proven, Rule, check};

use super::chains::{Chain, LONG, Shown, chains, constant, shown};
use crate::subject::chain::parameters::{Load, Parameters};
use crate::subject::predict::simulation::{Change, DEAD, Ending, Path, Run, Scenario, Spans, run};
use crate::subject::predict::{Part, capacity, exhausted_after, growth, hopeless_after, in_use, recovers_after};
use crate::subject::time::Millis;

const LITTLE: Rule = Rule::new(
    "Little's law",
    "As many threads are in use on average as requests come in a second, times the seconds for which each of them keeps one.",
    "Little 1961, A Proof for the Queuing Formula: L = λW",
    "3-asynchrony/queueing.md#littles-law",
);

const NARROWEST: Rule = Rule::new(
    "the narrowest part",
    "A chain keeps up with as many lines as the part that can do the fewest.",
    "Denning and Buzen 1978, The Operational Analysis of Queueing Network Models, ACM Computing Surveys 10(3)",
    "3-asynchrony/queueing.md#the-narrowest-part",
);

const BOTTLENECK: Rule = Rule::new(
    "the bottleneck",
    "More of the part that is named lets more lines through.",
    "Denning and Buzen 1978, The Operational Analysis of Queueing Network Models, ACM Computing Surveys 10(3)",
    "3-asynchrony/queueing.md#the-narrowest-part",
);

const GROWTH: Rule = Rule::new(
    "what comes and does not leave",
    "The gateway's queue grows by what comes in a second and does not leave in it.",
    "contract of `growth`",
    "3-asynchrony/queueing.md#what-a-queue-remembers",
);

const HOPELESS: Rule = Rule::new(
    "the point of no return",
    "Lines are answered in time up to the moment that was predicted, and none after it.",
    "contract of `hopeless_after`",
    "3-asynchrony/queueing.md#the-point-of-no-return",
);

const EXHAUSTED: Rule = Rule::new(
    "the healthy path dies",
    "Lines that wait for a slow store take the gateway's last thread at the moment that was predicted.",
    "Nygard 2018, Release It! (2nd edition), chapter 4, Blocked Threads",
    "3-asynchrony/queueing.md#the-healthy-path",
);

const RECOVERY: Rule = Rule::new(
    "the way back",
    "The gateway's queue is empty again at the moment that was predicted.",
    "contract of `recovers_after`",
    "3-asynchrony/queueing.md#the-way-back",
);

/// Whether two numbers differ by no more than a `part` of the second, and `more`.
fn near(predicted: f64, counted: f64, part: f64, more: f64) -> bool {
    (predicted - counted).abs() <= counted.abs() * part + more
}

#[test]
pub fn threads_are_arrivals_times_stay() {
    check(|check| {
        for (seed, chain) in (0..).zip(chains(24)) {
            // So many threads and places that hardly any request waits for one, whatever the spans.
            let more = |pool: u32| pool * 3 + 20;
            let parameters = Parameters {
                gateway_threads: more(chain.parameters.gateway_threads),
                enrich_threads: more(chain.parameters.enrich_threads),
                store_places: more(chain.parameters.store_places),
                tail_places: more(chain.parameters.tail_places),
                ..chain.parameters
            };
            for (spans, what) in [(Spans::Constant, "constant"), (Spans::Exponential(seed), "exponential")] {
                let load = chain.load(0.8);
                let counted = run(&Scenario { parameters, load, spans, changes: vec![], lasts: 20_000 });
                check_in_use(check, &parameters, load, &counted, what)?;
            }
        }
        check.evidence("24 chains, each with constant and with exponential spans, for 20 seconds");
        Ok(())
    });
}

/// Some thousand requests come in a run. The mean of so many exponential spans is within some per cent of what it should be.
fn check_in_use(check: &mut Check, parameters: &Parameters, load: Load, run: &Run, what: &str) -> Proven {
    let told = in_use(parameters, load);
    let pools = [
        ("the gateway's threads", told.gateway, run.gateway_in_use),
        ("enrich's threads", told.enrich, run.enrich_in_use),
        ("store's places", told.store, run.store_in_use),
        ("tail's places", told.tail, run.tail_in_use),
    ];
    for (pool, told, counted) in pools {
        check.requires(LITTLE, near(told, counted, 0.08, 0.05), || {
            let chain = Shown(parameters, load);
            format!(
                "{chain} Spans are {what}. It was predicted that {told:.2} of {pool} are in use; the simulation has counted {counted:.2}."
            )
        })?;
    }
    Ok(())
}

#[test]
pub fn the_narrowest_part_sets_the_pace() {
    check(|check| {
        let mut seen = [0; 3];
        for chain in chains(45) {
            seen[chain.narrowest as usize] += 1;
            keeps_up(check, &chain)?;
            names_the_bottleneck(check, &chain)?;
        }
        for tails in [3_200, 4_000] {
            let told = capacity(&Parameters { tail_places: 100, ..Parameters::LAB }, tails).lines;
            check.requires(NARROWEST, near(told, 0.0, 0.0, 1e-6), || {
                format!(
                    "32 threads of the gateway, {tails} tails a second of 10 ms: nothing is left for lines. It was predicted that the chain keeps up \
                     with {told:.1} lines a second."
                )
            })?;
        }
        check.evidence(format!(
            "45 chains: the gateway is the narrowest part of {}, enrich of {}, store of {}",
            seen[0], seen[1], seen[2]
        ));
        Ok(())
    });
}

/// A little below the predicted rate everything leaves that comes; a little above, it does not. Spans are constant, so nothing waits below;
/// what is lost to the fluid is one request at the beginning and one at the end of some hundred.
fn keeps_up(check: &mut Check, chain: &Chain) -> Proven {
    let tails = chain.load(1.0).tails;
    let told = capacity(&chain.parameters, tails).lines;
    for (times, enough) in [(0.96, true), (1.06, false)] {
        let load = Load { lines: (told * times).clamp(1.0, 1e4).round() as u32, tails };
        let run = constant(chain.parameters, load, vec![], 6_000);
        let (from, until) = (2_000_000, 6_000_000);
        let (left, came) = (run.left(Path::Line, from, until) as f64, f64::from(load.lines) * 4.0);
        check.requires(NARROWEST, (left >= came * 0.985 - 1.0) == enough, || {
            let chain = Shown(&chain.parameters, load);
            format!(
                "{chain} It was predicted that the chain keeps up with {told:.1} lines a second. In four seconds {came} lines came, and the simulation \
                 has counted {left} that left."
            )
        })?;
    }
    Ok(())
}

/// Twice the part that is named, and far more lines than before get through.
fn names_the_bottleneck(check: &mut Check, chain: &Chain) -> Proven {
    let load = Load { lines: chain.load(1.25).lines, ..chain.load(1.0) };
    let told = capacity(&chain.parameters, load.tails).bottleneck;
    let twice = Parameters {
        gateway_threads: chain.parameters.gateway_threads * if told == Part::Gateway { 2 } else { 1 },
        enrich_threads: chain.parameters.enrich_threads * if told == Part::Enrich { 2 } else { 1 },
        store_places: chain.parameters.store_places * if told == Part::Store { 2 } else { 1 },
        ..chain.parameters
    };
    let through = |parameters| constant(parameters, load, vec![], 4_000).left(Path::Line, 2_000_000, 4_000_000);
    let (before, after) = (through(chain.parameters), through(twice));
    check.requires(BOTTLENECK, after as f64 >= before as f64 * 1.05, || {
        let chain = Shown(&chain.parameters, load);
        format!(
            "{chain} It was predicted that {told:?} is the bottleneck. In two seconds {before} lines leave, and with twice as much of that part {after}."
        )
    })
}

/// The timeouts for which a chain is tried: one that is never reached, one that is reached before all threads of the gateway are held, and
/// one that is shorter than a line takes.
fn timeouts(chain: &Chain) -> [Millis; 3] {
    let Parameters { gateway_threads, enrich_takes, store_takes, .. } = chain.parameters;
    // If all threads of the gateway were held for so long, it would let as many go as the chain can do.
    let balanced = f64::from(gateway_threads) / (chain.full.0 + chain.full.1) * 1000.0;
    let short = (enrich_takes + store_takes) * 2 / 3;
    [LONG, (balanced * 0.7) as Millis, short]
}

#[test]
pub fn what_comes_and_does_not_leave_piles_up() {
    check(|check| {
        let (mut grew, mut stayed) = (0, 0);
        for chain in chains(28) {
            for timeout in timeouts(&chain) {
                for times in [0.9, 1.3, 2.0, 4.0] {
                    let parameters = Parameters { timeout, ..chain.parameters };
                    let counted = piles_up(check, &parameters, chain.load(times))?;
                    if counted > 1.0 { grew += 1 } else { stayed += 1 }
                }
            }
        }
        assert!(grew > 100 && stayed > 100, "The chains of this check should be of both kinds: {grew} and {stayed}.");
        piles_up(check, &Parameters::LAB, Load { lines: 200, tails: 0 })?;
        tails_alone(check)?;
        check
            .evidence(format!("{grew} queues that grow and {stayed} that do not, and a chain exactly at its capacity"));
        Ok(())
    });
}

/// Tails have places enough, and still the gateway may have too few threads for them.
fn tails_alone(check: &mut Check) -> Proven {
    for chain in chains(28) {
        let parameters = Parameters { tail_places: chain.parameters.gateway_threads * 2, ..chain.parameters };
        let full = f64::from(parameters.gateway_threads) * 1000.0 / parameters.tail_takes as f64;
        for times in [0.8, 1.3, 2.0] {
            piles_up(check, &parameters, Load { lines: 0, tails: (full * times).round() as u32 })?;
        }
    }
    Ok(())
}

/// Once all threads are held, which takes less than two seconds here, the queue grows evenly. Over two seconds, as many requests as the
/// store has places may be counted too many or too few, since they end together.
fn piles_up(check: &mut Check, parameters: &Parameters, load: Load) -> Result<f64, Box<Failure>> {
    let run = constant(*parameters, load, vec![], 4_500);
    let counted = (run.queue(4_400_000) as f64 - run.queue(2_400_000) as f64) / 2.0;
    let told = growth(parameters, load);
    let comes = f64::from(load.lines + load.tails);
    check.requires(GROWTH, (told - counted).abs() <= comes * 0.02 + 4.0, || {
        let chain = Shown(parameters, load);
        format!(
            "{chain} It was predicted that the gateway's queue grows by {told:.1} requests in a second; the simulation has counted {counted:.1}."
        )
    })?;
    Ok(counted)
}

#[test]
pub fn from_then_on_every_line_is_late() {
    check(|check| {
        let (mut hopeless, mut well) = (0, 0);
        for chain in chains(28) {
            let line = chain.parameters.enrich_takes + chain.parameters.store_takes;
            for timeout in timeouts(&chain) {
                for (patience, times) in
                    [(line * 6, 1.5), (line * 20, 3.0), (1_000, 1.3), (line * 6, 0.8), (line / 2, 0.8)]
                {
                    let parameters = Parameters { timeout, patience, ..chain.parameters };
                    match is_hopeless(check, &parameters, chain.load(times))? {
                        Some(_) => hopeless += 1,
                        None => well += 1,
                    }
                }
            }
        }
        assert!(hopeless > 30 && well > 30, "The chains of this check should be of both kinds: {hopeless} and {well}.");
        check.evidence(format!("{hopeless} chains that pass the point of no return, and {well} that do not"));
        Ok(())
    });
}

/// The fluid knows no single lines: between two answers there are as many as the store has places, and between two arrivals one.
fn is_hopeless(check: &mut Check, parameters: &Parameters, load: Load) -> Result<Option<f64>, Box<Failure>> {
    let run = constant(*parameters, load, vec![], 6_000);
    let lines: Vec<_> = run.requests.iter().filter(|request| request.path == Path::Line).collect();
    let good = |ended: Option<(_, Ending)>| ended.is_some_and(|(_, ending)| ending == Ending::InTime);
    let all_well = lines.iter().all(|line| line.ended.is_none() || good(line.ended));
    let last = lines.iter().rfind(|line| good(line.ended)).map_or(0.0, |line| line.arrived as f64 / 1e6);
    let counted = (!all_well).then_some(last);
    let told = hopeless_after(parameters, load);
    let grain = 2.0 * f64::from(parameters.store_places + 1) / f64::from(load.lines.max(1));
    let right = match (told, counted) {
        (Some(told), Some(counted)) => near(told, counted, 0.06, grain),
        (told, counted) => told.is_none() == counted.is_none(),
    };
    check.requires(HOPELESS, right, || {
        let (chain, told, counted) = (Shown(parameters, load), shown(told), shown(counted));
        format!(
            "{chain} Predicted moment from which no line is answered in time: {told}. The last line that is answered in time in the simulation comes: \
             {counted}."
        )
    })?;
    Ok(counted)
}

#[test]
pub fn a_slow_store_takes_every_thread() {
    check(|check| {
        let (mut dead, mut alive) = (0, 0);
        for chain in chains(30) {
            let threads = chain.parameters.gateway_threads * 3;
            let parameters = Parameters { gateway_threads: threads, enrich_threads: threads, ..chain.parameters };
            let load = chain.load(0.6);
            // How long lines would have to be held until they have all threads of the gateway.
            let all = f64::from(threads) / f64::from(load.lines.max(1)) * 1000.0;
            for store_takes in [DEAD, chain.parameters.store_takes * 2, chain.parameters.store_takes * 4] {
                for timeout in [all * 0.3, all * 1.5, all * 5.0] {
                    let parameters = Parameters { timeout: timeout as Millis, ..parameters };
                    // The lines that a store has places for end together, and not one by one as in a fluid.
                    let grain = parameters.store_places / 2 + 2;
                    match is_exhausted(check, &parameters, load, store_takes, grain)? {
                        Some(_) => dead += 1,
                        None => alive += 1,
                    }
                }
            }
        }
        assert!(dead > 100 && alive > 100, "The chains of this check should be of both kinds: {dead} and {alive}.");
        a_wide_store(check)?;
        a_slow_chain(check)?;
        check.evidence(format!("{dead} chains in which the healthy path dies, and {alive} in which it lives"));
        Ok(())
    });
}

/// A store with so many places that it keeps up with all lines, however slow: nothing queues there, and still the gateway may run out of
/// threads.
fn a_wide_store(check: &mut Check) -> Proven {
    for (lines, timeout) in [(100, LONG), (120, LONG), (160, LONG), (200, LONG), (160, 150), (220, 150)] {
        for tails in [0, 500] {
            let parameters =
                Parameters { gateway_threads: 30, enrich_threads: 100, store_places: 50, timeout, ..Parameters::LAB };
            is_exhausted(check, &parameters, Load { lines, tails }, 200, 2)?;
        }
    }
    Ok(())
}

/// What holds a line is not the store alone: `enrich` takes its time as well, and may have too few threads for lines that stay longer.
fn a_slow_chain(check: &mut Check) -> Proven {
    for (enrich_takes, enrich_threads) in [(120, 200), (60, 8), (5, 4), (5, 7), (20, 100)] {
        for store_takes in [80, 100, 200] {
            for timeout in [store_takes + enrich_takes / 4, store_takes + enrich_takes * 3, LONG] {
                for lines in [60, 100, 160, 220] {
                    for gateway_threads in [24, 32, 40] {
                        let parameters = Parameters {
                            gateway_threads,
                            enrich_threads,
                            enrich_takes,
                            store_places: 60,
                            timeout,
                            ..Parameters::LAB
                        };
                        // `enrich` is the narrowest part. Only chains that are well before the store gets slow, and clearly well or not afterwards.
                        let keeps_up = |stay: Millis| {
                            f64::from(enrich_threads) * 1000.0 / stay.min(timeout) as f64 / f64::from(lines)
                        };
                        let (before, after) =
                            (keeps_up(enrich_takes + parameters.store_takes), keeps_up(enrich_takes + store_takes));
                        let held = f64::from(lines) * (enrich_takes + parameters.store_takes) as f64 / 1000.0;
                        let is_well = before > 1.1 && held + 8.0 < f64::from(gateway_threads);
                        if is_well && !(0.75..1.25).contains(&after) {
                            is_exhausted(check, &parameters, Load { lines, tails: 0 }, store_takes, 6)?;
                        }
                    }
                }
            }
        }
    }
    Ok(())
}

/// Single threads become free at moments of their own. So the prediction for this chain lies between what is counted for a chain with a few
/// threads fewer (as many as the `grain`) and for one with as many more; and lines from before the change have a tenth of a second to leave.
fn is_exhausted(
    check: &mut Check,
    parameters: &Parameters,
    load: Load,
    store_takes: Millis,
    grain: u32,
) -> Result<Option<f64>, Box<Failure>> {
    let changed: Millis = 500;
    let count = |gateway_threads| {
        let changes = vec![(changed, Change::StoreTakes(store_takes))];
        let run = constant(Parameters { gateway_threads, ..*parameters }, load, changes, 6_000);
        run.exhausted(changed * 1000).map(|at| (at - changed * 1000) as f64 / 1e6)
    };
    let few = count(parameters.gateway_threads - grain);
    let many = count(parameters.gateway_threads + grain);
    let told = exhausted_after(parameters, load, store_takes);
    let moment = |seconds: Option<f64>| seconds.unwrap_or(f64::INFINITY);
    let right = moment(few) - 0.02 <= moment(told) && moment(told) <= moment(many) + 0.1;
    check.requires(EXHAUSTED, right, || {
        let store = if store_takes == DEAD { "dead".into() } else { format!("slow: it takes {store_takes} ms") };
        let (chain, told, few, many) = (Shown(parameters, load), shown(told), shown(few), shown(many));
        format!(
            "{chain} Then store is {store}. Predicted moment at which no thread of the gateway is free: {told}. The simulation has counted, with {grain} \
             threads fewer: {few}; with {grain} more: {many}."
        )
    })?;
    Ok(few)
}

#[test]
pub fn a_backlog_goes_as_fast_as_it_can() {
    check(|check| {
        let (mut gone, mut never) = (0, 0);
        for chain in chains(30) {
            for (over, after) in [(3.0, 0.3), (2.0, 0.6), (1.5, 0.85), (2.0, 1.2)] {
                match recovers(check, &chain.parameters, chain.load(over), chain.load(after))? {
                    Some(_) => gone += 1,
                    None => never += 1,
                }
            }
        }
        assert!(gone > 20 && never > 20, "The chains of this check should be of both kinds: {gone} and {never}.");
        at_the_capacity(check)?;
        check.evidence(format!("{gone} backlogs that go, {never} that never do, and a chain exactly at its capacity"));
        Ok(())
    });
}

/// The backlog is the one that the simulation counts. While it goes, it loses and gains whole requests, as many at a time as the store has
/// places.
fn recovers(check: &mut Check, parameters: &Parameters, over: Load, load: Load) -> Result<Option<f64>, Box<Failure>> {
    let ends: Millis = 1_500;
    let run = constant(*parameters, over, vec![(ends, Change::Load(load))], 14_000);
    let backlog = run.queue(ends * 1000);
    let counted = run.emptied(ends * 1000).map(|at| (at - ends * 1000) as f64 / 1e6);
    let told = recovers_after(parameters, load, backlog as u32);
    let right = match (told, counted) {
        (Some(told), Some(counted)) => near(told, counted, 0.08, 0.15),
        (told, counted) => told.is_none() == counted.is_none(),
    };
    check.requires(RECOVERY, right, || {
        let (chain, told, counted) = (Shown(parameters, load), shown(told), shown(counted));
        format!(
            "{chain} {backlog} requests are in the queue. Predicted moment at which it is empty: {told}. In the simulation it is: {counted}."
        )
    })?;
    Ok(counted)
}

/// As many come as leave: the queue stays as it is. A prediction of years is as good as "never" there, since the rates may differ in the
/// last place of a floating-point number. And no backlog is gone at once.
fn at_the_capacity(check: &mut Check) -> Proven {
    for (lines, backlog, never) in [(200, 500, true), (200, 0, false), (400, 0, false), (199, 500, false)] {
        let told = recovers_after(&Parameters::LAB, Load { lines, tails: 0 }, backlog);
        let right = match told {
            None => never,
            Some(seconds) if never => seconds > 1e8,
            Some(seconds) => near(seconds, f64::from(backlog), 0.01, 0.0),
        };
        check.requires(RECOVERY, right, || {
            let (chain, told) = (Shown(&Parameters::LAB, Load { lines, tails: 0 }), shown(told));
            format!("{chain} The chain can do 200. {backlog} requests are in the queue. Predicted moment at which it is empty: {told}.")
        })?;
    }
    Ok(())
}
