//! What is done to the service.

/// How many calls the service works on at a time. It is the right limit, in each scenario.
pub const PLACES: u32 = 10;

/// How long a scenario lasts, in seconds.
pub const LASTS: f64 = 60.0;

/// One scenario. Times are in seconds since its beginning.
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// How many requests a second come.
    pub comes: fn(f64) -> f64,
    /// How long the service takes for a call, in milliseconds, and on average.
    pub takes: fn(f64) -> f64,
    /// Whether that is drawn from an exponential distribution. If not, it differs by a tenth at most.
    pub is_uneven: bool,
    /// Calls of others that are in the service's queue when the scenario begins.
    pub backlog: u32,
}

/// The service can do 500 a second while a call takes 20 ms.
pub const SCENARIOS: [Scenario; 5] = [
    Scenario {
        name: "overload",
        comes: |at| if (10.0..50.0).contains(&at) { 750.0 } else { 250.0 },
        takes: |_| 20.0,
        is_uneven: false,
        backlog: 0,
    },
    Scenario { name: "restart in it", comes: |_| 750.0, takes: |_| 20.0, is_uneven: false, backlog: 100 },
    Scenario {
        name: "slow for good",
        comes: |_| 400.0,
        takes: |at| if at < 20.0 { 20.0 } else { 60.0 },
        is_uneven: false,
        backlog: 0,
    },
    Scenario {
        name: "slower and slower",
        comes: |_| 400.0,
        takes: |at| 20.0 + (at - 10.0).clamp(0.0, 40.0),
        is_uneven: false,
        backlog: 0,
    },
    Scenario {
        name: "uneven calls",
        comes: |at| if at < 10.0 { 250.0 } else { 750.0 },
        takes: |_| 20.0,
        is_uneven: true,
        backlog: 0,
    },
];
