//! The integration tests: one binary, so that the library is linked once.

mod abi;
mod abi_caller;
mod abi_input;
mod abi_library;
mod attacks;
mod audit;
mod audit_server;
mod dialogue;
mod echo;
mod hostile;
mod http;
mod leftovers;
mod looking;
mod mishaps;
mod model;
mod plan;
mod plan_properties;
mod properties;
mod tasks;
