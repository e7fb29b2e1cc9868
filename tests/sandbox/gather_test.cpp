// What a program leaves behind is read, and nothing else: no link is followed, nothing blocks, everything is bounded,
// also while a hostile process goes on changing it.
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "sandbox/gather.hpp"
#include "sandbox/path_pattern.hpp"
#include "tests/sandbox/started_jailer.hpp"

using namespace lazaret::sandbox;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

/// A directory that goes with the test, and beside it a secret that nobody may bring back.
class tree {
 public:
  tree() {
    std::string pattern = (fs::temp_directory_path() / "lazaret-gather-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    outer_ = pattern;
    fs::create_directory(path());
    std::ofstream{outer_ / "secret"} << "SECRET";
    root_.reset(::open(path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~tree() { fs::remove_all(outer_); }
  tree(const tree&) = delete;
  [[nodiscard]] fs::path path() const { return outer_ / "left"; }
  [[nodiscard]] fs::path outside() const { return outer_; }
  [[nodiscard]] int root() const { return root_.get(); }
  void put(const std::string& name, const std::string& content) const {
    fs::create_directories((path() / name).parent_path());
    std::ofstream{path() / name} << content;
  }

 private:
  fs::path outer_;
  unique_fd root_;
};

/// Links are not followed unless a test says so.
gathered brought_back(int root, const std::vector<std::string>& select = {},
                      gather_options options = {.follow_links = false}) {
  options.select = select;
  auto found = gather(root, options);
  if (!found) FAIL(found.error().describe());
  return std::move(*found);
}

std::string paths(const gathered& h) {
  std::string all;
  for (const auto& file : h.files) all += file.path + " ";
  return all;
}

std::string why(const gathered& h, const std::string& path) {
  for (const auto& entry : h.left)
    if (entry.path == path) return std::string{name(entry.why)};
  return "";
}

bool holds(const gathered& h, const std::string& text) {
  return std::any_of(h.files.begin(), h.files.end(),
                     [&](const auto& file) { return file.content.find(text) != std::string::npos; });
}

}  // namespace

TEST_CASE("Files come back with their paths and contents, in order") {
  const tree left;
  left.put("b.txt", "two");
  left.put("a/deep/er.txt", std::string{"\0binary\xff", 8});
  left.put("empty", "");
  const auto found = brought_back(left.root());
  CHECK(paths(found) == "a/deep/er.txt b.txt empty ");
  CHECK(found.files[0].content == std::string{"\0binary\xff", 8});
  CHECK(found.files[1].content == "two");
  CHECK(found.left.empty());
  CHECK(found.complete);
  CHECK(paths(brought_back(left.root())) == paths(found));  // the root's own offset stays where it was
}

TEST_CASE("Patterns choose, and cost no more than their length") {
  const auto matches = [](std::string_view pattern, std::string_view path) {
    return path_pattern{pattern}.matches(path);
  };
  CHECK(matches("*.txt", "a.txt"));
  CHECK_FALSE(matches("*.txt", "a/b.txt"));
  CHECK(matches("**.txt", "a/b.txt"));
  CHECK(matches("**/b.txt", "x/y/b.txt"));
  CHECK(matches("a/?/c", "a/b/c"));
  CHECK_FALSE(matches("a?c", "a/c"));
  CHECK(matches("**", "any/thing"));
  CHECK_FALSE(matches("", "a"));
  CHECK(matches("", ""));
  CHECK_FALSE(matches("a", "ab"));
  CHECK(matches("**/b.txt", "b.txt"));
  CHECK_FALSE(matches("**/b.txt", "xb.txt"));
  CHECK(matches("a/**/b", "a/b"));
  CHECK(matches("a/**/b", "a/x/y/b"));
  CHECK_FALSE(matches("a/**/b", "a/xb"));
  CHECK(matches("a**/b", "ax/y/b"));
  CHECK(matches("[a-cx]", "b"));
  CHECK(matches("[]]", "]"));
  CHECK_FALSE(matches("[!_]*", "_a"));
  CHECK(matches("**/[!_]*", "_d/a"));
  CHECK_FALSE(matches("a[!b]c", "a/c"));
  CHECK(matches("[a", "[a"));
  CHECK(path_pattern{"a/*.txt"}.may_match_below("a"));
  CHECK_FALSE(path_pattern{"a/*.txt"}.may_match_below("a/b"));
  CHECK_FALSE(path_pattern{"*.txt"}.may_match_below("a"));
  CHECK(path_pattern{"**/x"}.may_match_below("a/b"));
  std::string stars, letters(1000, 'a');
  for (int n = 0; n < 80; ++n) stars += "*a";
  const auto start = std::chrono::steady_clock::now();
  CHECK_FALSE(matches(stars + "b", letters));
  CHECK(std::chrono::steady_clock::now() - start < 1s);

  const tree left;
  for (const auto* name : {"out.png", "out.txt", "sub/out.png", "main.py"}) left.put(name, "x");
  CHECK(paths(brought_back(left.root(), {"*.png", "main.*"})) == "main.py out.png ");
  CHECK(paths(brought_back(left.root(), {"**.png"})) == "out.png sub/out.png ");
  CHECK(gather(left.root(), {.select = {"/etc/*"}}).has_error());
  CHECK(gather(left.root(), {.select = {""}}).has_error());
  CHECK(gather(left.root(), {.select = std::vector<std::string>(65, "x")}).has_error());
}

TEST_CASE("No symbolic link is followed, whether at the end of a path or on the way") {
  const tree left;
  left.put("real", "real");
  fs::create_symlink("../secret", left.path() / "relative");
  fs::create_symlink(left.outside() / "secret", left.path() / "absolute");
  fs::create_directory_symlink(left.outside(), left.path() / "folder");
  fs::create_symlink("/proc/self/root/etc/passwd", left.path() / "magic");
  fs::create_symlink("real", left.path() / "inside");
  fs::create_symlink("loop", left.path() / "loop");
  const auto found = brought_back(left.root());
  CHECK(paths(found) == "real ");
  for (const auto* link : {"relative", "absolute", "folder", "magic", "inside", "loop"})
    CHECK(why(found, link) == "symbolic_link");
  for (const auto* way_out : {"relative", "folder/secret", "../secret", "/etc/passwd", "a/../../secret", "magic", "."})
    CHECK(open_left_file(left.root(), way_out).has_error());
  CHECK(open_left_file(left.root(), "real").has_value());
}

TEST_CASE("FIFOs, sockets and devices are named, not opened") {
  const tree left;
  REQUIRE(::mkfifo((left.path() / "pipe").c_str(), 0666) == 0);
  const unique_fd listener{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (left.path() / "socket").string().copy(address.sun_path, sizeof address.sun_path - 1);
  REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  if (::geteuid() == 0) REQUIRE(::mknod((left.path() / "null").c_str(), S_IFCHR | 0666, makedev(1, 3)) == 0);
  const auto start = std::chrono::steady_clock::now();
  const auto found = brought_back(left.root());
  CHECK(std::chrono::steady_clock::now() - start < 1s);
  CHECK(found.files.empty());
  CHECK(why(found, "pipe") == "fifo");
  CHECK(why(found, "socket") == "socket");
  if (::geteuid() == 0) CHECK(why(found, "null") == "device");
  CHECK(open_left_file(left.root(), "pipe").has_error());
  // Nobody opened it: a writer who waits for a reader would have been let through.
  CHECK(::open((left.path() / "pipe").c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC) == -1);
  CHECK(errno == ENXIO);
}

TEST_CASE("A leased file holds nobody up") {
  const tree left;
  left.put("leased", "x");
  const unique_fd holder{::open((left.path() / "leased").c_str(), O_RDWR | O_CLOEXEC)};
  REQUIRE(::fcntl(holder.get(), F_SETSIG, SIGCONT) == 0);  // the break is announced by a signal that does nothing
  REQUIRE(::fcntl(holder.get(), F_SETLEASE, F_WRLCK) == 0);
  const auto start = std::chrono::steady_clock::now();
  const auto found = brought_back(left.root());
  CHECK(std::chrono::steady_clock::now() - start < 1s);
  CHECK(why(found, "leased") == "unreadable");
}

TEST_CASE("Size, number, depth, length and total are bounded") {
  const tree left;
  for (int n = 0; n < 10; ++n) left.put("f" + std::to_string(n), std::string(1000, 'x'));
  CHECK(brought_back(left.root(), {}, {.most_files = 4}).files.size() == 4);
  CHECK(brought_back(left.root(), {}, {.most_files = 4}).left_because(skipped::too_many) == 6);
  CHECK(brought_back(left.root(), {}, {.file_size = 999_B}).files.empty());
  CHECK(brought_back(left.root(), {}, {.most_bytes = 3500_B}).files.size() == 3);
  const auto few = brought_back(left.root(), {}, {.entries = 5});
  CHECK(few.files.size() == 5);
  CHECK_FALSE(few.complete);
  CHECK_FALSE(brought_back(left.root(), {}, {.within = 0ms}).complete);

  CHECK(brought_back(left.root(), {}, {.most_bytes = 3500_B, .ends_when_full = true}).left.size() == 1);
  left.put(".hidden/f", "x");
  CHECK(paths(brought_back(left.root(), {"**/f"})).empty());
  CHECK(paths(brought_back(left.root(), {"**/f"}, {.hidden = true})) == ".hidden/f ");

  left.put("huge", "");
  fs::resize_file(left.path() / "huge", 1ULL << 40);  // sparse: a terabyte on paper
  CHECK(why(brought_back(left.root()), "huge") == "too_large");
  left.put("1/2/3/4", "deep");
  const auto shallow = brought_back(left.root(), {"**/4"}, {.depth = 3});
  CHECK(shallow.files.empty());
  CHECK(why(shallow, "1/2/3") == "too_deep");
  CHECK(paths(brought_back(left.root(), {"**/4"}, {.depth = 4})) == "1/2/3/4 ");
  left.put("long/" + std::string(200, 'n'), "x");
  CHECK(brought_back(left.root(), {"long/**"}, {.path = 100}).left_because(skipped::path_too_long) == 1);
}

TEST_CASE("A directory of very many names, and a chain of very many directories, end in time") {
  const tree left;
  auto here = left.path();
  for (int n = 0; n < 300; ++n) fs::create_directory(here /= "d");
  for (int n = 0; n < 3000; ++n) std::ofstream{left.path() / std::to_string(n)};
  const auto found = brought_back(left.root());
  CHECK(found.files.size() == 100);
  CHECK(found.left.size() == 256);
  CHECK(found.left_because(skipped::too_many) == 3000 - 100);
  CHECK(found.left_because(skipped::too_deep) == 1);
  CHECK(why(brought_back(left.root(), {"**/none"}, {.depth = 4}), "d/d/d/d") == "too_deep");
  CHECK(brought_back(left.root(), {"none"}).left.empty());  // nothing of it can lie further down
}

TEST_CASE("A file that grows or shrinks while it is looked at comes back whole or not at all") {
  const tree left;
  left.put("log", "");
  std::jthread writer{[&](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::ofstream{left.path() / "log", std::ios::app} << "line\n";
      if (fs::file_size(left.path() / "log") > 1 << 16) fs::resize_file(left.path() / "log", 0);
    }
  }};
  for (int n = 0; n < 200; ++n)
    for (const auto& file : brought_back(left.root()).files) CHECK(file.content.size() % 5 == 0);
}

TEST_CASE("What changes while it is read is never the host's") {
  const tree left;
  const std::string even(1 << 20, 'e'), odd(1 << 20, 'o');
  left.put("flip", even);
  left.put("swap/secret", "harmless");
  std::jthread racer{[&](const std::stop_token& stop) {
    const auto at = [&](const char* name) { return (left.path() / name).string(); };
    for (unsigned turn = 0; !stop.stop_requested(); ++turn) {
      // A file, a link, a FIFO and a directory take turns under one name; a file grows; a directory turns into a link.
      ::unlink(at("kind").c_str());
      ::rmdir(at("kind").c_str());
      if (turn % 4 == 0) std::ofstream{at("kind")} << "harmless";
      if (turn % 4 == 1) (void)!::symlink("../secret", at("kind").c_str());
      if (turn % 4 == 2) ::mkfifo(at("kind").c_str(), 0666);
      if (turn % 4 == 3) ::mkdir(at("kind").c_str(), 0777);
      ::rename(at("swap").c_str(), at("hidden").c_str());
      (void)!::symlink("..", at("swap").c_str());
      ::unlink(at("swap").c_str());
      ::rename(at("hidden").c_str(), at("swap").c_str());
      const unique_fd file{::open(at("flip").c_str(), O_WRONLY | O_CLOEXEC)};
      const auto& text = turn % 2 == 0 ? odd : even;
      (void)!::pwrite(file.get(), text.data(), text.size(), 0);
    }
  }};
  int whole = 0;
  const auto start = std::chrono::steady_clock::now();
  for (int n = 0; n < 100; ++n) {
    const auto found = brought_back(left.root());
    CHECK_FALSE(holds(found, "SECRET"));
    for (const auto& file : found.files) {
      if (file.path != "flip") continue;
      ++whole;
      CHECK(file.content.find_first_not_of("eo") == std::string::npos);
    }
    (void)open_left_file(left.root(), "kind");
    if (auto reached = open_left_file(left.root(), "swap/secret"); reached.has_value()) {
      std::array<char, 16> text{};
      CHECK(::read(reached->get(), text.data(), text.size()) == 8);
    }
  }
  CHECK(std::chrono::steady_clock::now() - start < 60s);
  CHECK(whole > 0);
}

TEST_CASE("A volume is read while its jail attacks who reads it") {
  testing::started_jailer jails;
  auto shared = jails.client().make_volume({.size = 16_MiB, .inodes = 1000});
  REQUIRE(shared.has_value());
  auto what = testing::python(R"(
import itertools, os
os.chdir('/volume')
print('racing', flush=True)
for n in itertools.count():
    for make in (lambda: open('x', 'w').write('inside' * 1000), lambda: os.symlink('/etc/passwd', 'x'), lambda: os.mkfifo('x'),
                 lambda: os.symlink('/proc/1/root', 'x'), lambda: os.link('y', 'x'), lambda: os.mkdir('x')):
        try: make()
        except OSError: pass
        try: os.rename('x', 'y')
        except OSError: pass
        try: os.unlink('x')
        except OSError: pass
        try: os.rmdir('x')
        except OSError: pass
)");
  what.volumes.push_back({.index = 0, .target = "/volume"});
  auto started = jails.client().start(what, std::array<const volume*, 1>{&*shared});
  REQUIRE(started.has_value());
  std::jthread running{[&](const std::stop_token& stop) { (void)started->wait({}, stop); }};
  const auto start = std::chrono::steady_clock::now();
  std::size_t seen = 0;
  for (int n = 0; n < 100 || seen == 0; ++n) {
    const auto found = brought_back(shared->root());
    seen += found.files.size() + found.left.size();
    CHECK_FALSE(holds(found, "root:"));
    for (const auto& file : found.files)
      if (!file.content.empty()) CHECK(file.content.size() % 6 == 0);
    if (std::chrono::steady_clock::now() - start > 30s) break;
  }
  CHECK(seen > 0);
}
