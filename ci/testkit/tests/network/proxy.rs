//! The proxy: what goes in comes out, unless it is told otherwise.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use testkit::network::{Condition, Party, Proxy, until};

use super::{LIMIT, SILENCE};

const DELAY: Duration = Duration::from_millis(150);

/// A proxy with one port, from n0 to n1, and the listener behind it.
fn proxied() -> (Proxy, SocketAddr, TcpListener) {
    let proxy = Proxy::start().unwrap();
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.is_at(1, Some(target.local_addr().unwrap()));
    let address = proxy.open(0, 1).unwrap();
    (proxy, address, target)
}

/// Both ends of a connection that was put through.
fn connected(address: SocketAddr, target: &TcpListener) -> (TcpStream, TcpStream) {
    let near = TcpStream::connect(address).unwrap();
    let (far, _) = target.accept().unwrap();
    for socket in [&near, &far] {
        socket.set_read_timeout(Some(LIMIT)).unwrap();
        socket.set_nodelay(true).unwrap();
    }
    (near, far)
}

/// Bytes in which a lost or swapped piece shows.
fn bytes(count: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..count).map(|_| next()).collect()
}

fn read(socket: &mut TcpStream, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    socket.read_exact(&mut bytes).unwrap();
    bytes
}

fn read_all(socket: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).unwrap();
    bytes
}

/// Whether nothing is heard of the other end for a while, not even that it is gone.
fn is_silent(socket: &mut TcpStream) -> bool {
    socket.set_read_timeout(Some(SILENCE)).unwrap();
    let heard = socket.read(&mut [0]);
    socket.set_read_timeout(Some(LIMIT)).unwrap();
    heard.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

fn is_reset(socket: &mut TcpStream) -> bool {
    let heard = socket.read(&mut [0]);
    heard.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
}

/// Sends megabytes in both directions at once, and compares.
fn both_ways(near: TcpStream, far: TcpStream, count: usize) {
    let (out, back) = (bytes(count, 1), bytes(count, 2));
    let end = |mut socket: TcpStream, says: Vec<u8>, hears: Vec<u8>| {
        let mut reader = socket.try_clone().unwrap();
        let heard = thread::spawn(move || read_all(&mut reader));
        socket.write_all(&says).unwrap();
        socket.shutdown(Shutdown::Write).unwrap();
        assert!(heard.join().unwrap() == hears, "what came is not what was sent");
    };
    thread::scope(|scope| {
        scope.spawn(|| end(near, out.clone(), back.clone()));
        scope.spawn(|| end(far, back.clone(), out.clone()));
    });
}

#[test]
fn megabytes_pass_byte_for_byte_in_both_directions() {
    let (proxy, address, target) = proxied();
    let (near, far) = connected(address, &target);
    both_ways(near, far, 8 << 20);
    assert_eq!((proxy.carried(0, 1), proxy.carried(1, 0)), (8 << 20, 8 << 20));
    until("the connection is forgotten", || proxy.connections(0, 1) == 0);
}

#[test]
fn megabytes_pass_a_way_that_is_cut_and_slowed_again_and_again() {
    let (proxy, address, target) = proxied();
    let (near, far) = connected(address, &target);
    thread::scope(|scope| {
        let transfer = scope.spawn(|| both_ways(near, far, 4 << 20));
        for round in 0.. {
            if transfer.is_finished() {
                break;
            }
            let conditions = [Condition::Cut, Condition::Slow(Duration::from_millis(3)), Condition::Clear];
            proxy.set(0, 1, conditions[round % 3]);
            proxy.set(1, 0, conditions[(round / 3) % 3]);
            thread::sleep(Duration::from_millis(1));
        }
    });
}

#[test]
fn an_end_of_one_direction_leaves_the_other_open() {
    let (_proxy, address, target) = proxied();
    let (mut near, mut far) = connected(address, &target);
    near.write_all(b"question").unwrap();
    near.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read_all(&mut far), b"question");
    far.write_all(b"answer").unwrap();
    drop(far);
    assert_eq!(read_all(&mut near), b"answer");
}

