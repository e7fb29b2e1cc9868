#pragma once
/// A pseudo-terminal of a jail's own. The jailer makes it, in an instance of devpts that holds this one and nothing
/// else (devpts(5), max=1): the kernel refuses such a mount where uid 0 is not mapped (mknod_ptmx() in fs/devpts),
/// which it is in no jail. So no jail sees the number or the count of anybody else's.
///
/// TIOCSTI, TIOCLINUX, TIOCSETD and TIOCCONS stay closed by the system call filter: the terminal has no other reader
/// than the program, but a filter with exceptions is one more thing to get wrong.

#include "sandbox/failure.hpp"
#include "sandbox/policy.hpp"
#include "sandbox/unique_fd.hpp"

namespace lazaret::sandbox {

struct terminal {
  unique_fd instance;  ///< the mount, which has no place yet; the program finds it at /dev/pts
  unique_fd master;    ///< non-blocking: output to be read, input to be written
  unique_fd slave;     ///< the program's 0, 1 and 2. While a copy is open, reading the master never fails with EIO
};

/// `owner`: the jail's uid, outside. Needs CAP_SYS_ADMIN where uid 0 is mapped.
[[nodiscard]] result<terminal> open_terminal(const window& size, std::uint32_t owner);

/// In the process that becomes the program, which leads a session of its own: standard input becomes its controlling
/// terminal.
[[nodiscard]] result<void> take_control_of_terminal();

}  // namespace lazaret::sandbox
