#pragma once
/// What a crash of this node leaves behind for its next life: which claims were being worked on by the threads that
/// crashed. The store is told, so that a run that crashes whoever works on it is known by its deeds, and the others
/// that were in the node's hands are not blamed for it.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "actors/store/store.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::actors {

/// A process ended by that signal while it worked on that claim.
struct last_word {
  durable::name what;
  std::uint64_t token = 0;
  int signal = 0;
  friend bool operator==(const last_word&, const last_word&) = default;
};

class last_words {
 public:
  /// On a thread of its own or on the caller's: what the store made of it (durable::store::blame()).
  using listener = std::function<void(const last_word&, durable::settlement)>;

  /// Tells `documents` what `data_dir`/last_words says of former lives, before it returns when the store can be
  /// reached, else as soon as it can; until then the file keeps it, and what is told twice counts once. From now on the
  /// fatal signals of this process are written there (actors/at_work.hpp). Call it before work is taken; one that lives
  /// per process, and longer than whoever works. Fails when the file can't be opened.
  [[nodiscard]] static sandbox::result<std::unique_ptr<last_words>> open(const std::filesystem::path& data_dir,
                                                                         std::shared_ptr<durable::store> documents,
                                                                         listener told);
  ~last_words();
  last_words(const last_words&) = delete;
  last_words& operator=(const last_words&) = delete;

 private:
  last_words(sandbox::unique_fd file, std::vector<last_word> heard, std::shared_ptr<durable::store> documents,
             listener told);
  [[nodiscard]] bool tell_all();
  void forget();

  sandbox::unique_fd file_;
  std::vector<last_word> heard_;  ///< and not yet told
  std::shared_ptr<durable::store> documents_;
  listener told_;
  std::jthread thread_;  ///< last: it uses all of the above
};

}  // namespace lazaret::actors
