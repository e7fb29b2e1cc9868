#include "actors/prebuild/shelf.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <fstream>
#include <iterator>

#include "actors/fault_point.hpp"
#include "sandbox/try.hpp"

namespace lazaret::prebuild {

namespace fs = std::filesystem;
namespace json = boost::json;
using sandbox::failure;
using sandbox::os_failure;
using sandbox::unique_fd;

/// Where trees wait for being removed, and who is told of them.
class shelf::attic {
 public:
  explicit attic(fs::path folder) : folder_{std::move(folder)} {}

  /// Renames only: whoever lets go of a layer need not wait for its ten thousand files.
  void take(const fs::path& tree) {
    const std::scoped_lock lock{mutex_};
    std::error_code gone;
    fs::rename(tree, folder_ / std::to_string(++last_), gone);
    is_full_ = true;
    changed_.notify_all();
  }

  void empty() {
    {
      const std::scoped_lock lock{mutex_};
      is_full_ = false;
    }
    std::error_code bad;
    for (const auto& entry : fs::directory_iterator{folder_, bad}) {
      LAZARET_FAULT_POINT("prebuild.sweeps");
      fs::remove_all(entry.path(), bad);
    }
  }

  /// Until something came, the time is over, or a stop.
  void wait(std::chrono::steady_clock::time_point until, const std::stop_token& stop) {
    std::unique_lock lock{mutex_};
    changed_.wait_until(lock, stop, until, [this] { return is_full_; });
  }

 private:
  const fs::path folder_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::uint64_t last_ = 0;
  bool is_full_ = false;
};

class layer {
 public:
  layer(fs::path root, std::function<void(const fs::path&)> let_go)
      : root_{std::move(root)}, let_go_{std::move(let_go)} {}
  ~layer() {
    if (is_unwanted_) let_go_(root_);
  }
  layer(const layer&) = delete;
  layer& operator=(const layer&) = delete;
  [[nodiscard]] const fs::path& root() const noexcept { return root_; }
  void want(bool wanted) const noexcept { is_unwanted_ = !wanted; }

