#include "sandbox/failure.hpp"

#include <cerrno>
#include <cstring>
#include <ostream>
#include <stdexcept>

namespace lazaret::sandbox {

std::string failure::describe() const {
  std::string text = step + ": " + subject;
  if (error != 0) text += std::string{": "} + ::strerror(error);
  if (!hint.empty()) text += " (" + hint + ")";
  return text;
}

std::ostream& operator<<(std::ostream& out, const failure& f) { return out << f.describe(); }

failure os_failure(std::string_view step, std::string subject, std::string hint) {
  return {std::string{step}, errno, std::move(subject), std::move(hint)};
}

void throw_exception_from_error(const failure& f, const boost::source_location&) {
  throw std::runtime_error{f.describe()};
}

}  // namespace lazaret::sandbox
