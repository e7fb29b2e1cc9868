#include "actors/store/redis_listener.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace lazaret::durable::redis {

namespace {

constexpr milliseconds tick{1000};
constexpr milliseconds silence{5000};  // then it is asked whether it is still there
constexpr std::size_t most_due = 256;  // later ones are found by the tick

}  // namespace

struct listener::watcher {
  // Recursive: a poke may end its own subscription.
  std::recursive_mutex mutex;
  std::function<void()> poke;
};

struct listener::handle final : subscription {
  handle(std::weak_ptr<listener> of, std::string at, std::shared_ptr<watcher> one)
      : of_{std::move(of)}, channel_{std::move(at)}, who_{std::move(one)} {}
  ~handle() override {
    if (const auto there = of_.lock()) there->forget(channel_, who_);
    const std::lock_guard lock{who_->mutex};
    who_->poke = nullptr;
  }
  std::weak_ptr<listener> of_;
  std::string channel_;
  std::shared_ptr<watcher> who_;
};

listener::~listener() {
  stop();
  if (wake_ >= 0) ::close(wake_);
}

void listener::stop() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  wake();
  thread_.join();
}

std::unique_ptr<subscription> listener::watch(std::string name, bool ticks, std::function<void()> poke) {
  auto one = std::make_shared<watcher>();
  one->poke = std::move(poke);
  {
    const std::lock_guard lock{mutex_};
    auto& to = channels_[name];
    to.watchers.insert(one);
    to.ticks = ticks;
    unwanted_.erase(name);
    // Who joins a channel that is heard already has to be told nothing: what comes from now on is heard.
    if (wake_ < 0) {
      wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
      thread_ = std::jthread{[this](std::stop_token stop) { run(std::move(stop)); }};
    }
  }
  wake();
  return std::make_unique<handle>(weak_from_this(), std::move(name), std::move(one));
}

void listener::forget(const std::string& name, const std::shared_ptr<watcher>& who) {
  const std::lock_guard lock{mutex_};
  const auto found = channels_.find(name);
  if (found == channels_.end()) return;
  found->second.watchers.erase(who);
  if (!found->second.watchers.empty()) return;
  if (found->second.asked) unwanted_.insert(name);
  channels_.erase(found);
  wake();
}

void listener::wake() const {
  const std::uint64_t one = 1;
  // It fails only when it is at its greatest value, and then the thread is awake.
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
}

void listener::sleep(milliseconds most, int descriptor) {
  std::array<pollfd, 2> both{{{wake_, POLLIN, 0}, {descriptor, POLLIN, 0}}};
  ::poll(both.data(), both.size(), static_cast<int>(std::max<std::int64_t>(most.count(), 0)));
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(wake_, &count, sizeof count);
}

void listener::run(std::stop_token stop) {
  auto backoff = server_.options().first_backoff;
  while (!stop.stop_requested()) {
    bool wanted = false;
    {
      const std::lock_guard lock{mutex_};
      wanted = !channels_.empty();
      unwanted_.clear();
      for (auto& [name, one] : channels_) one.asked = false;
    }
    if (!wanted) {
      sleep(milliseconds{60000}, -1);
      continue;
    }
    if (auto made = server_.dial()) {
      backoff = server_.options().first_backoff;
      serve(**made, stop);
    }
    // Work may have come meanwhile, and who asks the store now learns that it is away.
    poke_what_is_due();
    const auto until = steady::now() + backoff;
    while (!stop.stop_requested() && steady::now() < until) {
      sleep(std::chrono::ceil<milliseconds>(until - steady::now()), -1);
    }
    backoff = std::min(backoff * 2, server_.options().last_backoff);
  }
}

