//! The MagicMail API: its operations, its answers, and one call at a time or several side by side.
//!
//! In comes a [`Call`], out goes what the server said, or a [`CallError`] that knows whether the call may
//! have done its work. Nothing here decides what to call next; it retries only reads, and writes that
//! were never sent.

mod answer;
mod document;
mod fold;
mod masked;
mod operations;
mod patience;
mod request_line;
mod session;
mod syntax;

pub use answer::{parse, refusal_in, CallError, Cause, Reply};
pub use fold::fold;
pub use operations::{parameter_for, Call, Operation, Shape, OPERATIONS};
pub use request_line::described_path;
pub use session::{Api, Limits, CONSISTENCY_DELAYS};
