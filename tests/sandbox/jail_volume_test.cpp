// Volumes: what one run's jails share, and others don't.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "sandbox/open_resolved.hpp"
#include "tests/sandbox/started_jailer.hpp"

using namespace lazaret::sandbox;
using namespace lazaret::sandbox::testing;

namespace {

std::string read_below(const volume& v, const char* name) {
  const auto file = open_resolved(v.root(), name, O_RDONLY, beneath_through_no_link);
  char text[64];
  const auto n = file ? ::read(file.get(), text, sizeof text) : -1;
  return n < 0 ? "" : std::string{text, static_cast<std::size_t>(n)};
}

policy with_volume(std::string code) {
  auto p = python(std::move(code));
  p.volumes.push_back({.index = 0, .target = "/site"});
  return p;
}

}  // namespace

TEST_CASE("A volume carries files from one jail to the next, and out") {
  started_jailer jails;
  auto shared = jails.client().make_volume({});
  REQUIRE(shared.has_value());
  const auto wrote = run(jails.client(), with_volume("open('/site/x', 'w').write('hello')"), {&*shared});
  CHECK(wrote.err == "");
  CHECK(read_below(*shared, "x") == "hello");

  auto reading = with_volume(R"(
print(open('/site/x').read())
try: open('/site/y', 'w')
except OSError as e: print(e.strerror)
)");
  reading.volumes[0].writable = false;
  CHECK(run(jails.client(), reading, {&*shared}).out == "hello\nRead-only file system\n");
}

TEST_CASE("A volume ends at its size and at its number of files") {
  started_jailer jails;
  auto small = jails.client().make_volume({.size = 1_MiB, .inodes = 10});
  REQUIRE(small.has_value());
  const auto ran = run(jails.client(), with_volume(R"(
try: open('/site/x', 'wb').write(bytes(2 << 20))
except OSError as e: print(e.strerror)
try:
    for n in range(20): open(f'/site/{n}', 'x')
except OSError as e: print(e.strerror)
)"),
                       {&*small});
  CHECK(ran.out == "No space left on device\nNo space left on device\n");
}

TEST_CASE("A link that a jail leaves in a volume redirects no later mount") {
  started_jailer jails;
  auto shared = jails.client().make_volume({});
  REQUIRE(shared.has_value());
  CHECK(run(jails.client(), with_volume("import os; os.symlink('/etc', '/site/tmp')"), {&*shared}).err == "");
  auto trapped = with_volume("print('ran')");
  trapped.tmpfs.push_back({.target = "/site/tmp"});
  auto started = jails.client().start(trapped, std::vector<const volume*>{&*shared});
  REQUIRE(started.has_error());
  CHECK(started.error().error == ELOOP);
}

TEST_CASE("A dropped volume is unmounted and can't be named again") {
  started_jailer jails;
  REQUIRE(run(jails.client(), inmate({"descriptors"})).how.code == 0);
  const auto mounts = jails.mounts();
  std::uint64_t id = 0;
  {
    auto shared = jails.client().make_volume({});
    REQUIRE(shared.has_value());
    id = shared->id();
    CHECK(jails.mounts() == mounts + 1);
  }
  CHECK(id != 0);
  CHECK(eventually([&] { return jails.mounts() == mounts; }));
}

TEST_CASE("A jail keeps its volume though the holder drops it") {
  started_jailer jails;
  auto shared = std::make_unique<result<volume>>(jails.client().make_volume({}));
  REQUIRE(shared->has_value());
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  auto started = jails.client().start(with_volume("input(); open('/site/x', 'w').write('x'); print('wrote')"),
                                      std::vector<const volume*>{&**shared}, unique_fd{ends[0]});
  REQUIRE(started.has_value());
  shared.reset();
  REQUIRE(::write(ends[1], "\n", 1) == 1);
  CHECK(collect(*started).out == "wrote\n");
  ::close(ends[1]);
}

TEST_CASE("A volume without a size is refused") {
  started_jailer jails;
  CHECK(jails.client().make_volume({.size = 0_B}).has_error());
  CHECK(jails.client().make_volume({.inodes = 0}).has_error());
}
