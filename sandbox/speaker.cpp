#include "sandbox/speaker.hpp"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "sandbox/protocol.hpp"

namespace lazaret::sandbox {
namespace {

/// What means end of file to whoever reads the terminal now; nothing where the program has switched that off.
std::string end_of_file(int terminal) {
  termios modes{};
  if (::tcgetattr(terminal, &modes) != 0 || modes.c_cc[VEOF] == _POSIX_VDISABLE) return {};
  return {static_cast<char>(modes.c_cc[VEOF])};
}

}  // namespace

void speaker::turn() {
  if (talk_ == nullptr) return;
  auto said = talk_->take();
  for (const int number : said.signals)
    (void)wire::send(channel_, protocol::encode(protocol::kind::signal, static_cast<std::int32_t>(number)));
  if (said.size && is_terminal_ && input_) {
    const winsize kernels{said.size->rows, said.size->columns, 0, 0};
    ::ioctl(input_.get(), TIOCSWINSZ, &kernels);
  }
  pending_ += said.input;
  ends_ = ends_ || said.ends_input;
  if (!input_) return drop_input();
  write_input();
  if (!pending_.empty() || !ends_) return;
  ends_ = false;
  if (!is_terminal_) return input_.reset();
  const auto last = end_of_file(input_.get());
  (void)!::write(input_.get(), last.data(), last.size());
}

void speaker::write_input() {
  std::size_t done = 0;
  while (done < pending_.size()) {
    const auto n = ::write(input_.get(), pending_.data() + done, pending_.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno != EAGAIN) {  // the program has closed it: nobody will read the rest
      input_.reset();
      return drop_input();
    }
    if (n <= 0) break;
    done += static_cast<std::size_t>(n);
  }
  if (done == 0) return;
  pending_.erase(0, done);
  talk_->took(done);
}

void speaker::drop_input() {
  const auto rest = pending_.size();
  pending_.clear();
  if (rest != 0) talk_->took(rest);
}

}  // namespace lazaret::sandbox
