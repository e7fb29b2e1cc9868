#include "http/stream/routes.hpp"

#include "http/base64.hpp"
#include "http/refusal.hpp"

namespace lazaret::http::stream {

void admit(const site& s, const request& r, respond answer) {
  const auto refuse = [&](unsigned status, std::string_view detail) {
    auto refused = failed(status, detail);
    if (status == 426) {
      refused.headers.emplace_back("Upgrade", "websocket");
      refused.headers.emplace_back("Sec-WebSocket-Version", "13");
    }
    answer(std::move(refused));
  };
  const auto& offer = r.upgrade;
  if (!offer.asked) return refuse(426, "this resource speaks WebSocket (RFC 6455) only");
  if (offer.version != "13") return refuse(426, "Sec-WebSocket-Version: must be 13");
  if (std::string nonce; !decode_base64(offer.key, nonce) || nonce.size() != 16)
    return refuse(400, "Sec-WebSocket-Key: must be 16 bytes in base64");
  if (!r.body.empty()) return refuse(400, "body: a handshake has none");
  s.pipeline.check_room(claimant_of(r), [&s, answer = std::move(answer)](actors::answer<bool> given) {
    if (const auto* why = std::get_if<actors::refusal>(&given)) {
      s.metrics.submission("stream", row(why->why).outcome);
      return answer(refused(s, *why));
    }
    answer({.status = 101});
  });
}

}  // namespace lazaret::http::stream
