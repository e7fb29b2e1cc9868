#include "actors/retention/kept_folders.hpp"

#include <algorithm>
#include <system_error>

namespace lazaret::actors {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t page = 4096;
constexpr auto failed = static_cast<std::uintmax_t>(-1);  // remove_all() says so
constexpr int most_tries = 100;                           // as many files as a folder may have, and more

bool is_id(const std::string& name) {
  return (name.size() == 32 || name.size() == 36) && name.find_first_not_of("0123456789abcdef-") == name.npos;
}

/// What vanishes meanwhile takes nothing.
std::uint64_t size_of(const fs::path& folder) {
  std::error_code bad;
  std::uint64_t bytes = 0;
  for (fs::recursive_directory_iterator at{folder, bad}, end; !bad && at != end; at.increment(bad)) {
    std::error_code none;
    const bool is_file = fs::is_regular_file(at->symlink_status(none));
    const auto size = is_file ? fs::file_size(at->path(), none) : 0;
    bytes += page + (none ? 0 : (size + page - 1) / page * page);
  }
  return bytes;
}

}  // namespace

kept_folders::kept_folders(std::vector<fs::path> places) {
  for (auto& place : places) {
    std::error_code bad;
    auto plain = fs::weakly_canonical(place, bad);  // one that is named twice counts once
    if (!bad && std::ranges::find(places_, plain) == places_.end()) places_.push_back(std::move(plain));
  }
}

std::vector<std::string> kept_folders::look() {
  std::vector<std::string> others;
  ++looks_;
  for (const auto& place : places_) {
    std::error_code bad;
    for (fs::directory_iterator at{place, bad}, end; !bad && at != end; at.increment(bad)) {
      auto id = at->path().filename().string();
      if (const auto known = entries_.find(id); known != entries_.end())
        known->second.seen = looks_;
      else if (is_id(id))
        others.push_back(std::move(id));
    }
    // A place that can't be listed now says nothing about what is there.
    if (bad && bad != std::errc::no_such_file_or_directory)
      for (auto& [id, e] : entries_) e.seen = looks_;
  }
  std::erase_if(entries_, [this](const auto& one) {
    const bool gone = one.second.seen != looks_;
    if (gone) total_ -= one.second.bytes;
    return gone;
  });
  return others;
}

std::vector<std::string> kept_folders::counted() const {
  std::vector<std::string> all;
  all.reserve(entries_.size());
  for (const auto& [id, e] : entries_) all.push_back(id);
  return all;
}

void kept_folders::count(const std::string& id) {
  auto& e = entries_[id];
  total_ -= e.bytes;
  e = {measure(id), looks_};
  total_ += e.bytes;
}

void kept_folders::drop(const std::string& id) {
  const auto known = entries_.find(id);
  if (known == entries_.end()) return;
  total_ -= known->second.bytes;
  entries_.erase(known);
}

sandbox::result<std::uint64_t> kept_folders::remove(const std::string& id) {
  if (!is_id(id)) return sandbox::failure{"remove", 0, id + " is no id of ours", {}};
  const auto known = entries_.find(id);
  const auto bytes = known == entries_.end() ? measure(id) : known->second.bytes;
  for (const auto& place : places_) {
    std::error_code bad, none;
    // Another node may be at it: what it has just removed is an error here.
    for (int tries = 0; tries < most_tries && fs::remove_all(place / id, bad) == failed; ++tries) {
    }
    if (fs::exists(fs::symlink_status(place / id, none)))
      return sandbox::failure{"remove", bad.value(), (place / id).string(), {}};
  }
  drop(id);
  return bytes;
}

std::optional<fs::file_time_type> kept_folders::touched(const std::string& id) const {
  std::optional<fs::file_time_type> latest;
  for (const auto& place : places_) {
    std::error_code bad;
    const auto when = fs::last_write_time(place / id, bad);
    if (!bad && (!latest || when > *latest)) latest = when;
  }
  return latest;
}

std::uint64_t kept_folders::measure(const std::string& id) const {
  std::uint64_t bytes = 0;
  for (const auto& place : places_) {
    std::error_code bad;
    if (fs::is_directory(fs::symlink_status(place / id, bad))) bytes += page + size_of(place / id);
  }
  return bytes;
}

}  // namespace lazaret::actors
