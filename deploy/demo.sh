#!/usr/bin/env bash
# The whole of Lazaret on a fresh Debian 12: dependencies, build, service on its embedded store, one real package triaged.
#   deploy/demo.sh [NAME VERSION] [--keep]     default: requests, the newest that the index has; --keep leaves it running
# Environment: DATA_DIR (default: a new folder under /var/tmp), PORT (default: a free one), PYPI_INDEX_URL.
set -euo pipefail
cd "$(dirname "$0")/.."

keep=no; words=()
for word in "$@"; do if [[ $word == --keep ]]; then keep=yes; else words+=("$word"); fi; done
[[ ${#words[@]} -eq 0 || ${#words[@]} -eq 2 ]] || { echo "usage: deploy/demo.sh [NAME VERSION] [--keep]" >&2; exit 2; }
name=${words[0]:-requests} version=${words[1]:-}

say() { printf '\n== %s\n' "$*"; }

say "dependencies"
deploy/deps.sh
say "build"
cmake --preset release >/dev/null
cmake --build --preset release -- --quiet

bin=$PWD/build/release/bin
data=${DATA_DIR:-$(mktemp -d /var/tmp/lazaret-demo-XXXXXX)}
pids=()
cleanup() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; done; }
trap cleanup EXIT

# PyPI when it answers; else a local index built out of the releases that Debian carries.
index=${PYPI_INDEX_URL:-https://pypi.org/simple}
if curl -fsS --max-time 8 -o /dev/null "$index/$name/" 2>/dev/null; then
  say "index: $index"
else
  say "index: $index does not answer; a local mirror of Debian's own packages takes its place"
  deploy/mirror.sh build/release/mirror
  exec {mirror}< <(exec /usr/bin/python3 -u -m http.server 0 --bind 127.0.0.1 --directory build/release/mirror 2>/dev/null)
  pids+=($!)
  read -r line <&"$mirror"
  index="http://127.0.0.1:$(sed -E 's/.* port ([0-9]+) .*/\1/' <<<"$line")/simple"
  echo "serving $index"
fi
if [[ -z $version ]]; then
  # The newest of the files that the index lists, by PEP 440's order as `sort -V` sees plain releases.
  version=$(curl -fsS "$index/$name/" | grep -oP '(?<=>)[^<]+(?=\.tar\.gz<|-py[23][^<]*\.whl<)' |
    sed -E 's/^[^-]+-//' | grep -E '^[0-9.]+$' | sort -V | tail -n 1)
fi

say "service"
export API_TOKEN=${API_TOKEN:-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')}
exec {service}< <(exec env HOST=127.0.0.1 PORT="${PORT:-0}" DATA_DIR="$data" PYPI_INDEX_URL="$index" "$bin/lazaretd")
pids+=($!)
read -r line <&"$service"
echo "$line"
export LAZARET_URL=${line#listening on }

say "triage of $name $version"
verdict=0
"$bin/lazaret" triage "$name" "$version" --mode full --wait || verdict=$?
(( verdict <= 1 )) || exit "$verdict"
run=$("$bin/lazaret" runs --limit 1 --json | /usr/bin/python3 -c 'import json, sys; print(json.load(sys.stdin)["runs"][0]["run_id"])')
say "report"
echo "$data"/blobs/runs/"$run"/report.*/report.html
echo "$data"/blobs/runs/"$run"/report.*/report.json
echo "$LAZARET_URL/v1/runs/$run/report.html   (bearer token $API_TOKEN)"
if [[ $keep == yes ]]; then
  say "running until interrupted (DATA_DIR=$data)"
  wait "${pids[-1]}"
fi
