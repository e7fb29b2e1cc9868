#include "http/relay/name_message.hpp"

#include <algorithm>
#include <array>

namespace lazaret::http {
namespace {

constexpr std::uint16_t is_response = 0x8000, recursion_desired = 0x0100, recursion_available = 0x0080;
constexpr std::uint16_t class_internet = 1;
constexpr std::size_t header_size = 12, largest_answer = 512;

/// Reads what may end anywhere; after the end, everything is 0 and ok() false.
class cursor {
 public:
  explicit cursor(std::string_view message) : left_{message} {}
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] std::size_t left() const { return left_.size(); }

  std::string_view take(std::size_t n) {
    ok_ = ok_ && n <= left_.size();
    if (!ok_) return {};
    const auto taken = left_.substr(0, n);
    left_.remove_prefix(n);
    return taken;
  }
  std::uint8_t octet() {
    const auto one = take(1);
    return one.empty() ? 0 : static_cast<std::uint8_t>(one.front());
  }
  std::uint16_t number() {
    const auto high = octet();
    return static_cast<std::uint16_t>(high << 8 | octet());
  }
  std::uint32_t long_number() {
    const std::uint32_t high = number();
    return high << 16 | number();
  }
  /// Of a resource record: whose it is doesn't matter, the question does. A pointer (two bits set) ends a name.
  void skip_name() {
    for (;;) {
      const auto size = octet();
      if (!ok_ || size == 0) return;
      if (size >= 0xc0) {
        take(1);
        return;
      }
      if (size >= 0x40) ok_ = false;
      take(size);
    }
  }

 private:
  std::string_view left_;
  bool ok_ = true;
};

void put(std::string& to, std::uint16_t number) {
  to += static_cast<char>(number >> 8);
  to += static_cast<char>(number & 0xff);
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool is_ordinary(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; }

/// Without pointers: a question has nothing to point to.
std::optional<std::string> read_name(cursor& from) {
  std::string name;
  for (;;) {
    const auto size = from.octet();
    const auto label = from.take(size);
    if (!from.ok() || size > 63 || name.size() + size > 253) return std::nullopt;
    if (size == 0) break;
    if (!name.empty()) name += '.';
    for (const char c : label) {
      if (!is_ordinary(lower(c))) return std::nullopt;
      name += lower(c);
    }
  }
  if (name.empty()) return std::nullopt;
  return name;
}

void put_name(std::string& to, std::string_view name) {
  while (!name.empty()) {
    const auto label = name.substr(0, name.find('.'));
    to += static_cast<char>(label.size());
    to += label;
    name.remove_prefix(std::min(label.size() + 1, name.size()));
  }
  to += '\0';
}

}  // namespace

std::optional<name_question> read_question(std::string_view message) {
  cursor from{message};
  name_question q;
  q.id = from.number();
  const auto flags = from.number();
  const auto questions = from.number(), answers = from.number(), authorities = from.number();
  from.number();  // additional records: a client's EDNS, which needs no answer
  // A query (opcode 0) and nothing else.
  if (!from.ok() || (flags & 0xf800) != 0 || questions != 1 || answers != 0 || authorities != 0) return std::nullopt;
  q.recursion_desired = (flags & recursion_desired) != 0;
  const auto start = message.size() - from.left();
  auto name = read_name(from);
  if (!name) return std::nullopt;
  q.name = std::move(*name);
  q.type = static_cast<name_type>(from.number());
  if (from.number() != class_internet || !from.ok()) return std::nullopt;
  q.wire = message.substr(start, message.size() - from.left() - start);
  return q;
}

std::string write_question(const name_question& q) {
  std::string message;
  put(message, q.id);
  put(message, recursion_desired);
  for (const std::uint16_t count : {1, 0, 0, 0}) put(message, count);
  put_name(message, q.name);
  put(message, static_cast<std::uint16_t>(q.type));
  put(message, class_internet);
  return message;
}

std::optional<name_answer> read_answer(std::string_view message, const name_question& to) {
  cursor from{message};
  const auto id = from.number(), flags = from.number(), questions = from.number(), records = from.number();
  from.take(4);
  if (!from.ok() || id != to.id || (flags & is_response) == 0 || questions != 1) return std::nullopt;
  const auto name = read_name(from);
  if (!name || *name != to.name || from.number() != static_cast<std::uint16_t>(to.type) ||
      from.number() != class_internet || !from.ok())
    return std::nullopt;
  name_answer a;
  const auto code = flags & 0xf;
  a.code = code == 0 || code == 3 ? static_cast<name_code>(code) : name_code::failed;
  a.lives = std::chrono::hours{1};
  // What was cut off at the end of a datagram is done without.
  for (std::uint16_t i = 0; i < records; ++i) {
    from.skip_name();
    const auto type = from.number(), of_class = from.number();
    const auto lives = from.long_number();
    const auto data = from.take(from.number());
    if (!from.ok()) break;
    a.lives = std::min(a.lives, std::chrono::seconds{lives});
    if (of_class != class_internet || type != static_cast<std::uint16_t>(to.type)) continue;  // a CNAME on the way
    std::array<std::uint8_t, 16> octets{};
    if (data.size() > octets.size()) continue;
    std::copy(data.begin(), data.end(), octets.begin());
    if (to.type == name_type::a && data.size() == 4)
      a.addresses.push_back(sandbox::ip_address::from_v4(std::span{octets}.first<4>()));
    if (to.type == name_type::aaaa && data.size() == 16) a.addresses.push_back(sandbox::ip_address::from_v6(octets));
  }
  return a;
}

std::string write_answer(const name_question& to, const name_answer& a) {
  const std::size_t size = to.type == name_type::aaaa ? 16 : 4;
  const auto room =
      (largest_answer - header_size - std::min(largest_answer - header_size, to.wire.size())) / (12 + size);
  std::vector<sandbox::ip_address> told;
  for (const auto& address : a.addresses)
    if (told.size() < room && address.bytes().size() == size) told.push_back(address);
  std::string message;
  put(message, to.id);
  put(message,
      static_cast<std::uint16_t>(is_response | recursion_available | (to.recursion_desired ? recursion_desired : 0) |
                                 static_cast<std::uint16_t>(a.code)));
  put(message, 1);
  put(message, static_cast<std::uint16_t>(told.size()));
  put(message, 0);
  put(message, 0);
  message += to.wire;
  for (const auto& address : told) {
    put(message, 0xc000 | header_size);  // the question's name
    put(message, static_cast<std::uint16_t>(to.type));
    put(message, class_internet);
    put(message, 0);
    put(message, static_cast<std::uint16_t>(std::clamp<std::int64_t>(a.lives.count(), 0, 3600)));
    put(message, static_cast<std::uint16_t>(size));
    message.append(reinterpret_cast<const char*>(address.octets.data()), size);
  }
  return message;
}

}  // namespace lazaret::http
