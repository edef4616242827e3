//! What is demanded of the monkey.

use testkit::check::Rule;

pub const HOURS: Rule = Rule::new(
    "in working time",
    "A fault is done in working time, and at no other.",
    "Basiri et al. 2016: active only during normal working hours; Netflix, Chaos Monkey, termination behavior",
    "2-failures/monkey.md#working-hours",
);

pub const RATE: Rule = Rule::new(
    "a chance per day",
    "On each working day a group is hit with probability 1 / `mean_days`, whatever happened on earlier days or to other groups, \
     and however often `tick` is called.",
    "Netflix, Chaos Monkey, termination behavior: a weighted coin for each group and weekday",
    "2-failures/monkey.md#a-chance-per-day",
);

pub const SPREAD: Rule = Rule::new(
    "at any moment",
    "A fault may come in any minute of the working time, each as likely as any other.",
    "Netflix, Chaos Monkey, termination behavior: at a random time between the hours",
    "2-failures/monkey.md#a-chance-per-day",
);

pub const FAIR: Rule = Rule::new(
    "any victim, any kind",
    "Each instance is as likely a victim as any other, and each kind of failure is as likely as any other, whichever instance \
     the victim is.",
    "Netflix, Chaos Monkey, configuring behavior: an instance of the group is selected at random",
    "2-failures/monkey.md#whom-and-what",
);

pub const ONCE: Rule = Rule::new(
    "once a day",
    "A group has at most one turn on a date, even when the monkey is restarted, and even when a fault fails.",
    "Netflix, Chaos Monkey, configuring behavior: never more often than once a day for each group",
    "2-failures/monkey.md#once-a-day",
);

pub const APART: Rule = Rule::new(
    "days between",
    "A fault comes on the `min_days`-th working day after the group's last one, or later.",
    "Netflix, Chaos Monkey, termination behavior: minimum time between terminations, in work days",
    "2-failures/monkey.md#once-a-day",
);

pub const DUE: Rule = Rule::new(
    "a turn on each due day",
    "With `mean_days = 1`, an enabled group has one turn on each working day from the `min_days`-th after its last fault on, \
     whatever came of that fault, and whether the turn is a fault or is left out.",
    "contract of `Monkey::decide`",
    "2-failures/monkey.md#once-a-day",
);

pub const ENOUGH: Rule = Rule::new(
    "enough are healthy",
    "The victim is healthy, and without it at least `min_healthy` instances of the group are healthy. An instance that is \
     paused, cut off, silent, gone or unknown is not healthy.",
    "Principles of Chaos Engineering: minimize blast radius",
    "2-failures/monkey.md#enough-are-healthy",
);

pub const LEFT_OUT: Rule = Rule::new(
    "a turn that is left out",
    "If a group's turn cannot be taken, the audit log records why, and the turn is gone.",
    "contract of `Monkey::decide`",
    "2-failures/monkey.md#enough-are-healthy",
);

pub const SPARED: Rule = Rule::new(
    "opted out",
    "Groups that are not enabled, and instances that are spared, are left alone.",
    "Netflix, Chaos Monkey, configuring behavior: exceptions",
    "2-failures/monkey.md#whom-and-what",
);

pub const SEED: Rule = Rule::new(
    "one seed, one run",
    "The same seed, configuration, instants and views give the same faults; another seed gives different ones.",
    "contract of `Monkey::new`",
    "2-failures/monkey.md#from-a-seed",
);

pub const DRY: Rule = Rule::new(
    "a dry run",
    "A dry run does nothing, and announces what a real run would.",
    "Netflix, Chaos Monkey, configuration file format: `leashed`",
    "2-failures/monkey.md#dry-run",
);

pub const AUDIT: Rule = Rule::new(
    "the log comes first",
    "A fault is done only after it was written to the audit log; what came of it is written afterwards.",
    "Netflix, Chaos Monkey, `term.go`: a termination is recorded before it is executed, and is not executed if that fails",
    "2-failures/monkey.md#log-before-fault",
);
