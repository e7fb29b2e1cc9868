#pragma once
/// A connection with its statements, each prepared once. One thread at a time.

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "actors/sqlite.hpp"
#include "actors/store/store.hpp"

namespace lazaret::durable {

namespace sqlite = actors::sqlite;

[[nodiscard]] inline std::int64_t micros(clock::time_point t) {
  return std::chrono::duration_cast<std::chrono::microseconds>(t.time_since_epoch()).count();
}

/// One use of a prepared statement; ready for the next when it goes.
class query {
 public:
  explicit query(sqlite::statement& prepared) : prepared_{prepared} {}
  query(const query&) = delete;
  query& operator=(const query&) = delete;
  ~query() { prepared_.clear(); }

  template <class... T>
  query& with(const T&... values) {
    int place = 0;
    (bind(++place, values), ...);
    return *this;
  }
  query& bind(int place, std::int64_t value) { return prepared_.bind(place, value), *this; }
  query& bind(int place, std::uint64_t value) { return bind(place, static_cast<std::int64_t>(value)); }
  query& bind(int place, int value) { return bind(place, std::int64_t{value}); }
  query& bind(int place, std::string_view text) { return prepared_.bind(place, text), *this; }
  query& bind(int place, clock::time_point t) { return bind(place, micros(t)); }
  query& bind(int place, const std::optional<clock::time_point>& t) {
    return prepared_.bind(place, t ? std::optional{micros(*t)} : std::nullopt), *this;
  }

  bool step() { return prepared_.step(); }
  void run() { prepared_.run(); }
  [[nodiscard]] std::int64_t integer(int column) const { return prepared_.integer(column); }
  [[nodiscard]] std::string text(int column) const { return prepared_.text(column); }
  [[nodiscard]] bool is_null(int column) const { return prepared_.is_null(column); }

 private:
  sqlite::statement& prepared_;
};

class database {
 public:
  database(const std::string& file, int flags) : connection_{file, flags} {}

  [[nodiscard]] query operator()(const std::string& sql) {
    auto& prepared = prepared_[sql];
    if (!prepared) prepared = std::make_unique<sqlite::statement>(connection_.get(), sql);
    return query{*prepared};
  }
  [[nodiscard]] sqlite::connection& raw() noexcept { return connection_; }
  void execute(const char* sql) { connection_.execute(sql); }
  /// Rows that the last statement changed.
  [[nodiscard]] std::size_t changed() const { return connection_.changed(); }

 private:
  sqlite::connection connection_;
  std::unordered_map<std::string, std::unique_ptr<sqlite::statement>> prepared_;
};

}  // namespace lazaret::durable
