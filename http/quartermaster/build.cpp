#include "http/quartermaster/build.hpp"

#include <spdlog/spdlog.h>

#include <cerrno>
#include <memory>
#include <optional>

#include "http/refusal.hpp"
#include "sandbox/presets.hpp"

namespace lazaret::http::quartermaster {
namespace {

using kind = build_problem::kind;
using sandbox::bytes;

constexpr const char* script_file = "/run/lazaret/setup.sh";
constexpr const char* build_file = "/run/lazaret/build.sh";
constexpr const char* pip_place = "/run/lazaret/pip";
constexpr const char* pip_program = "/opt/lazaret/bin/pip";

/// The archive is standard output, and all that the script prints goes to its log. The processes that it left go before
/// the tree is read (kill(2): -1 spares the caller). tar tells of each file once, in an order that doesn't depend on
/// the file system, and leaves out whose it was: what it says is taken for no more than what a hostile program says.
std::string build_script() {
  std::string places;
  for (const auto place : prebuild::writable_places()) places += " " + std::string{place};
  return "mkdir -p /usr/local/bin /usr/local/lib /usr/local/share\n"
         "/bin/sh " +
         std::string{script_file} +
         " </dev/null >&2 || exit\n"
         "kill -9 -1 2>/dev/null\n"
         "cd / && chmod -R u+rwX --" +
         places +
         "\nexec /usr/bin/tar --create --file=- --format=posix"
         " --pax-option=delete=atime,delete=ctime,delete=mtime --sort=name --numeric-owner --hard-dereference"
         " --no-recursion usr --recursion" +
         places + "\n";
}

/// The last of what the script printed.
class log_tail {
 public:
  void add(std::string_view some) {
    text_ += some;
    if (text_.size() > 2 * most) text_.erase(0, text_.size() - most), is_cut_ = true;
  }
  [[nodiscard]] std::string text() const {
    const auto from = text_.size() > most ? text_.size() - most : 0;
    return (is_cut_ || from > 0 ? "[...] " : "") + text_.substr(from);
  }

 private:
  static constexpr std::size_t most = 64 << 10;
  std::string text_;
  bool is_cut_ = false;
};

/// What comes of one script. The worker that runs the jail fills it, and nobody else looks meanwhile.
struct construction {
  prebuild_request what;
  std::unique_ptr<prebuild::shelf::building> layer;
  std::optional<sandbox::failure> wrong;
  log_tail log;

