// What a service that was taken over sends to the jailer, and what a jail sends: the bytes of each message. The first
// byte is the kind, as on the wire.
#include "sandbox/protocol.hpp"
#include "sandbox/validate.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace lazaret;
using namespace lazaret::sandbox;

namespace {

template <class T>
std::string written(const T& value) {
  wire::writer to;
  protocol::write(to, value);
  return to.bytes();
}

/// Whatever decodes can be said again, and is then understood as the same.
template <class T>
result<T> decode(std::string_view bytes) {
  auto value = protocol::decode<T>(bytes);
  if (value) {
    const auto again = protocol::decode<T>(written(*value));
    fuzz::must(again.has_value() && written(*again) == written(*value), "what was decoded encodes and decodes");
  }
  return value;
}

void check_policy(const protocol::start_request& request) {
  const auto& p = request.what;
  const bool valid = validate(p, request.volumes.size()).has_value();
  (void)bind_rules{{"/opt"}}.allow(p.working_directory);
  if (!valid) return;
  fuzz::must(!p.argv.empty() && is_plain_path(p.argv[0].find('/') == 0 ? p.argv[0] : "/" + p.argv[0]),
             "the program is a plain path, or a name");
  for (const auto& v : p.volumes) fuzz::must(v.index < request.volumes.size(), "a volume's index is within the list");
  for (const auto& b : p.binds) fuzz::must(is_plain_path(b.source) && is_plain_path(b.target), "binds are plain paths");
  for (const auto& f : p.files) fuzz::must(is_plain_path(f.target), "a file's target is a plain path");
  for (const auto& l : p.links) fuzz::must(is_plain_path(l.target), "a link is at a plain path");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  using protocol::kind;
  const auto body = fuzz::text_of(data + 1, size - 1);
  switch (static_cast<kind>(data[0])) {
    case kind::make_volume:
      (void)decode<volume_options>(body);
      break;
    case kind::start:
      if (const auto request = decode<protocol::start_request>(body)) check_policy(*request);
      break;
    case kind::failed:
      (void)protocol::decode_failure(body).describe();
      break;
    case kind::ended:
      if (const auto ended = decode<outcome>(body)) (void)describe(*ended), (void)name(ended->reason);
      break;
    default:
      (void)protocol::decode<std::uint64_t>(body);
      (void)protocol::decode<std::int32_t>(body);
      (void)protocol::decode<std::uint8_t>(body);
  }
  return 0;
}
