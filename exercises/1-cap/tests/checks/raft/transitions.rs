//! What a server makes of one message: the rules of figure 2 of Ongaro & Ousterhout 2014 (extended version), one step at a time.
//!
//! They hold in whatever world a server is, so any cluster can be asked to keep them. They say nothing that a correct server may do
//! otherwise: it may leave a request for a vote without an answer, or cut off at once what conflicts with its leader's log.

use testkit::check::Rule;
use testkit::cluster::{Given, Transition};
use testkit::node::NodeId;

use super::words;
use crate::subject::raft::log::{Entry, Index, Log, Term};
use crate::subject::raft::message::{Hint, Message, Outcome};
use crate::subject::raft::{Raft, Timer};

pub const ONE_VOTE: Rule = Rule::new(
    "one vote in a term",
    "A server votes at most once in a term, for a candidate that asked and whose log is at least as up to date as its own, and \
     saves its vote first.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, RequestVote RPC, receiver implementation",
    "1-cap/raft-election.md#invariants-to-keep",
);

pub const LATEST_TERM: Rule = Rule::new(
    "the latest term",
    "A server is in the latest term that it has heard of, and names that term in its messages.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, rules for all servers",
    "1-cap/raft-election.md#no-step-down",
);

pub const TERM_SAVED: Rule = Rule::new(
    "a term is saved before it is told",
    "A server that enters a term saves it before it sends a message that names it.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, persistent state: \"updated on stable storage before responding\"",
    "1-cap/raft-election.md#saved-after-the-reply",
);

pub const WAITS: Rule = Rule::new(
    "election timeout",
    "A server that grants a vote, or hears from the leader of its term, restarts its election timer; nothing else makes it wait \
     longer.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, rules for followers and for candidates",
    "1-cap/raft-election.md#vote-without-waiting",
);

pub const TAKES: Rule = Rule::new(
    "what fits is taken, and the rest is kept",
    "Entries that fit are in the log afterwards. Only an entry that conflicts with one of them is deleted, together with all \
     that follow it.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, AppendEntries RPC, steps 2 to 4",
    "1-cap/raft-replication.md#truncates-without-conflict",
);

pub const REPORTS: Rule = Rule::new(
    "reports are true",
    "A follower reports a match exactly as far as the leader's message spoke of the log, and has saved that much. It refuses \
     only what does not fit.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, AppendEntries RPC and persistent state",
    "1-cap/raft-replication.md#skips-the-check",
);

pub const OWN_LOG: Rule = Rule::new(
    "a leader sends its own log",
    "The entries in a leader's message are those of its log after the entry that the message names, and it calls nothing \
     committed that it does not know to be.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, AppendEntries RPC, arguments",
    "1-cap/raft-replication.md#the-idea",
);

pub const FOLLOWS: Rule = Rule::new(
    "a follower follows the commit index",
    "A message that fits brings a follower's commit index up to the leader's, but no further than the message speaks of the \
     log. A message that does not fit leaves it alone. It never falls.",
    "Ongaro & Ousterhout 2014 (extended version), figure 2, AppendEntries RPC, step 5",
    "1-cap/raft-commit.md#commits-too-far",
);

/// One step of a server.
pub type Step<'a> = Transition<'a, Raft>;

/// A leader's message, as its receiver sees it.
pub struct Entries<'a> {
    leader: NodeId,
    term: Term,
    pub prev_index: Index,
    pub prev_term: Term,
    entries: &'a [Entry],
    commit_index: Index,
}

impl<'a> Entries<'a> {
    fn of(step: &Step<'a>) -> Option<Self> {
        let (leader, message) = step.received()?;
        Entries::sent(leader, message)
    }

    /// The entries in a message, if it is one that carries them.
    pub fn sent(leader: NodeId, message: &'a Message) -> Option<Self> {
        match message {
            Message::AppendEntries { term, prev_index, prev_term, entries, commit_index } => Some(Entries {
                leader,
                term: *term,
                prev_index: *prev_index,
                prev_term: *prev_term,
                entries,
                commit_index: *commit_index,
            }),
            _ => None,
        }
    }

    /// Are they of a leader that is not deposed, as far as `server` knows, and do they follow an entry that it holds?
    fn fit(&self, server: &Raft) -> bool {
        self.term >= server.term() && server.log().term_at(self.prev_index) == Some(self.prev_term)
    }

    /// The last entry that the message speaks of.
    pub fn last(&self) -> Index {
        self.prev_index + self.entries.len() as Index
    }

    /// What a log that they fit comes to by them.
    pub fn merged_into(&self, log: &Log) -> Vec<Entry> {
        let held = log.entries();
        let at = self.prev_index as usize;
        let known = held[at..].iter().zip(self.entries).take_while(|(old, new)| old.term == new.term).count();
        match known == self.entries.len() {
            true => held.to_vec(),
            false => [&held[..at + known], &self.entries[known..]].concat(),
        }
    }
}

