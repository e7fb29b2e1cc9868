#!/usr/bin/env bash
# Every check on a fresh Debian 12: dependencies, build, tests; ends with ctest's own summary.
#   deploy/test.sh            release build, every test, then the sanitizer and fuzz pass
#   deploy/test.sh --quick    without the sanitizer and fuzz pass
set -euo pipefail
cd "$(dirname "$0")/.."

deploy/deps.sh
export CMAKE_BUILD_PARALLEL_LEVEL="${CMAKE_BUILD_PARALLEL_LEVEL:-2}"

if [[ "${1:-}" != --quick ]]; then
  # Pure code and the server under AddressSanitizer and UndefinedBehaviorSanitizer; jails run in the release build.
  cmake --preset asan
  cmake --build --preset asan --target asan_tests
  ctest --preset asan -L 'metrics|actors|download|analysis|report|http|fuzz' -LE house
fi

cmake --preset release
cmake --build --preset release
ctest --preset release
