#pragma once
/// How an archive of strangers is read by libarchive: which formats, from which bytes, and what its names mean. For
/// archive.cpp, which looks, and archive_unpack.cpp, which writes.

#include <archive.h>
#include <locale.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lazaret::download {

/// libarchive decodes names with the thread's locale and gives none at all for UTF-8 under "C".
class utf8_locale {
 public:
  utf8_locale() : mine_{::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)}, before_{::uselocale(mine_)} {}
  ~utf8_locale() {
    ::uselocale(before_);
    if (mine_ != nullptr) ::freelocale(mine_);
  }
  utf8_locale(const utf8_locale&) = delete;
  utf8_locale& operator=(const utf8_locale&) = delete;

 private:
  locale_t mine_, before_;
};

/// The file as libarchive reads it: by pread(2), so that two may read one descriptor, and never past its size at the
/// start.
struct archive_source {
  int fd = -1;
  std::int64_t size = 0, at = 0;
  std::array<char, 64 << 10> block{};

  static la_ssize_t read(archive*, void* self, const void** out);
  static la_int64_t seek(archive*, void* self, la_int64_t offset, int whence);
};
[[nodiscard]] archive_source source_of(int fd);

using archive_reader = std::unique_ptr<archive, decltype(&::archive_read_free)>;

/// Not opened yet. Reads only what the name promises: a file that is something else is refused rather than guessed at.
[[nodiscard]] archive_reader make_reader(archive_source& from, std::string_view filename);

/// Components without `.` and empty ones; nothing when the path is absolute or has a `..`.
[[nodiscard]] std::optional<std::vector<std::string>> clean(std::string_view path);
[[nodiscard]] std::string joined(const std::vector<std::string>& parts);

}  // namespace lazaret::download
