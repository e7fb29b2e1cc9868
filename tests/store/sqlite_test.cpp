/// What only the embedded store promises: what it does with a file that is full, read-only, broken, newer or older than
/// itself; that a killed process loses nothing it was told is written; that many waiting ones slow nobody down.

#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "actors/schema.hpp"
#include "actors/store/sqlite_store.hpp"
#include "tests/store/backend.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace lazaret::durable;
using namespace lazaret::durable::test;
using lazaret::testing::temporary_folder;
namespace sqlite = lazaret::actors::sqlite;

namespace {

struct own_file {
  temporary_folder folder;
  std::filesystem::path path = folder.path() / "store.sqlite";
  [[nodiscard]] std::unique_ptr<store> open() const { return open_sqlite_store(path).value(); }
  [[nodiscard]] sqlite::connection raw() const { return {path.string(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE}; }
};

/// A file system of its own of so many bytes, gone with it.
struct small_disk {
  explicit small_disk(const std::string& size) {
    mounted = ::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, ("size=" + size).c_str()) == 0;
  }
  ~small_disk() {
    if (mounted) ::umount2(folder.path().c_str(), MNT_DETACH);
  }
  temporary_folder folder;
  bool mounted = false;
};

double microseconds_of(const std::function<void()>& work) {
  const auto began = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - began).count();
}

}  // namespace

TEST_CASE("a store of a newer program is refused with a sentence that says so") {
  const own_file file;
  static_cast<void>(file.open());
  file.raw().execute("PRAGMA user_version = 1000");
  const auto got = open_sqlite_store(file.path);
  REQUIRE_FALSE(got);
  CHECK(got.error().describe().find("schema version 1000, this program knows up to") != std::string::npos);
  CHECK(got.error().describe().find("start a newer lazaretd") != std::string::npos);
}

