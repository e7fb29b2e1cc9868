#pragma once
/// A real redis-server of a test's own, in a temporary folder, on a unix socket (and on what `options` adds), with an
/// append-only file. It is ended with the object, and with the test.

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/temporary_folder.hpp"

namespace lazaret::durable::test {

class redis_process {
 public:
  /// Returns once it answers. `options`: as on its command line.
  explicit redis_process(std::vector<std::string> options = {});
  redis_process(const redis_process&) = delete;
  redis_process& operator=(const redis_process&) = delete;
  ~redis_process();

  /// `unix://...?prefix=`
  [[nodiscard]] std::string url(std::string_view prefix = "lazaret:") const;
  [[nodiscard]] std::string socket() const { return folder_.path() / "redis.sock"; }
  [[nodiscard]] const lazaret::testing::temporary_folder& folder() const { return folder_; }

  void signal(int number) const;
  /// kill -9, and waits until it is gone.
  void kill();
  /// With what is on its disk; `empty`: without.
  void start(bool empty = false);
  /// What redis-cli says to a command (of this server's unix socket), without the newline at its end.
  std::string cli(const std::vector<std::string>& command) const;

 private:
  lazaret::testing::temporary_folder folder_;
  std::vector<std::string> options_;
  int pid_ = -1;
};

/// A loopback port that nobody listens on now.
[[nodiscard]] int free_port();
/// Runs a program to its end; what it printed. Throws when it fails.
std::string run(const std::vector<std::string>& command);

}  // namespace lazaret::durable::test
