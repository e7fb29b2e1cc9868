#!/usr/bin/env bash
# The languages beside Python, for `deploy/deps.sh --runtimes`: Debian's packages are installed by then. Fills RUNTIMES_DIR
# (default /opt/lazaret/runtimes) with
#   deno/deno bun/bun   from the npm registry's packages, whose digests are checked
#   go/cache            the standard library as jailed compilers need it (GOCACHE)
#   rust/sdk            the crate `sdk`; rust/target: the same, compiled (CARGO_TARGET_DIR)
# Idempotent: each is remade only when what it is made of changed. Jails see all of it read-only, so it belongs to whoever
# runs this and is readable for everybody.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=${RUNTIMES_DIR:-/opt/lazaret/runtimes}
[[ $dir == /* ]] || { echo "RUNTIMES_DIR: must be an absolute path" >&2; exit 2; }
umask 022
mkdir -p "$dir"
scratch=$(mktemp -d "$dir/.new-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"

# publish NAME STAMP: $scratch/NAME takes the place of $dir/NAME; a jail that holds the old one keeps it until it ends.
publish() {
  printf '%s\n' "$2" >"$scratch/$1/.made-of"
  rm -rf "$dir/.old"
  [[ ! -e $dir/$1 ]] || mv "$dir/$1" "$dir/.old"
  mv "$scratch/$1" "$dir/$1"
  rm -rf "$dir/.old"
}
is_made_of() { [[ $(cat "$dir/$1/.made-of" 2>/dev/null) == "$2" ]]; }

# The versions that the tests know, and the platform packages that their npm packages name as optional dependencies.
deno=${DENO_VERSION:-2.9.6} bun=${BUN_VERSION:-1.4.5}
case $(uname -m) in
  x86_64) platforms=(@deno/linux-x64-glibc @oven/bun-linux-x64) ;;
  aarch64) platforms=(@deno/linux-arm64-glibc @oven/bun-linux-aarch64) ;;
  *) echo "deno and bun: no packages for $(uname -m)" >&2; platforms=() ;;
esac
if (( ${#platforms[@]} )); then
  fetch() {
    local name=$1 version=$2 package=$3 file=$4
    is_made_of "$name" "$package $version" && return
    echo "fetching $name $version" >&2
    mkdir "$scratch/$name"
    /usr/bin/python3 -E -s -B "$here/npm_program.py" "$name" "$version" "$package" "$file" "$scratch/$name/$name"
    publish "$name" "$package $version"
  }
  fetch deno "$deno" "${platforms[0]}" package/deno
  fetch bun "$bun" "${platforms[1]}" package/bin/bun
fi

# Go: what is older than five days is thrown away by whichever go runs next (cmd/go/internal/cache, Trim), in its jail and
# again in each one after it. So the cache's files are from the future, and when that was last done is what the jail says
# (clock_file in sandbox/runtimes/installed.cpp).
if [[ -x /usr/bin/go ]]; then
  stamp="$(/usr/bin/go version) $(sha256sum <"$0")"
  if ! is_made_of go "$stamp"; then
    echo "compiling Go's standard library" >&2
    mkdir -p "$scratch/go/cache" "$scratch/hello/sdk"
    cp "$here/../sandbox/runtimes/sdk/go/go.mod" "$scratch/hello/"
    cp "$here/../sandbox/runtimes/sdk/go/sdk/sdk.go" "$scratch/hello/sdk/"
    printf 'package main\n\nimport (\n\t"fmt"\n\t"main/sdk"\n)\n\nfunc main() { fmt.Println(sdk.GetMetadata(nil)) }\n' >"$scratch/hello/main.go"
    (
      cd "$scratch/hello"
      export GOCACHE=$scratch/go/cache GOPATH=$scratch/path GOFLAGS=-buildvcs=false CGO_ENABLED=0 GOTOOLCHAIN=local \
        GOPROXY=off GO111MODULE=on HOME=$scratch
      /usr/bin/go build std
      /usr/bin/go build -o "$scratch/program" .
    )
    ln -sf /etc/lazaret/now "$scratch/go/cache/trim.txt"
    find "$scratch/go/cache" -type f -exec touch -d 2099-01-01 {} +
    publish go "$stamp"
  fi
fi

# Rust: a crate's fingerprint holds its path and its files' times, so it is compiled where jails see it.
if [[ -x /usr/bin/cargo ]]; then
  stamp="$(/usr/bin/rustc --version) $(cat "$here"/../sandbox/runtimes/{crate/Cargo.toml,crate/src/lib.rs} "$0" | sha256sum)"
  if ! is_made_of rust "$stamp"; then
    echo "compiling the Rust SDK" >&2
    mkdir -p "$scratch/rust/sdk" "$scratch/rust/target" "$scratch/crate/src"
    cp -r "$here/../sandbox/runtimes/crate/." "$scratch/rust/sdk/"
    publish rust unfinished
    for file in Cargo.toml Cargo.lock; do
      sed "s|{dir}|$dir|g" "$here/../sandbox/runtimes/sdk/rust/$file" >"$scratch/crate/$file"
    done
    echo 'fn main() { println!("{:?}", sdk::get_metadata()); }' >"$scratch/crate/src/main.rs"
    (
      cd "$scratch/crate"
      export CARGO_HOME=$scratch/cargo CARGO_TARGET_DIR=$dir/rust/target CARGO_NET_OFFLINE=true CARGO_INCREMENTAL=0
      PATH=/usr/bin:/bin /usr/bin/cargo build --release -q
    )
    # Of the package itself nothing stays, nor locks, which a jail could not open for writing.
    find "$dir/rust/target" \( -name 'main*' -o -name '.cargo-lock' \) -prune -exec rm -rf {} +
    printf '%s\n' "$stamp" >"$dir/rust/.made-of"
  fi
fi