 private:
  const fs::path root_;
  const std::function<void(const fs::path&)> let_go_;
  mutable std::atomic<bool> is_unwanted_ = false;
};

namespace {

constexpr std::array<std::string_view, 5> places{"usr/local", "srv", "home", "root", "var"};

std::int64_t seconds_of(wall_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

result<void> make_folder(const fs::path& folder) {
  std::error_code bad;
  fs::create_directories(folder, bad);
  return bad ? result<void>{failure{"open_shelf", bad.value(), folder.string(), "DATA_DIR"}} : result<void>{};
}

std::optional<prebuild> read_tag(const fs::path& file) {
  std::ifstream from{file};
  const std::string text{std::istreambuf_iterator<char>{from}, {}};
  json::error_code ec;
  const auto value = json::parse(text, ec);
  if (ec || !value.is_object()) return std::nullopt;
  prebuild read;
  try {
    const auto& o = value.as_object();
    read.tag = file.stem().string();
    read.runtime = o.at("runtime").as_string().c_str();
    read.digest = o.at("digest").as_string().c_str();
    read.folder = o.at("folder").as_string().c_str();
    read.size = static_cast<std::uint64_t>(o.at("size").as_int64());
    read.created = wall_clock::time_point{std::chrono::seconds{o.at("created").as_int64()}};
  } catch (const std::exception&) {
    return std::nullopt;
  }
  return is_tag(read.tag) && is_tag(read.folder) ? std::optional{std::move(read)} : std::nullopt;
}

}  // namespace

std::span<const std::string_view> writable_places() noexcept { return places; }

bool is_tag(std::string_view text) noexcept {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  return !text.empty() && text.size() <= 128 && text != "." && text != ".." && std::ranges::all_of(text, fits);
}

shelf::shelf(shelf_options options)
    : options_{std::move(options)}, attic_{std::make_shared<attic>(options_.folder / "trash")} {}

shelf::~shelf() = default;

result<std::unique_ptr<shelf>> shelf::open(shelf_options options) {
  std::error_code absent;
  options.folder = fs::absolute(options.folder, absent);
  for (const char* name : {"tags", "layers", "building", "trash"}) LAZARET_TRY(make_folder(options.folder / name));
  std::unique_ptr<shelf> made{new shelf{std::move(options)}};
  LAZARET_TRY(made->load());
  made->sweeper_ = std::jthread{[self = made.get()](const std::stop_token& stop) { self->sweep(stop); }};
  return made;
}

/// What no tag stands for is left over from a service that was killed.
result<void> shelf::load() {
  std::error_code bad;
  std::map<std::string, layer_ptr> trees;
  for (const auto& entry : fs::directory_iterator{options_.folder / "tags", bad}) {
    auto read = entry.path().extension() == ".json" ? read_tag(entry.path()) : std::nullopt;
    const auto root = read ? options_.folder / "layers" / read->folder : fs::path{};
    if (!read || !fs::is_directory(root, bad)) {
      fs::remove(entry.path(), bad);
      continue;
    }
    auto& tree = trees[read->folder];
    if (!tree) tree = std::make_shared<const layer>(root, [to = attic_](const fs::path& gone) { to->take(gone); });
    read->tree = tree;
    tags_.emplace(read->tag, std::move(*read));
  }
  if (bad) return failure{"open_shelf", bad.value(), (options_.folder / "tags").string(), {}};
  for (const auto& entry : fs::directory_iterator{options_.folder / "layers", bad})
    if (!trees.contains(entry.path().filename().string())) attic_->take(entry.path());
  for (const auto& entry : fs::directory_iterator{options_.folder / "building", bad}) attic_->take(entry.path());
  return {};
}

void shelf::sweep(const std::stop_token& stop) {
  auto next = std::chrono::steady_clock::now() + options_.every;
  while (!stop.stop_requested()) {
    attic_->empty();
    attic_->wait(next, stop);
    if (std::chrono::steady_clock::now() < next) continue;
    clean_up(options_.age);
    next = std::chrono::steady_clock::now() + options_.every;
  }
}

std::optional<prebuild> shelf::find(std::string_view tag) const {
  const std::scoped_lock lock{mutex_};
  const auto found = tags_.find(tag);
  return found == tags_.end() ? std::nullopt : std::optional{found->second};
}

std::vector<prebuild> shelf::all() const {
  const std::scoped_lock lock{mutex_};
  std::vector<prebuild> list;
  for (const auto& [_, one] : tags_) list.push_back(one);
  return list;
}

bool shelf::remove(std::string_view tag) {
  prebuild gone;  // let go of outside the lock: it may be the last that holds the tree
  const std::scoped_lock lock{mutex_};
  const auto found = tags_.find(tag);
  if (found == tags_.end()) return false;
  std::error_code absent;
  fs::remove(options_.folder / "tags" / (found->first + ".json"), absent);
  LAZARET_FAULT_POINT("prebuild.untagged");
  gone = std::move(found->second);
  tags_.erase(found);
  drop(gone);
  return true;
}

/// With the mutex held, and the tag forgotten.
void shelf::drop(prebuild gone) {
  const bool is_shared =
      std::ranges::any_of(tags_, [&](const auto& other) { return other.second.digest == gone.digest; });
  if (!is_shared) gone.tree->want(false);
}

std::vector<std::string> shelf::clean_up(std::chrono::hours at_least, wall_clock::time_point now) {
  std::vector<std::string> removed;
  for (const auto& one : all())
    if (now - one.created >= at_least && remove(one.tag)) removed.push_back(one.tag);
  return removed;
}

shelf::building::~building() {
  {
    const std::scoped_lock lock{of_.mutex_};
    --of_.in_the_making_;
  }
  if (!writer_) return;
  writer_.reset();
  of_.attic_->take(folder_);
}

result<std::unique_ptr<shelf::building>> shelf::build() {
  std::uint64_t number = 0;
  {
    const std::scoped_lock lock{mutex_};
    if (in_the_making_ >= options_.at_once)
      return failure{"build_layer", EAGAIN, "other prebuilds are being built", {}};
    ++in_the_making_;
    number = ++last_building_;
  }
  const auto folder = options_.folder / "building" / std::to_string(number);
  std::unique_ptr<building> made{new building{*this, folder, nullptr}};
  std::error_code bad;
  fs::create_directory(folder, bad);
  fs::permissions(folder, fs::perms{0755}, bad);
  unique_fd directory{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!directory) return os_failure("build_layer", "open " + folder.string());
  made->writer_ = std::make_unique<layer_writer>(std::move(directory), places, options_.limits);
  return made;
}

result<void> shelf::write_tag(const prebuild& what) const {
  const auto file = options_.folder / "tags" / (what.tag + ".json"),
             fresh = options_.folder / "tags" / (what.tag + ".json.new");
  const auto text = json::serialize(json::object{{"runtime", what.runtime},
                                                 {"digest", what.digest},
                                                 {"folder", what.folder},
                                                 {"size", what.size},
                                                 {"created", seconds_of(what.created)}});
  unique_fd to{::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
  if (!to || ::write(to.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) || ::fsync(to.get()) != 0)
    return os_failure("keep_prebuild", "write " + fresh.string());
  LAZARET_FAULT_POINT("prebuild.tag_draft");
  if (::rename(fresh.c_str(), file.c_str()) != 0) return os_failure("keep_prebuild", "rename to " + file.string());
  const unique_fd folder{::open((options_.folder / "tags").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder || ::fsync(folder.get()) != 0) return os_failure("keep_prebuild", "fsync tags");
  return {};
}

/// With the mutex held.
std::uint64_t shelf::taken_but_for(std::string_view tag) const {
  std::map<std::string_view, std::uint64_t> sizes;
  for (const auto& [name, one] : tags_)
    if (name != tag) sizes[one.folder] = one.size;
  std::uint64_t sum = 0;
  for (const auto& [_, size] : sizes) sum += size;
  return sum;
}

result<prebuild> shelf::keep(std::unique_ptr<building> made, const std::string& tag, const std::string& runtime) {
  LAZARET_FAULT_POINT("prebuild.built");
  auto written = made->writer_->finish();
  if (!written) return written.error();
  prebuild what{tag, runtime, written->digest, written->digest, written->size, wall_clock::now(), nullptr};
  prebuild before;  // let go of outside the lock
  const std::scoped_lock lock{mutex_};
  const auto same = std::ranges::find_if(tags_, [&](const auto& other) { return other.second.digest == what.digest; });
  if (same == tags_.end() && taken_but_for(tag) + what.size > options_.total.count)
    return failure{"layer", EDQUOT, "all prebuilds together would be too large", "delete some"};
  if (same != tags_.end()) {
    what.tree = same->second.tree;
    what.folder = same->second.folder;
  } else {
    std::error_code bad;
    const auto layers = options_.folder / "layers";
    // One that was deleted stays for as long as a jail uses it, and goes by its name.
    for (unsigned n = 2; fs::exists(layers / what.folder, bad); ++n)
      what.folder = what.digest + "." + std::to_string(n);
    const auto root = layers / what.folder;
    fs::rename(made->folder_, root, bad);
    if (bad) return failure{"keep_prebuild", bad.value(), root.string(), {}};
    what.tree = std::make_shared<const layer>(root, [to = attic_](const fs::path& gone) { to->take(gone); });
    made->writer_.reset();
    LAZARET_FAULT_POINT("prebuild.layer");
  }
  if (auto kept = write_tag(what); !kept) {
    if (same == tags_.end()) what.tree->want(false);
    return kept.error();
  }
  LAZARET_FAULT_POINT("prebuild.tagged");
  auto& place = tags_[tag];
  before = std::exchange(place, what);
  if (before.tree && before.digest != what.digest) drop(before);
  return what;
}

void add_layer(sandbox::policy& rules, const layer& tree) {
  std::error_code absent;
  for (const auto place : places) {
    const auto source = tree.root() / place;
    if (fs::is_directory(fs::symlink_status(source, absent)) && !fs::is_empty(source, absent))
      rules.binds.push_back({.source = source.string(), .target = "/" + std::string{place}});
  }
}

}  // namespace lazaret::prebuild
