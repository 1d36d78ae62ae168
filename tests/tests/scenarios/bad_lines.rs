//! bad_lines.
