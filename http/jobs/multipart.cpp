#include "http/jobs/multipart.hpp"

#include <cstring>

#include <algorithm>

namespace lazaret::http::jobs {
namespace {

using std::string_view;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool same_word(string_view a, string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}
bool is_blank(char c) { return c == ' ' || c == '\t'; }
string_view trimmed(string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// memmem(3) is linear whatever a stranger writes.
std::size_t find(string_view in, string_view what, std::size_t from) {
  if (from > in.size()) return in.npos;
  const void* found = ::memmem(in.data() + from, in.size() - from, what.data(), what.size());
  return found == nullptr ? in.npos : static_cast<std::size_t>(static_cast<const char*>(found) - in.data());
}

/// `word; name=value; name="quoted"` one parameter after the other.
class parameters {
 public:
  explicit parameters(string_view header) : rest_{header} {}

  string_view word() {
    const auto end = std::min(rest_.find(';'), rest_.size());
    const auto first = trimmed(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return first;
  }
  /// False at the end, or where what follows is no parameter.
  bool next(string_view& name, std::string& value) {
    while (!rest_.empty() && (rest_.front() == ';' || is_blank(rest_.front()))) rest_.remove_prefix(1);
    const auto equals = rest_.find('=');
    if (equals == rest_.npos) return false;
    name = trimmed(rest_.substr(0, equals));
    rest_ = rest_.substr(equals + 1);
    value.clear();
    if (rest_.empty() || rest_.front() != '"') {
      const auto end = std::min(rest_.find(';'), rest_.size());
      value = trimmed(rest_.substr(0, end));
      rest_.remove_prefix(end);
      return true;
    }
    return quoted(value);
  }

 private:
  /// curl writes `\"` and `\\`; a backslash before anything else is one of a Windows path.
  bool quoted(std::string& value) {
    for (std::size_t at = 1; at < rest_.size(); ++at) {
      const bool escaped =
          rest_[at] == '\\' && at + 1 < rest_.size() && (rest_[at + 1] == '"' || rest_[at + 1] == '\\');
      if (!escaped && rest_[at] == '"') {
        rest_.remove_prefix(at + 1);
        return true;
      }
      value += rest_[escaped ? ++at : at];
    }
    return false;
  }
  string_view rest_;
};

/// RFC 2046, section 5.1.1: 1 to 70 of these, a space not at the end.
bool is_boundary(string_view text) {
  constexpr string_view marks = "'()+_,-./:=? ";
  return !text.empty() && text.size() <= 70 && text.back() != ' ' && std::ranges::all_of(text, [&](char c) {
    return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z') || marks.find(c) != marks.npos;
  });
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return lower(c) >= 'a' && lower(c) <= 'f' ? lower(c) - 'a' + 10 : -1;
}

/// RFC 8187, `UTF-8''na%C3%AFve`: not for forms (RFC 7578, section 4.2), and sent all the same by some.
std::optional<std::string> extended(string_view value) {
  const auto language = value.find('\''), text = value.find('\'', std::min(language, value.size() - 1) + 1);
  if (language == value.npos || text == value.npos || !same_word(value.substr(0, language), "utf-8")) return {};
  std::string decoded;
  for (value.remove_prefix(text + 1); !value.empty(); value.remove_prefix(1)) {
    if (value.front() != '%') {
      decoded += value.front();
      continue;
    }
    if (value.size() < 3 || hex(value[1]) < 0 || hex(value[2]) < 0) return {};
    decoded += static_cast<char>(hex(value[1]) * 16 + hex(value[2]));
    value.remove_prefix(2);
  }
  return decoded;
}

/// Reads the lines of one part's head; says what is wrong with them.
std::string read_head(string_view head, part& into) {
  bool has_disposition = false;
  while (!head.empty()) {
    const auto end = std::min(head.find("\r\n"), head.size());
    const auto line = head.substr(0, end);
    head.remove_prefix(std::min(end + 2, head.size()));
    const auto colon = line.find(':');
    if (colon == line.npos || colon == 0) return "a part's header is no header";
    const auto name = trimmed(line.substr(0, colon)), value = trimmed(line.substr(colon + 1));
    if (same_word(name, "content-type") && same_word(value.substr(0, 10), "multipart/"))
      return "a part is multipart itself, which RFC 7578, section 4.3, has ended";
    if (same_word(name, "content-transfer-encoding") && !same_word(value, "binary") && !same_word(value, "8bit") &&
        !same_word(value, "7bit"))
      return "a part is encoded, which RFC 7578, section 4.7, has ended";
    if (!same_word(name, "content-disposition")) continue;
    if (has_disposition) return "a part has two Content-Dispositions";
    has_disposition = true;
    parameters all{value};
    if (!same_word(all.word(), "form-data")) return "a part's Content-Disposition is not form-data";
    string_view parameter;
    std::string text;
    bool has_name = false;
    while (all.next(parameter, text)) {
      if (same_word(parameter, "name") && !has_name) into.name = text, has_name = true;
      if (same_word(parameter, "filename") && !into.filename) into.filename = text;
      if (same_word(parameter, "filename*"))
        if (auto decoded = extended(text)) into.filename = std::move(decoded);
    }
    if (!has_name) return "a part has no name";
  }
  return has_disposition ? "" : "a part has no Content-Disposition";
}

}  // namespace

std::optional<std::string> form_boundary(string_view content_type) {
  parameters all{content_type};
  if (!same_word(all.word(), "multipart/form-data")) return std::nullopt;
  string_view name;
  std::string value;
  while (all.next(name, value))
    if (same_word(name, "boundary")) return is_boundary(value) ? value : std::string{};
  return std::string{};
}

std::variant<std::vector<part>, malformed> read_multipart(string_view boundary, string_view body,
                                                          const multipart_limits& within) {
  const std::string delimiter = "\r\n--" + std::string{boundary};
  std::vector<part> parts;
  // The first delimiter may be the very beginning; what stands before it is nobody's.
  std::size_t at = body.starts_with(string_view{delimiter}.substr(2)) ? delimiter.size() - 2 : body.npos;
  if (at == body.npos) {
    at = find(body, delimiter, 0);
    if (at == body.npos) return malformed{"the boundary does not occur in the body"};
    at += delimiter.size();
  }
  for (;;) {
    if (body.substr(at, 2) == "--") return parts;
    while (at < body.size() && is_blank(body[at])) ++at;
    if (body.substr(at, 2) != "\r\n") return malformed{"a boundary is not followed by a line's end"};
    if (parts.size() >= within.parts) return malformed{"more than " + std::to_string(within.parts) + " parts"};
    // The empty line that ends a head may follow the boundary's own line end at once.
    const auto limit = string_view{body}.substr(0, std::min(body.size(), at + within.header_bytes));
    const auto blank = find(limit, "\r\n\r\n", at);
    if (blank == body.npos)
      return malformed{"a part's headers do not end within " + std::to_string(within.header_bytes) + " bytes"};
    auto& one = parts.emplace_back();
    const auto head = blank > at ? body.substr(at + 2, blank - at - 2) : string_view{};
    if (auto wrong = read_head(head, one); !wrong.empty()) return malformed{std::move(wrong)};
    // The line end before a delimiter is the delimiter's: an empty part's is the one that ended its head.
    const auto begin = blank + 4, end = find(body, delimiter, blank + 2);
    if (end == body.npos) return malformed{"the closing boundary is missing"};
    one.content = end > begin ? body.substr(begin, end - begin) : string_view{};
    at = end + delimiter.size();
  }
}

string_view base_name(string_view filename) {
  const bool windows = filename.size() > 2 && filename[1] == ':' && filename[2] == '\\';
  const auto cut = filename.find_last_of(windows ? "/\\" : "/");
  return cut == filename.npos ? filename : filename.substr(cut + 1);
}

}  // namespace lazaret::http::jobs
