#include "actors/analysis/deeds.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace lazaret::analysis {
namespace {

constexpr std::size_t longest_object = 500, longest_detail = 4000;

std::string cut(std::string text, std::size_t longest) {
  if (text.size() > longest) text.resize(longest);
  return text;
}

std::string tidy_path(std::string path) {
  if (path.empty()) return path;
  if (path.find("//") != path.npos || path.find("/.") != path.npos || path.starts_with("./"))
    path = std::filesystem::path{path}.lexically_normal().string();
  const bool names_only = path.starts_with("..") && path != ".." && !path.starts_with("../");  // `..data` is a name
  if ((path[0] != '/' && path[0] != '.') || names_only) path.insert(0, "./");
  return path;
}

std::string host_and_port(const std::string& host, std::int64_t port) {
  const bool v6 = host.find(':') != host.npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

/// (host, port, ...) of inet and inet6, or the path of a unix socket. Netlink and others are nobody's business.
std::string address_of(const repr_value& address) {
  if (address.is_text()) return "unix:" + address.text;
  if (address[0].is_text()) return host_and_port(address[0].text, address[1].number);
  return {};
}

/// python(1): -I and -S leave out the site set-up that loads the hook. Letters cluster; -c and -m end the options.
bool keeps_hook_away(std::string_view program, const std::vector<std::string>& argv) {
  if (const auto name = program.substr(program.rfind('/') + 1); !name.starts_with("python")) return false;
  for (std::size_t i = 1; i < argv.size() && argv[i].size() > 1 && argv[i][0] == '-' && argv[i][1] != '-'; ++i) {
    for (const char option : argv[i].substr(1)) {
      if (option == 'S') return true;  // with -I alone the site's .pth files are still read
      if (option == 'c' || option == 'm') return false;
      if (option == 'W' || option == 'X') break;
    }
  }
  return false;
}

/// `sh -c 'uname -a'` is uname, `env FOO=1 make` is make; a line with shell syntax in it stays the shell's.
std::string spawned_program(const std::string& path, const std::vector<std::string>& argv) {
  static constexpr std::string_view shells[]{"sh", "bash", "dash", "zsh", "ksh", "ash"};
  const auto program = program_name(path);
  if (program == "env" && !argv.empty()) {
    const auto word = std::find_if(argv.begin() + 1, argv.end(),
                                   [](const auto& w) { return w.find('=') == w.npos && !w.starts_with('-'); });
    return word == argv.end() ? program : program_name(*word);
  }
  const bool shell = std::find(std::begin(shells), std::end(shells), program) != std::end(shells);
  if (!shell || argv.size() < 3 || !argv[1].starts_with('-') || argv[1].find('c') == std::string::npos) return program;
  const auto& line = argv[2];
  if (line.find_first_of("|&;<>$`(){}\n") != line.npos) return program;
  const auto first = line.find_first_not_of(" \t");
  return first == line.npos ? program
                            : program_name(std::string_view{line}.substr(first, line.find(' ', first) - first));
}

class hook_deeds {
 public:
  explicit hook_deeds(const audit_line& line) : line_{line} {}

  void add(act what, std::string object, std::string detail = {}) {
    out_.push_back({what, cut(std::move(object), longest_object), cut(std::move(detail), longest_detail), witness::hook,
                    line_.event, line_.who, line_.pid});
  }
  [[nodiscard]] const repr_value& arg(std::size_t i) const { return line_.args[i]; }

  void path(act what, std::size_t i = 0) {
    if (arg(i).is_text()) add(what, tidy_path(arg(i).text));
  }
  void open() {
    const auto flags = arg(2).number;
    const bool writes = arg(1).is_text() ? arg(1).text.find_first_of("wax+") != std::string::npos
                                         : (flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND)) != 0;
    path(writes ? act::write : act::read);
  }
  void address(act what) {
    if (auto where = address_of(arg(1)); !where.empty()) add(what, std::move(where));
  }
  void host(act what) { add(what, arg(0).text); }
  void host_port(act what) {
    if (arg(1).is_text()) add(what, host_and_port(arg(1).text, arg(2).number));
  }
  /// `program` may be missing; `argv` is a list, or one string that is the whole command.
  void spawn(const repr_value& program, const repr_value& argv) {
    auto words = argv.is_text() ? std::vector{argv.text} : argv.texts();
    if (words.empty() && program.is_text()) words = {program.text};
    if (words.empty()) return add(act::spawn, "?");
    auto what = program.is_text() ? program.text : words.front();
    const auto called = spawned_program(std::move(what), words);
    add(act::spawn, called, command_line(words));
    if (keeps_hook_away(called, words)) add(act::blindfold, called, command_line(words));
  }
  void shell(const repr_value& command) {
    if (command.is_text())
      add(act::spawn, spawned_program("/bin/sh", {"sh", "-c", command.text}), command_line({"sh", "-c", command.text}));
  }
  void kill() {
    if (arg(1).number != 0) add(act::kill, std::to_string(arg(0).number));
  }
  void symbol(std::size_t i) {
    if (arg(i).is_text()) add(act::find_symbol, arg(i).text);
  }
  void compile() {
    // Code that the interpreter or its library generates for itself is not the package's.
    if (arg(0).is_text() && !line_.who.file.empty() && !is_standard_library(line_.who.file))
      add(act::compile, arg(1).text, arg(0).text);
  }
  void new_code() {
    if (!is_standard_library(line_.who.file) && arg(1).is_text()) add(act::compile, arg(1).text);
  }
  void unmarshal() {
    if (!line_.who.file.empty() && !is_standard_library(line_.who.file)) add(act::unmarshal, line_.who.file);
  }

  deeds take() { return std::move(out_); }

 private:
  const audit_line& line_;
  deeds out_;
};

struct route {
  std::string_view event;
  void (*take)(hook_deeds&);
};

// https://docs.python.org/3/library/audit_events.html, with what lazaret's own hook adds.
constexpr route routes[] = {
    {"open", [](auto& d) { d.open(); }},
    {"os.listdir", [](auto& d) { d.path(act::list); }},
    {"os.scandir", [](auto& d) { d.path(act::list); }},
    {"os.mkdir", [](auto& d) { d.path(act::write); }},
    {"os.chmod", [](auto& d) { d.path(act::write); }},
    {"os.chown", [](auto& d) { d.path(act::write); }},
    {"os.truncate", [](auto& d) { d.path(act::write); }},
    {"os.mkfifo", [](auto& d) { d.path(act::write); }},
    {"os.link", [](auto& d) { d.path(act::read), d.path(act::write, 1); }},
    {"os.symlink", [](auto& d) { d.path(act::write, 1); }},
    {"os.rename", [](auto& d) { d.path(act::remove), d.path(act::write, 1); }},
    {"os.remove", [](auto& d) { d.path(act::remove); }},
    {"os.rmdir", [](auto& d) { d.path(act::remove); }},
    {"shutil.rmtree", [](auto& d) { d.path(act::remove); }},
    {"shutil.copyfile", [](auto& d) { d.path(act::read), d.path(act::write, 1); }},
    {"shutil.copytree", [](auto& d) { d.path(act::list), d.path(act::write, 1); }},
    {"shutil.make_archive", [](auto& d) { d.path(act::list, 2), d.path(act::write); }},
    {"shutil.unpack_archive", [](auto& d) { d.path(act::read), d.path(act::write, 1); }},
    {"sqlite3.connect", [](auto& d) { d.path(act::read); }},
    {"socket.getaddrinfo", [](auto& d) { d.host(act::dns); }},
    {"socket.gethostbyname", [](auto& d) { d.host(act::dns); }},
    {"socket.gethostbyaddr", [](auto& d) { d.host(act::dns); }},
    {"socket.connect", [](auto& d) { d.address(act::connect); }},
    {"socket.bind", [](auto& d) { d.address(act::bind); }},
    {"socket.listen", [](auto& d) { d.address(act::listen); }},
    {"socket.sendto", [](auto& d) { d.address(act::sendto); }},
    {"socket.sendmsg", [](auto& d) { d.address(act::sendto); }},
    {"http.client.connect", [](auto& d) { d.host_port(act::connect); }},
    {"ftplib.connect", [](auto& d) { d.host_port(act::connect); }},
    {"imaplib.open", [](auto& d) { d.host_port(act::connect); }},
    {"nntplib.connect", [](auto& d) { d.host_port(act::connect); }},
    {"poplib.connect", [](auto& d) { d.host_port(act::connect); }},
    {"smtplib.connect", [](auto& d) { d.host_port(act::connect); }},
    {"telnetlib.Telnet.open", [](auto& d) { d.host_port(act::connect); }},
    {"urllib.Request", [](auto& d) { d.host(act::request); }},
    {"webbrowser.open", [](auto& d) { d.host(act::request); }},
    {"subprocess.Popen", [](auto& d) { d.spawn(d.arg(0), d.arg(1)); }},
    {"os.exec", [](auto& d) { d.spawn(d.arg(0), d.arg(1)); }},
    {"os.posix_spawn", [](auto& d) { d.spawn(d.arg(0), d.arg(1)); }},
    {"os.spawn", [](auto& d) { d.spawn(d.arg(1), d.arg(2)); }},
    {"os.system", [](auto& d) { d.shell(d.arg(0)); }},
    {"pty.spawn", [](auto& d) { d.add(act::terminal, "pty.spawn"), d.spawn({}, d.arg(0)); }},
    {"os.forkpty", [](auto& d) { d.add(act::terminal, "os.forkpty"), d.add(act::fork, ""); }},
    {"os.fork", [](auto& d) { d.add(act::fork, ""); }},
    {"os.kill", [](auto& d) { d.kill(); }},
    {"os.killpg", [](auto& d) { d.kill(); }},
    {"ctypes.dlopen",
     [](auto& d) {
       if (d.arg(0).is_text()) d.add(act::load_library, d.arg(0).text);
     }},
    {"ctypes.dlsym", [](auto& d) { d.symbol(1); }},
    {"ctypes.dlsym/handle", [](auto& d) { d.symbol(1); }},
    {"compile", [](auto& d) { d.compile(); }},
    {"code.__new__", [](auto& d) { d.new_code(); }},
    {"marshal.loads", [](auto& d) { d.unmarshal(); }},
    {"marshal.load", [](auto& d) { d.unmarshal(); }},
    {"import", [](auto& d) { d.host(act::import); }},
};

}  // namespace

