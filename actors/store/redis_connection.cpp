#include "actors/store/redis_connection.hpp"

#include <array>
#include <charconv>
#include <stdexcept>
#include <vector>

#include "actors/store/redis_errors.hpp"
#include "actors/store/redis_schema.hpp"

namespace lazaret::durable::redis {

namespace {

using kind = mishap::kind;

/// A number from INFO's `name:value` lines (https://redis.io/commands/info/).
int number_after(std::string_view info, std::string_view label) {
  const auto at = info.find(label);
  if (at == std::string_view::npos) return 0;
  const auto rest = info.substr(at + label.size());
  int value = 0;
  std::from_chars(rest.data(), rest.data() + rest.size(), value);
  return value;
}

mishap refuse(const address& to, std::string why) {
  return {kind::refused, {"redis_open", 0, to.shown(), std::move(why)}, true};
}

}  // namespace

void throw_exception_from_error(const mishap& m, const boost::source_location& where) {
  sandbox::throw_exception_from_error(m.why, where);
}

attempt<std::unique_ptr<connection>> connection::open(const dialer& to, milliseconds patience) {
  auto dialled = to.dial(patience);
  if (!dialled) {
    // A certificate that doesn't fit is a mistake of ours or theirs; all else may be a server that isn't up yet.
    const bool lasts = dialled.error().step == "redis_tls" && dialled.error().hint.starts_with("certificate");
    return mishap{kind::not_asked, dialled.error(), lasts};
  }
  std::unique_ptr<connection> made{new connection{std::move(*dialled)}};
  if (auto introduced = made->introduce(to.to(), patience); !introduced) {
    auto m = introduced.error();
    if (m.what != kind::refused) m.what = kind::not_asked;  // our question was not
    return m;
  }
  return made;
}

attempt<void> connection::introduce(const address& to, milliseconds patience) {
  const auto insist = [&](std::initializer_list<std::string_view> command) -> attempt<reply> {
    auto got = ask({command.begin(), command.size()}, patience);
    if (got && got->is_error()) return explain("redis_open", to.shown(), got->text, to.password);
    return got;
  };
  if (!to.password.empty()) {
    auto got = to.user.empty() ? insist({"AUTH", to.password}) : insist({"AUTH", to.user, to.password});
    if (!got) return got.error();
  }
  if (to.database != 0) {
    if (auto got = insist({"SELECT", std::to_string(to.database)}); !got) return got.error();
  }
  const auto server = insist({"INFO", "server"});
  if (!server) return server.error();
  const int version = number_after(server->text, "redis_version:");
  if (version < 7) return refuse(to, "Redis 7 or later is needed, and this one is " + std::to_string(version));
  if (server->text.find("redis_mode:cluster") != std::string::npos) {
    return refuse(to, "this is a Redis Cluster, which is not supported: use one primary (replicas are welcome)");
  }
  const auto key = to.prefix + "schema";
  auto schema = insist({"GET", key});
  if (!schema) return schema.error();
  if (schema->what == reply::kind::nothing) {
    const auto ours = std::to_string(newest_schema);
    if (auto set = insist({"SET", key, ours, "NX"}); !set) return set.error();
    if (schema = insist({"GET", key}); !schema) return schema.error();
  }
  int theirs = 0;
  const auto& text = schema->text;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), theirs);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return refuse(to, "key " + key + " holds no version: is the prefix used by something else?");
  }
  if (theirs > newest_schema) {
    return refuse(to, "the store was written by a newer Lazaret (schema " + std::to_string(theirs) +
                          ", this program knows " + std::to_string(newest_schema) + "): upgrade this node");
  }
  return {};
}

attempt<reply> connection::ask(std::span<const std::string_view> arguments, milliseconds patience) {
  if (auto said = say(arguments, patience); !said) return said.error();
  auto got = listen(patience);
  if (!got) return got.error();
  if (!*got) {
    return mishap{kind::late, {"redis_receive", ETIMEDOUT, "recv", "Redis does not answer (is it stopped, or busy?)"}};
  }
  return std::move(**got);
}

attempt<void> connection::say(std::span<const std::string_view> arguments, milliseconds patience) {
  auto sent = socket_->send(encode(arguments), patience);
  // What was cut off on its way is never a whole command, but send(2) doesn't say how far its last bytes came.
  if (!sent) return mishap{sent.error().error == ETIMEDOUT ? kind::late : kind::unknown, sent.error()};
  return {};
}

attempt<std::optional<reply>> connection::listen(milliseconds patience) {
  std::array<char, 65536> buffer;
  try {
    while (true) {
      if (auto one = decoder_.next()) return one;
      auto got = socket_->receive(buffer, patience);
      if (!got) return mishap{kind::unknown, got.error()};
      if (*got == 0) return std::optional<reply>{};
      decoder_.feed({buffer.data(), *got});
    }
  } catch (const std::runtime_error& wrong) {
    return mishap{kind::unknown, {"redis_receive", 0, "reply", std::string{"not Redis' protocol: "} + wrong.what()}};
  }
}

}  // namespace lazaret::durable::redis
