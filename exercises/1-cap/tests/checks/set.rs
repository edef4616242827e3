//! What a set does when there is one copy and one client at a time. Histories are judged against it, in types of its own: what
//! an answer equals is not for the code under test to say.

use std::collections::BTreeSet;
use std::fmt;

use testkit::cluster::SequentialSpec;

use crate::subject::orset::{Request, Response};

/// What a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asked {
    Add(u32),
    Remove(u32),
    Elements,
}

/// What a client is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Told {
    Done,
    Elements(BTreeSet<u32>),
}

impl From<Request> for Asked {
    fn from(request: Request) -> Self {
        match request {
            Request::Add(element) => Asked::Add(element),
            Request::Remove(element) => Asked::Remove(element),
            Request::Elements => Asked::Elements,
        }
    }
}

impl From<Response> for Told {
    fn from(response: Response) -> Self {
        match response {
            Response::Done => Told::Done,
            Response::Elements(elements) => Told::Elements(elements),
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Told::Done => f.write_str("that it is done"),
            Told::Elements(elements) if elements.is_empty() => f.write_str("an empty set"),
            Told::Elements(elements) => write!(f, "{elements:?}"),
        }
    }
}

/// A set, empty at first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Set(BTreeSet<u32>);

impl SequentialSpec for Set {
    type Op = Asked;
    type Ret = Told;

    fn invoke(&mut self, request: &Asked) -> Told {
        match *request {
            Asked::Add(element) => {
                self.0.insert(element);
                Told::Done
            }
            Asked::Remove(element) => {
                self.0.remove(&element);
                Told::Done
            }
            Asked::Elements => Told::Elements(self.0.clone()),
        }
    }
}