#[test]
fn a_cut_is_silent_and_ends_with_every_byte_in_its_place() {
    let (proxy, address, target) = proxied();
    let (mut near, mut far) = connected(address, &target);
    near.write_all(b"before ").unwrap();
    assert_eq!(read(&mut far, 7), b"before ");
    for way in [[0, 1], [1, 0]] {
        proxy.set(way[0], way[1], Condition::Cut);
    }
    near.write_all(b"meanwhile ").unwrap();
    far.write_all(b"too").unwrap();
    assert!(is_silent(&mut far) && is_silent(&mut near));
    proxy.set(0, 1, Condition::Clear);
    assert_eq!(read(&mut far, 10), b"meanwhile ");
    assert!(is_silent(&mut near), "the way back is still cut");
    proxy.set(1, 0, Condition::Clear);
    assert_eq!(read(&mut near, 3), b"too");
}

#[test]
fn a_cut_holds_what_is_on_its_way_too() {
    let (proxy, address, target) = proxied();
    let (mut near, mut far) = connected(address, &target);
    let delay = 2 * SILENCE;
    proxy.set(0, 1, Condition::Slow(delay));
    let begun = Instant::now();
    near.write_all(b"late").unwrap();
    thread::sleep(SILENCE / 4); // most likely it has been read by now
    proxy.set(0, 1, Condition::Cut);
    let may_have_come = begun.elapsed() >= delay; // if this test was held up
    assert!(may_have_come || is_silent(&mut far), "what was slow passes a cut");
    proxy.set(0, 1, Condition::Clear);
    assert_eq!(read(&mut far, 4), b"late");
}

#[test]
fn nobody_behind_a_cut_learns_that_its_peer_is_gone() {
    let (proxy, address, target) = proxied();
    let (mut near, far) = connected(address, &target);
    proxy.set(1, 0, Condition::Cut);
    drop(far);
    assert!(is_silent(&mut near));
    proxy.set(1, 0, Condition::Clear);
    assert_eq!(read_all(&mut near), b"");
}

#[test]
fn a_reset_over_a_cut_ends_both_sides_and_loses_what_was_on_its_way() {
    let (proxy, address, target) = proxied();
    let (mut near, mut far) = connected(address, &target);
    proxy.set(0, 1, Condition::Cut);
    near.write_all(b"lost").unwrap();
    assert!(is_silent(&mut far));
    proxy.reset(1, 0);
    assert!(is_reset(&mut near) && is_reset(&mut far));
    assert_eq!(proxy.connections(0, 1), 0);
    proxy.set(0, 1, Condition::Clear);
    let (mut near, mut far) = connected(address, &target);
    near.write_all(b"new").unwrap();
    assert_eq!(read(&mut far, 3), b"new");
}

