//! The monkey's configuration: what is read, and what is said where it is wrong.

use std::time::Duration;

use failures_solution::monkey::{Config, Kind};
use jiff::civil::{Weekday, date};

const RIGHT: &str = r#"
[schedule]
zone = "Europe/Berlin"
days = ["monday", "Friday"]
from = "09:00"
until = "24:00"
closed = ["2026-12-25"]

[[groups]]
name = "raft"
instances = ["n0", "n1", "n2"]
spared = ["n2"]
mean_days = 2
min_healthy = 2
kinds = ["kill", "pause 10s", "cut 1m", "slow 200ms 30s", "fill 5s"]
"#;

#[test]
fn a_configuration_is_read() {
    let config = Config::from_toml(RIGHT).unwrap();
    assert!(!config.dry_run);
    assert_eq!(config.schedule.zone.iana_name(), Some("Europe/Berlin"));
    assert_eq!(config.schedule.days, [Weekday::Monday, Weekday::Friday]);
    assert_eq!(config.schedule.hours, 540..1440);
    assert!(config.schedule.closed.contains(&date(2026, 12, 25)));
    let group = &config.groups[0];
    assert!(group.enabled && group.spared.contains("n2"));
    assert_eq!((group.mean_days, group.min_days, group.min_healthy), (2.0, 1, 2));
    assert_eq!(group.kinds[1], Kind::Pause { lasts: Duration::from_secs(10) });
    assert_eq!(group.kinds[3], Kind::Slow { by: Duration::from_millis(200), lasts: Duration::from_secs(30) });
}

#[test]
fn what_is_wrong_is_said_in_a_sentence_with_the_next_step() {
    for (right, wrong, sentence) in [
        ("Europe/Berlin", "Europe/Bärlin", "there is no time zone `Europe/Bärlin`: use a name of the tz database"),
        ("\"monday\", \"Friday\"", "", "`days` is empty: name at least one day"),
        ("Friday", "freitag", "`freitag` is no day of the week: write it in full"),
        ("09:00", "9:00", "`9:00` is no time of day: write it such as `09:00`"),
        ("24:00", "24:30", "`24:30` is no time of day"),
        ("24:00", "04:00", "the hours end at 04:00 and begin at 09:00: let them end later on the same day"),
        ("24:00", "09:00", "the hours end at 09:00 and begin at 09:00"),
        ("2026-12-25", "2026-02-30", "`2026-02-30` is no date: write it such as"),
        ("\"n0\", \"n1\", \"n2\"", "", "group `raft`: it has no instances: name at least one"),
        (
            "\"n0\", \"n1\"",
            "\"n0\", \"n0\"",
            "the instance `n0` is named twice: put each instance into one group, once",
        ),
        ("mean_days = 2", "mean_days = 0", "group `raft`: `mean_days` is 0: make it at least 1"),
        ("mean_days = 2", "mean_days = nan", "group `raft`: `mean_days` is NaN: make it at least 1"),
        ("mean_days = 2", "mean_days = 2\nmin_days = 0", "group `raft`: `min_days` is 0: make it at least 1"),
        ("min_healthy = 2", "min_healthy = 3", "group `raft`: `min_healthy` is 3 of 3 instances"),
        ("[\"n2\"]", "[\"n7\"]", "group `raft`: `n7` is spared and is no instance of it: correct the name"),
        ("\"kill\"", "\"shout\"", "`shout` is no kind of failure: use `kill`"),
        ("pause 10s", "pause", "`pause` is no kind of failure"),
        ("pause 10s", "pause -10s", "`-10s` is no length of time: write it such as `10s`"),
        ("pause 10s", "pause 0s", "`0s` is no length of time"),
        ("spared", "spraed", "unknown field `spraed`"),
    ] {
        let text = RIGHT.replacen(right, wrong, 1);
        assert_ne!(text, RIGHT, "{right} stands in the configuration");
        let error = Config::from_toml(&text).expect_err(sentence).to_string();
        assert!(error.contains(sentence), "expected: {sentence}\nsaid: {error}");
    }
}

#[test]
fn two_groups_have_two_names() {
    let group = &RIGHT[RIGHT.find("[[groups]]").unwrap()..].replace("n0", "m0").replace("n1", "m1").replace("n2", "m2");
    let error = Config::from_toml(&format!("{RIGHT}{group}")).unwrap_err().to_string();
    assert!(error.contains("the group `raft` is named twice"), "{error}");
}
