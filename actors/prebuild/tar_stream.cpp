#include "actors/prebuild/tar_stream.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

#include "sandbox/try.hpp"

namespace lazaret::prebuild {
namespace {

using sandbox::failure;
using sandbox::result;

/// Long names and not much else stand in an extended header.
constexpr std::uint64_t longest_extension = 64 << 10;

failure broken(const char* why) { return {"read_layer", EILSEQ, "the archive", why}; }

template <class T>
std::optional<T> number(std::string_view text, int base) {
  const auto from = std::min(text.find_first_not_of(' '), text.size());
  const auto to = std::min(text.find_first_of(std::string_view{" \0", 2}, from), text.size());
  T value = 0;
  if (from == to) return value;
  const auto [end, error] = std::from_chars(text.data() + from, text.data() + to, value, base);
  return error == std::errc{} && end == text.data() + to ? std::optional{value} : std::nullopt;
}

std::string_view text_of(std::string_view field) { return field.substr(0, field.find('\0')); }

bool has_right_sum(std::string_view header) {
  std::uint32_t sum = 8 * ' ';
  for (std::size_t i = 0; i < header.size(); ++i)
    if (i < 148 || i >= 156) sum += static_cast<unsigned char>(header[i]);
  return number<std::uint32_t>(header.substr(148, 8), 8) == sum;
}

}  // namespace

result<void> tar_stream::feed(std::string_view bytes) {
  while (!bytes.empty() && !is_complete()) {
    if (left_ > 0) {
      const auto some = bytes.substr(0, std::min<std::uint64_t>(left_, bytes.size()));
      if (in_extension_)
        extension_ += some;
      else if (in_file_)
        LAZARET_TRY(to_.content(some));
      bytes.remove_prefix(some.size());
      left_ -= some.size();
      if (left_ == 0 && in_extension_) LAZARET_TRY(take_extension());
    } else if (padding_ > 0) {
      const auto skipped = std::min<std::uint64_t>(padding_, bytes.size());
      bytes.remove_prefix(skipped);
      padding_ -= skipped;
    } else {
      const auto some = bytes.substr(0, block - header_.size());
      header_ += some;
      bytes.remove_prefix(some.size());
      if (header_.size() < block) continue;
      LAZARET_TRY(take_header());
      header_.clear();
    }
  }
  return {};
}

/// Records `LENGTH KEY=VALUE\n`, LENGTH in decimal and of the whole record.
result<void> tar_stream::take_extension() {
  std::string_view text = extension_;
  while (!text.empty()) {
    const auto space = std::min(text.find(' '), text.size());
    const auto length = number<std::size_t>(text.substr(0, space), 10).value_or(0);
    if (length <= space + 1 || length > text.size() || text[length - 1] != '\n')
      return broken("has an extended header that is none");
    const auto record = text.substr(space + 1, length - space - 2);
    const auto equals = record.find('=');
    if (equals == record.npos) return broken("has an extended header that is none");
    next_.insert_or_assign(std::string{record.substr(0, equals)}, record.substr(equals + 1));
    text.remove_prefix(length);
  }
  extension_.clear();
  in_extension_ = false;
  return {};
}

result<void> tar_stream::take_header() {
  const std::string_view header = header_;
  if (std::ranges::all_of(header, [](char c) { return c == 0; })) {
    ++zeros_;
    return {};
  }
  zeros_ = 0;
  if (!has_right_sum(header)) return broken("has a header with a wrong sum");
  const auto size = number<std::uint64_t>(header.substr(124, 12), 8);
  const auto mode = number<std::uint32_t>(header.substr(100, 8), 8);
  const auto modified = number<std::int64_t>(header.substr(136, 12), 8);
  if (!size || !mode || !modified) return broken("has a header with a number that is none");

  const char type = header[156];
  in_extension_ = type == 'x' || type == 'g';
  if (in_extension_ && *size > longest_extension) return broken("has an extended header that is too long");
  in_file_ = type == '0' || type == '\0';
  left_ = *size;
  if (!in_extension_) {
    tar_entry entry;
    entry.what = in_file_      ? tar_entry::kind::file
                 : type == '5' ? tar_entry::kind::directory
                 : type == '2' ? tar_entry::kind::symbolic_link
                               : tar_entry::kind::other;
    const auto prefix = text_of(header.substr(345, 155));
    entry.path = (prefix.empty() ? "" : std::string{prefix} + "/") + std::string{text_of(header.substr(0, 100))};
    entry.link = text_of(header.substr(157, 100));
    if (const auto found = next_.find("path"); found != next_.end()) entry.path = found->second;
    if (const auto found = next_.find("linkpath"); found != next_.end()) entry.link = found->second;
    if (const auto found = next_.find("size"); found != next_.end()) {
      const auto larger = number<std::uint64_t>(found->second, 10);
      if (!larger || *larger >= 1ULL << 62) return broken("has a size that is none");
      left_ = *larger;
    }
    next_.clear();
    if (entry.path.size() > 1 && entry.path.ends_with('/')) entry.path.pop_back();
    if (!in_file_ && type != '7') left_ = type >= '1' && type <= '6' ? 0 : left_;
    entry.size = in_file_ ? left_ : 0;
    entry.mode = *mode;
    entry.modified = *modified;
    LAZARET_TRY(to_.entry(entry));
  }
  padding_ = (block - left_ % block) % block;
  return {};
}

}  // namespace lazaret::prebuild
