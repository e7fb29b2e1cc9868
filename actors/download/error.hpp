#pragma once
/// Why something could not be had from the registry. A value; safe to copy between threads.

#include <boost/system/result.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace lazaret::download {

enum class problem : std::uint8_t {
  not_found,        ///< the index has no such package, version, file, or none that fits the interpreter
  refused,          ///< by policy: scheme, redirect, address, denylist, a name that is none
  cap_exceeded,     ///< MAX_DOWNLOAD_BYTES of the run, or the size limit of an index page
  digest_mismatch,  ///< the file is not the one that the index names
  timeout,
  transport,  ///< no connection, a broken one, or a server that answers with errors or lies about length
  malformed,  ///< the answer can't be understood
  canceled,
  local,  ///< this machine's disk
};

struct download_error {
  problem what = problem::transport;
  std::string text;  ///< one sentence for people; names the URL or the package
};

template <class T>
using result = boost::system::result<T, download_error>;

[[nodiscard]] std::string_view name(problem p) noexcept;

/// The text that the run's summary uses when the cap was hit (compat/triage.md).
inline constexpr std::string_view cap_text = "download byte cap exceeded";

/// boost::system::result asks for this when value() is called on an error.
[[noreturn]] void throw_exception_from_error(const download_error& e, const boost::source_location& where);

}  // namespace lazaret::download
