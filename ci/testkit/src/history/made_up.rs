//! Made-up histories of texts under keys: what clients might have seen, and what they cannot have seen.
//!
//! Texts are what makes a history hard to judge. Two appends that overlap can have come in either order, and only a later
//! answer, which shows the whole text, tells which. The recorded histories of key-value stores that checkers are usually
//! tried on are of this kind.
//!
//! [`happened`] runs clients against real texts, so its histories are linearizable. [`Planted`] changes the answer of one
//! request, chosen such that no order explains it.
//!
//! Random numbers come from splitmix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators") with
//! fixed seeds, so each run judges the same histories.

use stateright::semantics::SequentialSpec;

use super::Operation;

/// What is asked of the text under a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    Get,
    /// Replaces the text, and is told nothing.
    Put(String),
    /// Adds a word to the text, and is told nothing.
    Append(String),
    /// Adds a word to the text, and is told the whole of it.
    AppendAndGet(String),
}

/// What is answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Done,
    Whole(String),
}

/// The text under one key.
#[derive(Clone, Debug, Default, PartialEq, Hash)]
pub struct Text(String);

/// A request about one of several texts.
pub type Keyed = (usize, Ask);

/// One operation of a history of texts.
pub type Told = Operation<Keyed, Answer>;

impl SequentialSpec for Text {
    type Op = Keyed;
    type Ret = Answer;

    fn invoke(&mut self, (_, ask): &Keyed) -> Answer {
        match ask {
            Ask::Get => Answer::Whole(self.0.clone()),
            Ask::Put(text) => {
                self.0.clone_from(text);
                Answer::Done
            }
            Ask::Append(word) => {
                self.0 += word;
                Answer::Done
            }
            Ask::AppendAndGet(word) => {
                self.0 += word;
                Answer::Whole(self.0.clone())
            }
        }
    }

    fn is_valid_step(&mut self, (_, ask): &Keyed, answer: &Answer) -> bool {
        match (ask, answer) {
            (Ask::Get, Answer::Whole(text)) => self.0 == *text,
            (Ask::Put(text), Answer::Done) => {
                self.0.clone_from(text);
                true
            }
            (Ask::Append(word), Answer::Done) => {
                self.0 += word;
                true
            }
            (Ask::AppendAndGet(word), Answer::Whole(text)) => {
                self.0 += word;
                self.0 == *text
            }
            _ => false,
        }
    }
}

/// splitmix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    pub fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }
}

/// What a made-up run is like.
#[derive(Clone, Copy)]
pub struct Shape {
    pub operations: usize,
    pub clients: usize,
    pub keys: usize,
    /// One operation in so many never returns, and its client is replaced by a new one; 0 for none.
    pub lost_one_in: u64,
    /// Of ten operations, so many are gets.
    pub gets: u64,
    /// Of ten operations, so many are puts. The rest are appends.
    pub puts: u64,
    /// Do appends return the whole text?
    pub appends_tell: bool,
}

/// Runs clients against real texts, one random event at a time: a client asks, its operation takes effect, it is answered.
pub fn happened(shape: &Shape, seed: u64) -> Vec<Told> {
    let mut dice = Dice(seed);
    let mut texts = vec![Text::default(); shape.keys];
    let mut history: Vec<Told> = Vec::new();
    let mut running: Vec<Option<(usize, Option<Answer>)>> = vec![None; shape.clients];
    let mut names: Vec<usize> = (0..shape.clients).collect();
    for now in 0.. {
        let at = dice.roll(shape.clients as u64) as usize;
        match running[at].take() {
            None if history.len() == shape.operations => {
                if running.iter().all(Option::is_none) {
                    break;
                }
            }
            None => {
                let key = dice.roll(shape.keys as u64) as usize;
                let op = (key, shape.ask(&mut dice, history.len()));
                running[at] = Some((history.len(), None));
                history.push(Operation { client: names[at], op, invoked: now, returned: None });
            }
            Some(_) if shape.lost_one_in > 0 && dice.one_in(2 * shape.lost_one_in) => {
                names[at] = shape.clients + now as usize;
            }
            Some((index, None)) => {
                let op = &history[index].op;
                running[at] = Some((index, Some(texts[op.0].invoke(op))));
            }
            Some((index, Some(answer))) => history[index].returned = Some((now, answer)),
        }
    }
    history
}

