#pragma once
/// What a client may say, as pure functions. Text that passes here is safe to compare, to store and to put into a
/// path's last component; it never starts with `-`, so that no program takes it for an option.

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "actors/service.hpp"

namespace lazaret::http {

/// What is wrong with a request, in one sentence that names the field and the reason.
struct complaint {
  std::string detail;
  int status = 422;
};

template <class T>
using checked = std::variant<T, complaint>;

/// A stranger's word as a complaint repeats it: at most 100 bytes of it, and UTF-8 even where the cut or a `%ff` of a
/// query would not leave any (a U+FFFD stands for what is none).
[[nodiscard]] std::string shown(std::string_view word);

/// The alphabet of PEP 440 (epoch `!`, local `+`, and the separators that normalisation folds), starting with a letter
/// or digit. Whether the release exists is the index's answer to give.
[[nodiscard]] bool is_version(std::string_view text) noexcept;
/// UUIDv4 in lower case, as ingress makes them (RFC 9562).
[[nodiscard]] bool is_run_id(std::string_view text) noexcept;

/// The body of POST /v1/triage. Lengths are counted in characters and checked before alphabets (compat/triage).
[[nodiscard]] checked<actors::submission> read_submission(std::string_view body);
/// The body of PATCH /v1/stages/{name}: `concurrency` (1-64), `queue_limit` (1-100000), at least one of them.
[[nodiscard]] checked<actors::stage_change> read_stage_change(std::string_view body);
/// The query of GET /v1/runs, still percent-encoded.
[[nodiscard]] checked<actors::run_filter> read_run_filter(std::string_view query);
/// A `Last-Event-ID`: digits only. Empty text is 0.
[[nodiscard]] std::optional<std::uint64_t> read_event_id(std::string_view text) noexcept;

}  // namespace lazaret::http