deeds deeds_of(const audit_line& line) {
  hook_deeds out{line};
  const auto* const known =
      std::find_if(std::begin(routes), std::end(routes), [&](const route& r) { return r.event == line.event; });
  if (known != std::end(routes)) {
    known->take(out);
  } else if (line.event.starts_with("ssl.")) {
    const auto names = line.args.texts();
    out.add(act::tls, names.empty() ? "" : names.front());
  }
  return out.take();
}

deeds deeds_of(const observed_line& line) {
  deeds out;
  const auto add = [&](act what, std::string object, std::string detail = {}) {
    out.push_back({what,
                   cut(std::move(object), longest_object),
                   cut(std::move(detail), longest_detail),
                   witness::observer,
                   line.event,
                   {},
                   line.pid});
  };
  const auto& e = line.event;
  if (e == "exec") {
    // An empty path is execveat(2) with AT_EMPTY_PATH: a program without a name.
    add(act::spawn, line.path.empty() ? "memfd:?" : spawned_program(line.path, line.argv), command_line(line.argv));
    if (keeps_hook_away(line.path, line.argv)) add(act::blindfold, program_name(line.path), command_line(line.argv));
  } else if (e == "connect" || e == "bind" || e == "sendto" || e == "listen") {
    std::string where;
    if (line.family == "unix") where = "unix:" + line.path;
    if (line.family == "inet" || line.family == "inet6") where = host_and_port(line.address, line.port);
    if (where.empty() && e != "listen") return out;
    if ((e == "connect" || e == "sendto") && line.port == 53 && line.family != "unix")
      add(act::dns, "a name, by asking " + where);
    else
      add(e == "connect" ? act::connect : e == "bind" ? act::bind : e == "sendto" ? act::sendto : act::listen, where);
  } else if (e == "memfd" || e == "memfd_create") {
    add(act::memfd, line.path);
  } else if (e == "ptrace" || e.starts_with("process_vm_")) {
    add(act::trace, e);
  } else if (e == "unlink" || e == "rename" || e == "chmod") {
    if (!line.path.empty()) add(e == "unlink" ? act::remove : act::write, tidy_path(line.path));
  }
  return out;
}