/// A vote is given once in a term, to a candidate that asked, whose log is as up to date, and it is on disk before it is told.
pub fn votes_once(step: &Step<'_>) -> Result<(), String> {
    for (to, message, disk) in step.sent() {
        let Message::Vote { term, granted: true } = message else { continue };
        let (Some(before), Some((from, Message::RequestVote { term: asked, last_index, last_term }))) =
            (step.before, step.received())
        else {
            return Err(format!("{to} was sent a vote, but has not asked for one."));
        };
        if (from, asked) != (to, term) {
            return Err(format!("{from} asked for a vote in term {asked}, but {to} was given one in term {term}."));
        }
        let log = before.log();
        if (*last_term, *last_index) < (log.last_term(), log.last_index()) {
            return Err(format!(
                "n0's log ends with an entry of term {} at index {}. n0 votes for {from}, whose log ends with one of term \
                 {last_term} at index {last_index}.",
                log.last_term(),
                log.last_index()
            ));
        }
        let other = step.saved.filter(|saved| saved.term == *term).and_then(|saved| saved.voted_for);
        if let Some(other) = other.filter(|other| *other != from) {
            return Err(format!("n0 voted for {other} in term {term}, and now votes for {from} in the same term."));
        }
        if disk.is_none_or(|disk| (disk.term, disk.voted_for) != (*term, Some(from))) {
            return Err(format!(
                "n0 votes for {from} in term {term}, but this vote is not on its disk when n0 says so."
            ));
        }
    }
    Ok(())
}

/// A server is in the latest term that it has heard of, and says so whenever it speaks.
pub fn keeps_to_the_latest_term(step: &Step<'_>) -> Result<(), String> {
    let Some(before) = step.before else {
        let saved = step.saved.map_or(0, |saved| saved.term);
        return match step.after.term() == saved {
            true => Ok(()),
            false => Err(format!("n0 had saved term {saved}, but starts in term {}.", step.after.term())),
        };
    };
    if let Some((from, message)) = step.received() {
        let latest = before.term().max(message.term());
        let ignored = matches!(message, Message::RequestVote { .. }) && step.after == before && step.effects.is_empty();
        if step.after.term() != latest && !ignored {
            return Err(format!(
                "n0 was in term {} and heard from {from}, which is in term {}. Now n0's term is {}.",
                before.term(),
                message.term(),
                step.after.term()
            ));
        }
    }
    for (to, message, _) in step.sent() {
        if message.term() != step.after.term() {
            return Err(format!(
                "n0 is in term {}, but its message to {to} says term {}.",
                step.after.term(),
                message.term()
            ));
        }
    }
    Ok(())
}

/// The term that a server names in a message is on its disk by then.
pub fn saves_its_term(step: &Step<'_>) -> Result<(), String> {
    for (to, message, disk) in step.sent() {
        if disk.map_or(0, |disk| disk.term) < message.term() {
            return Err(format!(
                "n0 tells {to} of its term {}, but its disk still holds term {}, to which n0 would go back after a crash.",
                message.term(),
                disk.map_or(0, |disk| disk.term)
            ));
        }
    }
    Ok(())
}

/// The election timer starts anew with a vote that is granted, or a leader that is heard; no other message puts it off.
pub fn waits_for_leaders_only(step: &Step<'_>) -> Result<(), String> {
    let (Some(before), Some((from, message))) = (step.before, step.received()) else { return Ok(()) };
    let grants = step.sent().any(|(_, message, _)| matches!(message, Message::Vote { granted: true, .. }));
    let leads = before.is_leader() || step.after.is_leader();
    let hears = matches!(message, Message::AppendEntries { term, .. } if *term == step.after.term());
    let waits = step.arms(&Timer::Election);
    if (grants || hears) && !leads && !waits {
        return Err(format!(
            "n0 {}, but did not restart its election timer: it may become a candidate a moment later.",
            if grants {
                format!("granted {from} its vote")
            } else {
                format!("heard from {from}, the leader of its term")
            }
        ));
    }
    if waits && !grants && !hears && !leads && before.term() == step.after.term() {
        return Err(format!(
            "n0 neither granted a vote nor heard from the leader of its term: {from} sent {}. And yet n0 restarted its election \
             timer.",
            words::message(message)
        ));
    }
    Ok(())
}

/// The log is what the paper says: what fits is merged into it, what does not fit adds nothing, and nothing else changes it.
pub fn takes_what_fits(step: &Step<'_>) -> Result<(), String> {
    let Some(before) = step.before else {
        let saved = step.saved.map(|saved| saved.log.clone()).unwrap_or_default();
        return match *step.after.log() == saved {
            true => Ok(()),
            false => Err(format!("n0 had saved the log {saved:?}, but starts with {:?}.", step.after.log())),
        };
    };
    let (old, new) = (before.log().entries(), step.after.log().entries());
    let changed = |expected: &str| Err(format!("n0's log was {old:?}, and {expected}. Now it is {new:?}."));
    match Entries::of(step) {
        Some(message) if message.fit(before) => {
            let expected = message.merged_into(before.log());
            match new == expected {
                true => Ok(()),
                false => changed(&format!(
                    "{} sent it {:?} to follow index {}, which makes it {expected:?}",
                    message.leader, message.entries, message.prev_index
                )),
            }
        }
        // What conflicts with the entry before the new ones may go at once.
        Some(message) if message.term >= before.term() => {
            let kept = (message.prev_index as usize).saturating_sub(1).min(old.len());
            match old.starts_with(new) && new.len() >= kept {
                true => Ok(()),
                false => changed(&format!(
                    "{} sent entries that follow one of term {} at index {}, an entry that n0 does not hold",
                    message.leader, message.prev_term, message.prev_index
                )),
            }
        }
        _ => match new == old || step.after.is_leader() && new.starts_with(old) {
            true => Ok(()),
            false => changed("no leader of its term told it to change that"),
        },
    }
}

