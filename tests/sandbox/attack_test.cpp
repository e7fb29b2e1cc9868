// Every program of tests/inmates/attacks in a real jail: it must end as its header says, leave nothing, and leave the
// jailer able to serve. Once in a jail that is made for it, once in one that waited for it (stock.hpp), and once in one
// that waited for anything (shell.hpp). `attack_tests "[escapes]"` runs one folder, `"[ahead]"` and `"[shell]"` the
// jails that waited, LAZARET_ATTACK=name one inmate.
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>

#include "sandbox/gather.hpp"
#include "sandbox/shell.hpp"
#include "tests/sandbox/attack.hpp"
#include "tests/sandbox/started_jailer.hpp"

using namespace lazaret::sandbox;
using namespace lazaret::sandbox::testing;

namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t uids_of_a_jailer = 65536;
constexpr int workers = 3;

/// Each worker has a jailer and a range of uids of its own, so that what is left belongs to the inmate just run.
std::uint32_t uid_base(int worker) {
  return 1'600'000'000 + (static_cast<std::uint32_t>(::getpid() % 500) * workers + worker) * uids_of_a_jailer;
}

bool has_uid_of(const fs::path& process, int worker) {
  std::ifstream status{process / "status"};
  for (std::string key; status >> key;) {
    std::uint32_t uid = 0;
    if (key == "Uid:") return (status >> uid, uid >= uid_base(worker) && uid < uid_base(worker) + uids_of_a_jailer);
  }
  return false;
}

pid_t parent_of(const std::string& process) {
  std::ifstream status{"/proc/" + process + "/status"};
  for (std::string key; status >> key;)
    if (pid_t parent = -1; key == "PPid:") return (status >> parent, parent);
  return -1;
}

/// By uid; and by command line, since an unprivileged jailer's jails have its own uid. `others`: the first processes of
/// jails that wait, each with one that will be the program.
std::string left_of(const attack& what, int worker, const std::vector<pid_t>& others) {
  const auto own_command = what.source.extension() == ".c" ? what.jail.argv[0] + std::string(1, '\0') : "/attack.";
  std::string found;
  for (const auto& entry : fs::directory_iterator{"/proc"}) {
    const auto pid = entry.path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto waits = [&](pid_t init) { return std::ranges::find(others, init) != others.end(); };
    if (!others.empty() && (waits(std::stoi(pid)) || waits(parent_of(pid)))) continue;
    std::ifstream file{entry.path() / "cmdline"};
    std::string command(512, '\0');
    file.read(command.data(), 512);  // throws nothing when the process goes meanwhile; an iterator would
    command.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
    const bool ours = ::geteuid() == 0 ? has_uid_of(entry.path(), worker)
                                       : what.source.extension() == ".c" && command.find(own_command) == 0;
    if (ours && !is_doomed(entry.path())) found += pid + " (" + command + ") ";
  }
  return found;
}

/// What escapes look for on the host: a file, an abstract socket, a loopback port. Nobody may touch them.
class bait {
 public:
  bait() {
    std::ofstream{path_} << content_;
    unix_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    abstract_ = "lazaret-bait-" + std::to_string(::getpid());
    std::copy(abstract_.begin(), abstract_.end(), name.sun_path + 1);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + abstract_.size());
    REQUIRE(::bind(unix_.get(), reinterpret_cast<sockaddr*>(&name), length) == 0);
    REQUIRE(::listen(unix_.get(), 8) == 0);

