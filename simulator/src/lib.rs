//! A stateful MagicMail server for tests and the demo.
