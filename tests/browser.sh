#!/usr/bin/env bash
# The page in a real Chromium: installs what it needs (Chromium by apt, two packages by npm), builds the server, runs the scenarios.
# `tests/browser.sh pictures` also draws the README's pictures anew; `tests/browser.sh install` only installs.
set -euo pipefail
cd "$(dirname "$0")/.."

install() {
    local sudo=()
    if [ "$(id -u)" != 0 ]; then sudo=(sudo); fi
    "${sudo[@]}" apt-get update -qq >/dev/null
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" </dev/null >/dev/null
}

missing=()
command -v chromium >/dev/null || missing+=(chromium fonts-dejavu-core)
command -v node >/dev/null || missing+=(nodejs)
command -v npm >/dev/null || missing+=(npm)
if [ ${#missing[@]} != 0 ]; then
    if ! command -v apt-get >/dev/null; then
        echo "these are missing; please install them: ${missing[*]}" >&2
        exit 1
    fi
    install "${missing[@]}"
fi
if [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
    echo "node $(node --version) is too old; 20 is needed" >&2
    exit 1
fi

(cd tests/browser && npm ci --silent --no-audit --no-fund)
if [ "${1:-}" = install ]; then exit; fi

cargo build --locked --quiet -p chat-server -p chat-client
CHROMIUM=$(command -v chromium)
export CHROMIUM CHAT_PROGRAMS="${CARGO_TARGET_DIR:-$PWD/target}/debug"
if [ "${1:-}" = pictures ]; then export PICTURES="$PWD/crates/chat-server/web/pictures"; fi

cd tests/browser
# One scenario after the other: what is measured would be another's noise.
timeout 900 node --test --test-concurrency=1 --test-reporter=spec ./*.test.js
