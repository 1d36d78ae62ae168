//! crowds.
