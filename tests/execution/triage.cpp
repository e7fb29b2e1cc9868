#include "tests/execution/triage.hpp"

#include <csignal>
#include <stdexcept>

namespace lazaret::actors::testing {

namespace {

/// Serves the mirror on a socket that it was given, until killed.
constexpr const char* server_code = R"py(
import http.server, os, socket, sys
os.chdir(sys.argv[1])
class quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), quiet, bind_and_activate=False)
server.socket = socket.socket(fileno=3)
server.serve_forever()
)py";

class file_server {
 public:
  explicit file_server(sandbox::unique_fd listener) {
    const std::string root = mirror().string();
    std::string code = server_code;
    std::string words[] = {"/usr/bin/python3", "-I", "-c", code, root};
    char* argv[] = {words[0].data(), words[1].data(), words[2].data(), words[3].data(), words[4].data(), nullptr};
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, listener.get(), 3);
    const int failed = ::posix_spawn(&pid_, argv[0], &files, nullptr, argv, environ);
    posix_spawn_file_actions_destroy(&files);
    if (failed != 0) throw std::runtime_error{"file_server"};  // Catch's own assertions are for one thread
  }
  ~file_server() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  file_server(const file_server&) = delete;

 private:
  pid_t pid_ = -1;
};

}  // namespace

const std::filesystem::path& mirror() {
  static const scratch space;
  static const std::filesystem::path made = [] {
    const std::filesystem::path where = space.path() / "mirror";
    const ran done = run_process({"/bin/bash", LAZARET_SOURCE_DIR "/deploy/mirror.sh", where.string()});
    INFO(done.err);
    REQUIRE(done.code == 0);
    return where;
  }();
  return made;
}

run asking(const std::string& name, const std::string& version, mode m) {
  run what;
  what.run_id = "00000000-0000-4000-8000-000000000000";
  what.asked.package_name = name;
  what.asked.version = version;
  what.asked.mode = m;
  return what;
}

triage::triage() : jailer_{{"--allow-bind", LAZARET_BINARY_DIR "/lib/lazaret"}} {
  options.site = *find_python_site();
  hooks.serve_gateway = [](sandbox::unique_fd listener) { return std::make_shared<file_server>(std::move(listener)); };
}

execution_result triage::run(actors::run what, std::stop_token stop) {
  return run(std::move(what), folder(), std::move(stop));
}

execution_result triage::run(actors::run what, const std::filesystem::path& into, std::stop_token stop) {
  std::filesystem::remove_all(into);
  return execute(what, into, options, jailer_.client(), hooks, std::move(stop));
}

execution_result triage::run(const std::string& name, const std::string& version, mode m) {
  return run(asking(name, version, m));
}

}  // namespace lazaret::actors::testing
