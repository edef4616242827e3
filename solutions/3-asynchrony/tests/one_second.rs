//! The figure of one second on the page about the chain, played to the reference.

use asynchrony_solution as subject;

#[path = "../../../exercises/3-asynchrony/tests/checks/chain/services.rs"]
#[allow(dead_code, reason = "the checks use the rest")]
mod services;

use std::time::Duration;

use services::{Service, Stage, Told, line, settings};
use subject::admission::{limit, queue};
use subject::chain::gateway::Settings;
use subject::chain::message::Reply;
use subject::retry::Policy;
use subject::retry::backoff::Backoff;

/// When each request comes.
const ARRIVALS: [(char, u64); 8] =
    [('a', 0), ('b', 50), ('c', 100), ('d', 150), ('e', 200), ('f', 250), ('g', 400), ('h', 500)];

#[test]
fn the_second_on_the_page_is_as_it_is_drawn() {
    let settings = Settings {
        queue: queue::Settings { capacity: 3, target: 1_000, interval: 2_000 },
        limit: limit::Settings { least: 2, most: 2, first: 2, keeps: 50 },
        retries: Policy { attempts: 2, backoff: Backoff { base: 120, cap: 120 } },
        slow: Duration::from_millis(400),
        timeout: Duration::from_millis(500),
        ..settings()
    };
    let enrich = Service::new(|called| if called.at == 600 { (20, Reply::Failed) } else { (300, Reply::Stored) });
    let seen = enrich.clone();
    let (told, _) = testkit_async::paused::run(async move {
        let stage = Stage::new(&settings, &enrich, &Service::well(1));
        let clients: Vec<_> =
            ARRIVALS.into_iter().map(|(name, at)| (name, stage.client(at, line(name.into()), 600))).collect();
        stage.until(450).await;
        clients[3].1.abort(); // the client of d leaves
        let mut told = Vec::new();
        for (name, client) in clients {
            told.push((name, client.await.ok()));
        }
        told
    });
    let at = |reply, at| Some(Told { reply, at });
    let drawn = [
        ('a', at(Reply::Stored, 300)),
        ('b', at(Reply::Stored, 350)),
        ('c', at(Reply::Stored, 600)),
        ('d', None),
        ('e', at(Reply::Stored, 750)),
        ('f', at(Reply::Overloaded, 250)),
        ('g', at(Reply::TooLate, 1_000)),
        ('h', at(Reply::Stored, 920)),
    ];
    assert_eq!(told, drawn);
    let began: Vec<_> = seen.calls().iter().map(|called| called.at).collect();
    assert_eq!(began, [0, 50, 300, 350, 450, 600, 620, 750]);
}
