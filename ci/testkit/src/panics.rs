//! What a panic said, and where: the checker turns a learner's panic into a finding instead of noise on the screen.

use std::any::Any;
use std::cell::RefCell;
use std::panic;
use std::sync::Once;

thread_local! {
    /// File and line of the newest panic of this thread, while [`listen`] is active.
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Remembers where panics happen instead of printing them. A check calls this once, in its own process.
pub fn listen() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        panic::set_hook(Box::new(|info| {
            let at = info.location().map(|at| format!("{}:{}:{}", at.file(), at.line(), at.column()));
            LAST.with(|last| *last.borrow_mut() = at);
        }));
    });
}

/// Files, by the ends of their paths, in which a `todo!` is left for a later task.
#[derive(Clone, Debug, Default)]
pub struct Later(pub Vec<&'static str>);

impl Later {
    /// Is a caught panic a `todo!` in one of the files?
    pub fn covers(&self, payload: &(dyn Any + Send)) -> bool {
        let (message, at) = describe(payload);
        let file = at.split(':').next().unwrap_or_default();
        message.starts_with("not yet implemented") && self.0.iter().any(|later| file.ends_with(later))
    }
}

/// The message of a panic that was caught, and its file and line, as [`describe`] tells them. The payload is forgotten: its
/// `Drop` is the code under test's, and could panic again.
pub fn take(payload: Box<dyn Any + Send>) -> (String, String) {
    let described = describe(&*payload);
    std::mem::forget(payload);
    described
}

/// The message of a caught panic, and its file and line where [`listen`] was active (empty otherwise).
pub fn describe(payload: &(dyn Any + Send)) -> (String, String) {
    let message = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned());
    (message, LAST.with(|last| last.borrow().clone()).unwrap_or_default())
}
