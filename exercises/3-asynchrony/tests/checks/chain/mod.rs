//! Task `chain`: the gateway, in which all machines of the stage meet.

pub mod answers;
pub mod breakers;
pub mod drain;
pub mod drawn;
pub mod expected;
pub mod followed;
pub mod handed;
pub mod leaving;
pub mod limits;
pub mod retries;
pub mod rules;
pub mod scenes;
pub mod services;
pub mod together;
