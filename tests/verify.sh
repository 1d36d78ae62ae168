#!/usr/bin/env bash
# The delivery checker, small: half a minute of faults, and then the question whether the server kept its word.
# The seed that it prints repeats the plan of the faults: tests/verify.sh --seed N. More arguments are the checker's.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}

# Built as the tests are, so that after those there is nothing to do.
cargo build --quiet --locked --workspace --test load
cargo build --quiet --locked --package chat-server
"$target/debug/chat-load" verify --acked 40000 --rooms 4 --kills 12 --cuts 40 --stalls 15 --client-kills 15 --stops 3 "$@"