    tcp_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(tcp_.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(tcp_.get(), 8) == 0);
    REQUIRE(::getsockname(tcp_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
  }

  /// Told to every inmate, so that an escape need not guess.
  void lay_out(policy& in) const {
    folder_.show(in);
    in.environment.emplace_back("BAIT_FILE=/shared/bait");
    in.environment.push_back("BAIT_HOST_FILE=" + path_);
    in.environment.push_back("BAIT_ABSTRACT=" + abstract_);
    in.environment.push_back("BAIT_PORT=" + std::to_string(port_));
  }
  [[nodiscard]] std::vector<std::string> allow() const { return folder_.allow(); }

  [[nodiscard]] std::string taken() const {
    for (const auto& [listener, which] : {std::pair{unix_.get(), "abstract socket"}, std::pair{tcp_.get(), "port"}})
      if (const unique_fd caller{::accept(listener, nullptr, nullptr)}; caller) return which;
    std::ifstream file{path_};
    const std::string now{std::istreambuf_iterator<char>{file}, {}};
    return now == content_ ? "" : "file";
  }

 private:
  shared_folder folder_;
  std::string path_ = folder_.path("bait"), content_ = "untouched\n", abstract_;
  unique_fd unix_, tcp_;
  std::uint16_t port_ = 0;
};

/// The end says what happened.
std::string last_of(const std::string& text) {
  return text.substr(text.size() - std::min<std::size_t>(text.size(), 1000));
}

struct streams {
  std::string out, err;
};

/// In which jail an inmate is tried.
enum class jail_is { made_for_it, ahead, shell };

constexpr volume_options volume_of_an_attack{.size = 16_MiB, .inodes = 4096};

/// Asks for jails of this kind until one waits, or waits for a shell. -1: none does.
pid_t have_one_wait(const attack& what, started_jailer& jails, jail_is which) {
  pid_t waits = -1;
  if (which == jail_is::shell) {
    (void)eventually([&] {
      const auto all = jails.children();
      return all.size() == 1 && (waits = all.front()) > 0;
    });
    return waits;
  }
  const auto before = jails.children();
  auto harmless = what.jail;
  harmless.argv = {"/bin/true"};
  for (int i = 0; i < 2; ++i) {
    const auto shared = jails.client().make_volume(volume_of_an_attack, &harmless);
    if (!shared) return -1;
    const volume* const all[] = {&*shared};
    auto started = jails.client().start(harmless, {all, what.wants_volume ? std::size_t{1} : 0});
    if (!started || !started->wait({})) return -1;
  }
  (void)eventually([&] {
    for (const auto pid : jails.children())
      if (std::ranges::find(before, pid) == before.end()) waits = pid;
    return waits > 0;
  });
  return waits;
}

bool is_gone(pid_t jail, const started_jailer& jails) {
  return eventually([&] {
    const auto now = jails.children();
    return std::ranges::find(now, jail) == now.end();
  });
}

/// What is wrong; empty when all is as it should be. Asserts nothing: Catch2 belongs to the main thread.
std::string try_out(const attack& what, started_jailer& jails, int worker, jail_is which, int tries_left = 5) {
  const bool ahead = which != jail_is::made_for_it;
  const pid_t waits = ahead ? have_one_wait(what, jails, which) : -1;
  if (ahead && waits < 0) return "no jail of its kind waits; ";
  std::vector<const volume*> volumes;
  auto shared = jails.client().make_volume(volume_of_an_attack, what.wants_volume ? &what.jail : nullptr);
  if (!shared) return "no volume: " + shared.error().describe();
  if (what.wants_volume) volumes.push_back(&*shared);
  auto started = jails.client().start(what.jail, volumes);
  if (!started) return "no jail: " + started.error().describe();
  // What waited may have been of another kind that was asked for before, and prepared late.
  if (which == jail_is::ahead && !started->was_prepared() && tries_left > 0) {
    started = failure{};  // it is ended
    return try_out(what, jails, worker, which, tries_left - 1);
  }
  streams said;
  const auto how = started->wait({.on_stdout = [&](std::string_view text) { said.out += text; },
                                  .on_stderr = [&](std::string_view text) { said.err += text; },
                                  .on_audit = {},
                                  .on_observation = {}});
  if (!how) return "the jailer was lost: " + how.error().describe();

  std::string wrong;
  if (!meets(what, *how)) wrong += "ended with `" + verdict(*how) + "`; ";
  for (const auto& text : what.printed)
    if (said.out.find(text) == std::string::npos) wrong += "did not print `" + text + "`; ";
  if (said.out.find("ESCAPED") != std::string::npos) wrong += "got out; ";
  if (which == jail_is::ahead && !started->was_prepared()) wrong += "was in no jail that waited for it; ";
  if (which == jail_is::shell && !is_gone(waits, jails)) wrong += "the shell that waited for it still does; ";
  const auto others = [&] { return ahead ? jails.children() : std::vector<pid_t>{}; };
  auto left = left_of(what, worker, others());
  if (ahead && !left.empty()) left = left_of(what, worker, others());  // the next one was being prepared meanwhile
  if (!left.empty()) wrong += "left processes: " + left + "; ";

  const auto brought = gather(shared->root(), {});
  if (!brought) wrong += "its volume can't be read: " + brought.error().describe() + "; ";
  for (const auto& file : brought ? brought->files : std::vector<volume_file>{})
    if (file.content.find("root:x:0:0") != std::string::npos) wrong += "its volume led to the host; ";

  auto after = inmate({"/bin/true"});
  auto next = jails.client().start(after);
  const auto served = next ? next->wait({}) : result<outcome>{next.error()};
  if (!served || verdict(*served) != "exited 0") wrong += "the jailer serves no more; ";
  if (!wrong.empty()) wrong += "stdout: " + last_of(said.out) + " stderr: " + last_of(said.err);
  return wrong;
}

/// As `with: volume` does.
void add_volume(attack& to) {
  if (std::exchange(to.wants_volume, true)) return;
  to.jail.volumes.push_back({.index = 0, .target = "/volume"});
}

void run_folder(const std::string& folder, jail_is which = jail_is::made_for_it) {
  const bait lure;
  const char* only = ::getenv("LAZARET_ATTACK");
  std::vector<attack> attacks;
  for (const auto& path : attacks_in(folder)) {
    if (only != nullptr && path.stem() != only) continue;
    auto& made = attacks.emplace_back(read_attack(path));
    if (which == jail_is::ahead && attacks.size() % 2 == 0) add_volume(made);
    lure.lay_out(made.jail);
    if (which == jail_is::shell && !fits(policy_of_shells(), made.jail)) attacks.pop_back();
  }
  if (only == nullptr) REQUIRE(attacks.size() > 20);

  std::vector<std::string> wrong(attacks.size());
  std::atomic<std::size_t> next = 0;
  {
    std::vector<std::unique_ptr<started_jailer>> jailers;
    for (int worker = 0; worker < workers; ++worker)
      jailers.push_back(std::make_unique<started_jailer>([&] {
        auto options = lure.allow();
        options.insert(options.end(),
                       {"--uid-base", std::to_string(uid_base(worker)), "--ahead", which == jail_is::ahead ? "1" : "0",
                        "--shells", which == jail_is::shell ? "1" : "0"});
        return options;
      }()));
    std::vector<std::jthread> threads;
    for (int worker = 0; worker < workers; ++worker)
      threads.emplace_back([&, worker] {
        for (auto n = next++; n < attacks.size(); n = next++)
          wrong[n] = try_out(attacks[n], *jailers[worker], worker, which);
      });
  }
  for (std::size_t n = 0; n < attacks.size(); ++n) {
    INFO(folder << "/" << attacks[n].source.filename().string() << ": " << attacks[n].what);
    CHECK(wrong[n] == "");
  }
  CHECK(lure.taken() == "");
}

std::string complaint_about(const std::string& file_name, const std::string& text) {
  const auto path = fs::temp_directory_path() / (std::to_string(::getpid()) + file_name);
  std::ofstream{path} << text;
  std::string said;
  try {
    (void)read_attack(path);
  } catch (const std::runtime_error& e) {
    said = e.what();
  }
  fs::remove(path);
  return said;
}

}  // namespace

