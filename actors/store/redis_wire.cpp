#include "actors/store/redis_wire.hpp"

#include <hiredis/hiredis.h>

#include <new>
#include <stdexcept>
#include <utility>

namespace lazaret::durable::redis {

namespace {

/// More elements than any script of ours gives; the protocol's own bound would let a server make us reserve gigabytes.
constexpr int most_elements = 250'000;

/// The reader builds our replies rather than its own. A list has its elements from the start, so they stay where they
/// are.
reply* place(const redisReadTask* task) {
  if (task->parent == nullptr) return new reply;
  auto& list = static_cast<reply*>(task->parent->obj)->list;
  return &list[static_cast<std::size_t>(task->idx)];
}

void* text(const redisReadTask* task, char* bytes, std::size_t size) {
  auto* one = place(task);
  one->what = task->type == REDIS_REPLY_ERROR    ? reply::kind::error
              : task->type == REDIS_REPLY_STATUS ? reply::kind::status
                                                 : reply::kind::text;
  one->text.assign(bytes, size);
  return one;
}

void* list(const redisReadTask* task, int elements) {
  if (elements > most_elements) return nullptr;  // the reader says that it has no memory
  auto* one = place(task);
  one->what = reply::kind::list;
  one->list.resize(static_cast<std::size_t>(elements));
  return one;
}

void* integer(const redisReadTask* task, long long value) {
  auto* one = place(task);
  one->what = reply::kind::integer;
  one->integer = value;
  return one;
}

void* nothing(const redisReadTask* task) { return place(task); }

void discard(void* root) { delete static_cast<reply*>(root); }

redisReplyObjectFunctions builders{&text, &list, &integer, &nothing, &discard};

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

decoder::decoder() : reader_{::redisReaderCreateWithFunctions(&builders)} {
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
  const std::unique_ptr<reply> owner{static_cast<reply*>(raw)};
  return std::move(*owner);
}

}  // namespace lazaret::durable::redis
