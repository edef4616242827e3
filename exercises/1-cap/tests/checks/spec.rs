//! What a register does when there is one copy and one client at a time. Histories are judged against it, in types of its own:
//! what an answer equals is not for the code under test to say.

use std::fmt;

use testkit::check::Rule;
use testkit::cluster::{Linearizable, SequentialSpec, View};
use testkit::node::Node;

use crate::subject::register::{Request, Response};

/// What a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Asked {
    Read,
    Write(u32),
}

/// What a client is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Told {
    Read(u32),
    Written,
}

impl From<Request> for Asked {
    fn from(request: Request) -> Self {
        match request {
            Request::Read => Asked::Read,
            Request::Write(value) => Asked::Write(value),
        }
    }
}

impl From<Response> for Told {
    fn from(response: Response) -> Self {
        match response {
            Response::Read(value) => Told::Read(value),
            Response::Written => Told::Written,
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Told::Read(value) => write!(f, "{value}"),
            Told::Written => f.write_str("that it is written"),
        }
    }
}

/// A register, 0 before the first write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Register(u32);

impl SequentialSpec for Register {
    type Op = Asked;
    type Ret = Told;

    fn invoke(&mut self, request: &Asked) -> Told {
        match *request {
            Asked::Read => Told::Read(self.0),
            Asked::Write(value) => {
                self.0 = value;
                Told::Written
            }
        }
    }
}

/// An empty history of a register.
pub fn register() -> Linearizable<Register> {
    Linearizable::new(Register::default())
}

/// The rule that a register keeps if it behaves as one copy.
pub const LINEARIZABLE: Rule = Rule::new(
    "linearizability",
    "The answers are those that one copy of the register would give, if each operation took effect at one moment between its \
     request and its answer.",
    "Herlihy & Wing 1990, Linearizability: A Correctness Condition for Concurrent Objects, section 2",
    "1-cap/counterexamples.md#linearizability",
);

/// Says that the clients' history is linearizable, or that no order explains it.
pub fn is_linearizable<N>(view: &View<'_, N, Linearizable<Register>>) -> Result<(), String>
where
    N: Node<Request = Request, Response = Response>,
{
    match view.history().holds() {
        true => Ok(()),
        false => {
            Err(format!("No single copy of the register could have given these answers: {}.", view.history().summary()))
        }
    }
}