TEST_CASE("a file that is no store is refused and left as it was") {
  const own_file file;
  file.folder.write("store.sqlite", std::string(10'000, 'x'));
  const auto got = open_sqlite_store(file.path);
  REQUIRE_FALSE(got);
  CHECK(got.error().describe().find("file is not a database") != std::string::npos);
  CHECK(file.folder.read("store.sqlite") == std::string(10'000, 'x'));
}

TEST_CASE("a full disk is a failure with a sentence, and over when there is room again") {
  const small_disk disk{"3m"};
  if (!disk.mounted) {
    WARN("not run: no tmpfs can be mounted here (root?)");
    return;
  }
  const auto subject = open_sqlite_store(disk.folder.path() / "store.sqlite").value();
  put(*subject, "kept", in("download"));
  const auto held = take_one(*subject, "download");
  REQUIRE(subject->trouble() == std::nullopt);
  const auto ballast = disk.folder.path() / "ballast";
  std::ofstream{ballast, std::ios::binary} << std::string(4 << 20, 'x');
  std::optional<lazaret::sandbox::failure> why;
  for (int i = 0; i < 100 && !why; ++i) {
    const auto got =
        subject->add(a_run("r" + std::to_string(i)), with(std::string(100'000, 'b'), in("download")), 0, {});
    if (!got) why = got.error();
  }
  REQUIRE(why);
  CHECK(why->describe().find("full") != std::string::npos);
  const auto trouble = subject->trouble();
  REQUIRE(trouble);
  CHECK(trouble->find("the store can't be written: ") == 0);
  CHECK(body(*subject, "kept") == "kept");
  CHECK_FALSE(subject->settle(held, with(std::string(100'000, 'c'))));
  std::filesystem::remove(ballast);
  CHECK(subject->trouble() == std::nullopt);
  CHECK(*subject->settle(held, with(std::string(100'000, 'c'))) == settlement::done);
  CHECK(body(*subject, "kept").size() == 100'000);
}

TEST_CASE("among writes that are committed together the one that does not fit fails alone") {
  const small_disk disk{"6m"};
  if (!disk.mounted) {
    WARN("not run: no tmpfs can be mounted here (root?)");
    return;
  }
  const auto subject = open_sqlite_store(disk.folder.path() / "store.sqlite").value();
  std::atomic<int> small = 0, large = 0;
  at_once(12, [&](int i) {
    const bool too_large = i % 4 == 0;
    const auto got =
        subject->add(a_run("r" + std::to_string(i)), with(std::string(too_large ? 8 << 20 : 100, 'x')), 0, {});
    if (got) ++(too_large ? large : small);
  });
  CHECK(small == 9);
  CHECK(large == 0);
}

TEST_CASE("a disk that became read-only is a failure with a sentence") {
  const small_disk disk{"8m"};
  if (!disk.mounted) {
    WARN("not run: no tmpfs can be mounted here (root?)");
    return;
  }
  const auto subject = open_sqlite_store(disk.folder.path() / "store.sqlite").value();
  put(*subject, "a", in("download"));
  // A file system with open files can't be turned read-only by remounting; a limit on file sizes refuses writes, too.
  struct rlimit before {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto former = std::signal(SIGXFSZ, SIG_IGN);
  rlimit none = before;
  none.rlim_cur = 0;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &none) == 0);
  const auto got = subject->add(a_run("b"), with("b"), 0, {});
  const auto trouble = subject->trouble();
  const auto still = body(*subject, "a");
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &before) == 0);
  std::signal(SIGXFSZ, former);
  CHECK_FALSE(got);
  CHECK(trouble);
  CHECK(still == "a");
  CHECK(subject->trouble() == std::nullopt);
  CHECK(subject->add(a_run("b"), with("b"), 0, {})->what == admission::kind::added);
}

TEST_CASE("a broken page is a failure with a sentence, whatever is asked, and no crash") {
  const own_file file;
  {
    const auto subject = file.open();
    for (int i = 0; i < 200; ++i) put(*subject, "r" + std::to_string(i), in("download", std::to_string(i)));
  }
  {
    auto raw = file.raw();
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  const auto size = std::filesystem::file_size(file.path);
  {
    std::fstream damage{file.path, std::ios::in | std::ios::out | std::ios::binary};
    for (std::uintmax_t page = 2 * 4096; page < size; page += 4096) {  // the first page, and so the schema, stays
      damage.seekp(static_cast<std::streamoff>(page));
      damage << std::string(512, '\xa5');
    }
  }
  const auto opened = open_sqlite_store(file.path);
  if (!opened) {
    CHECK(opened.error().describe().find("malformed") != std::string::npos);
    return;
  }
  auto& subject = **opened;
  int failures = 0;
  const auto note = [&](const auto& got) {
    if (!got) {
      ++failures;
      CHECK_FALSE(got.error().describe().empty());
    }
  };
  note(subject.find(a_run("r7")));
  note(subject.list("run", {}));
  note(subject.take("download", "node:1", 10, long_lease));
  note(subject.add(a_run("new"), with("new", in("download")), 0, {}));
  note(subject.events(a_run("r7"), 0, 10));
  note(subject.amend(a_run("r7"), [](const auto&) { return std::optional{with("x")}; }));
  note(subject.forget(a_run("r7")));
  CHECK(failures > 0);
}

TEST_CASE("a process that is killed loses nothing that it was told is written") {
  const own_file file;
  int pipe[2];
  REQUIRE(::pipe(pipe) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(pipe[0]);
    const auto subject = file.open();
    for (int i = 0;; ++i) {
      const auto id = "r" + std::to_string(i);
      const auto got = subject->add(a_run(id), with(id, in("download"), {{"status", "queued"}}), 0, {});
      if (!got || ::write(pipe[1], &i, sizeof i) != sizeof i) ::_exit(1);
    }
  }
  ::close(pipe[1]);
  int last = -1;
  while (last < 100) REQUIRE(::read(pipe[0], &last, sizeof last) == sizeof last);
  ::kill(child, SIGKILL);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  for (int more = 0; ::read(pipe[0], &more, sizeof more) == sizeof more;) last = more;
  ::close(pipe[0]);
  const auto subject = file.open();
  for (int i = 0; i <= last; ++i) {
    const auto id = "r" + std::to_string(i);
    CHECK(body(*subject, id) == id);
    CHECK(told(*subject, id).size() == 1);
  }
  const auto waiting = depth(*subject, "download").waiting;
  CHECK(waiting >= static_cast<std::uint64_t>(last) + 1);
  CHECK(drain(*subject, "download").size() == waiting);
}

TEST_CASE("writers share commits: many at once take far less time than one after the other") {
  const own_file file;
  const auto subject = file.open();
  constexpr int threads = 32, each = 10;
  const auto add = [&](const std::string& id) { static_cast<void>(subject->add(a_run(id), with(id), 0, {})); };
  const auto alone = microseconds_of([&] {
    for (int i = 0; i < threads * each; ++i) add("a" + std::to_string(i));
  });
  const auto together = microseconds_of([&] {
    at_once(threads, [&](int t) {
      for (int i = 0; i < each; ++i) add("b" + std::to_string(t) + "-" + std::to_string(i));
    });
  });
  INFO("320 adds: one by one " << alone / 1000 << " ms, by 32 threads " << together / 1000 << " ms");
  CHECK(subject->list("run", {{}, {}, 500})->bodies.size() == 500);
  CHECK(together < alone);
}

// Not in ctest (it takes a quarter of a minute): store_tests "a hundred thousand*"
TEST_CASE("a hundred thousand that wait slow down nobody who comes or asks", "[.]") {
  const own_file file;
  const auto subject = file.open();
  int n = 0;
  const auto fill = [&](int upto) {
    at_once(64, [&, from = n](int t) {
      for (int i = from + t; i < upto; i += 64)
        static_cast<void>(subject->add(a_run("f" + std::to_string(i)),
                                       with("{}", in("download", "c" + std::to_string(i % 50))), 0, {}));
    });
    n = upto;
  };
  const auto median = [](const std::function<void(int)>& work) {
    std::vector<double> all;
    for (int i = 0; i < 101; ++i) all.push_back(microseconds_of([&] { work(i); }));
    std::nth_element(all.begin(), all.begin() + 50, all.end());
    return all[50];
  };
  const auto measure = [&](const std::string& when) {
    std::vector<claim> held;
    const auto add = median([&](int i) { put(*subject, when + std::to_string(i), in("download", "newcomer")); });
    const auto taken = median([&](int) { held.push_back(take_one(*subject, "download")); });
    const auto settled = median(
        [&](int i) { REQUIRE(subject->settle(held[static_cast<std::size_t>(i)], with("{}", in("execution")))); });
    const auto position = median([&](int i) { REQUIRE(subject->position(a_run(when + std::to_string(i)))); });
    WARN(n << " wait: add " << add << " us, take " << taken << " us, settle " << settled << " us, position " << position
           << " us");
    return std::array{add, taken, settled};
  };
  fill(10);
  const auto few = measure("few");
  fill(100'000);
  REQUIRE(depth(*subject, "download").waiting > 99'000);
  const auto many = measure("many");
  for (std::size_t i = 0; i < few.size(); ++i) CHECK(many[i] < 1.2 * few[i]);
}
