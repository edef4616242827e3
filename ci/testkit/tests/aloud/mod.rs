//! Panics that are remembered and printed too, so that a test which fails still says why.

use std::panic;
use std::sync::Once;

use testkit::panics;

pub fn listen() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        panics::listen();
        let remember = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            eprintln!("{info}");
            remember(info);
        }));
    });
}
