#include "actors/store/redis_errors.hpp"

#include <algorithm>
#include <array>

namespace lazaret::durable::redis {

namespace {

struct known {
  std::string_view code, hint;
  bool lasts, reconnect;
};

constexpr std::string_view few_rights =
    "the user of the URL may not do that: it needs ~PREFIX* &PREFIX* +@all -@dangerous +info";

// The codes of Redis 7.0's src/server.c (createSharedObjects), script.c and acl.c.
constexpr std::array table{
    known{"OOM", "Redis is out of memory: raise maxmemory, or let retention make room", false, false},
    known{"READONLY", "this Redis is a read-only replica: the URL must lead to the primary", false, true},
    known{"LOADING", "Redis is still loading its data from disk", false, false},
    known{"NOAUTH", "Redis wants a password: put it into the URL", true, true},
    known{"WRONGPASS", "Redis does not know that user and password", true, true},
    known{"NOPERM", few_rights, true, true},
    known{"ERR The user executing the script can't", few_rights, true, true},
    known{"MISCONF", "Redis can't write to its disk, and takes nothing until it can", false, false},
    known{"NOREPLICAS", "fewer replicas are there than min-replicas-to-write demands", false, false},
    known{"MASTERDOWN", "this Redis is a replica that lost its primary", false, true},
    known{"BUSY", "a script of somebody else's keeps Redis busy", false, false},
    known{"DENIED", "Redis is in protected mode: give it a password, or bind it to where we are", true, true},
    known{"MOVED", "this is a Redis Cluster, which is not supported: use one primary (replicas are welcome)", true,
          true},
    known{"CLUSTERDOWN", "this is a Redis Cluster, which is not supported: use one primary (replicas are welcome)",
          true, true},
    known{"CROSSSLOT", "this is a Redis Cluster, which is not supported: use one primary (replicas are welcome)", true,
          true},
    known{"ERR max number of clients", "raise Redis' maxclients", false, true},
    known{"ERR AUTH", "the URL has a password and this Redis has none", true, true},
    known{"ERR DB index", "this Redis has no database of that number", true, true},
    known{"WRONGTYPE", "something else than Lazaret writes keys with this prefix: give it a prefix of its own", false,
          false},
};

const known* find(std::string_view text) {
  const auto* found =
      std::find_if(table.begin(), table.end(), [&](const known& k) { return text.starts_with(k.code); });
  return found == table.end() ? nullptr : found;
}

std::string one_line(std::string_view text, std::string_view password) {
  std::string line{text.substr(0, 200)};
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  for (std::size_t at = 0; !password.empty() && (at = line.find(password, at)) != std::string::npos;) {
    line.replace(at, password.size(), "***");
    at += 3;
  }
  return line;
}

}  // namespace

mishap explain(std::string_view doing, const std::string& where, std::string_view error_reply,
               std::string_view password) {
  const auto* k = find(error_reply);
  auto said = where + ": " + one_line(error_reply, password);
  return {mishap::kind::refused,
          {std::string{doing}, 0, std::move(said), k ? std::string{k->hint} : std::string{}},
          k != nullptr && k->lasts};
}

bool means_reconnect(std::string_view error_reply) {
  const auto* k = find(error_reply);
  return k != nullptr && k->reconnect;
}

}  // namespace lazaret::durable::redis
