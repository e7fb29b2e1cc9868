/// Every stage actor and every stage's worker is killed while 20 real runs are in flight: real jails, real packages.

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <regex>
#include <thread>

#include "http/compose.hpp"
#include "http/config.hpp"
#include "tests/support/temporary_folder.hpp"

namespace {

using namespace lazaret;
using actors::run;
using actors::status;
using lazaret::testing::temporary_folder;

/// `python3 -m http.server` over the mirror, on a free port.
class static_index {
 public:
  explicit static_index(const std::string& folder) {
    int out[2];
    REQUIRE(::pipe(out) == 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::dup2(out[1], STDOUT_FILENO);
      ::dup2(::open("/dev/null", O_WRONLY), STDERR_FILENO);
      ::execl("/usr/bin/python3", "python3", "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory",
              folder.c_str(), nullptr);
      ::_exit(127);
    }
    ::close(out[1]);
    std::FILE* lines = ::fdopen(out[0], "r");
    unsigned port = 0;
    REQUIRE(std::fscanf(lines, "Serving HTTP on 127.0.0.1 port %u", &port) == 1);
    std::fclose(lines);
    url_ = "http://127.0.0.1:" + std::to_string(port) + "/simple";
  }
  ~static_index() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  pid_t pid_ = -1;
  std::string url_;
};

std::string version_of(const std::filesystem::path& mirror, const std::string& project) {
  for (const auto& entry : std::filesystem::directory_iterator{mirror / "files"}) {
    std::smatch found;
    const auto name = entry.path().filename().string();
    if (std::regex_match(name, found, std::regex{project + "-([^-]+)-.*\\.whl"})) return found[1];
  }
  FAIL("the mirror has no " << project);
  return {};
}

template <class Condition>
bool eventually(const Condition& holds, std::chrono::seconds patience = std::chrono::seconds{120}) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
  return true;
}

}  // namespace

SCENARIO("each stage actor and each worker is killed while 20 real runs are in flight: all 20 end with a verdict") {
  if (::geteuid() != 0) {
    WARN("not run: the jailer needs root here");
    return;
  }
  const char* const mirror = std::getenv("LAZARET_MIRROR");
  REQUIRE(mirror != nullptr);
  const static_index index{mirror};
  const temporary_folder data;
  const std::map<std::string, std::string> environment{{"API_TOKEN", "t"},
                                                       {"PYPI_INDEX_URL", index.url()},
                                                       {"DATA_DIR", data.path().string()},
                                                       {"MAX_CONCURRENCY", "2"},
                                                       {"QUEUE_LIMIT", "100"},
                                                       {"VERDICT_TTL", "0"},
                                                       {"PER_IP_RATE_LIMIT", "10000"},
                                                       {"RUN_AS_USER", "root"}};
  const auto settings = http::load_config(std::nullopt, [&](const char* name) -> const char* {
    const auto found = environment.find(name);
    return found == environment.end() ? nullptr : found->second.c_str();
  });
  REQUIRE(settings.has_value());
  auto ground = http::lay_groundwork(*settings);
  REQUIRE(ground.has_value());
  metrics::instruments meters;
  auto parts = http::compose(*settings, std::move(*ground), meters);
  REQUIRE(parts.has_value());
  auto& pipeline = (*parts)->service();
  REQUIRE(eventually([&] { return pipeline.not_ready_because().empty(); }));

  const auto busy = [&](const std::string& stage) {
    return meters.exposition().find("lazaret_stage_in_flight{stage=\"" + stage + "\"} 0") == std::string::npos;
  };
  struct victim {
    std::string name;
    bool worker;
  };
  const std::vector<victim> victims{{"ingress", false},   {"rate_limit", false}, {"queue", false},  {"download", false},
                                    {"execution", false}, {"analysis", false},   {"report", false}, {"download", true},
                                    {"execution", true},  {"analysis", true},    {"report", true}};
  std::vector<std::string> ids;
  const std::vector<std::string> names{"six", "idna", "toml", "click"};
  const auto submit = [&](const std::string& name) {
    actors::submission what;
    what.client = "127.0.0.1";
    what.package_name = name;
    what.version = version_of(mirror, name);
    std::mutex mutex;
    std::condition_variable answered;
    std::optional<actors::answer<actors::submitted_run>> got;
    pipeline.submit(what, {}, [&](actors::answer<actors::submitted_run> a) {
      const std::scoped_lock lock{mutex};
      got = std::move(a);
      answered.notify_all();
    });
    std::unique_lock lock{mutex};
    REQUIRE(answered.wait_for(lock, std::chrono::seconds{20}, [&] { return got.has_value(); }));
    REQUIRE(std::holds_alternative<actors::submitted_run>(*got));
    ids.push_back(std::get<actors::submitted_run>(*got).run_id);
  };
  for (std::size_t n = 0; n < 20; ++n) submit(names[n % names.size()]);
  for (const auto& v : victims) {
    if (v.worker) REQUIRE(eventually([&] { return busy("execution"); }));
    pipeline.strike(v.name, v.worker);
  }
  for (const auto& id : ids) {
    INFO(id);
    REQUIRE(eventually([&] { return pipeline.find(id)->finished_at.has_value(); }));
    const auto r = *pipeline.find(id);
    CHECK(r.error == "");
    CHECK(r.status == status::completed);
    REQUIRE(r.analysis);
    CHECK(r.analysis->verdict == actors::verdict::benign);
    CHECK(pipeline.report_file(id, "report.json"));
    const auto events = pipeline.events(id, 0, 10'000);
    CHECK(std::count_if(events.begin(), events.end(), [](const auto& e) { return e.type == "end"; }) == 1);
  }
  std::size_t folders = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator{data.path() / "blobs" / "runs"})
    ++folders;
  CHECK(folders == ids.size());
  const auto figures = meters.exposition();
  for (const auto* stage : {"ingress", "rate_limit", "queue"}) {
    CHECK(figures.find("lazaret_stage_restarts_total{stage=\"" + std::string{stage} + "\"} 1") != std::string::npos);
  }
  for (const auto* stage : {"download", "execution", "analysis", "report"}) {
    CHECK(figures.find("lazaret_stage_restarts_total{stage=\"" + std::string{stage} + "\"} 0") == std::string::npos);
  }
}
