#!/usr/bin/env bash
# Coverage-guided fuzzing of the codec, both dialects and whole sessions, each for as many seconds as the first argument says (30).
# Exit code 0: nothing was found. What is found stays in tests/fuzz/artifacts; run the program there again with that file to see it.
# Needs a C++ compiler. Works with a stable toolchain: coverage is LLVM's own pass, and libFuzzer's sources come with its crate.
set -euo pipefail
cd "$(dirname "$0")/fuzz"
seconds=${1:-30}
shift || true
targets=("$@")
if [ ${#targets[@]} = 0 ]; then targets=(codec dialects session); fi
host=$(rustc -vV | sed -n 's/^host: //p')

# With --target the flags are for what runs, not for what builds it.
flags='--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=3 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters'
flags+=' -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares'
began=$SECONDS
RUSTFLAGS="$flags" cargo build --quiet --locked --release --target "$host"
echo "built in $((SECONDS - began)) s"

mkdir -p artifacts
for target in "${targets[@]}"; do
    mkdir -p "corpus/$target"
    log="corpus/$target.log"
    if ! "target/$host/release/$target" "corpus/$target" "seeds/$target" -max_total_time="$seconds" -timeout=25 -rss_limit_mb=1024 \
        -max_len=2048 -print_final_stats=1 -artifact_prefix="artifacts/$target-" >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "fuzz.sh: $target found something" >&2
        exit 1
    fi
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    memory=$(sed -n 's/^stat::peak_rss_mb: *//p' "$log")
    covered=$(grep -o 'cov: [0-9]* ft: [0-9]* corp: [0-9]*' "$log" | tail -n 1)
    echo "$target: $executions executions in $seconds s, $covered, ${memory} MB; nothing found"
done
