#pragma once
/// What Redis answers when it can't do what it was asked, as a sentence with a hint. Pure.

#include <string>
#include <string_view>

#include "actors/store/redis_connection.hpp"

namespace lazaret::durable::redis {

/// `doing`: for the failure's step; `where`: address::shown(). The server's own text is kept, cut to one short line and
/// without the password, which a proxy might repeat.
[[nodiscard]] mishap explain(std::string_view doing, const std::string& where, std::string_view error_reply,
                             std::string_view password = {});
/// After such an answer another connection may do better: the server became a replica, or forgot who we are.
[[nodiscard]] bool means_reconnect(std::string_view error_reply);

}  // namespace lazaret::durable::redis
