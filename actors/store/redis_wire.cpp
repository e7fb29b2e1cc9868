#include "actors/store/redis_wire.hpp"

#include <hiredis/hiredis.h>

#include <new>
#include <stdexcept>

namespace lazaret::durable::redis {

namespace {

reply translated(const redisReply& raw) {
  reply one;
  switch (raw.type) {
    case REDIS_REPLY_STATUS:
      one.what = reply::kind::status;
      break;
    case REDIS_REPLY_ERROR:
      one.what = reply::kind::error;
      break;
    case REDIS_REPLY_INTEGER:
      one.what = reply::kind::integer;
      one.integer = raw.integer;
      return one;
    case REDIS_REPLY_STRING:
      one.what = reply::kind::text;
      break;
    case REDIS_REPLY_ARRAY:
      one.what = reply::kind::list;
      one.list.reserve(raw.elements);
      for (std::size_t i = 0; i < raw.elements; ++i) one.list.push_back(translated(*raw.element[i]));
      return one;
    default:
      return one;
  }
  one.text.assign(raw.str, raw.len);
  return one;
}

}  // namespace

std::string encode(std::span<const std::string_view> arguments) {
  std::vector<const char*> starts;
  std::vector<std::size_t> sizes;
  for (const auto argument : arguments) {
    starts.push_back(argument.data() == nullptr ? "" : argument.data());
    sizes.push_back(argument.size());
  }
  char* made = nullptr;
  const int size = ::redisFormatCommandArgv(&made, static_cast<int>(starts.size()), starts.data(), sizes.data());
  // It returns an int: what is larger than that is bounded away before (store::max_body).
  if (size < 0) throw std::bad_alloc{};
  const std::unique_ptr<char, decltype(&::redisFreeCommand)> owner{made, &::redisFreeCommand};
  return {made, static_cast<std::size_t>(size)};
}

decoder::decoder() : reader_{::redisReaderCreate()} {
  if (!reader_) throw std::bad_alloc{};
}

void decoder::closer::operator()(void* reader) const { ::redisReaderFree(static_cast<redisReader*>(reader)); }

void decoder::feed(std::string_view bytes) {
  // A failure is remembered by the reader, and next() tells it.
  (void)::redisReaderFeed(static_cast<redisReader*>(reader_.get()), bytes.data(), bytes.size());
}

std::optional<reply> decoder::next() {
  auto* reader = static_cast<redisReader*>(reader_.get());
  void* raw = nullptr;
  if (::redisReaderGetReply(reader, &raw) != REDIS_OK) throw std::runtime_error{reader->errstr};
  if (raw == nullptr) return std::nullopt;
  const std::unique_ptr<void, decltype(&::freeReplyObject)> owner{raw, &::freeReplyObject};
  return translated(*static_cast<redisReply*>(raw));
}

}  // namespace lazaret::durable::redis
