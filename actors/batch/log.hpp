#pragma once
/// A job's log: what its program prints, as it comes, between lines of ours. Always UTF-8 (what isn't becomes U+FFFD),
/// so that any part of it that ends with a line can be sent as it is. One writer; readers read the file.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "sandbox/failure.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::batch {

class log_writer {
 public:
  /// Makes the file. `written` is called after each addition that ended a line.
  [[nodiscard]] static sandbox::result<log_writer> create(const std::filesystem::path& file,
                                                          std::function<void()> written);

  /// Of the program. A character may be cut; a disk that is full drops the rest, for the program need not know.
  void append(std::string_view bytes);
  /// `[runner] TEXT`, on a line of its own.
  void note(std::string_view text);
  /// On disk when it returns, and found there.
  [[nodiscard]] sandbox::result<void> sync() const;
  [[nodiscard]] std::uint64_t lines() const noexcept { return lines_; }

 private:
  log_writer(sandbox::unique_fd file, std::filesystem::path path, std::function<void()> written)
      : file_{std::move(file)}, path_{std::move(path)}, written_{std::move(written)} {}
  void put(std::string_view text);
  sandbox::unique_fd file_;
  std::filesystem::path path_;
  std::function<void()> written_;
  std::string held_;  ///< the beginning of a character
  bool in_line_ = false;
  std::uint64_t lines_ = 0;
};

/// Lines that have ended.
[[nodiscard]] std::uint64_t count_lines(const std::filesystem::path& log);

}  // namespace lazaret::batch
