#include "actors/download/error.hpp"

#include <stdexcept>

namespace lazaret::download {

std::string_view name(problem p) noexcept {
  switch (p) {
    case problem::not_found:
      return "not_found";
    case problem::refused:
      return "refused";
    case problem::cap_exceeded:
      return "cap_exceeded";
    case problem::digest_mismatch:
      return "digest_mismatch";
    case problem::timeout:
      return "timeout";
    case problem::transport:
      return "transport";
    case problem::malformed:
      return "malformed";
    case problem::canceled:
      return "canceled";
    case problem::local:
      return "local";
  }
  return "transport";
}

void throw_exception_from_error(const download_error& e, const boost::source_location&) {
  throw std::runtime_error{e.text};
}

}  // namespace lazaret::download
