#pragma once
/// DNS messages (RFC 1035), as little of them as a jail needs: a question for the addresses of one name, and the
/// answer. Both sides are hostile, so nothing is passed on: what comes in is read, and what goes out is written anew.
/// Pure; any thread.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/addresses.hpp"

namespace lazaret::http {

enum class name_type : std::uint16_t { a = 1, aaaa = 28 };  ///< any other number is a type that has no answer here

/// Results of a question, RFC 1035 section 4.1.1.
enum class name_code : std::uint8_t { found = 0, malformed = 1, failed = 2, unknown = 3, not_implemented = 4 };

struct name_question {
  std::uint16_t id = 0;
  std::string name;  ///< `pypi.org`: lower case, without the last dot
  name_type type = name_type::a;
  bool recursion_desired = true;
  std::string wire;  ///< name, type and class as they stood in the message, to be repeated in the answer
};

/// Nothing when it is no question of class IN with one ordinary name: letters, digits, `-` and `_`.
[[nodiscard]] std::optional<name_question> read_question(std::string_view message);

/// What a resolver is asked.
[[nodiscard]] std::string write_question(const name_question& q);

struct name_answer {
  name_code code = name_code::failed;
  std::vector<sandbox::ip_address> addresses;
  std::chrono::seconds lives{0};  ///< the shortest of the answer's
};

/// Nothing when it doesn't answer this question: another id, another name, no answer at all.
[[nodiscard]] std::optional<name_answer> read_answer(std::string_view message, const name_question& to);

/// As many addresses as 512 bytes hold, so that every client takes it (RFC 1035 section 4.2.1).
[[nodiscard]] std::string write_answer(const name_question& to, const name_answer& a);

}  // namespace lazaret::http
