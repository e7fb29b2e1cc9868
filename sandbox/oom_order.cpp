#include "sandbox/oom_order.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <string_view>

namespace lazaret::sandbox {
namespace {

void put(int fd, std::string_view text) noexcept { (void)!::write(fd, text.data(), text.size()); }

}  // namespace

oom_order oom_order::open() noexcept {
  oom_order made;
  made.score_.reset(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  return made;
}

void oom_order::offer() const noexcept { put(score_.get(), "1000"); }

void oom_order::spare() const noexcept { put(score_.get(), "0"); }

}  // namespace lazaret::sandbox
