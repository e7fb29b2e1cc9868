/// Lives of a node, each in a process of its own that ends badly; the next one is told whose deed it was.

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "actors/at_work.hpp"
#include "actors/last_words.hpp"
#include "actors/store/redis_store.hpp"
#include "actors/store/sqlite_store.hpp"
#include "tests/store/backend.hpp"
#include "tests/store/redis_process.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace lazaret;
using namespace lazaret::actors;
using namespace lazaret::durable::test;
using lazaret::testing::temporary_folder;

namespace {

std::unique_ptr<last_words> listen(const temporary_folder& data, std::shared_ptr<durable::store> documents,
                                   std::vector<last_word>* told = nullptr) {
  return last_words::open(data.path(), std::move(documents),
                          [told](const last_word& one, durable::settlement) {
                            if (told != nullptr) told->push_back(one);
                          })
      .value();
}

std::shared_ptr<durable::store> open_store(const temporary_folder& data) {
  return durable::open_sqlite_store(data.path() / "store.sqlite").value();
}

/// A life that ends in `work`; its wait status.
int live(const temporary_folder& data, const std::function<void()>& work, int killed_from_outside_by = 0) {
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    for (const int theirs : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTERM}) ::signal(theirs, SIG_DFL);  // Catch's
    const auto words = listen(data, open_store(data));
    work();
    ::_exit(0);
  }
  if (killed_from_outside_by != 0) {
    REQUIRE(soon([&] { return std::filesystem::exists(data.path() / "ready"); }));
    ::kill(child, killed_from_outside_by);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

std::string written(const temporary_folder& data) {
  std::ostringstream all;
  all << std::ifstream{data.path() / "last_words"}.rdbuf();
  return all.str();
}

void fault() {
  auto* const page = static_cast<volatile char*>(::mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  *page = 1;
}
int dive(int depth) {
  volatile char page[4096];
  page[0] = static_cast<char>(depth);
  return depth > 10'000'000 ? 0 : dive(depth + 1) + page[0];
}
void fall() noexcept { static_cast<void>(std::string{}.at(1)); }

}  // namespace

TEST_CASE("A thread that ends the process names what it worked on, whichever way it does") {
  const temporary_folder data;
  struct way {
    const char* name;
    int signal;
    void (*work)();
  };
  const auto how = GENERATE(values<way>({{"a write to nowhere", SIGSEGV, fault},
                                         {"a stack that is full", SIGSEGV, [] { ::_exit(dive(0)); }},
                                         {"an exception out of noexcept", SIGABRT, fall},
                                         {"abort()", SIGABRT, [] { std::abort(); }},
                                         {"SIGFPE", SIGFPE, [] { ::raise(SIGFPE); }},
                                         {"SIGILL", SIGILL, [] { __builtin_trap(); }},
                                         {"SIGBUS", SIGBUS, [] { ::raise(SIGBUS); }}}));
  const bool second_thread = GENERATE(false, true);
  INFO(how.name << (second_thread ? " in a second thread" : ""));
  const auto status = live(data, [&] {
    const auto work = [&] {
      const at_work mine{"run", "0a1b", 7};
      how.work();
    };
    if (second_thread)
      std::thread{work}.join();
    else
      work();
  });
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == how.signal);
  CHECK(written(data) == "run 0a1b 7 " + std::to_string(how.signal) + "\n");
}

TEST_CASE("The innermost scope counts, one that is over does not, and a thread says for whom it was started") {
  const temporary_folder data;
  SECTION("nested") {
    live(data, [] {
      const at_work outer{"run", "outer", 1}, inner{"job", "inner", 18446744073709551615u};
      std::abort();
    });
    CHECK(written(data) == "job inner 18446744073709551615 6\n");
  }
  SECTION("the outer one again") {
    live(data, [] {
      const at_work outer{"run", "outer", 1};
      { const at_work inner{"job", "inner", 2}; }
      std::abort();
    });
    CHECK(written(data) == "run outer 1 6\n");
  }
  SECTION("over") {
    live(data, [] {
      { const at_work mine{"run", "a", 1}; }
      std::abort();
    });
    CHECK(written(data).empty());
  }
  SECTION("left by an exception") {
    live(data, [] {
      try {
        const at_work mine{"run", "a", 1};
        throw 1;
      } catch (int) {
      }
      std::abort();
    });
    CHECK(written(data).empty());
  }
  SECTION("started for it") {
    live(data, [] {
      const at_work mine{"run", "a", 1};
      std::thread{[deed = at_work::here()] {
        const at_work too{deed};
        std::abort();
      }}.join();
    });
    CHECK(written(data) == "run a 1 6\n");
  }
  SECTION("of nothing") {
    live(data, [] {
      const at_work nothing{at_work::here()};
      std::abort();
    });
    CHECK(written(data).empty());
  }
}

