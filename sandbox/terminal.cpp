#include "sandbox/terminal.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <termios.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "sandbox/try.hpp"

namespace lazaret::sandbox {
namespace {

/// Not nodev: a terminal is a device.
result<unique_fd> new_instance(std::uint32_t owner) {
  const unique_fd context{::fsopen("devpts", FSOPEN_CLOEXEC)};
  if (!context) return os_failure("terminal", "fsopen devpts");
  const std::string uid = std::to_string(owner);
  for (const auto& [key, value] : {std::pair{"uid", uid.c_str()}, {"mode", "0600"}, {"ptmxmode", "0000"}, {"max", "1"}})
    if (::fsconfig(context.get(), FSCONFIG_SET_STRING, key, value, 0) != 0)
      return os_failure("terminal", std::string{"devpts "} + key + "=" + value);
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0)
    return os_failure("terminal", "create devpts");
  unique_fd tree{::fsmount(context.get(), FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)};
  if (!tree) return os_failure("terminal", "fsmount devpts");
  return tree;
}

/// As the kernel makes it, and a backspace takes a whole character of UTF-8.
result<void> set_up(const terminal& made, const window& size) {
  const winsize kernels{size.rows, size.columns, 0, 0};
  if (::ioctl(made.master.get(), TIOCSWINSZ, &kernels) != 0) return os_failure("terminal", "TIOCSWINSZ");
  termios modes{};
  if (::tcgetattr(made.slave.get(), &modes) != 0) return os_failure("terminal", "tcgetattr");
  modes.c_iflag |= IUTF8;
  if (::tcsetattr(made.slave.get(), TCSANOW, &modes) != 0) return os_failure("terminal", "tcsetattr");
  return {};
}

}  // namespace

result<terminal> open_terminal(const window& size, std::uint32_t owner) {
  terminal made;
  auto instance = new_instance(owner);
  if (!instance) return instance.error();
  made.instance = std::move(*instance);
  constexpr int how = O_RDWR | O_NOCTTY | O_CLOEXEC;
  made.master.reset(::openat(made.instance.get(), "ptmx", how | O_NONBLOCK));
  if (!made.master) return os_failure("terminal", "open ptmx");
  const int locked = 0;
  if (::ioctl(made.master.get(), TIOCSPTLCK, &locked) != 0) return os_failure("terminal", "TIOCSPTLCK");
  made.slave.reset(::openat(made.instance.get(), "0", how));
  if (!made.slave) return os_failure("terminal", "open the slave");
  LAZARET_TRY(set_up(made, size));
  return made;
}

result<void> take_control_of_terminal() {
  if (::ioctl(STDIN_FILENO, TIOCSCTTY, 0) != 0) return os_failure("terminal", "TIOCSCTTY");
  return {};
}

}  // namespace lazaret::sandbox
