#include "sandbox/proc_text.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

std::string read_text(const char* path) {
  const unique_fd file{::open(path, O_RDONLY | O_CLOEXEC)};
  std::string text;
  std::array<char, 8192> piece;
  for (ssize_t n = 0; (n = ::read(file.get(), piece.data(), piece.size())) > 0;)
    text.append(piece.data(), static_cast<std::size_t>(n));
  return text;
}

std::vector<std::string_view> words(std::string_view text, char separator) {
  std::vector<std::string_view> all;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(separator));
    if (!word.empty()) all.push_back(word);
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return all;
}

}  // namespace lazaret::sandbox