#[test]
fn a_connection_that_is_opened_over_a_cut_gets_through_when_it_ends() {
    let (proxy, address, target) = proxied();
    proxy.set(1, 0, Condition::Cut); // the answer to its opening cannot come back
    let mut near = TcpStream::connect(address).unwrap();
    near.write_all(b"hello").unwrap();
    let gave_up = TcpStream::connect(address).unwrap();
    (&gave_up).write_all(b"never sent").unwrap();
    drop(gave_up);
    target.set_nonblocking(true).unwrap();
    until("both are held up", || proxy.connections(0, 1) == 2);
    thread::sleep(SILENCE);
    assert_eq!(target.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    target.set_nonblocking(false).unwrap();
    proxy.set(1, 0, Condition::Clear);
    let (mut far, _) = target.accept().unwrap();
    assert_eq!(read(&mut far, 5), b"hello");
    until("the other one is forgotten", || proxy.connections(0, 1) == 1);
    target.set_nonblocking(true).unwrap();
    assert!(target.accept().is_err(), "whoever gave up over a cut was never there");
}

#[test]
fn a_delay_keeps_the_order_and_is_not_added_up() {
    let (proxy, address, target) = proxied();
    let (mut near, mut far) = connected(address, &target);
    proxy.set(0, 1, Condition::Slow(DELAY));
    let begun = Instant::now();
    for message in 0..100_u8 {
        near.write_all(&[message]).unwrap();
        thread::sleep(Duration::from_millis(1));
    }
    let first = read(&mut far, 1)[0];
    assert!(begun.elapsed() >= DELAY, "the first came too early");
    let rest = read(&mut far, 99);
    assert!([&[first], &*rest].concat().into_iter().eq(0..100));
    assert!(begun.elapsed() < 100 * DELAY, "each waited for the one before it");
    far.write_all(b"!").unwrap();
    assert_eq!(read(&mut near, 1), b"!");
    assert_eq!((proxy.carried(0, 1), proxy.carried(1, 0)), (100, 1));
}

#[test]
fn a_sender_waits_for_a_reader_who_does_not_read() {
    let (proxy, address, target) = proxied();
    let (near, _far) = connected(address, &target);
    near.set_nonblocking(true).unwrap();
    let piece = vec![0; 1 << 20];
    let (mut sent, mut last, mut since) = (0_u64, 0, Instant::now());
    // What the systems and the proxy hold is a few megabytes. Then nothing more is taken.
    while since.elapsed() < SILENCE {
        if let Ok(count) = (&near).write(&piece) {
            sent += count as u64;
        }
        if sent != last {
            (last, since) = (sent, Instant::now());
        }
        assert!(sent < 256 << 20, "nobody reads, and everything is taken");
        thread::yield_now();
    }
    assert!(sent > proxy.carried(0, 1));
}

#[test]
fn a_party_that_is_nowhere_resets() {
    let (proxy, address, target) = proxied();
    drop(target);
    assert!(is_reset(&mut TcpStream::connect(address).unwrap()), "nobody listens there");
    proxy.is_at(1, None);
    assert!(is_reset(&mut TcpStream::connect(address).unwrap()), "nobody is there");
}

#[test]
fn a_reset_of_one_end_reaches_the_other() {
    let (_proxy, address, target) = proxied();
    let (mut near, mut far) = connected(address, &target);
    near.write_all(b"unread").unwrap();
    until("it has come", || far.peek(&mut [0; 6]).is_ok_and(|count| count == 6));
    drop(far); // with something unread, so that the system resets
    assert!(is_reset(&mut near));
    let (near, far_again) = connected(address, &target);
    far = far_again;
    far.write_all(b"unread").unwrap();
    until("it has come", || near.peek(&mut [0; 6]).is_ok_and(|count| count == 6));
    drop(near);
    assert!(is_reset(&mut far));
}

#[test]
fn whoever_writes_to_one_that_is_gone_is_reset() {
    let (_proxy, address, target) = proxied();
    let (mut near, far) = connected(address, &target);
    drop(far);
    assert_eq!(read_all(&mut near), b"");
    until("a write fails", || near.write_all(&[0; 1 << 10]).is_err());
}

#[test]
fn many_connections_are_served_side_by_side() {
    let (proxy, address, target) = proxied();
    let pairs: Vec<_> = (0..100).map(|_| connected(address, &target)).collect();
    assert_eq!(proxy.connections(Party::Server(1), 0), 100);
    for (number, (mut near, mut far)) in (0_u8..).zip(pairs) {
        near.write_all(&[number; 3]).unwrap();
        assert_eq!(read(&mut far, 3), [number; 3]);
    }
}

#[test]
fn dropping_it_ends_every_connection_and_frees_its_port() {
    let (proxy, address, target) = proxied();
    let (mut near, mut far) = connected(address, &target);
    proxy.set(0, 1, Condition::Cut);
    near.write_all(b"held").unwrap();
    drop(proxy); // waits for its only thread
    assert!(near.read(&mut [0]).is_err() || near.read(&mut [0]).is_ok_and(|count| count == 0));
    assert_eq!(far.read(&mut [0]).unwrap_or_default(), 0);
    TcpListener::bind(address).unwrap();
}
