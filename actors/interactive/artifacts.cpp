#include "actors/interactive/artifacts.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <system_error>
#include <vector>

#include "actors/download/digest.hpp"

namespace lazaret::actors {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = artifact_prefix;

/// `RUNTIME DIGEST-OF-THE-PROGRAM\n`, then the program.
std::string head_of(std::string_view runtime, std::string_view program) {
  return std::string{runtime} + " " + download::sha256_of(program) + "\n";
}

fs::path file_of(const fs::path& folder, std::string_view name) { return folder / name.substr(prefix.size()); }

}  // namespace

std::string artifact_name(std::string_view runtime, const compile_stage& made_by) {
  download::sha256 sum;
  const auto add = [&sum](std::string_view part) {  // with its length: no two lists of parts look alike
    sum.update(std::to_string(part.size()) + ":");
    sum.update(part);
  };
  add(runtime);
  add(made_by.version);
  const auto add_all = [&](const std::vector<std::string>& list) {
    add(std::to_string(list.size()));
    for (const auto& item : list) add(item);
  };
  add_all(made_by.rules.argv);
  add_all(made_by.rules.environment);
  std::map<std::string_view, std::string_view> sources;  // the last one of a path counts
  for (const auto& file : made_by.files) sources[file.path] = file.content;
  for (const auto& [path, content] : sources) add(path), add(content);
  return std::string{prefix} + sum.finish();
}

artifact_cache::artifact_cache(fs::path folder, std::uint64_t most) : folder_{std::move(folder)}, most_{most} {}

std::optional<std::string> artifact_cache::find(std::string_view name, std::string_view runtime) {
  if (!is_artifact_name(name)) return std::nullopt;
  const auto file = file_of(folder_, name);
  std::ifstream in{file, std::ios::binary};
  std::string head;
  if (!std::getline(in, head) || !head.starts_with(std::string{runtime} + " ")) return std::nullopt;
  std::string program{std::istreambuf_iterator<char>{in}, {}};
  std::error_code ignored;
  if (head + "\n" != head_of(runtime, program)) {  // a disk that lies, or somebody who has been there
    fs::remove(file, ignored);
    return std::nullopt;
  }
  fs::last_write_time(file, fs::file_time_type::clock::now(), ignored);
  return program;
}

bool artifact_cache::keep(std::string_view name, std::string_view runtime, std::string_view program) {
  if (!is_artifact_name(name) || program.size() > most_ / 2) return false;
  const std::lock_guard lock{mutex_};
  std::error_code error;
  fs::create_directories(folder_, error);
  const auto fresh = folder_ / ("new-" + std::to_string(::getpid()));
  {
    std::ofstream out{fresh, std::ios::binary | std::ios::trunc};
    out << head_of(runtime, program) << program;
    out.flush();
    if (!out) {
      fs::remove(fresh, error);
      return false;
    }
  }
  fs::rename(fresh, file_of(folder_, name), error);
  if (!error) make_room();
  return !error && fs::exists(file_of(folder_, name), error);
}

void artifact_cache::make_room() {
  struct kept {
    fs::file_time_type used;
    std::uint64_t size;
    fs::path file;
  };
  std::vector<kept> all;
  std::uint64_t sum = 0;
  std::error_code error;
  for (auto at = fs::directory_iterator{folder_, error}; !error && at != fs::directory_iterator{};
       at.increment(error)) {
    std::error_code gone;
    kept one{at->last_write_time(gone), at->file_size(gone), at->path()};
    if (gone) continue;
    sum += one.size;
    all.push_back(std::move(one));
  }
  std::ranges::sort(all, {}, &kept::used);
  for (const auto& one : all) {
    if (sum <= most_) break;
    fs::remove(one.file, error);
    sum -= one.size;
  }
}

}  // namespace lazaret::actors
