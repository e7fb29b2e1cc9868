#!/usr/bin/env bash
# Every C and C++ file is as clang-format 14 would write it. Mend with: clang-format-14 -i FILE
set -euo pipefail
cd "$1"
find metrics sandbox actors http tests \( -name '*.cpp' -o -name '*.hpp' -o -name '*.c' \) -print0 |
  xargs -0 clang-format-14 --dry-run -Werror
