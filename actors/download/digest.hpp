#pragma once
/// SHA-256 while bytes stream by. Not thread-safe; one object per stream.

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace lazaret::download {

class sha256 {
 public:
  sha256();
  ~sha256();
  sha256(sha256&&) noexcept;
  sha256& operator=(sha256&&) noexcept;

  void restart();
  void update(std::string_view bytes);
  /// 64 lower-case hex digits. Only restart() may follow.
  [[nodiscard]] std::string finish();

 private:
  struct context;
  std::unique_ptr<context> context_;
};

[[nodiscard]] std::string sha256_of(std::string_view bytes);
/// Of what is left to read from `fd`, from offset 0; nothing when a read fails (errno).
[[nodiscard]] std::optional<std::string> sha256_of_file(int fd);
/// Exactly 64 hex digits.
[[nodiscard]] bool is_sha256(std::string_view text) noexcept;

}  // namespace lazaret::download
