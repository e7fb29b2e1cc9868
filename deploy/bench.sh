#!/usr/bin/env bash
# Measures Lazaret beside a baseline of the same run, and prints one JSON line per figure:
#   {"case","metric","value","unit","baseline","ratio"}
# Usage: deploy/bench.sh [CASE...]       cases: triage parallel healthz memory jail eval stores durable runtimes (all, without an argument)
# Shared machines are noisy: compare ratios, not values.
set -euo pipefail
cd "$(dirname "$0")/.."
deploy/deps.sh
cmake --preset release >/dev/null
targets=(jail_launch lazaret-jailer-timed)
if [[ "$*" != jail ]]; then
  targets+=(lazaretd lazaret lazaret-client lazaret-jailer lazaret_python_site beast_loop store_cost)
  [[ -d build/release/mirror/simple ]] || deploy/mirror.sh build/release/mirror >&2
fi
cmake --build --preset release --target "${targets[@]}" -- --quiet >&2
exec /usr/bin/python3 -B tests/bench/bench.py "$@"