/// What a server reports to a leader is so, and on its disk; and it refuses nothing that fits.
pub fn reports_what_is_so(step: &Step<'_>) -> Result<(), String> {
    for (to, sent, disk) in step.sent() {
        let Message::AppendReply { outcome, .. } = sent else { continue };
        let (Some(before), Some(message)) = (step.before, Entries::of(step)) else {
            return Err(format!("{to} has sent no entries, and yet n0 reports {} to it.", words::outcome(*outcome)));
        };
        let fits = message.fit(before);
        match outcome {
            Outcome::Matches(index) if !fits || *index != message.last() => {
                return Err(format!(
                    "n0's log was {:?}. {to} sent {} entries of term {} to follow one of term {} at index {}, and n0 reports \
                     {}.",
                    before.log(),
                    message.entries.len(),
                    message.term,
                    message.prev_term,
                    message.prev_index,
                    words::outcome(*outcome)
                ));
            }
            Outcome::Matches(index) => {
                let held = |log: &Log| log.entries().get(..*index as usize).map(<[Entry]>::to_vec);
                let on_disk = disk.map(|disk| disk.log.clone()).unwrap_or_default();
                if held(&on_disk) != held(step.after.log()) {
                    return Err(format!(
                        "n0 reports to {to} that its log matches up to index {index}. n0's log is {:?}, and its disk holds \
                         {on_disk:?}.",
                        step.after.log()
                    ));
                }
            }
            Outcome::Conflict(_) if fits => {
                return Err(format!(
                    "n0's log was {:?}, and holds the entry of term {} at index {} that {to} spoke of. Even so, n0 refuses what \
                     follows it.",
                    before.log(),
                    message.prev_term,
                    message.prev_index
                ));
            }
            Outcome::Conflict(hint) if message.term == step.after.term() => leads_back(before.log(), &message, *hint)?,
            Outcome::Conflict(_) => {}
        }
    }
    Ok(())
}

/// A hint names an index before the one that was refused, and a term that is there.
fn leads_back(log: &Log, message: &Entries<'_>, hint: Hint) -> Result<(), String> {
    let stands = hint.term.is_none() || hint.term == log.term_at(message.prev_index);
    match stands && (1..=message.prev_index).contains(&hint.index) {
        true => Ok(()),
        false => Err(format!(
            "n0's log was {log:?}. n0 refuses what follows index {}, but its hint, {}, does not lead the leader back.",
            message.prev_index,
            words::hint(hint)
        )),
    }
}

/// What a leader sends is a stretch of its own log.
pub fn sends_its_own_log(step: &Step<'_>) -> Result<(), String> {
    let log = step.after.log();
    for (to, sent, _) in step.sent() {
        let Message::AppendEntries { prev_index, prev_term, entries, commit_index, .. } = sent else { continue };
        let stretch = log.entries().get(*prev_index as usize..*prev_index as usize + entries.len());
        if log.term_at(*prev_index) != Some(*prev_term) || stretch != Some(entries) {
            return Err(format!("n0's log is {log:?}, but n0 sends {to} {}.", words::message(sent)));
        }
        if *commit_index > step.after.commit_index() {
            return Err(format!(
                "n0 knows its log to be committed up to index {}, but tells {to} that index {commit_index} is committed.",
                step.after.commit_index()
            ));
        }
    }
    Ok(())
}

/// A follower's commit index follows its leader's at once, as far as the message shows both logs to match; it never falls, and a
/// message that does not fit leaves it alone.
pub fn follows_the_commit_index(step: &Step<'_>) -> Result<(), String> {
    let (Some(before), Given::Message { .. }) = (step.before, &step.given) else { return Ok(()) };
    let (old, new) = (before.commit_index(), step.after.commit_index());
    let Some(message) = Entries::of(step) else { return Ok(()) };
    if message.fit(before) {
        let least = message.commit_index.min(message.last()).max(old);
        match new >= least {
            true => Ok(()),
            false => Err(format!(
                "{} told n0 that index {} is committed, and showed that both logs match up to index {}. n0's commit index was {old} \
                 and is {new}.",
                message.leader,
                message.commit_index,
                message.last()
            )),
        }
    } else if new != old {
        Err(format!("n0 refused what {} sent, and yet its commit index went from {old} to {new}.", message.leader))
    } else {
        Ok(())
    }
}
