#include "actors/download/archive.hpp"

#include <archive_entry.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <optional>
#include <set>
#include <unordered_map>

#include "actors/download/archive_reader.hpp"
#include "actors/download/listing.hpp"

namespace lazaret::download {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t largest_metadata = 1 << 20;  // of one METADATA or entry_points.txt; the rest of it is not read

/// One line for reports: names come from the archive.
std::string shown(std::string_view text) {
  std::string line{text.substr(0, 200)};
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return text.size() > 200 ? line + "..." : line;
}

class examiner {
 public:
  examiner(std::string_view filename, actors::artefact_kind kind, const archive_limits& limits, std::stop_token stop,
           std::int64_t packed)
      : filename_{filename}, limits_{limits}, stop_{std::move(stop)}, packed_{packed}, builder_{kind} {}

  archive_examination examine(archive_source& from);

 private:
  enum class entry_kind : std::uint8_t { file, folder, symlink, hardlink };

  void break_rule(std::string rule, std::string evidence) {
    note(std::move(rule), evidence);
    if (out_.unpackable) out_.error = std::move(evidence);
    out_.unpackable = false;
  }
  void note(std::string rule, std::string evidence) {
    if (out_.notes.size() < 100) out_.notes.push_back({std::move(rule), std::move(evidence)});
  }
  bool enter(archive_entry* entry);
  bool read_content(archive* from, const std::string& path);
  bool within_bounds();
  void check_links();

  std::string filename_;
  const archive_limits& limits_;
  std::stop_token stop_;
  std::int64_t packed_;
  clock::time_point deadline_ = clock::now() + limits_.time;
  listing_builder builder_;
  archive_examination out_;
  std::uint64_t entries_ = 0, unpacked_ = 0, names_ = 0;
  std::unordered_map<std::string, entry_kind> seen_;
  std::vector<std::pair<std::string, std::string>> symlinks_, hardlinks_;  // path, target
};

/// Time, bytes and ratio: asked after each block.
bool examiner::within_bounds() {
  if (stop_.stop_requested()) return break_rule("archive_limits", "canceled"), false;
  if (clock::now() > deadline_)
    return break_rule("archive_limits", "takes longer than " + std::to_string(limits_.time.count()) + " ms to read"),
           false;
  if (unpacked_ > limits_.unpacked.count)
    return break_rule("archive_bomb", "unpacks to more than " + std::to_string(limits_.unpacked.count) + " bytes"),
           false;
  if (unpacked_ > limits_.ratio_floor.count && unpacked_ / limits_.ratio > static_cast<std::uint64_t>(packed_))
    return break_rule("archive_bomb", "unpacks to more than " + std::to_string(limits_.ratio) + " times its " +
                                          std::to_string(packed_) + " bytes"),
           false;
  return true;
}

/// Checks an entry's header. False: reading can't go on.
bool examiner::enter(archive_entry* entry) {
  if (++entries_ > limits_.files)
    return break_rule("archive_limits", "has more than " + std::to_string(limits_.files) + " entries"), false;
  const char* raw = ::archive_entry_pathname(entry);
  const std::string_view path = raw ? raw : "";
  names_ += path.size();
  if (names_ > limits_.all_names.count)
    return break_rule("archive_limits",
                      "its names are longer than " + std::to_string(limits_.all_names.count) + " bytes together"),
           false;
  if (path.empty()) return break_rule("archive_corrupt", "has an entry without a name"), true;
  if (::archive_entry_is_encrypted(entry) != 0) break_rule("archive_encrypted", "needs a password: " + shown(path));

  const auto parts = clean(path);
  if (!parts) return break_rule("archive_traversal", "leaves its folder: " + shown(path)), true;
  if (path.find('\\') != path.npos) note("archive_traversal", "has a backslash in a name: " + shown(path));
  const bool too_long = path.size() > limits_.path_length || std::any_of(parts->begin(), parts->end(), [&](auto& p) {
                          return p.size() > limits_.name_length;
                        });
  if (too_long) break_rule("archive_limits", "has a name that is too long: " + shown(path));
  if (parts->size() > limits_.depth)
    break_rule("archive_limits", "has folders more than " + std::to_string(limits_.depth) + " deep: " + shown(path));
  if (parts->empty()) return true;  // `./`

  const auto name = joined(*parts);
  auto what = entry_kind::file;
  if (const char* target = ::archive_entry_hardlink(entry)) {
    what = entry_kind::hardlink;
    hardlinks_.emplace_back(name, target);
    names_ += std::strlen(target);
  } else {
    switch (::archive_entry_filetype(entry)) {
      case AE_IFREG:
        break;
      case AE_IFDIR:
        what = entry_kind::folder;
        break;
      case AE_IFLNK: {
        what = entry_kind::symlink;
        const char* points_to = ::archive_entry_symlink(entry);
        symlinks_.emplace_back(name, points_to ? points_to : "");
        names_ += symlinks_.back().second.size();
        break;
      }
      default:
        return break_rule("archive_device", "has a device, FIFO or socket: " + shown(path)), true;
    }
  }
  const auto [known, fresh] = seen_.emplace(name, what);
  if (!fresh && !(what == entry_kind::folder && known->second == entry_kind::folder)) {
    const auto evidence = "has a path twice: " + shown(path);
    const bool zip = filename_.ends_with(".whl") || filename_.ends_with(".zip");
    if (zip || known->second == entry_kind::symlink || what == entry_kind::symlink)
      break_rule("archive_duplicate", evidence);
    else
      note("archive_duplicate", evidence);
  }
  if (what == entry_kind::file && fresh) {
    ++out_.listing.files;
    builder_.add_path(name);
  }
  return true;
}

bool examiner::read_content(archive* from, const std::string& path) {
  const bool wanted = !path.empty() && listing_builder::wants_content(path);
  std::string kept;
  const void* block = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0, expected = 0;
  for (;;) {
    const int code = ::archive_read_data_block(from, &block, &size, &offset);
    if (code == ARCHIVE_EOF) break;
    if (code == ARCHIVE_RETRY) continue;
    if (code != ARCHIVE_OK) {
      const char* why = ::archive_error_string(from);
      break_rule("archive_corrupt", "is damaged at " + shown(path) + ": " + shown(why ? why : "unreadable"));
      return code == ARCHIVE_WARN;
    }
    // A sparse file claims holes of any size; they count as what they unpack to.
    if (offset > expected) unpacked_ += static_cast<std::uint64_t>(offset - expected);
    unpacked_ += size;
    expected = offset + static_cast<la_int64_t>(size);
    if (!within_bounds()) return false;
    if (wanted && kept.size() < largest_metadata)
      kept.append(static_cast<const char*>(block), std::min(size, largest_metadata - kept.size()));
  }
  if (wanted) builder_.add_content(path, kept);
  return true;
}

/// After all entries: what a link means depends on entries that may come later.
void examiner::check_links() {
  const auto is_link = [&](const std::string& path) {
    const auto it = seen_.find(path);
    return it != seen_.end() && it->second == entry_kind::symlink;
  };
  if (!symlinks_.empty()) {
    for (const auto& [path, what] : seen_)
      for (auto slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1))
        if (is_link(path.substr(0, slash))) {
          break_rule("archive_link_escape", "has an entry below a link: " + shown(path));
          break;
        }
  }
  for (const auto& [path, target] : symlinks_) {
    auto at = *clean(path);
    at.pop_back();
    // Walks the target; a step through another link could lead anywhere, so it is not taken.
    bool inside = !target.empty() && target[0] != '/';
    std::string_view rest = target;
    while (inside && !rest.empty()) {
      const auto slash = std::min(rest.find('/'), rest.size());
      const auto part = rest.substr(0, slash);
      rest.remove_prefix(std::min(slash + 1, rest.size()));
      if (part.empty() || part == ".") continue;
      if (part == "..") {
        inside = !at.empty() && !is_link(joined(at));
        if (inside) at.pop_back();
      } else {
        inside = at.empty() || !is_link(joined(at));
        at.emplace_back(part);
      }
    }
    if (!inside) break_rule("archive_link_escape", "has a link out: " + shown(path) + " -> " + shown(target));
  }
  for (const auto& [path, target] : hardlinks_) {
    const auto parts = clean(target);
    const auto it = parts ? seen_.find(joined(*parts)) : seen_.end();
    if (it == seen_.end() || it->second != entry_kind::file)
      break_rule("archive_link_escape",
                 "has a hard link to what is no file of it: " + shown(path) + " -> " + shown(target));
  }
}