TEST_CASE("What is at work is not blamed for what others do to its process") {
  const temporary_folder data;
  const auto wait = [&] {
    const at_work mine{"run", "a", 1};
    data.write("ready", "");
    for (;;) ::pause();
  };
  SECTION("a signal from outside") {
    const int number = GENERATE(SIGKILL, SIGABRT, SIGSEGV, SIGTERM);
    const auto status = live(data, wait, number);
    CHECK((WIFSIGNALED(status) && WTERMSIG(status) == number));
  }
  SECTION("a crash of another thread") {
    CHECK(live(data, [&] {
            std::thread{wait}.detach();
            while (!std::filesystem::exists(data.path() / "ready")) std::this_thread::yield();
            std::abort();
          }) != 0);
  }
  CHECK(written(data).empty());
}

TEST_CASE("The next life tells the store: what crashed it died, the others that it held were lost") {
  const temporary_folder data;
  CHECK(live(data, [&] {
          const auto documents = open_store(data);
          for (const auto* id : {"a", "b", "c"}) put(*documents, id, in("download"));
          const auto held = take(*documents, "download", 3, long_lease, "node:queue");
          const at_work mine{"run", "b", held[1].token};
          std::abort();
        }) != 0);
  CHECK(written(data) == "run b 1 6\n");
  std::vector<last_word> told;
  const std::shared_ptr<durable::store> documents = open_store(data);
  {
    const auto words = listen(data, documents, &told);
    CHECK(told == std::vector{last_word{{"run", "b"}, 1, SIGABRT}});
    CHECK(written(data).empty());
    REQUIRE(documents->abandon("node:queue"));
  }
  for (const auto& one : take(*documents, "download", 3)) {
    INFO(one.name.id);
    CHECK(one.deaths == (one.name.id == "b" ? 1 : 0));
    CHECK(one.losses == (one.name.id == "b" ? 0 : 1));
  }
  listen(data, documents, &told);
  CHECK(told.size() == 1);
}

TEST_CASE("A file with what is no line of ours is read as far as it goes") {
  const temporary_folder data;
  data.write("last_words", "\n\nrun\nrun a x 6\nrun no/id 1 6\nrun a 1 6 more\nrun a 3 11\nrun a 4 1");
  std::vector<last_word> told;
  listen(data, open_store(data), &told);
  CHECK(told == std::vector{last_word{{"run", "a"}, 3, 11}});
}

TEST_CASE("A store that is away is told as soon as it is back, and the file keeps it until then") {
  const temporary_folder data;
  durable::test::redis_process server;
  constexpr durable::redis::server_options hasty{milliseconds{500}, milliseconds{500}, 16, milliseconds{5},
                                                 milliseconds{50}};
  const std::shared_ptr<durable::store> documents = durable::open_redis_store(server.url(), hasty).value();
  put(*documents, "a", in("download"));
  const auto held = take_one(*documents, "download");
  data.write("last_words", "run a " + std::to_string(held.token) + " 11\n");
  server.kill();
  std::atomic<int> told = 0;
  {
    const auto words = last_words::open(data.path(), documents, [&](const auto&, auto) { ++told; }).value();
    CHECK(told == 0);
  }
  CHECK(written(data) == "run a 1 11\n");
  const auto words = last_words::open(data.path(), documents, [&](const auto&, auto) { ++told; }).value();
  server.start();
  CHECK(soon([&] { return told == 1 && written(data).empty(); }));
  CHECK(take_one(*documents, "download").deaths == 1);
}