std::string program_name(std::string_view path) {
  static constexpr std::string_view system[]{"/usr/local/sbin/", "/usr/local/bin/", "/usr/sbin/",
                                             "/usr/bin/",        "/sbin/",          "/bin/",
                                             "/usr/lib/gcc/",    "/usr/libexec/",   "/usr/lib/git-core/"};
  for (const auto directory : system)
    if (path.starts_with(directory) && path.find("/../") == path.npos)
      return std::string{path.substr(path.rfind('/') + 1)};
  return std::string{path};
}

std::string command_line(const std::vector<std::string>& argv) {
  std::string out;
  for (const auto& word : argv) {
    if (!out.empty()) out += ' ';
    const bool plain = !word.empty() && word.find_first_of(" \t\n'\"") == word.npos;
    out += plain ? word : "'" + word + "'";
    if (out.size() > longest_detail) break;
  }
  return out;
}

bool is_standard_library(std::string_view file) {
  if (file.starts_with("<frozen ") || file.starts_with("/usr/share/python-wheels/")) return true;
  return file.starts_with("/usr/lib/python3") && file.find("/../") == file.npos &&
         file.find("dist-packages/") == file.npos && file.find("site-packages/") == file.npos;
}

bool is_generated(std::string_view file) { return file.starts_with('<') && !file.starts_with("<frozen "); }

}  // namespace lazaret::analysis
