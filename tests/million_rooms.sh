#!/usr/bin/env bash
# A million rooms asked for by twenty at once, of which `cargo test` asks for a part: takes a minute and a half, as nothing is optimised.
set -euo pipefail
cd "$(dirname "$0")/.."
CHAT_ROOMS_ASKED=1000000 cargo test --quiet --locked -p chat-tests --test scenarios -- hostile::behaviour --nocapture
