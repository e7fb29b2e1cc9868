#include "actors/last_words.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <sstream>
#include <string>

#include "actors/at_work.hpp"

namespace lazaret::actors {
namespace {

constexpr std::chrono::seconds again_after{1};
/// A line is 150 bytes at most, and a life leaves one, rarely two.
constexpr std::size_t most_read = 64 << 10;
constexpr off_t room = 4096;

/// Lines that a full disk cut short are nobody's.
std::vector<last_word> parse(std::string text) {
  text.resize(text.rfind('\n') + 1);
  std::vector<last_word> all;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    last_word one;
    if (words >> one.what.kind >> one.what.id >> one.token >> one.signal && words.eof()) all.push_back(std::move(one));
  }
  return all;
}

}  // namespace

sandbox::result<std::unique_ptr<last_words>> last_words::open(const std::filesystem::path& data_dir,
                                                              std::shared_ptr<durable::store> documents,
                                                              listener told) {
  const auto path = data_dir / "last_words";
  sandbox::unique_fd file{::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!file) return sandbox::os_failure("last_words", "open " + path.string());
  std::string text(most_read, '\0');
  const auto size = ::pread(file.get(), text.data(), text.size(), 0);
  if (size < 0) return sandbox::os_failure("last_words", "read " + path.string());
  text.resize(static_cast<std::size_t>(size));
  return std::unique_ptr<last_words>{
      new last_words{std::move(file), parse(std::move(text)), std::move(documents), std::move(told)}};
}

last_words::last_words(sandbox::unique_fd file, std::vector<last_word> heard, std::shared_ptr<durable::store> documents,
                       listener told)
    : file_{std::move(file)}, heard_{std::move(heard)}, documents_{std::move(documents)}, told_{std::move(told)} {
  if (tell_all())
    forget();
  else
    thread_ = std::jthread{[this](const std::stop_token& stop) {
      std::mutex mutex;
      std::unique_lock lock{mutex};
      std::condition_variable_any ended;
      do {
        ended.wait_for(lock, stop, again_after, [] { return false; });
        if (stop.stop_requested()) return;
      } while (!tell_all());
      forget();
    }};
  record_fatal_signals(file_.get());
}

last_words::~last_words() { record_fatal_signals(-1); }

/// False when the store can't be asked now.
bool last_words::tell_all() {
  while (!heard_.empty()) {
    const auto& one = heard_.back();
    const auto answer = documents_->blame(one.what, one.token);
    // What breaks a bound was not written by us, and waiting doesn't heal it.
    if (!answer && answer.error().step != "bounds") return false;
    if (answer) told_(one, *answer);
    heard_.pop_back();
  }
  return true;
}

/// A crash in this very moment is a loss. Room is kept, so that a full disk silences nobody.
void last_words::forget() {
  [[maybe_unused]] const auto emptied = ::ftruncate(file_.get(), 0);
  ::fallocate(file_.get(), FALLOC_FL_KEEP_SIZE, 0, room);
}

}  // namespace lazaret::actors
