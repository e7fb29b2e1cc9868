#include "http/idempotency_key.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <vector>

#include "actors/download/digest.hpp"

namespace lazaret::http {
namespace {

namespace json = boost::json;

constexpr bool is_visible(char c) { return c >= 0x21 && c <= 0x7e; }

std::string_view trimmed(std::string_view text) {
  const auto from = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(from);
  return text.substr(0, text.find_last_not_of(" \t") + 1);
}

/// Of several texts, so that no two different lists of them have the same.
class digest {
 public:
  digest& add(std::string_view text) {
    sum_.update(std::to_string(text.size()));
    sum_.update(":");
    sum_.update(text);
    return *this;
  }
  std::string finish() { return sum_.finish(); }

 private:
  download::sha256 sum_;
};

/// gate.hpp has let it in by that key or token: the client's neighbours behind the same address have another.
std::string_view credential_of(const request& r) {
  if (r.key.starts_with("CODE_RUNNER_API_KEYS")) return r.api_key;
  const auto given = r.authorization;
  return trimmed(given.substr(std::min(given.find(' '), given.size())));
}

void write_canonical(const json::value& value, std::string& out) {
  const auto* const object = value.if_object();
  const auto* const array = value.if_array();
  if (object == nullptr && array == nullptr) {
    out += json::serialize(value);
    return;
  }
  char separator = object != nullptr ? '{' : '[';
  if (object != nullptr) {
    std::vector<const json::key_value_pair*> fields;
    for (const auto& field : *object) fields.push_back(&field);
    std::sort(fields.begin(), fields.end(), [](const auto* a, const auto* b) { return a->key() < b->key(); });
    for (const auto* const field : fields) {
      out += separator;
      out += json::serialize(field->key());
      out += ':';
      write_canonical(field->value(), out);
      separator = ',';
    }
  } else {
    for (const auto& element : *array) {
      out += separator;
      write_canonical(element, out);
      separator = ',';
    }
  }
  if (separator != ',') out += separator;  // an empty one
  out += object != nullptr ? '}' : ']';
}

}  // namespace

std::optional<std::string> read_key_text(std::string_view header) {
  auto text = trimmed(header);
  std::string key;
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
    for (std::size_t at = 0; at < text.size(); ++at) {
      if (text[at] == '"') return {};
      if (text[at] == '\\' && (++at == text.size() || (text[at] != '"' && text[at] != '\\'))) return {};
      key += text[at];
    }
  } else {
    constexpr std::string_view only_quoted = "\"\\,;";
    if (text.find_first_of(only_quoted) != text.npos) return {};
    key = text;
  }
  if (key.empty() || key.size() > longest_idempotency_key || !std::all_of(key.begin(), key.end(), is_visible))
    return {};
  return key;
}

checked<std::optional<durable::idempotency>> read_idempotency_key(const request& r,
                                                                  std::span<const std::string_view> canonical) {
  if (r.idempotency_keys == 0) return std::optional<durable::idempotency>{};
  if (r.idempotency_keys > 1) return complaint{"Idempotency-Key: given more than once", 400};
  const auto key = read_key_text(r.idempotency_key);
  if (!key) {
    return complaint{
        "Idempotency-Key: must be 1 to 255 visible ASCII characters, bare or as a quoted string "
        "(RFC 8941, section 3.3.3)",
        400};
  }
  digest whose;
  whose.add(r.method).add(r.path);
  if (r.key.empty())
    whose.add("address").add(r.client);
  else
    whose.add("key").add(credential_of(r));
  whose.add(*key);
  digest asked;
  asked.add(r.method).add(r.path);
  for (const auto piece : canonical) asked.add(piece);
  return std::optional{durable::idempotency{"idempotency:" + whose.finish(), asked.finish()}};
}

std::string canonical_json(const json::value& value) {
  std::string out;
  write_canonical(value, out);
  return out;
}

}  // namespace lazaret::http
