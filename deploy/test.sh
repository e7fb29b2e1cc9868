#!/usr/bin/env bash
# Every check on a fresh Debian 12: dependencies, build, tests; ends with ctest's own summary.
#   deploy/test.sh            the fuzz and sanitizer pass, then the release build and every test
#   deploy/test.sh --quick    without the fuzz and sanitizer pass
set -euo pipefail
cd "$(dirname "$0")/.."

deploy/deps.sh --runtimes
export LAZARET_RUNTIMES=all  # a language that is missing is an error then, and not a test that does not run
export CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-2}"

if [[ "${1:-}" != --quick ]]; then
  # Each parser of hostile bytes against a fuzzer for a few seconds; then plain code and the server under the sanitizers
  # (tests/CMakeLists.txt has the list). Jails run in the release build.
  tests/fuzz/run.sh 5
  cmake --preset asan
  cmake --build --preset asan --target asan_tests
  ctest --preset asan -L '^asan$' --no-tests=error
fi

cmake --preset release
cmake --build --preset release
ctest --preset release
