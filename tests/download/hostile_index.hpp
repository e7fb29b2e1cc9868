#pragma once
/// Starts tests/support/hostile_index.py on a free port and ends it.

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

extern char** environ;

namespace lazaret::tests {

class hostile_index {
 public:
  explicit hostile_index(std::vector<std::string> folders = {}) {
    std::array<int, 2> out{};
    if (::pipe2(out.data(), O_CLOEXEC) != 0) throw std::runtime_error{"pipe2"};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    std::vector<std::string> words{"/usr/bin/python3", LAZARET_SOURCE_DIR "/tests/support/hostile_index.py"};
    words.insert(words.end(), folders.begin(), folders.end());
    std::vector<char*> argv;
    for (auto& w : words) argv.push_back(w.data());
    argv.push_back(nullptr);
    const int code = ::posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(out[1]);
    std::array<char, 32> line{};
    if (code != 0 || ::read(out[0], line.data(), line.size() - 1) <= 0) throw std::runtime_error{"hostile_index.py"};
    ::close(out[0]);
    std::size_t read = 0;
    port_ = std::stoi(line.data(), &read);
    if (line[read] == ' ') tls_port_ = std::stoi(line.data() + read);
  }
  ~hostile_index() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  hostile_index(const hostile_index&) = delete;
  hostile_index& operator=(const hostile_index&) = delete;

  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }

  /// With `--tls`, PEM among the folders.
  [[nodiscard]] std::string tls_url(const std::string& path) const {
    return "https://127.0.0.1:" + std::to_string(tls_port_) + path;
  }

 private:
  pid_t pid_ = -1;
  int port_ = 0, tls_port_ = 0;
};

}  // namespace lazaret::tests
