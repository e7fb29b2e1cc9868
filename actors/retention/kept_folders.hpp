#pragma once
/// The folders of what has ended, and what they take on the disk. Each is measured once and remembered (about 100 B of
/// memory), so that looking again costs one listing, whoever else adds and removes folders meanwhile. Single-threaded;
/// every call but total() blocks for the disk.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "sandbox/failure.hpp"

namespace lazaret::actors {

class kept_folders {
 public:
  /// `places`: folders that hold one for each, by its id: hex digits and dashes, 32 or 36 of them. Whatever else is
  /// there is left alone, and so are places that aren't there.
  explicit kept_folders(std::vector<std::filesystem::path> places);

  /// Lists the places. What is gone counts no more; the answer are those that are not counted.
  [[nodiscard]] std::vector<std::string> look();
  /// Those that are counted: to be looked at again.
  [[nodiscard]] std::vector<std::string> counted() const;
  /// Measures it and counts it, in the place of what it counted before.
  void count(const std::string& id);
  /// It is there, and has not ended.
  void drop(const std::string& id);
  /// Removes it wherever it is; how many bytes that were. Fails while something of it is left.
  [[nodiscard]] sandbox::result<std::uint64_t> remove(const std::string& id);
  /// When something was last added to it or removed, in the file system's clock; nothing: there is none.
  [[nodiscard]] std::optional<std::filesystem::file_time_type> touched(const std::string& id) const;

  /// Of those that are counted: their files, each rounded up to a page, and a page for each file and folder itself.
  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }

 private:
  struct entry {
    std::uint64_t bytes = 0;
    std::uint64_t seen = 0;  ///< the look at which it was there last
  };
  [[nodiscard]] std::uint64_t measure(const std::string& id) const;

  std::vector<std::filesystem::path> places_;
  std::unordered_map<std::string, entry> entries_;
  std::uint64_t total_ = 0, looks_ = 0;
};

}  // namespace lazaret::actors
