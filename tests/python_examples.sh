#!/usr/bin/env bash
# Runs the Python examples against a real server. Exit code 0: they did what they say.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --quiet --locked -p chat-server
exec python3 tests/python_examples.py "${CARGO_TARGET_DIR:-target}/debug/chat-server"
