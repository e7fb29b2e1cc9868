#include "sandbox/runtimes/runtimes.hpp"

#include <algorithm>

namespace lazaret::sandbox {
namespace {

constexpr const char* by_deps = "deploy/deps.sh --runtimes";

constexpr runtime python{.name = "python",
                         .aliases = {"python3", "python3.11", "python3.12"},
                         .title = "Python",
                         .description = "The system's Python 3 with its standard library",
                         .extension = ".py",
                         .main_file = "main.py",
                         .entry_point = "python main.py",
                         .compile = "",
                         .run = {"/usr/bin/python3", "main.py"},
                         .needs = {"/usr/bin/python3"},
                         .version_argument = "--version",
                         .install = "apt-get install python3",
                         .commands = {{"python", "/usr/bin/python3"}},
                         .environment = {"PYTHONDONTWRITEBYTECODE=1", "PYTHONIOENCODING=utf-8"},
                         .binds = {},
                         .caches = {},
                         .sdk = "python"};

constexpr runtime node{.name = "node",
                       .aliases = {"nodejs", "javascript", "js"},
                       .title = "Node.js",
                       .description = "JavaScript with Node.js, CommonJS modules",
                       .extension = ".js",
                       .main_file = "main.js",
                       .entry_point = "node main.js",
                       .compile = "",
                       .run = {"/usr/bin/node", "main.js"},
                       .needs = {"/usr/bin/node"},
                       .version_argument = "--version",
                       .install = "apt-get install nodejs",
                       .commands = {},
                       .environment = {"NO_UPDATE_NOTIFIER=1"},
                       .binds = {},
                       .caches = {},
                       .sdk = "node"};

constexpr runtime go{
    .name = "go",
    .aliases = {"golang"},
    .title = "Go",
    .description = "A Go module named main, compiled without cgo",
    .extension = ".go",
    .main_file = "main.go",
    .entry_point = "go run main.go",
    .compile = "go build -o .build/program .",
    .run = {"{place}/.build/program"},
    .needs = {"/usr/bin/go"},
    .version_argument = "version",
    .install = "apt-get install golang-go",
    .commands = {},
    // With cgo, packages net and os/user would start a C compiler. A jail has no network to ask for modules, and a
    // `.git` that a client sent is not to be run git on.
    .environment = {"GOCACHE={dir}/go/cache", "GOPATH=/tmp/go", "GOPROXY=off", "GOFLAGS=-buildvcs=false",
                    "CGO_ENABLED=0", "GOTOOLCHAIN=local", "GO111MODULE=on", "GOTELEMETRY=off"},
    .binds = {},
    .caches = {{"{dir}/go/cache", 512_MiB, 1}},
    .sdk = "go"};

constexpr runtime rust{
    .name = "rust",
    .aliases = {"rs"},
    .title = "Rust",
    .description = "A Cargo package named main, edition 2021, release profile",
    .extension = ".rs",
    .main_file = "src/main.rs",
    .entry_point = "cargo run --release -q",
    // The package may have another name when the request brings a Cargo.toml.
    .compile =
        "cargo build --release -q && mkdir -p .build && "
        "mv \"$(find \"$CARGO_TARGET_DIR/release\" -maxdepth 1 -type f -perm -u+x | head -n 1)\" .build/program",
    .run = {"{place}/.build/program"},
    .needs = {"/usr/bin/cargo", "/usr/bin/rustc", "/usr/bin/cc", "{dir}/rust/sdk/Cargo.toml"},
    .version_argument = "--version",
    .install = by_deps,
    .commands = {},
    .environment = {"CARGO_HOME=/tmp/cargo", "CARGO_TARGET_DIR={dir}/rust/target", "CARGO_NET_OFFLINE=true",
                    "CARGO_INCREMENTAL=0", "CARGO_TERM_COLOR=never"},
    .binds = {"{dir}/rust/sdk"},
    .caches = {{"{dir}/rust/target", 512_MiB, 4}},
    .sdk = "rust"};

constexpr runtime deno{
    .name = "deno",
    .aliases = {"typescript", "ts"},
    .title = "Deno",
    .description = "TypeScript and JavaScript with Deno, all permissions within the jail",
    .extension = ".ts",
    .main_file = "main.ts",
    .entry_point = "deno run --allow-all main.ts",
    .compile = "",
    // A cache of compiled code would be written for nobody to read.
    .run = {"{dir}/deno/deno", "run", "--allow-all", "--no-code-cache", "main.ts"},
    .needs = {"{dir}/deno/deno"},
    .version_argument = "--version",
    .install = by_deps,
    .commands = {{"deno", "{dir}/deno/deno"}},
    .environment = {"DENO_DIR=/tmp/deno", "DENO_NO_UPDATE_CHECK=1", "DENO_NO_PROMPT=1", "NO_COLOR=1"},
    .binds = {"{dir}/deno"},
    .caches = {},
    .sdk = "typescript"};

constexpr runtime bun{
    .name = "bun",
    .aliases = {},
    .title = "Bun",
    .description = "TypeScript and JavaScript with Bun",
    .extension = ".ts",
    .main_file = "main.ts",
    .entry_point = "bun main.ts",
    .compile = "",
    .run = {"{dir}/bun/bun", "main.ts"},
    .needs = {"{dir}/bun/bun"},
    .version_argument = "--version",
    .install = by_deps,
    .commands = {{"bun", "{dir}/bun/bun"}},
    .environment = {"BUN_INSTALL=/tmp/bun", "BUN_RUNTIME_TRANSPILER_CACHE_PATH=0", "DO_NOT_TRACK=1", "NO_COLOR=1"},
    .binds = {"{dir}/bun"},
    .caches = {},
    .sdk = "typescript"};

// Here to show what one more costs: this row, and the files of its SDK.
constexpr runtime ruby{.name = "ruby",
                       .aliases = {"rb"},
                       .title = "Ruby",
                       .description = "The system's Ruby with its standard library",
                       .extension = ".rb",
                       .main_file = "main.rb",
                       .entry_point = "ruby main.rb",
                       .compile = "",
                       .run = {"/usr/bin/ruby", "main.rb"},
                       .needs = {"/usr/bin/ruby"},
                       .version_argument = "--version",
                       .install = "apt-get install ruby",
                       .commands = {},
                       .environment = {},
                       .binds = {},
                       .caches = {},
                       .sdk = "ruby"};

constexpr runtime table[] = {python, node, go, rust, deno, bun, ruby};

constexpr sdk_file files[] = {
#include "sdk_files.inc"
};

}  // namespace

std::span<const runtime> runtimes() { return table; }
std::span<const sdk_file> sdk_files() { return files; }

const runtime* find_runtime(std::string_view name) {
  constexpr std::string_view prefix = "code-runner-";
  if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  const auto found = std::ranges::find_if(table, [name](const runtime& one) {
    return one.name == name || std::ranges::find(one.aliases, name) != one.aliases.end();
  });
  return found == std::end(table) ? nullptr : found;
}

}  // namespace lazaret::sandbox