void listener::serve(connection& c, std::stop_token stop) {
  auto last_heard = steady::now();
  bool asked = false;  // whether it is there
  while (!stop.stop_requested()) {
    if (!subscribe_to_what_is_new(c)) return;
    {
      const std::lock_guard lock{mutex_};
      if (channels_.empty() && unwanted_.empty()) return;
    }
    while (true) {
      auto got = c.listen(milliseconds{0});
      if (!got) return;
      if (!*got) break;
      last_heard = steady::now();
      asked = false;
      heard(**got);
    }
    const auto quiet = steady::now() - last_heard;
    if (quiet > silence + server_.options().answer_patience) return;
    if (quiet > silence && !asked) {
      asked = true;
      const std::array<std::string_view, 1> ping{"PING"};
      if (!c.say(ping, server_.options().answer_patience)) return;
    }
    poke_what_is_due();
    sleep(std::min(until_next_due(), milliseconds{1000}), c.descriptor());
  }
}

attempt<void> listener::subscribe_to_what_is_new(connection& c) {
  std::vector<std::string> news, gone;
  {
    const std::lock_guard lock{mutex_};
    for (auto& [name, one] : channels_) {
      if (!std::exchange(one.asked, true)) news.push_back(name);
    }
    gone.assign(unwanted_.begin(), unwanted_.end());
    unwanted_.clear();
  }
  const auto send = [&](std::string_view verb, const std::vector<std::string>& names) -> attempt<void> {
    if (names.empty()) return {};
    std::vector<std::string_view> command{verb};
    command.insert(command.end(), names.begin(), names.end());
    return c.say(command, server_.options().answer_patience);
  };
  // In this order: a channel in both was given up and is wanted again.
  if (auto sent = send("UNSUBSCRIBE", gone); !sent) return sent;
  return send("SUBSCRIBE", news);
}

/// `message`, channel, delay in microseconds; or `subscribe`, channel, count.
void listener::heard(const reply& message) {
  if (message.list.size() != 3) return;
  const auto& verb = message.list[0].text;
  const auto& name = message.list[1].text;
  if (verb == "subscribe") return poke(name);
  if (verb != "message") return;
  const auto& text = message.list[2].text;
  std::int64_t delay = 0;
  std::from_chars(text.data(), text.data() + text.size(), delay);
  if (delay <= 0) return poke(name);
  const std::lock_guard lock{mutex_};
  const auto found = channels_.find(name);
  if (found == channels_.end() || !found->second.ticks) return;
  auto& due = found->second.due;
  // A hair late rather than early: our clock and Redis' run differently.
  due.insert(steady::now() + std::chrono::microseconds{std::min<std::int64_t>(delay, 3'600'000'000)} + milliseconds{1});
  if (due.size() > most_due) due.erase(std::prev(due.end()));
}

void listener::poke(const std::string& name) {
  std::vector<std::shared_ptr<watcher>> all;
  {
    const std::lock_guard lock{mutex_};
    const auto found = channels_.find(name);
    if (found == channels_.end()) return;
    all.assign(found->second.watchers.begin(), found->second.watchers.end());
  }
  for (const auto& one : all) {
    const std::lock_guard lock{one->mutex};
    if (const auto call = one->poke) call();
  }
}

void listener::poke_what_is_due() {
  std::vector<std::string> names;
  {
    const std::lock_guard lock{mutex_};
    const auto now = steady::now();
    const bool ticked = now >= next_tick_;
    if (ticked) next_tick_ = now + tick;
    for (auto& [name, one] : channels_) {
      if (!one.ticks) continue;
      const auto later = one.due.upper_bound(now);
      if (ticked || later != one.due.begin()) names.push_back(name);
      one.due.erase(one.due.begin(), later);
    }
  }
  for (const auto& name : names) poke(name);
}

milliseconds listener::until_next_due() {
  const std::lock_guard lock{mutex_};
  auto next = next_tick_;
  for (const auto& [name, one] : channels_) {
    if (!one.due.empty()) next = std::min(next, *one.due.begin());
  }
  return std::chrono::ceil<milliseconds>(next - steady::now());
}

}  // namespace lazaret::durable::redis
