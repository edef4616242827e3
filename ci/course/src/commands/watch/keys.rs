//! Single keys from the terminal, without Enter.

use std::io::{self, Read};
use std::sync::mpsc::Sender;
use std::thread;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::Event;

/// Reads keys until it is dropped, and then leaves the terminal as it was.
pub struct Keys {
    before: Option<Termios>,
}

impl Keys {
    /// Sends each key as an event. Without a terminal, bytes of the standard input are sent as they come.
    pub fn listen(send: Sender<Event>) -> Self {
        let before = tcgetattr(io::stdin()).ok();
        if let Some(mut modes) = before.clone() {
            modes.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO); // Ctrl-C stays a signal
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
        }
        thread::spawn(move || {
            for key in io::stdin().lock().bytes().map_while(Result::ok) {
                if send.send(Event::Key(key)).is_err() {
                    break;
                }
            }
        });
        Self { before }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
        }
    }
}
