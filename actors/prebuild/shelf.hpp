#pragma once
/// The prebuilds of one service: what setup scripts made, as read-only trees on disk, by tag. Content-addressed: two
/// tags of one content share a tree. One that is deleted while somebody uses it is there until they are done.
///
///   FOLDER/tags/TAG.json    what a tag stands for
///   FOLDER/layers/DIGEST/   a tree (DIGEST.2 while a deleted one is still in use), relative to a jail's root
///   FOLDER/building/, trash/  emptied at the start
///
/// Thread-safe. Blocks for the disk.

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "actors/prebuild/layer_writer.hpp"
#include "sandbox/failure.hpp"
#include "sandbox/policy.hpp"

namespace lazaret::prebuild {

using sandbox::result;
using wall_clock = std::chrono::system_clock;

/// Where a setup script may write so that it stays, relative to a jail's root.
[[nodiscard]] std::span<const std::string_view> writable_places() noexcept;

/// A tree on disk. It stays where it is for as long as somebody holds it.
class layer;
using layer_ptr = std::shared_ptr<const layer>;

struct prebuild {
  std::string tag;      ///< without `prebuilt-`
  std::string runtime;  ///< name of its base
  std::string digest;
  std::string folder;      ///< below layers/: the digest, or that and a number
  std::uint64_t size = 0;  ///< bytes of the layer
  wall_clock::time_point created;
  layer_ptr tree;
};

/// Letters, digits, `-`, `_`, `.`, at most 128; neither `.` nor `..`.
[[nodiscard]] bool is_tag(std::string_view text) noexcept;

struct shelf_options {
  std::filesystem::path folder;  ///< made when it is missing
  layer_limits limits;
  std::chrono::hours every{24};           ///< CLEANUP_INTERVAL_HOURS
  std::chrono::hours age{24 * 7};         ///< CLEANUP_MAX_AGE_DAYS: older ones go by themselves
  sandbox::bytes total{20'000ULL << 20};  ///< of all layers; PREBUILDS_MAX_MB
  std::size_t at_once = 2;                ///< trees in the making
  std::filesystem::path pip{};            ///< a folder with the package pip, which setup scripts find; empty: none
};

class shelf {
 public:
  [[nodiscard]] static result<std::unique_ptr<shelf>> open(shelf_options options);
  ~shelf();
  shelf(const shelf&) = delete;
  shelf& operator=(const shelf&) = delete;

  [[nodiscard]] std::optional<prebuild> find(std::string_view tag) const;
  [[nodiscard]] std::vector<prebuild> all() const;  ///< by tag
  /// False when there was none.
  [[nodiscard]] bool remove(std::string_view tag);
  /// Those at least so old; returns their tags.
  std::vector<std::string> clean_up(std::chrono::hours at_least, wall_clock::time_point now = wall_clock::now());

  /// A tree in the making. Gone when it is not kept.
  class building {
   public:
    ~building();
    [[nodiscard]] result<void> feed(std::string_view archive) { return writer_->feed(archive); }

   private:
    friend class shelf;
    building(shelf& of, std::filesystem::path folder, std::unique_ptr<layer_writer> writer)
        : of_{of}, folder_{std::move(folder)}, writer_{std::move(writer)} {}
    shelf& of_;
    std::filesystem::path folder_;
    std::unique_ptr<layer_writer> writer_;
  };
  /// At most `limits.size` large. EAGAIN when others are being made. The shelf must outlive it.
  [[nodiscard]] result<std::unique_ptr<building>> build();
  /// Puts it on the shelf, in the place of what had that tag. EDQUOT when all together would be too large.
  [[nodiscard]] result<prebuild> keep(std::unique_ptr<building> made, const std::string& tag,
                                      const std::string& runtime);

  [[nodiscard]] const shelf_options& options() const noexcept { return options_; }

 private:
  class attic;
  explicit shelf(shelf_options options);
  result<void> load();
  result<void> write_tag(const prebuild& what) const;
  void drop(prebuild gone);
  [[nodiscard]] std::uint64_t taken_but_for(std::string_view tag) const;
  void sweep(const std::stop_token& stop);

  shelf_options options_;
  std::shared_ptr<attic> attic_;  ///< what layers go to that nobody wants any more; they may outlive the shelf
  mutable std::mutex mutex_;
  std::map<std::string, prebuild, std::less<>> tags_;
  std::uint64_t last_building_ = 0;
  std::size_t in_the_making_ = 0;
  std::jthread sweeper_;
};

/// A jail that has the prebuild: its places, read-only.
void add_layer(sandbox::policy& rules, const layer& tree);

}  // namespace lazaret::prebuild
