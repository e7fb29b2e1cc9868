#include "actors/store/redis_server.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "actors/store/redis_errors.hpp"

namespace lazaret::durable::redis {

namespace {

using kind = mishap::kind;
using std::chrono::steady_clock;

std::string random_name() {
  std::random_device source;
  return std::to_string(source()) + "." + std::to_string(source());
}

}  // namespace

server::server(dialer to, server_options options)
    : dialer_{std::move(to)},
      options_{options},
      self_{random_name()},
      database_{std::to_string(dialer_.to().database)} {}

std::string server::next_nonce() {
  const std::lock_guard lock{mutex_};
  return self_ + "." + std::to_string(++nonces_);
}

attempt<std::unique_ptr<connection>> server::dial() const {
  return connection::open(dialer_, options_.connect_patience);
}

attempt<std::unique_ptr<connection>> server::check_out() {
  std::unique_lock lock{mutex_};
  const bool free = returned_.wait_for(lock, options_.answer_patience,
                                       [this] { return !idle_.empty() || out_ < options_.most_connections; });
  if (!free) {
    return mishap{kind::not_asked,
                  {"redis_connect", ETIMEDOUT, where().shown(), "every connection is in use: is Redis too slow?"}};
  }
  ++out_;
  const bool resting = last_mishap_ && steady_clock::now() < not_before_;
  while (!resting && !idle_.empty()) {
    auto one = std::move(idle_.back());
    idle_.pop_back();
    if (!one->is_stale()) return one;
  }
  const auto give_up = [this](mishap m) {
    --out_;
    returned_.notify_one();
    return m;
  };
  if (resting) return give_up(*last_mishap_);
  lock.unlock();
  auto made = dial();
  lock.lock();
  if (made) {
    last_mishap_.reset();
    backoff_ = milliseconds{0};
    return made;
  }
  hold_off(made.error());
  return give_up(made.error());
}

void server::hold_off(const mishap& why) {
  last_mishap_ = why;
  backoff_ = std::clamp(backoff_ * 2, options_.first_backoff, options_.last_backoff);
  not_before_ = steady_clock::now() + backoff_;
}

void server::rest(const mishap& why) {
  const std::lock_guard lock{mutex_};
  idle_.clear();  // the others are to the same server; a new one shows whether it is back
  hold_off(why);
}

void server::check_in(std::unique_ptr<connection> used) {
  const std::lock_guard lock{mutex_};
  --out_;
  idle_.push_back(std::move(used));
  returned_.notify_one();
}

void server::drop(std::unique_ptr<connection> lost) {
  lost.reset();
  const std::lock_guard lock{mutex_};
  --out_;
  returned_.notify_one();
}

/// `ask` gets a connection, and whether it may have been asked before.
template <class Ask>
result<reply> server::try_twice(std::string_view step, bool repeatable, Ask ask) {
  for (bool again = false;; again = true) {
    auto checked_out = check_out();
    if (!checked_out) {
      auto why = checked_out.error().why;
      // The mishap before this one says more: the connection was lost while it was asked.
      return why;
    }
    auto c = std::move(*checked_out);
    attempt<reply> got = ask(*c, again);
    if (got && got->is_error()) {
      const auto error = explain(step, where().shown(), got->text, where().password);
      means_reconnect(got->text) ? drop(std::move(c)) : check_in(std::move(c));
      return error.why;
    }
    if (got) {
      check_in(std::move(c));
      return std::move(*got);
    }
    drop(std::move(c));
    const auto& m = got.error();
    if (m.what == kind::late) rest(m);
    if (again || m.what == kind::late || (m.what == kind::unknown && !repeatable)) {
      auto why = m.why;
      why.subject = where().shown() + ": " + why.subject;
      return why;
    }
  }
}

arguments server::call_of(const script& what, const arguments& more, std::string_view nonce, bool again) const {
  arguments command{"EVALSHA", what.digest, "0", where().prefix, database_, nonce, again ? "1" : "0"};
  command.insert(command.end(), more.begin(), more.end());
  return command;
}

attempt<reply> server::evaluate(connection& c, const script& what, const arguments& more, std::string_view nonce,
                                bool again) {
  auto command = call_of(what, more, nonce, again);
  auto got = c.ask(command, options_.answer_patience);
  if (!got || !got->is_error() || !got->text.starts_with("NOSCRIPT")) return got;
  command[0] = "EVAL";
  command[1] = what.text;
  return c.ask(command, options_.answer_patience);
}

result<reply> server::run(const script& what, const arguments& more) {
  const auto nonce = next_nonce();
  return try_twice("redis", what.repeatable,
                   [&](connection& c, bool again) { return evaluate(c, what, more, nonce, again); });
}

attempt<std::vector<reply>> server::evaluate_each(connection& c, const script& what, const std::vector<arguments>& all,
                                                  const std::vector<std::string>& nonces, bool again) {
  for (std::size_t i = 0; i < all.size(); ++i)
    if (auto said = c.say(call_of(what, all[i], nonces[i], again), options_.answer_patience); !said)
      return said.error();
  std::vector<reply> replies;
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto got = c.listen(options_.answer_patience);
    if (!got) return got.error();
    if (!*got) return mishap{kind::late, {"redis_receive", ETIMEDOUT, "recv", "Redis does not answer"}};
    replies.push_back(std::move(**got));
  }
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!replies[i].is_error() || !replies[i].text.starts_with("NOSCRIPT")) continue;
    auto got = evaluate(c, what, all[i], nonces[i], again);
    if (!got) return got.error();
    replies[i] = std::move(*got);
  }
  return replies;
}

std::vector<result<reply>> server::run_each(const script& what, const std::vector<arguments>& all) {
  std::vector<std::string> nonces;
  for (std::size_t i = 0; i < all.size(); ++i) nonces.push_back(next_nonce());
  std::vector<reply> replies;
  const auto done = try_twice("redis", what.repeatable, [&](connection& c, bool again) -> attempt<reply> {
    auto got = evaluate_each(c, what, all, nonces, again);
    if (!got) return got.error();
    replies = std::move(*got);
    // Each answer stays its own; for one that tells try_twice() not to keep this connection it is one call's.
    const auto telling =
        std::ranges::find_if(replies, [](const reply& r) { return r.is_error() && means_reconnect(r.text); });
    return telling == replies.end() ? reply{} : *telling;
  });
  if (!done && replies.empty()) return {all.size(), result<reply>{done.error()}};
  std::vector<result<reply>> answers;
  for (auto& one : replies) {
    if (one.is_error())
      answers.emplace_back(explain("redis", where().shown(), one.text, where().password).why);
    else
      answers.emplace_back(std::move(one));
  }
  return answers;
}

result<reply> server::read(std::string_view step, std::initializer_list<std::string_view> command) {
  return try_twice(step, true, [&](connection& c, bool) {
    return c.ask({command.begin(), command.size()}, options_.answer_patience);
  });
}

std::optional<sandbox::failure> server::first_contact() {
  auto made = dial();
  if (!made) return made.error().lasts ? std::optional{made.error().why} : std::nullopt;
  const auto rehearsed = evaluate(**made, all_scripts().probe, {}, next_nonce(), false);
  if (!rehearsed) return std::nullopt;
  if (rehearsed->is_error()) {
    const auto error = explain("redis_open", where().shown(), rehearsed->text, where().password);
    if (error.lasts) return error.why;
  }
  const std::lock_guard lock{mutex_};
  idle_.push_back(std::move(*made));
  return std::nullopt;
}

}  // namespace lazaret::durable::redis
