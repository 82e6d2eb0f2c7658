//! The simulator's own tests: the rules of the state machine and the forms of its answers without sockets,
//! everything else over real connections.

mod client;
mod closing;
mod control;
mod desk;
mod faults;
mod forms;
mod guard;
mod lies;
mod program;
mod refusals;
mod rules;
mod tls;
mod transport;
mod visibility;
