//! Speakers: what those say who keep to the protocol, what others say, and into which pieces it may be cut on its way.

use testkit::node::{ClientId, NodeId, RequestId};

use super::entries::put;
use crate::subject::raft::message;
use crate::subject::raft::store::Request;
use crate::subject::server::wire::{Arrival, Call, Greeting, MAGIC, Refusal, Speaker, VERSION, frame, framed, greet};
use crate::subject::snapshot::Message;

/// The greatest length of a body in these checks.
pub const LIMIT: usize = 400;

pub fn greeting(cluster: &str, speaker: Speaker) -> Vec<u8> {
    greet(&Greeting { cluster: cluster.to_owned(), speaker })
}

/// Messages of servers, of several lengths.
fn messages() -> Vec<Message> {
    let append = |count| message::Message::AppendEntries {
        term: 300,
        prev_index: 2,
        prev_term: 1,
        entries: (0..count).map(|number| put(300, (7, number), -1)).collect(),
        commit_index: 1,
    };
    let vote = message::Message::Vote { term: 1, granted: true };
    vec![Message::Raft(vote), Message::Raft(append(0)), Message::Raft(append(20))]
}

pub fn calls() -> Vec<Call> {
    let id = |number| RequestId { client: ClientId(usize::MAX), number };
    vec![Call { id: id(0), request: Request::Get('é') }, Call { id: id(1), request: Request::Add('x', i64::MIN) }]
}

/// What well-meaning speakers say, with what arrives then.
pub fn conversations() -> Vec<(Vec<u8>, Vec<Arrival>)> {
    let (server, client) = (Speaker::Server(NodeId(2)), Speaker::Client);
    let mut from_server = (greeting("logs", server), vec![Arrival::Greeted(server)]);
    for message in messages() {
        from_server.0.extend(framed(&message));
        from_server.1.push(Arrival::Message { from: NodeId(2), message });
    }
    let mut from_client = (greeting("logs", client), vec![Arrival::Greeted(client)]);
    for call in calls() {
        from_client.0.extend(framed(&call));
        from_client.1.push(Arrival::Call(call));
    }
    vec![from_server, from_client]
}

/// What is said, and why it must be refused after how many arrivals.
pub fn hostile() -> Vec<(&'static str, Vec<u8>, usize, Refusal)> {
    let (server, client) = (|id| greeting("logs", Speaker::Server(NodeId(id))), greeting("logs", Speaker::Client));
    let call = framed(&calls()[0]);
    let length = |len: usize| u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    let too_long = |len| Refusal::TooLong { len, limit: LIMIT };
    let with_version = |version| {
        let mut bytes = client.clone();
        bytes[8] = version;
        bytes
    };
    let longer = |bytes: &[u8]| frame(&[&bytes[4..], &[0]].concat());
    let foreign = Refusal::OtherCluster("others".to_owned());
    vec![
        ("a browser", b"GET / HTTP/1.1\r\nHost: logs\r\n\r\n".to_vec(), 0, too_long(0x2054_4547)),
        ("a length of 4 GiB", length(u32::MAX as usize), 0, too_long(u32::MAX as usize)),
        ("a length that is too long by one", length(LIMIT + 1), 0, too_long(LIMIT + 1)),
        (
            "a greeting and then a length of 4 GiB",
            [&client[..], &length(u32::MAX as usize)].concat(),
            1,
            too_long(u32::MAX as usize),
        ),
        ("an empty frame", frame(&[]), 0, Refusal::NotGreeted),
        ("a frame of zeros", frame(&[0; 30]), 0, Refusal::NotGreeted),
        ("the magic alone", frame(&MAGIC), 0, Refusal::NotGreeted),
        ("magic and version alone", frame(&[&MAGIC[..], &[VERSION]].concat()), 0, Refusal::NotGreeted),
        ("a greeting with something after it", longer(&client), 0, Refusal::NotGreeted),
        ("a call before the greeting", call.clone(), 0, Refusal::NotGreeted),
        ("a message before the greeting", framed(&messages()[0]), 0, Refusal::NotGreeted),
        ("version 0", with_version(0), 0, Refusal::OtherVersion(0)),
        (
            "a later version, with an unknown greeting",
            frame(&[&MAGIC[..], &[9, 255, 255]].concat()),
            0,
            Refusal::OtherVersion(9),
        ),
        ("a server of another cluster", greeting("others", Speaker::Server(NodeId(2))), 0, foreign.clone()),
        ("a client of another cluster", [&greeting("others", Speaker::Client)[..], &call].concat(), 0, foreign),
        (
            "a client of a cluster with almost this name",
            greeting("Logs", Speaker::Client),
            0,
            Refusal::OtherCluster("Logs".to_owned()),
        ),
        (
            "a client that left a space",
            greeting("logs ", Speaker::Client),
            0,
            Refusal::OtherCluster("logs ".to_owned()),
        ),
        ("a server that says it is this one", server(1), 0, Refusal::Impostor(NodeId(1))),
        ("a server that does not exist", server(3), 0, Refusal::Impostor(NodeId(3))),
        ("a server far outside", server(usize::MAX), 0, Refusal::Impostor(NodeId(usize::MAX))),
        ("a call of garbage", [&client[..], &frame(&[0xff; 30])].concat(), 1, Refusal::NoMessage),
        ("an empty call", [&client[..], &frame(&[])].concat(), 1, Refusal::NoMessage),
        ("a call with something after it", [&client[..], &longer(&call)].concat(), 1, Refusal::NoMessage),
        ("a second greeting", [&client[..], &client].concat(), 1, Refusal::NoMessage),
        ("a message of garbage", [&server(2)[..], &frame(&[0xff; 30])].concat(), 1, Refusal::NoMessage),
        ("two calls, and then garbage", [&client[..], &call, &call, &frame(&[9; 9])].concat(), 3, Refusal::NoMessage),
    ]
}

/// Ways to cut bytes into pieces: whole, byte by byte, at each place into two, and into pieces of three and seven.
pub fn splits(bytes: &[u8]) -> Vec<(String, Vec<&[u8]>)> {
    let mut splits = vec![("in one piece".to_owned(), vec![bytes])];
    splits.extend([1, 3, 7].map(|len| (format!("in pieces of {len}"), bytes.chunks(len).collect())));
    let two = |at| (format!("cut after byte {at}"), vec![&bytes[..at], &bytes[at..]]);
    splits.extend((0..=bytes.len()).map(two));
    splits
}

/// Whether bytes end with a whole frame, and how many whole ones they hold.
pub fn whole_frames(mut bytes: &[u8]) -> (bool, usize) {
    let mut frames = 0;
    while let Some((head, rest)) = bytes.split_first_chunk::<4>() {
        let Some(behind) = rest.get(u32::from_le_bytes(*head) as usize..) else { break };
        (bytes, frames) = (behind, frames + 1);
    }
    (bytes.is_empty(), frames)
}
