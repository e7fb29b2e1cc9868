#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <catch2/catch.hpp>

#include "sandbox/wire.hpp"
#include "tests/sandbox/started_jailer.hpp"

using namespace lazaret::sandbox;
using namespace lazaret::sandbox::testing;

namespace {

policy python_in_home(std::string code) {
  auto what = python(std::move(code));
  what.volumes.push_back({.index = 0, .target = "/home"});
  what.working_directory = "/home";
  return what;
}

std::string content(const unique_fd& file, std::size_t size) {
  std::string text(size + 1, '\0');
  const auto n = ::pread(file.get(), text.data(), text.size(), 0);
  text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  return text;
}

}  // namespace

// (The sparse file is larger than the volume, and no larger than a file may be where no cgroup counts memory.)
SCENARIO("regular files at the top of a volume are handed out open, a few at a time, whatever their mode") {
  started_jailer j;
  auto space = j.client().make_volume({.size = 8_MiB, .inodes = 1000});
  REQUIRE(space.has_value());
  CHECK(j.client().hand_out(*space, "")->files.empty());
  const auto ran = run(j.client(),
                       python_in_home("import os\nfor n in range(20):\n  open(f'f{n:02}', 'w').write('x' * n)\n"
                                      "os.chmod('f03', 0); os.truncate('f04', 1 << 24)\n"
                                      "os.symlink('f01', 'link'); os.symlink('/etc/passwd', 'out')\n"
                                      "os.mkfifo('pipe'); os.mkdir('d'); open('d/in', 'w')\n"
                                      "os.chmod('.', 0)"),
                       {&*space});
  CHECK(ran.err.empty());
  std::vector<std::string> names;
  std::string after;
  for (bool more = true; more;) {
    auto some = j.client().hand_out(*space, after);
    REQUIRE(some.has_value());
    REQUIRE(some->files.size() <= wire::max_fds);
    REQUIRE(some->files.size() == some->opened.size());
    CHECK((some->directories == 1 && some->special == 3 && some->unreadable == 0));
    for (std::size_t n = 0; n < some->files.size(); ++n) {
      const auto& [name, size] = some->files[n];
      const auto number = std::stoul(name.substr(1));
      CHECK(size == (number == 4 ? 1ULL << 24 : number));
      if (number != 4) CHECK(content(some->opened[n], size) == std::string(number, 'x'));
      CHECK(::write(some->opened[n].get(), "y", 1) == -1);
      names.push_back(name);
    }
    more = some->more;
    after = names.back();
  }
  REQUIRE(names.size() == 20);
  CHECK(std::is_sorted(names.begin(), names.end()));
}
