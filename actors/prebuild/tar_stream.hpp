#pragma once
/// Reads a tar archive as it comes, in pieces of any size (POSIX.1-2017, pax, "ustar Interchange Format" and "pax
/// Interchange Format"). Who wrote it is hostile: nothing is believed but what fits together. Pure; not thread-safe.

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "sandbox/failure.hpp"

namespace lazaret::prebuild {

struct tar_entry {
  enum class kind : std::uint8_t { file, directory, symbolic_link, other };
  kind what = kind::other;
  std::string path;  ///< as written, but for a `/` at its end
  std::string link;  ///< of a symbolic link
  std::uint64_t size = 0;
  std::uint32_t mode = 0;
  std::int64_t modified = 0;  ///< seconds since the epoch
};

class tar_stream {
 public:
  /// Each may fail, which ends the stream. `content` comes for files only, after `entry`, at most `size` bytes in all.
  struct sinks {
    std::function<sandbox::result<void>(const tar_entry&)> entry;
    std::function<sandbox::result<void>(std::string_view)> content;
  };
  explicit tar_stream(sinks to) : to_{std::move(to)} {}

  [[nodiscard]] sandbox::result<void> feed(std::string_view bytes);
  /// The end was written: two blocks of zeros. What follows it is ignored.
  [[nodiscard]] bool is_complete() const noexcept { return zeros_ >= 2; }

 private:
  static constexpr std::size_t block = 512;
  sandbox::result<void> take_header();
  sandbox::result<void> take_extension();

  sinks to_;
  std::string header_;  ///< less than a block of it
  std::string extension_;
  std::map<std::string, std::string, std::less<>> next_;  ///< what an extended header says of the entry that follows
  std::uint64_t left_ = 0, padding_ = 0;                  ///< of the entry in hand
  bool in_extension_ = false, in_file_ = false;
  unsigned zeros_ = 0;
};

}  // namespace lazaret::prebuild
