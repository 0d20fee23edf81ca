//! Logs, metrics and health: how an operator sees what a process does.

mod health;
mod logs;
mod measure;
mod services;

pub use health::{Component, Health, State};
pub use logs::{LogError, init};
pub use measure::{Metrics, MetricsError};
pub use services::{Role, SERVICES, Service};
