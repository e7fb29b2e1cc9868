#pragma once
/// The little of SQLite's C interface that the store needs (https://www.sqlite.org/c3ref/intro.html), with owners.
/// A connection and its statements are used by one thread at a time; the caller locks.

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace lazaret::actors::sqlite {

/// Thrown by everything below. The store turns it into a failure when it writes, and lets it pass when it reads.
struct error : std::runtime_error {
  explicit error(const std::string& text) : std::runtime_error{text} {}
};

class statement {
 public:
  statement(sqlite3* db, std::string_view sql) {
    if (const int code = ::sqlite3_prepare_v2(db, sql.data(), static_cast<int>(sql.size()), &handle_, nullptr);
        code != SQLITE_OK) {
      throw error{::sqlite3_errmsg(db)};
    }
  }
  statement(const statement&) = delete;
  statement& operator=(const statement&) = delete;
  ~statement() { ::sqlite3_finalize(handle_); }

  statement& bind(int place, std::int64_t value) { return check(::sqlite3_bind_int64(handle_, place, value)); }
  statement& bind(int place, std::string_view text) {
    return check(::sqlite3_bind_text64(handle_, place, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  }
  template <class T>
  statement& bind(int place, const std::optional<T>& value) {
    return value ? bind(place, *value) : check(::sqlite3_bind_null(handle_, place));
  }

  /// True while there is a row.
  bool step() {
    const int code = ::sqlite3_step(handle_);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    throw error{::sqlite3_errmsg(::sqlite3_db_handle(handle_))};
  }
  /// Runs a statement that gives no rows, and makes it ready for the next time.
  void run() {
    reset_on_exit guard{handle_};
    while (step()) {
    }
  }
  void reset() { ::sqlite3_reset(handle_); }
  /// As reset(), and lets go of what was bound, which may be large.
  void clear() {
    ::sqlite3_reset(handle_);
    ::sqlite3_clear_bindings(handle_);
  }

  [[nodiscard]] std::int64_t integer(int column) const { return ::sqlite3_column_int64(handle_, column); }
  [[nodiscard]] bool is_null(int column) const { return ::sqlite3_column_type(handle_, column) == SQLITE_NULL; }
  [[nodiscard]] std::string text(int column) const {
    const auto* bytes = ::sqlite3_column_text(handle_, column);
    const auto size = static_cast<std::size_t>(::sqlite3_column_bytes(handle_, column));
    return bytes == nullptr ? std::string{} : std::string{reinterpret_cast<const char*>(bytes), size};
  }

 private:
  struct reset_on_exit {
    sqlite3_stmt* handle;
    ~reset_on_exit() { ::sqlite3_reset(handle); }
  };
  statement& check(int code) {
    if (code != SQLITE_OK) throw error{::sqlite3_errmsg(::sqlite3_db_handle(handle_))};
    return *this;
  }
  sqlite3_stmt* handle_ = nullptr;
};

class connection {
 public:
  connection(const std::string& file, int flags) {
    sqlite3* raw = nullptr;
    const int code = ::sqlite3_open_v2(file.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    handle_.reset(raw);
    if (code != SQLITE_OK) throw error{raw != nullptr ? ::sqlite3_errmsg(raw) : "out of memory"};
    ::sqlite3_busy_timeout(raw, 5000);
  }
  [[nodiscard]] sqlite3* get() const noexcept { return handle_.get(); }
  void execute(const char* sql) {
    if (const int code = ::sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr); code != SQLITE_OK) {
      throw error{::sqlite3_errmsg(handle_.get())};
    }
  }
  /// Rows that the last statement changed.
  [[nodiscard]] std::size_t changed() const { return static_cast<std::size_t>(::sqlite3_changes64(handle_.get())); }
  /// False once an error has rolled back more than its statement (https://www.sqlite.org/lang_transaction.html).
  [[nodiscard]] bool in_transaction() const { return ::sqlite3_get_autocommit(handle_.get()) == 0; }

 private:
  struct closer {
    void operator()(sqlite3* db) const { ::sqlite3_close_v2(db); }
  };
  std::unique_ptr<sqlite3, closer> handle_;
};

/// Rolled back unless committed.
class transaction {
 public:
  explicit transaction(connection& db) : db_{db} { db_.execute("BEGIN IMMEDIATE"); }
  transaction(const transaction&) = delete;
  transaction& operator=(const transaction&) = delete;
  ~transaction() {
    if (!done_) ::sqlite3_exec(db_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
  void commit() {
    db_.execute("COMMIT");
    done_ = true;
  }

 private:
  connection& db_;
  bool done_ = false;
};

}  // namespace lazaret::actors::sqlite
