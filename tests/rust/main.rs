//! The integration tests: one binary, so that the library is linked once.

mod http;
mod model;
mod plan;
mod plan_properties;
mod tasks;