TEST_CASE("An attack without a header that is understood is a failure", "[header]") {
  CHECK_THAT(complaint_about("x.c", "int main() {}\n"), Catch::Contains("needs `what:`"));
  CHECK_THAT(complaint_about("x.py", "# what: tries\n"), Catch::Contains("needs `what:` and `expect:`"));
  CHECK_THAT(complaint_about("x.c", "// what: tries\n// expect: survives\n"),
             Catch::Contains("not an outcome: survives"));
  CHECK_THAT(complaint_about("x.c", "// what: tries\n// expect: exited\n"), Catch::Contains("not an outcome"));
  CHECK_THAT(complaint_about("x.c", "// what: tries\n// expect: exited 0\n// with: magic\n"),
             Catch::Contains("unknown option: magic"));
  CHECK_THAT(complaint_about("x.c", "// what: tries\n// expect: exited 0\n// with: memory=much\n"),
             Catch::Contains("not a number"));
  CHECK_THAT(complaint_about("x.c", "// what: tries\n// expcet: exited 0\n"), Catch::Contains("not a header line"));
  CHECK(complaint_about("x.sh", "# what: tries\n# expect: exited 0 | out_of_memory\n").empty());
}

TEST_CASE("No escape gets out", "[escapes]") { run_folder("escapes"); }
TEST_CASE("No escape gets out of a jail that waited for it", "[escapes][ahead]") {
  run_folder("escapes", jail_is::ahead);
}
TEST_CASE("No escape gets out of a shell", "[escapes][shell]") { run_folder("escapes", jail_is::shell); }
TEST_CASE("No bomb hurts anybody else", "[bombs]") { run_folder("bombs"); }
TEST_CASE("No bomb hurts anybody else from a jail that waited for it", "[bombs][ahead][long]") {
  run_folder("bombs", jail_is::ahead);
}
TEST_CASE("No bomb hurts anybody else from a shell", "[bombs][shell][long]") { run_folder("bombs", jail_is::shell); }
TEST_CASE("Nothing survives its jail", "[survivors]") { run_folder("survivors"); }
TEST_CASE("Nothing survives a jail that waited for it", "[survivors][ahead]") {
  run_folder("survivors", jail_is::ahead);
}
TEST_CASE("Nothing survives a shell", "[survivors][shell]") { run_folder("survivors", jail_is::shell); }
