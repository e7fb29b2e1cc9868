#include "actors/batch/log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "actors/json.hpp"
#include "actors/on_disk.hpp"

namespace lazaret::batch {
namespace {

using sandbox::os_failure;
using sandbox::result;
using sandbox::unique_fd;

/// How many bytes at the end may be the beginning of a character whose rest is still to come.
std::size_t open_end(std::string_view text) {
  for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    const std::size_t length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

}  // namespace

result<log_writer> log_writer::create(const std::filesystem::path& file, std::function<void()> written) {
  unique_fd fd{::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600)};
  if (!fd) return os_failure("log", "open " + file.string());
  return log_writer{std::move(fd), file, std::move(written)};
}

void log_writer::append(std::string_view bytes) {
  held_ += bytes;
  const auto whole = held_.size() - open_end(held_);
  put(actors::valid_utf8(std::string_view{held_}.substr(0, whole)));
  held_.erase(0, whole);
}

void log_writer::note(std::string_view text) {
  put(actors::valid_utf8(held_));
  held_.clear();
  put((in_line_ ? "\n[runner] " : "[runner] ") + std::string{text} + "\n");
}

result<void> log_writer::sync() const {
  if (::fsync(file_.get()) != 0) return os_failure("log", "fsync " + path_.string());
  return actors::sync_folder(path_.parent_path());
}

void log_writer::put(std::string_view text) {
  if (text.empty()) return;
  const auto ended = std::ranges::count(text, '\n');
  in_line_ = text.back() != '\n';
  while (!text.empty()) {
    const auto n = ::write(file_.get(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  lines_ += static_cast<std::uint64_t>(ended);
  if (ended > 0 && written_) written_();
}

std::uint64_t count_lines(const std::filesystem::path& log) {
  const unique_fd fd{::open(log.c_str(), O_RDONLY | O_CLOEXEC)};
  std::vector<char> piece(256 << 10);
  std::uint64_t lines = 0;
  for (;;) {
    const auto n = fd ? ::read(fd.get(), piece.data(), piece.size()) : 0;
    if (n <= 0) return lines;
    lines += static_cast<std::uint64_t>(std::count(piece.begin(), piece.begin() + n, '\n'));
  }
}

}  // namespace lazaret::batch
