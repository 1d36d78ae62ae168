#!/usr/bin/env bash
# What a machine does to the storage, done to a server: syncs that fail, a disk that is full, a clock that jumps, and the
# loss of power at many points. Half a minute. Needs python3, strace and libfaketime, and for the full disk the right to
# mount a tmpfs; what can't be done here is named, and is no failure.
set -euo pipefail
cd "$(dirname "$0")/.."

# check NAME [ARGUMENTS]: runs one of the checks, whose exit code 2 means that it can't be done here.
check() {
    local code=0
    "tests/storage/$1.py" "${@:2}" || code=$?
    case $code in
    0) ;;
    2) left_out+=("$1") ;;
    *) exit "$code" ;;
    esac
}

left_out=()
if strace -o /dev/null true 2>/dev/null; then
    check failed_sync
    check power_loss 200
else
    echo "strace is missing, or may not trace here"
    left_out+=(failed_sync power_loss)
fi
check full_disk
check clock_jumps
if [ ${#left_out[@]} -gt 0 ]; then echo "left out: ${left_out[*]}"; fi
