//! Your own tests, beside the checks of the course. `cargo course replay --as-test` prints some.
