#include "sandbox/command/render.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "sandbox/json_text.hpp"

namespace lazaret::sandbox::command {
namespace {

/// Members in the order of their calls.
class object {
 public:
  object& text(const char* name, std::string_view value) {
    member(name);
    append_json(out_, value);
    return *this;
  }
  object& number(const char* name, std::uint64_t value) { return raw(name, std::to_string(value)); }
  object& seconds(const char* name, std::chrono::nanoseconds value) {
    char digits[40];
    std::snprintf(digits, sizeof digits, "%.6f", std::chrono::duration<double>(value).count());
    return raw(name, digits);
  }
  object& flag(const char* name, bool value) { return raw(name, value ? "true" : "false"); }
  object& raw(const char* name, std::string_view value) {
    member(name);
    out_ += value;
    return *this;
  }
  [[nodiscard]] std::string close() { return out_ + "}"; }

 private:
  void member(const char* name) { (out_ += out_.size() > 1 ? ",\"" : "\"").append(name) += "\":"; }
  std::string out_ = "{";
};

}  // namespace

std::string to_json(const outcome& how, const passed& through, int exit_status) {
  object o;
  o.text("ended", name(how.reason)).number("exit_status", static_cast<unsigned>(exit_status));
  if (how.reason == ending::exited) o.number("code", static_cast<unsigned>(how.code));
  if (how.reason == ending::signalled) o.number("signal", static_cast<unsigned>(how.signal));
  if (!how.syscall.empty()) o.text("syscall", how.syscall);
  o.seconds("wall_sec", how.wall).seconds("cpu_sec", how.cpu).number("peak_memory", how.peak_memory.count);
  o.number("peak_pids", how.peak_pids).number("processes", how.processes);
  o.number("bytes_written", how.bytes_written.count).number("stdout_bytes", through.stdout_bytes);
  o.number("stderr_bytes", through.stderr_bytes).flag("truncated", through.truncated);
  o.flag("pids_exhausted", how.pids_exhausted).flag("memory_killed", how.memory_killed);
  return o.text("description", describe(how)).close();
}

std::string to_json(const failure& why, int exit_status) {
  object inner;
  inner.text("step", why.step).number("errno", static_cast<unsigned>(why.error)).text("subject", why.subject);
  inner.text("hint", why.hint);
  object o;
  o.raw("ended", "null").number("exit_status", static_cast<unsigned>(exit_status)).raw("failure", inner.close());
  return o.text("description", why.describe()).close();
}

void say(std::string line) {
  line += '\n';
  for (std::string_view rest = line; !rest.empty();) {
    const auto n = ::write(STDERR_FILENO, rest.data(), rest.size());
    if (n < 0 && errno != EINTR) return;
    if (n > 0) rest.remove_prefix(static_cast<std::size_t>(n));
  }
}

}  // namespace lazaret::sandbox::command