impl Shape {
    /// The request with this number. Each word is used once.
    fn ask(&self, dice: &mut Dice, number: usize) -> Ask {
        let word = format!("<{number}>");
        match dice.roll(10) {
            roll if roll < self.gets => Ask::Get,
            roll if roll < self.gets + self.puts => Ask::Put(word),
            _ if self.appends_tell => Ask::AppendAndGet(word),
            _ => Ask::Append(word),
        }
    }
}

/// A change to one answer of a history, which no order explains afterwards.
#[derive(Clone, Copy, Debug)]
pub enum Planted {
    /// A get is answered as an earlier one was: by then, what it is told had been changed.
    StaleRead,
    /// A word is missing from an answer that was asked for when its append had returned.
    LostAppend,
    /// Two words come in the wrong order: when the second append was asked for, the first had returned.
    SwappedAppends,
}

impl Planted {
    pub const ALL: [Planted; 3] = [Planted::StaleRead, Planted::LostAppend, Planted::SwappedAppends];

    /// Changes the answer of the first request for which that can be done, beginning with number `from`; its number is
    /// returned.
    pub fn plant(self, history: &mut [Told], from: usize) -> usize {
        let changed = (from..history.len()).find_map(|at| Some((at, self.change(history, at)?)));
        let (at, (time, text)) = changed.expect("a client is told of an append that had returned before");
        history[at].returned = Some((time, Answer::Whole(text)));
        at
    }

    /// What the operation `at` should be told instead, and when.
    fn change(self, history: &[Told], at: usize) -> Option<(u64, String)> {
        let told = &history[at];
        let (time, text) = whole(told)?;
        let settled = Settled::before(history, told, text);
        let last = settled.0.last()?;
        let changed = match self {
            // The text as it was just before a word that must be there was added.
            Planted::StaleRead if told.op.1 == Ask::Get && settled.is_behind_its_put(last, history, text) => {
                text[..text.find(last.word)?].to_owned()
            }
            Planted::LostAppend if settled.is_behind_its_put(last, history, text) => text.replace(last.word, ""),
            Planted::SwappedAppends => {
                let first = settled.0.iter().find(|first| first.returned < last.invoked)?;
                text.replace(first.word, "?").replace(last.word, first.word).replace('?', last.word)
            }
            Planted::StaleRead | Planted::LostAppend => return None,
        };
        Some((time, changed))
    }
}

/// Appends of words which must be in a text, in the order of the text.
struct Settled<'a>(Vec<Append<'a>>);

struct Append<'a> {
    word: &'a str,
    invoked: u64,
    returned: u64,
}

impl<'a> Settled<'a> {
    /// Those that had returned before `told` was asked, which was answered by `text`.
    fn before(history: &'a [Told], told: &Told, text: &str) -> Self {
        let same_key = history.iter().filter(|other| other.op.0 == told.op.0);
        let mut appends: Vec<Append<'a>> = same_key.filter_map(append).collect();
        appends.retain(|append| append.returned < told.invoked && text.contains(append.word));
        appends.sort_by_key(|append| text.find(append.word));
        Settled(appends)
    }

    /// Had the put with which `text` begins returned before the append was asked for? Otherwise it could have come after it.
    fn is_behind_its_put(&self, append: &Append<'_>, history: &[Told], text: &str) -> bool {
        let put = history.iter().find(|put| matches!(&put.op.1, Ask::Put(start) if text.starts_with(start)));
        put.is_none_or(|put| put.returned.as_ref().is_some_and(|(returned, _)| *returned < append.invoked))
    }
}

/// An append that returned.
fn append(told: &Told) -> Option<Append<'_>> {
    let returned = told.returned.as_ref()?.0;
    match &told.op.1 {
        Ask::Append(word) | Ask::AppendAndGet(word) => Some(Append { word, invoked: told.invoked, returned }),
        Ask::Get | Ask::Put(_) => None,
    }
}

/// The whole text, if that is the answer, and when it came.
fn whole(told: &Told) -> Option<(u64, &str)> {
    match &told.returned {
        Some((time, Answer::Whole(text))) => Some((*time, text)),
        _ => None,
    }
}