  void take(std::string_view archive) {
    if (wrong) return;
    if (auto done = layer->feed(archive); !done) wrong = done.error();
  }
};

sandbox::policy build_policy(const prebuild_request& what, const site& s, const prebuild::shelf_options& shelf) {
  const auto& base = *sandbox::find_runtime(what.how.base_image);
  auto rules = sandbox::make_policy(*sandbox::find_preset("quartermaster"), true);
  s.runtimes.furnish(base, "/tmp", rules);
  for (const auto place : prebuild::writable_places())
    rules.tmpfs.push_back({.target = "/" + std::string{place},
                           .size = shelf.limits.size,
                           .inodes = shelf.limits.entries,
                           .executable = true});
  for (auto& place : rules.tmpfs)
    if (place.target == "/tmp") place.size = shelf.limits.size;
  rules.files.push_back({script_file, what.how.setup_script});
  rules.files.push_back({build_file, build_script()});
  rules.argv = {"/bin/sh", build_file};
  rules.network = sandbox::network_mode::gateway;
  const auto gateway = "http://127.0.0.1:" + std::to_string(rules.gateway_port);
  for (auto* variable : {"PIP_BREAK_SYSTEM_PACKAGES=1", "PIP_NO_CACHE_DIR=1", "PIP_DISABLE_PIP_VERSION_CHECK=1",
                         "PIP_CONFIG_FILE=/dev/null", "PIP_NO_INPUT=1", "NETRC=/dev/null"})
    rules.environment.emplace_back(variable);
  rules.environment.push_back("PIP_INDEX_URL=" + gateway + "/simple");
  // Deno and Bun read the first, too. What is global lands where add_layer() and NODE_PATH look for it.
  rules.environment.push_back("NPM_CONFIG_REGISTRY=" + gateway + "/npm/");
  for (auto* variable : {"NPM_CONFIG_PREFIX=/usr/local", "NPM_CONFIG_AUDIT=false", "NPM_CONFIG_FUND=false",
                         "NPM_CONFIG_UPDATE_NOTIFIER=false", "NPM_CONFIG_CACHE=/tmp/.npm"})
    rules.environment.emplace_back(variable);
  // Compiled modules are part of what is built: a jail that runs with them can't write any.
  std::erase_if(rules.environment, [](const auto& v) { return v.starts_with("PYTHONDONTWRITEBYTECODE="); });
  if (!shelf.pip.empty()) {
    rules.binds.push_back({.source = shelf.pip.string(), .target = std::string{pip_place} + "/pip"});
    rules.environment.push_back("PYTHONPATH=" + std::string{pip_place});
    for (const char* ending : {"", "3"})
      rules.files.push_back({std::string{pip_program} + ending, "#!/bin/sh\nexec python3 -m pip \"$@\"\n", true});
  }
  auto& limits = rules.limits;
  limits.wall = std::chrono::seconds{s.settings.prebuild_timeout};
  limits.cpu = limits.wall * 64;
  limits.cpus = std::stod(s.settings.max_cpu_cores);
  limits.memory = {static_cast<std::uint64_t>(s.settings.max_memory_mb) << 20};
  limits.pids = 256;
  limits.open_files = 4096;
  limits.file_size = shelf.limits.size;
  // Headers beside the contents; who prints more than that is no tar.
  limits.output = {2 * shelf.limits.size.count + (64 << 20)};
  limits.when_output_exceeds = sandbox::on_output_limit::kill;
  return rules;
}

std::optional<build_problem> problem_of(const construction& made, const actors::execution_answer& done) {
  const bool failed = done.not_started != 0 || done.how.reason != sandbox::ending::exited || done.how.code != 0;
  if (!failed && !made.wrong) return std::nullopt;
  auto text = made.log.text();
  const auto add = [&](const std::string& why) { text += (text.empty() || text.ends_with('\n') ? "" : "\n") + why; };
  if (made.wrong)
    add(made.wrong->describe());
  else
    add("setup_script " + sandbox::describe(done.how));
  return build_problem{kind::script, std::move(text)};
}

/// Blocks for the disk.
built keep(prebuild::shelf& shelf, construction& made) {
  const auto& base = *sandbox::find_runtime(made.what.how.base_image);
  auto kept = shelf.keep(std::move(made.layer), made.what.tag, std::string{base.name});
  if (kept) return std::move(*kept);
  if (kept.error().step == "layer") return build_problem{kind::script, kept.error().describe()};
  spdlog::error("a prebuild could not be kept: {}", kept.error().describe());
  return build_problem{kind::unavailable, "the layer could not be written", 60};
}

}  // namespace

void build(const site& s, prebuild_request what, actors::claimant client, std::stop_token stop,
           std::function<void(built)> done) {
  auto* shelf = s.pipeline.prebuilds();
  const auto* base = sandbox::find_runtime(what.how.base_image);
  if (shelf == nullptr) return done(build_problem{kind::unavailable, "this service keeps no prebuilds"});
  if (!s.runtimes.has(*base)) return done(build_problem{kind::not_here, s.runtimes.what_is_missing(*base)});
  auto layer = shelf->build();
  if (!layer && layer.error().error == EAGAIN) return done(build_problem{kind::unavailable, layer.error().subject, 10});
  if (!layer) {
    spdlog::error("a prebuild could not be begun: {}", layer.error().describe());
    return done(build_problem{kind::unavailable, "the layer could not be written", 60});
  }
  auto made = std::make_shared<construction>();
  made->layer = std::move(*layer);
  auto asked = std::make_shared<actors::execution_request>();
  asked->runtime = base->name;
  asked->rules = build_policy(what, s, shelf->options());
  asked->on_stdout = [made](std::string_view some) { made->take(some); };
  asked->on_stderr = [made](std::string_view some) { made->log.add(some); };
  made->what = std::move(what);
  s.pipeline.execute(
      asked, std::move(client), std::move(stop),
      [&s, shelf, made, done = std::move(done)](actors::answer<std::shared_ptr<actors::execution_answer>> given) {
        if (const auto* why = std::get_if<actors::refusal>(&given)) {
          const auto& face = row(why->why);
          return done(build_problem{kind::unavailable, std::string{face.detail}, face.retry_after});
        }
        if (auto why = problem_of(*made, *std::get<0>(given))) return done(std::move(*why));
        s.aside([shelf, made, done] { done(keep(*shelf, *made)); });
      });
}

}  // namespace lazaret::http::quartermaster
