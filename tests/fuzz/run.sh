#!/usr/bin/env bash
# Builds the fuzz targets and runs each from its seeds; fails on the first finding and names the input that made it.
#   tests/fuzz/run.sh [SECONDS]            of each target, default 5; 0 only runs the seeds
#   tests/fuzz/run.sh SECONDS TARGET...    only these
# What a longer run learns stays in build/fuzz/corpus and is used again. A finding, once mended, belongs into
# tests/fuzz/corpus/TARGET: from then on every run begins with it. To see one again: build/fuzz/bin/fuzz_TARGET FILE
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds="${1:-5}"
[[ "$seconds" =~ ^[0-9]+$ ]] || { echo "usage: tests/fuzz/run.sh [SECONDS [TARGET...]]" >&2; exit 2; }
targets=("${@:2}")
(( ${#targets[@]} )) || targets=(index_page archive version_text wire_message event_lines request_body stored_json multipart_form stream_message)

[[ -f build/fuzz/build.ninja ]] || cmake --preset fuzz >/dev/null
cmake --build --preset fuzz -- --quiet

export ASAN_OPTIONS=halt_on_error=1:detect_leaks=1:allocator_may_return_null=1:detect_stack_use_after_return=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
if [[ -x /usr/bin/llvm-symbolizer-14 ]]; then export ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-14; fi
mkdir -p build/fuzz/findings

fuzz() {
  local name="$1" learned="build/fuzz/corpus/$1" seeds="tests/fuzz/corpus/$1" log="build/fuzz/$1.log"
  local options=(-max_len=16384 -timeout=10 -rss_limit_mb=2048 -artifact_prefix="build/fuzz/findings/$1-")
  [[ -f "tests/fuzz/dictionaries/$1" ]] && options+=(-dict="tests/fuzz/dictionaries/$1")
  if (( seconds )); then options+=(-max_total_time="$seconds"); else options+=(-runs=0); fi
  mkdir -p "$learned"
  if "build/fuzz/bin/fuzz_$name" "${options[@]}" -print_final_stats=1 "$learned" "$seeds" >"$log" 2>&1; then
    printf 'fuzz %-14s %9s inputs in %s s, nothing found\n' "$name" \
      "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")" "$seconds"
  else
    tail -n 60 "$log"
    local input; input="$(sed -n 's/.*Test unit written to //p' "$log" | tail -1)"
    echo "fuzz $name: FAILED on ${input:-no input of its own} (log: $log)"
    return 1
  fi
}

# Two at a time: each is one thread.
found=0 running=()
settle() {
  for pid in "${running[@]}"; do wait "$pid" || found=1; done
  running=()
}
for target in "${targets[@]}"; do
  fuzz "$target" &
  running+=($!)
  if (( ${#running[@]} == 2 )); then settle; fi
done
settle
exit "$found"
