#include "sandbox/jailer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "sandbox/protocol.hpp"
#include "sandbox/self_test.hpp"

namespace lazaret::sandbox {
namespace {

using protocol::kind;

// Longer than the jailer's own patience with a jail's set-up, so that its reason arrives first.
constexpr std::chrono::seconds patience{30};

failure lost(const char* what) { return {"jailer", 0, what, {}}; }

result<void> expect(const wire::message& answer, kind expected) {
  if (answer.closed()) return lost("the jailer process ended before it answered");
  const auto said = static_cast<kind>(answer.bytes.front());
  if (said == kind::failed) return protocol::decode_failure(std::string_view{answer.bytes}.substr(1));
  if (said != expected) return lost("answered something else");
  return {};
}

/// Sends a request with the far end of a fresh channel and returns the answer with the near end.
struct answered {
  unique_fd channel;
  wire::message answer;
};
result<answered> ask(const std::shared_ptr<unique_fd>& connection, const std::string& request, std::vector<int> fds,
                     kind expected) {
  if (!connection || !*connection) return lost("not connected");
  auto ends = wire::make_channel();
  if (!ends) return ends.error();
  fds.insert(fds.begin(), ends->second.get());
  if (auto sent = wire::send_within(connection->get(), request, fds, patience); !sent)
    return failure{"jailer", sent.error().error, "send a request", "the jailer process is gone or stuck"};
  ends->second.reset();
  auto answer = wire::receive_within(ends->first.get(), patience);
  if (!answer) return answer.error();
  if (auto met = expect(*answer, expected); !met) return met.error();
  return answered{std::move(ends->first), std::move(*answer)};
}

/// The answer comes from a steward, in a file: it may be megabytes.
template <class T>
result<T> ask_steward(const std::shared_ptr<unique_fd>& connection, kind question, kind expected, std::uint64_t volume,
                      std::string_view body) {
  auto sealed = wire::seal(body);
  if (!sealed) return sealed.error();
  auto made = ask(connection, protocol::encode(question, volume), {sealed->get()}, expected);
  if (!made) return made.error();
  if (made->answer.fds.size() != 1) return lost("answered without a file");
  auto bytes = wire::unseal(made->answer.fds.front().get(), protocol::max_files_body);
  if (!bytes) return bytes.error();
  return protocol::decode<T>(std::string_view{*bytes}.substr(std::min<std::size_t>(1, bytes->size())));
}

/// The common case, seen at once: reading a directory that is held open needs no right to it.
bool is_empty(int directory) {
  const unique_fd listing{::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  alignas(std::uint64_t) std::array<char, 1024> entries;
  std::size_t names = 0;
  if (!listing) return false;
  const auto size = ::syscall(SYS_getdents64, listing.get(), entries.data(), entries.size());
  for (long at = 0; at < size; at += reinterpret_cast<const unsigned short*>(entries.data() + at + 16)[0]) ++names;
  return size >= 0 && names == 2;  // `.` and `..`
}

/// The other common case: all that is asked for is a name in the root, and there is none such.
bool lacks(int directory, const gather_options& options) {
  return !options.select.empty() && std::ranges::all_of(options.select, [directory](const std::string& name) {
    struct stat status {};
    return name.find_first_of("*?[\\/") == name.npos &&
           ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
  });
}

}  // namespace

jailer::jailer(unique_fd connection) : connection_{std::make_shared<unique_fd>(std::move(connection))} {}

void jailer::replace(unique_fd connection) {
  auto fresh = std::make_shared<unique_fd>(std::move(connection));
  const std::lock_guard lock{mutex_};
  connection_ = std::move(fresh);  // closes when the last call in flight lets go of it
}

bool jailer::connected() const {
  const std::lock_guard lock{mutex_};
  return static_cast<bool>(*connection_);
}

result<volume> jailer::make_volume(const volume_options& options, const policy* meant_for) {
  const auto connection = [this] { return std::lock_guard{mutex_}, connection_; }();
  const auto number = meant_for == nullptr ? 0 : protocol::number_of(protocol::kind_of(*meant_for));
  auto made = ask(connection, protocol::encode(kind::make_volume, options, number), {}, kind::volume_made);
  if (!made) return made.error();
  const auto id = protocol::decode<std::uint64_t>(std::string_view{made->answer.bytes}.substr(1));
  if (!id || made->answer.fds.size() != 1) return lost("answered without a volume");
  return volume{*id, std::move(made->answer.fds.front()), std::move(made->channel)};
}

result<std::vector<known_file>> jailer::deposit(const volume& into, const std::vector<volume_file>& files) {
  const auto connection = [this] { return std::lock_guard{mutex_}, connection_; }();
  wire::writer body;
  protocol::write(body, files);
  return ask_steward<std::vector<known_file>>(connection, kind::deposit, kind::deposited, into.id(), body.bytes());
}

result<gathered> jailer::gather(const volume& from, const gather_options& options) {
  if (is_empty(from.root()) || lacks(from.root(), options)) return gathered{};
  const auto connection = [this] { return std::lock_guard{mutex_}, connection_; }();
  wire::writer body;
  protocol::write(body, options);
  return ask_steward<gathered>(connection, kind::gather, kind::gathered, from.id(), body.bytes());
}

result<handed_files> jailer::hand_out(const volume& from, const std::string& after) {
  if (is_empty(from.root())) return handed_files{};
  const auto connection = [this] { return std::lock_guard{mutex_}, connection_; }();
  auto sealed = wire::seal(after);
  if (!sealed) return sealed.error();
  auto made = ask(connection, protocol::encode(kind::hand_out, from.id()), {sealed->get()}, kind::handed_out);
  if (!made) return made.error();
  auto given = protocol::decode<handed_files>(std::string_view{made->answer.bytes}.substr(1));
  if (!given) return given.error();
  given->opened = std::move(made->answer.fds);
  if (given->files.size() != given->opened.size()) return lost("answered without the files");
  // The steward opened them among a stranger's: what they are is looked at again.
  for (std::size_t n = 0; n < given->files.size(); ++n) {
    struct stat status {};
    const int fd = given->opened[n].get();
    if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || (::fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY)
      return lost("answered with something else than files");
    given->files[n].size = static_cast<std::uint64_t>(status.st_size);
  }
  return given;
}

result<jail> jailer::start(const policy& what, std::span<const volume* const> volumes, unique_fd standard_input) {
  const auto connection = [this] { return std::lock_guard{mutex_}, connection_; }();
  protocol::start_request wanted{what, {}};
  for (const auto* v : volumes) wanted.volumes.push_back(v->id());
  std::uint8_t present = 0;
  std::vector<int> fds;
  if (standard_input) present |= protocol::has_stdin, fds.push_back(standard_input.get());
  auto request = protocol::encode(kind::start, present, wanted);
  unique_fd body;
  if (request.size() > wire::max_message) {
    auto sealed = wire::seal(std::string_view{request}.substr(2));
    if (!sealed) return sealed.error();
    body = std::move(*sealed);
    present |= protocol::has_body;
    fds.push_back(body.get());
    request = protocol::encode(kind::start, present);
  }
  auto made = ask(connection, request, std::move(fds), kind::started);
  if (!made) return made.error();
  return jail::from_answer(what, std::move(made->channel), std::move(made->answer));
}

result<jail> jail::from_answer(const policy& what, unique_fd channel, wire::message answer) {
  if (auto met = expect(answer, kind::started); !met) return met.error();
  auto& received = answer.fds;
  const auto has = protocol::decode<std::uint8_t>(std::string_view{answer.bytes}.substr(1));
  auto next = received.begin();
  const auto take = [&](bool there) { return there && next != received.end() ? std::move(*next++) : unique_fd{}; };
  jail started;
  started.limits_ = what.limits;
  started.has_terminal_ = what.terminal.rows != 0;
  started.channel_ = std::move(channel);
  if (!has) return has.error();
  started.stdout_ = take(true);
  started.stderr_ = take(true);
  started.audit_ = take((*has & protocol::has_audit) != 0);
  started.observations_ = take((*has & protocol::has_observations) != 0);
  started.gateway_ = take((*has & protocol::has_gateway) != 0);
  started.names_ = take((*has & protocol::has_names) != 0);
  started.was_prepared_ = (*has & protocol::was_prepared) != 0;
  return started;
}

namespace {

struct surveyed {
  protocol::survey_answer host;
  unique_fd probe;
};
result<surveyed> ask_survey(const std::shared_ptr<unique_fd>& connection) {
  auto got = ask(connection, protocol::encode(kind::survey), {}, kind::surveyed);
  if (!got) return got.error();
  auto host = protocol::decode<protocol::survey_answer>(std::string_view{got->answer.bytes}.substr(1));
  if (!host) return host.error();
  if (got->answer.fds.size() != 1) return lost("answered without the probe");
  return surveyed{std::move(*host), std::move(got->answer.fds.front())};
}

result<std::string> read_program(const unique_fd& file) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return os_failure("self_test", "fstat lazaret-probe");
  std::string content(static_cast<std::size_t>(status.st_size), '\0');
  if (::pread(file.get(), content.data(), content.size(), 0) != status.st_size)
    return os_failure("self_test", "read lazaret-probe");
  return {boost::system::in_place_value, std::move(content)};
}

}  // namespace

result<void> jailer::check() {
  const auto asked = ask_survey([this] { return std::lock_guard{mutex_}, connection_; }());
  if (!asked) return asked.error();
  return asked->host.refuses ? result<void>{asked->host.why} : result<void>{};
}

result<std::vector<layer_report>> jailer::self_test(std::stop_token stop) {
  const auto asked = ask_survey([this] { return std::lock_guard{mutex_}, connection_; }());
  if (!asked) return asked.error();
  const auto& host = asked->host;
  if (host.refuses) return not_tried(host, host.why);
  auto probe = read_program(asked->probe);
  if (!probe) return probe.error();
  auto started = start(probe_policy(host, std::move(*probe)));
  if (!started) return not_tried(host, started.error());
  std::string said;
  jail_sinks sinks;
  sinks.on_stdout = [&](std::string_view text) { said += text; };
  const auto how = started->wait(sinks, std::move(stop));
  return how ? judge(host, said, *how) : not_tried(host, how.error());
}

}  // namespace lazaret::sandbox
