//! What a set does when there is one copy and one client at a time. Histories are judged against it.

use std::collections::BTreeSet;

use testkit::cluster::SequentialSpec;

use crate::subject::orset::{Element, Request, Response};

/// A set, empty at first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Set(BTreeSet<Element>);

impl SequentialSpec for Set {
    type Op = Request;
    type Ret = Response;

    fn invoke(&mut self, request: &Request) -> Response {
        match *request {
            Request::Add(element) => {
                self.0.insert(element);
                Response::Done
            }
            Request::Remove(element) => {
                self.0.remove(&element);
                Response::Done
            }
            Request::Elements => Response::Elements(self.0.clone()),
        }
    }
}
