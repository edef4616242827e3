//! What holds of the gateway, with the sources.

use testkit::check::Rule;

pub const PASSED_ON: Rule = Rule::new(
    "each path has its service",
    "A line is asked of `enrich` and a tail of `tail`, as the client has said it, and the client is told what came of it.",
    "contract of `Gateway::answer`",
    "3-asynchrony/chain.md#the-paths-share",
);

pub const APART: Rule = Rule::new(
    "the paths share nothing",
    "Whatever happens on one path, requests of the other are answered as if they were alone.",
    "Nygard 2018, Release It! (2nd edition), chapter 5, Bulkheads",
    "3-asynchrony/chain.md#the-paths-share",
);

pub const ENDS: Rule = Rule::new(
    "in time, or not at all",
    "A client is told something at its deadline at the latest.",
    "gRPC, Deadlines; Beyer et al. 2016, Site Reliability Engineering, chapter 22",
    "3-asynchrony/chain.md#past-the-deadline",
);

pub const LEFT: Rule = Rule::new(
    "how long the gateway waits",
    "A call is told for how long the gateway waits for it: until the deadline, but `timeout` at most. It is dropped then.",
    "gRPC, PROTOCOL-HTTP2: grpc-timeout; Beyer et al. 2016, Site Reliability Engineering, chapter 22: deadline propagation",
    "3-asynchrony/chain.md#past-the-deadline",
);

pub const LIMITED: Rule = Rule::new(
    "no more calls than the limit says",
    "No call begins while as many are under way as the limit says.",
    "contract of `Limit::begin`",
    "3-asynchrony/chain.md#more-than-the-limit",
);

pub const IN_TURN: Rule = Rule::new(
    "what can begin does not wait",
    "If a call could begin, no request waits; and requests begin in the order in which they came.",
    "contract of `Queue::take`",
    "3-asynchrony/chain.md#nobody-is-let-in",
);

pub const SHED: Rule = Rule::new(
    "the queue refuses",
    "What the queue has no room for, or refuses, is told `Overloaded`, and never called.",
    "contract of `Queue::offer` and `Queue::take`",
    "3-asynchrony/chain.md#more-than-the-limit",
);

pub const FORGOTTEN: Rule = Rule::new(
    "what was answered is forgotten",
    "A request that has been answered takes no memory any more: otherwise an overload fills it.",
    "contract of `Gateway::answer`: what it held is free",
    "3-asynchrony/chain.md#a-place-is-lost",
);

pub const SERVED: Rule = Rule::new(
    "what can be done is done",
    "While ten times too much comes, the service stays as busy as the limit allows, and those who are answered have not waited long.",
    "facebook/folly, Codel.cpp; contract of `Queue::take`",
    "3-asynchrony/chain.md#nobody-is-let-in",
);

pub const GIVEN_BACK: Rule = Rule::new(
    "what was held is free",
    "When a request has ended or was dropped, its place is free, for the request that has waited longest.",
    "Oxide, RFD 400: dealing with cancel safety in async Rust",
    "3-asynchrony/chain.md#a-place-is-lost",
);

pub const NOTHING_LEFT: Rule = Rule::new(
    "nothing goes on",
    "When a request has ended or was dropped, no call and no task of it goes on.",
    "gRPC, Cancellation: a server should stop what it still computes for a call that was cancelled",
    "3-asynchrony/chain.md#it-goes-on",
);

pub const LIMIT_IS_TOLD: Rule = Rule::new(
    "the limit is told once",
    "Each call ends for the limit: as an overload if it was told so or took longer than `slow`; otherwise as a success, or ignored.",
    "Netflix/concurrency-limits, AIMDLimit.java: a call that was dropped, or took longer than a timeout",
    "3-asynchrony/chain.md#what-it-tells-the-parts",
);

pub const BREAKER_IS_TOLD: Rule = Rule::new(
    "the breaker is told once",
    "Each call ends for the breaker, with what it says about the service's health.",
    "contract of `Breaker::finish`",
    "3-asynchrony/chain.md#what-it-tells-the-parts",
);

pub const BREAKER_IS_ASKED: Rule = Rule::new(
    "the breaker is asked",
    "What the breaker rejects is told `Overloaded` at once, and no call is made.",
    "Nygard 2018, Release It! (2nd edition), chapter 5, Circuit Breaker",
    "3-asynchrony/chain.md#the-breaker-is-not-asked",
);

pub const RETRIED: Rule = Rule::new(
    "what may be tried again is",
    "What `Retries` says about a reply is done, after the pause that it names, or said to the client.",
    "gRPC's proposal A6, Client Retries",
    "3-asynchrony/chain.md#tried-in-vain",
);

pub const PAUSES: Rule = Rule::new(
    "a pause holds nothing",
    "While a request pauses before it is tried again, no place is taken by it.",
    "contract of `Gateway::answer`",
    "3-asynchrony/chain.md#a-place-is-lost",
);

pub const UNTOUCHED: Rule = Rule::new(
    "overloaded means untouched",
    "A client is told `Overloaded` only if nothing can have been done for it.",
    "gRPC's proposal A6, Client Retries: what has not left the client, or was refused before work, may be tried anywhere",
    "3-asynchrony/chain.md#overloaded-after-all",
);

pub const CLOSED: Rule = Rule::new(
    "closed is closed",
    "From the moment at which `drain` is polled first, a new request is told `Closing`, and no call is made for it.",
    "contract of `Gateway::drain`",
    "3-asynchrony/chain.md#closed-too-early",
);

pub const FINISHED: Rule = Rule::new(
    "what was taken is finished",
    "Requests that came before the gateway closed are answered as if nothing had happened, and `drain` returns then, and not before.",
    "contract of `Gateway::drain`",
    "3-asynchrony/chain.md#closed-too-early",
);

pub const TOGETHER: Rule = Rule::new(
    "calls wait side by side",
    "A call that waits keeps no other task from running, and no other call from beginning.",
    "tokio's documentation of `tokio::sync::Mutex`: which kind of mutex should you use",
    "3-asynchrony/chain.md#it-stands-still",
);

pub const PARTS: Rule = Rule::new(
    "the parts decide",
    "Each call is made when the queue, the limit, the breaker and the retries say so, and each client is told what they say.",
    "contract of `Gateway::answer`",
    "3-asynchrony/chain.md#where-the-machines-meet",
);