archive_examination examiner::examine(archive_source& from) {
  const bool zip = filename_.ends_with(".whl") || filename_.ends_with(".zip");
  std::array<char, 4> magic{};
  if (zip && ::pread(from.fd, magic.data(), magic.size(), 0) == 4 && std::memcmp(magic.data(), "PK\3\4", 4) != 0 &&
      std::memcmp(magic.data(), "PK\5\6", 4) != 0)
    note("archive_polyglot", "does not begin with the zip's first entry");
  auto r = make_reader(from, filename_);
  if (::archive_read_open1(r.get()) != ARCHIVE_OK) {
    const char* why = ::archive_error_string(r.get());
    break_rule("archive_corrupt", "can't be read: " + shown(why ? why : "not an archive"));
    return std::move(out_);
  }
  for (bool going = within_bounds(); going;) {
    archive_entry* entry = nullptr;
    const int code = ::archive_read_next_header(r.get(), &entry);
    if (code == ARCHIVE_EOF) {
      if (entries_ == 0) break_rule("archive_corrupt", "is empty");
      break;
    }
    if (code == ARCHIVE_RETRY) {
      going = within_bounds();
      continue;
    }
    if (code == ARCHIVE_FATAL || code == ARCHIVE_FAILED) {
      const char* why = ::archive_error_string(r.get());
      break_rule("archive_corrupt", "is damaged: " + shown(why ? why : "unreadable"));
      break;
    }
    const char* warning = code == ARCHIVE_WARN ? ::archive_error_string(r.get()) : nullptr;
    // A zip says everything twice; where the two differ, readers differ on what it holds.
    if (warning && std::string_view{warning}.starts_with("Inconsistent"))
      break_rule("archive_corrupt", std::string{"contradicts itself: "} + shown(warning));
    going = enter(entry);
    const char* raw = ::archive_entry_pathname(entry);
    const auto parts = clean(raw ? raw : "");
    if (going && ::archive_entry_is_encrypted(entry) == 0)
      going = read_content(r.get(), parts ? joined(*parts) : std::string{}) && within_bounds();
  }
  check_links();
  const auto files = out_.listing.files;
  out_.listing = builder_.take();
  out_.listing.files = files;
  out_.listing.unpacked_bytes = unpacked_;
  return std::move(out_);
}

}  // namespace

archive_examination examine_archive(int fd, std::string_view filename, actors::artefact_kind kind,
                                    const archive_limits& limits, std::stop_token stop) {
  const utf8_locale decoding;
  auto from = source_of(fd);
  return examiner{filename, kind, limits, std::move(stop), from.size}.examine(from);
}

}  // namespace lazaret::download
