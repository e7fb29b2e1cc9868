#pragma once
/// How the leaf rooms (sandbox, metrics) say that something could not be done. A value; safe to copy between threads.

#include <boost/system/result.hpp>
#include <iosfwd>
#include <string>
#include <string_view>

namespace lazaret::sandbox {

/// The call that failed, on what, and why. Renders as one sentence with a hint:
/// `mount_root: pivot_root /x: Operation not permitted (is the host's / shared?)`.
struct failure {
  std::string step;     ///< what was being done, e.g. `mount_root`
  int error = 0;        ///< errno(3); 0 when the refusal is not the kernel's
  std::string subject;  ///< the call and its object, e.g. `pivot_root /x`
  std::string hint;     ///< what a person could check; may be empty

  [[nodiscard]] std::string describe() const;
};

/// What describe() says; makes a result printable, as tests want it.
std::ostream& operator<<(std::ostream& out, const failure& f);

template <class T>
using result = boost::system::result<T, failure>;

/// A failure carrying the calling thread's errno.
[[nodiscard]] failure os_failure(std::string_view step, std::string subject, std::string hint = {});

/// boost::system::result asks for this when value() is called on a failure.
[[noreturn]] void throw_exception_from_error(const failure& f, const boost::source_location& where);

}  // namespace lazaret::sandbox
