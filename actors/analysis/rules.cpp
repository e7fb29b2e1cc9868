#include "actors/analysis/rules.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <string>

namespace lazaret::analysis {
namespace {

using enum act;
using enum actors::severity;
using pattern = std::string_view;
constexpr acts only(act a) { return static_cast<acts>(a); }
constexpr acts network = dns | connect | sendto | request;

// --- what is nobody's business -------------------------------------------------------------------------------------
// The jail's own: loopback (the gateway among it), numeric look-ups of it, its host name, the audit channel, nscd's
// socket.
constexpr pattern home_ground[] = {loopback, "lazaret", "", "unix:*", "*.localdomain"};
// urllib3 binds [::1]:0 to learn whether there is IPv6; binding to port 0 of loopback offers nothing to anybody.
constexpr pattern harmless_bind[] = {"127.*:0", "[::1]:0", "unix:*", "", "0.0.0.0:0", "[::]:0"};

// What a build needs, by bare name: found in a system directory (program_name() keeps any other path).
constexpr pattern build_tools[] = {
    "python*", "pypy*", "pip*", "gcc*", "g++*", "cc", "c++", "cpp*", "c89", "c99", "clang*", "cc1*", "collect2", "lto*",
    "ld", "ld.*", "gold", "mold", "lld", "as", "ar", "gcc-ar*", "ranlib", "nm", "objdump", "objcopy", "readelf",
    "strip", "x86_64-linux-gnu-*", "aarch64-linux-gnu-*", "gfortran*", "f77", "f90", "f95", "flang*", "make", "gmake",
    "ninja*", "cmake*", "ctest", "meson*", "pkg-config", "pkgconf", "*-config", "swig*", "cython*", "patchelf", "m4",
    "bison", "flex", "rustc*", "cargo*", "maturin", "go", "uname", "lsb_release", "ldconfig*", "ldd", "arch", "getconf",
    "getopt", "file", "git", "hg", "svn", "install", "mkdir", "cp", "mv", "ln", "touch", "dirname", "basename", "expr",
    "sed", "grep", "awk", "gawk", "mawk", "sort", "tr", "cut", "cat", "echo", "printf", "true", "false", "test", "rm",
    "chmod", "which", "nproc",
    // uuid.getnode() of the standard library
    "ifconfig", "ip", "arp", "netstat", "lanscan"};
constexpr pattern probes[] = {"python*",          "pypy*", "uname", "lsb_release",
                              "ldconfig*",        "gcc*",  "cc",    "ld",
                              "objdump",          "file",  "git",   "x86_64-linux-gnu-*",
                              "ifconfig",         "ip",    "arp",   "netstat",
                              "lanscan",          "tput",  "stty",  "getconf",
                              "*/pip-build-env-*"};
constexpr pattern downloaders[] = {"curl",      "wget",        "nc",         "ncat",   "netcat",   "socat",
                                   "ftp",       "tftp",        "scp",        "sftp",   "ssh",      "telnet",
                                   "rsync",     "aria2c",      "lynx",       "*/curl", "*/wget",   "*/nc",
                                   "certutil*", "powershell*", "bitsadmin*", "dig",    "nslookup", "host"};
constexpr pattern download_and_run[] = {
    "*curl *|*sh*",   "*wget *|*sh*",         "*curl *|*python*",  "*wget *|*python*",      "*curl *|*perl*",
    "*wget *|*perl*", "*curl *&&*",           "*wget *&&*",        "*curl *;*chmod*",       "*wget *;*chmod*",
    "*curl *;*sh *",  "*wget *;*sh *",        "*base64 *-d*|*sh*", "*base64 *-d*|*python*", "*xxd *-r*|*sh*",
    "*sh*<(curl*",    "*sh*$(curl*",          "*sh*<(wget*",       "*sh*$(wget*",           "*eval*$(curl*",
    "*eval*$(wget*",  "*iex*downloadstring*", "*powershell*-enc*"};
constexpr pattern reverse_shells[] = {"*/dev/tcp/*",       "*/dev/udp/*",      "*nc *-e *sh*",   "*ncat *-e *sh*",
                                      "*nc *-c *sh*",      "*mkfifo *nc *",    "*socat *exec:*", "*pty.spawn(*",
                                      "*os.dup2(*socket*", "*socket*os.dup2(*"};
constexpr pattern hidden_commands[] = {"*b64decode*",       "*urlopen(*",         "*urlretrieve(*",  "*marshal.loads*",
                                       "*zlib.decompress*", "*bytes.fromhex*",    "*codecs.decode*", "*socket.socket(*",
                                       "*requests.get(*",   "*frombase64string*", "*rot13*"};
constexpr pattern background[] = {
    "*nohup *",   "*setsid *", "*disown*", "*daemonize *", "*start-stop-daemon*", "*systemctl *enable*",
    "*crontab *", "*at now*"};
constexpr pattern environment_dumps[] = {
    "env",        "printenv",        "export -p",         "set",          "*sh -c env",       "*sh -c printenv",
    "*sh -c set", "*sh -c 'env *|*", "*sh -c 'printenv*", "/usr/bin/env", "/usr/bin/printenv"};
constexpr pattern reconnaissance[] = {"whoami",     "id",    "hostname", "w",         "who", "last",
                                      "ps",         "lscpu", "lspci",    "dmidecode", "ss",  "iptables",
                                      "systeminfo", "net",   "getent",   "groups"};

constexpr pattern credentials[] = {"*/.ssh/*",
                                   "*/.ssh",
                                   "*/.aws/*",
                                   "*/.aws",
                                   "*/.netrc",
                                   "*/.pypirc",
                                   "*/.npmrc",
                                   "*/.yarnrc*",
                                   "*/.docker/*",
                                   "*/.kube/*",
                                   "*/.git-credentials",
                                   "*/.config/gh/*",
                                   "*/.config/hub",
                                   "*/.config/gcloud/*",
                                   "*/.azure/*",
                                   "*/.oci/*",
                                   "*/.gnupg/*",
                                   "*/.password-store/*",
                                   "*/.vault-token",
                                   "*/.terraform.d/*",
                                   "*/.cargo/credentials*",
                                   "*/.gem/credentials",
                                   "*/.m2/settings*.xml",
                                   "*/.pgpass",
                                   "*/.my.cnf",
                                   "*/.s3cfg",
                                   "*/.boto",
                                   "*/.databrickscfg",
                                   "*/.config/rclone/*",
                                   "/etc/shadow*",
                                   "/etc/gshadow*",
                                   "/etc/sudoers*",
                                   "/etc/ssh/*_key",
                                   "/etc/ssl/private/*",
                                   "*/id_rsa*",
                                   "*/id_ed25519*",
                                   "*/id_ecdsa*",
                                   "*/id_dsa*",
                                   "*/.local/share/keyrings/*",
                                   "*/.kde/share/apps/kwallet/*",
                                   "*/kwalletd/*",
                                   "/run/secrets/*",
                                   "/var/run/secrets/*",
                                   "/proc/*/mem"};
constexpr pattern browser_and_wallet[] = {"*/.mozilla/*",
                                          "*/.config/google-chrome*",
                                          "*/.config/chromium*",
                                          "*/.config/bravesoftware*",
                                          "*/.config/microsoft-edge*",
                                          "*/.config/opera*",
                                          "*/.config/vivaldi*",
                                          "*/.config/discord*",
                                          "*/.config/slack*",
                                          "*/.thunderbird/*",
                                          "*/login data",
                                          "*/cookies.sqlite",
                                          "*/logins.json",
                                          "*/key4.db",
                                          "*/local storage/leveldb*",
                                          "*/.telegramdesktop*",
                                          "*/wallet.dat",
                                          "*/.bitcoin/*",
                                          "*/.ethereum/*",
                                          "*/.electrum/*",
                                          "*/.monero/*",
                                          "*/.litecoin/*",
                                          "*/.config/exodus*",
                                          "*/.config/atomic*",
                                          "*/.config/solana/*",
                                          "*/metamask*",
                                          "*/keystore/utc--*"};
constexpr pattern shell_history[] = {
    "*/.bash_history", "*/.zsh_history", "*/.python_history",    "*/.mysql_history",
    "*/.psql_history", "*/.history",     "*/.node_repl_history", "*/.local/share/fish/fish_history"};
constexpr pattern dotenv[] = {"*/.env", "*/.env.local", "*/.env.production", ".env", "*/.envrc"};
constexpr pattern environments[] = {"/proc/*/environ"};
constexpr pattern host_accounts[] = {"/etc/passwd",  "/etc/group",          "/etc/hosts.equiv",
                                     "/etc/crontab", "/etc/machine-id",     "/var/lib/dbus/machine-id",
                                     "/proc/net/*",  "/proc/[0-9]*/cmdline"};

// Runs again without being asked: at login, at boot, by the clock, at every start of Python.
constexpr pattern persistence[] = {"*/.bashrc",
                                   "*/.bash_profile",
                                   "*/.bash_login",
                                   "*/.bash_logout",
                                   "*/.profile",
                                   "*/.zshrc",
                                   "*/.zshenv",
                                   "*/.zprofile",
                                   "*/.zlogin",
                                   "*/.config/fish/*",
                                   "*/.config/autostart/*",
                                   "*/.config/systemd/*",
                                   "*/.config/plasma-workspace/*",
                                   "*/.xinitrc",
                                   "*/.xprofile",
                                   "*/.xsession*",
                                   "*/.pam_environment",
                                   "*/.config/environment.d/*",
                                   "*/library/launchagents/*",
                                   "/etc/cron*",
                                   "/var/spool/cron*",
                                   "/etc/systemd/*",
                                   "/lib/systemd/*",
                                   "/usr/lib/systemd/*",
                                   "/etc/init.d/*",
                                   "/etc/rc*",
                                   "/etc/profile*",
                                   "/etc/bash*",
                                   "/etc/ld.so.*",
                                   "/etc/environment",
                                   "/etc/udev/*",
                                   "/etc/xdg/autostart/*",
                                   "/etc/pam.d/*",
                                   "/etc/sudoers*",
                                   "/etc/passwd",
                                   "/etc/shadow",
                                   "/etc/hosts",
                                   "*/.ssh/authorized_keys",
                                   "*/.ssh/config",
                                   "*/.ssh/rc",
                                   "*/sitecustomize.py",
                                   "*/usercustomize.py",
                                   "*/.pythonrc*",
                                   "*/.local/lib/python*",
                                   "*/.local/bin/*",
                                   "*/.gitconfig",
                                   "*/.config/git/*",
                                   "*/.git/hooks/*",
                                   "*/.config/pip/*",
                                   "*/.pip/*",
                                   "/etc/pip.conf",
                                   "*/.npmrc",
                                   "*/.condarc",
                                   "/usr/lib/python3*",
                                   "/usr/local/lib/python3*",
                                   "/usr/bin/*",
                                   "/usr/local/bin/*",
                                   "/bin/*",
                                   "/sbin/*",
                                   "/usr/sbin/*"};
// The site's own sitecustomize is the target's; the interpreter's caches are written by the interpreter.
constexpr pattern not_persistence[] = {"./*", "/work/site/*", "/work/tmp/*", "/tmp/*", "*/__pycache__/*", "*.pyc"};
constexpr pattern own_places[] = {
    // Relative to a working directory that is the run's own.
    ".",
    "..",
    "./*",
    "../*",
    "/work/site",
    "/work/site/*",
    "/work/tmp",
    "/work/tmp/*",
    "/work/home",
    "/work/home/.cache",
    "/work/home/.cache/*",
    "/tmp",
    "/tmp/*",
    "/var/tmp/*",
    "/dev/null",
    "/dev/tty*",
    "/dev/pts/*",
    "/dev/ptmx",
    "/dev/shm/*",
    "/dev/std*",
    "/dev/fd/*",
    "/proc/self/*",
    "/dev/zero",
    "/dev/full",
    "/run/lazaret/*",
    "*/__pycache__",
    "*/__pycache__/*",
    "/work",
    "/work/run/*"};
constexpr pattern installed_code[] = {"/work/site/*.py", "/work/site/*.so", "/work/site/*.pth", "/work/site/*/record"};
constexpr pattern scratch_programs[] = {"/tmp/*",     "/work/tmp/*", "/var/tmp/*",
                                        "/dev/shm/*", "*/.cache/*",  "/work/home/*"};
constexpr pattern pip_scratch[] = {"*/pip-build-env-*", "*/pip-install-*", "*/pip-req-build-*"};
constexpr pattern anonymous_programs[] = {"/proc/*/fd/*", "/dev/fd/*", "/memfd:*", "memfd:*"};
constexpr pattern scratch_libraries[] = {"/tmp/*",    "/dev/shm/*", "/var/tmp/*",   "/proc/*/fd/*",
                                         "/dev/fd/*", "/memfd:*",   "/work/home/*", "/work/tmp/*"};
constexpr pattern dangerous_symbols[] = {"ptrace",        "process_vm_*",       "memfd_create", "fexecve", "execve",
                                         "execvp",        "mprotect",           "system",       "popen",   "syscall",
                                         "virtualalloc*", "createremotethread", "init_module",  "unshare", "setns",
                                         "mount",         "pivot_root"};
constexpr pattern control_sockets[] = {
    "unix:*docker.sock",   "unix:*containerd*", "unix:*podman*", "unix:*crio*",
    "unix:*/ssh-*/agent*", "unix:*gpg-agent*",  "unix:*dbus*",   "unix:*systemd/private*",
    "unix:*.X11-unix*",    "unix:*mysqld.sock", "unix:*PGSQL*"};
constexpr pattern metadata_hosts[] = {
    "169.254.169.254*", "169.254.170.2*",       "metadata.google.internal*",     "100.100.100.200*",
    "[fd00:ec2::254]*", "*//169.254.169.254/*", "*//metadata.google.internal/*", "fd00:ec2::254"};
// Where stolen things are sent, payloads are kept, or callers are told apart. As hosts and inside URLs.
constexpr pattern drop_hosts[] = {"discord.com*",
                                  "discordapp.com*",
                                  "*//discord.com/api/webhooks*",
                                  "*//discordapp.com/api/webhooks*",
                                  "api.telegram.org*",
                                  "*//api.telegram.org/*",
                                  "hooks.slack.com*",
                                  "*pastebin.com*",
                                  "*paste.ee*",
                                  "*hastebin.com*",
                                  "*rentry.co*",
                                  "*webhook.site*",
                                  "*requestbin*",
                                  "*pipedream.net*",
                                  "*.oast.*",
                                  "*interact.sh*",
                                  "*.oastify.com*",
                                  "*burpcollaborator.net*",
                                  "*.dnslog.cn*",
                                  "*.ceye.io*",
                                  "*.ngrok.io*",
                                  "*.ngrok-free.app*",
                                  "*.trycloudflare.com*",
                                  "*.loca.lt*",
                                  "*transfer.sh*",
                                  "*file.io*",
                                  "*gofile.io*",
                                  "*anonfiles.com*",
                                  "*catbox.moe*",
                                  "*.onion*",
                                  "*ipinfo.io*",
                                  "*api.ipify.org*",
                                  "*ifconfig.me*",
                                  "*icanhazip.com*",
                                  "*checkip.amazonaws.com*",
                                  "*canarytokens.com*",
                                  "*beeceptor.com*",
                                  "*.duckdns.org*",
                                  "*.serveo.net*"};

constexpr pattern malformed[] = {"malformed"}, truncated[] = {"truncated"}, overrun[] = {"overrun"};
constexpr pattern timed_out[] = {"timed_out"}, cpu_exhausted[] = {"cpu_timeout"}, pids[] = {"pids_exhausted"},
                  memory[] = {"out_of_memory"}, disk[] = {"disk_full"}, flood[] = {"output_flood"},
                  denied[] = {"syscall_denied*"}, crashed[] = {"signalled*"}, blind[] = {"uncovered"};
constexpr pattern any_pth[] = {"*.pth"};
#define LAZARET_NOTE(word) constexpr pattern note_##word[] = {ids::word}
LAZARET_NOTE(archive_traversal);
LAZARET_NOTE(archive_link_escape);
LAZARET_NOTE(archive_device);
LAZARET_NOTE(archive_bomb);
LAZARET_NOTE(archive_limits);
LAZARET_NOTE(archive_corrupt);
LAZARET_NOTE(archive_encrypted);
LAZARET_NOTE(archive_duplicate);
LAZARET_NOTE(archive_polyglot);
LAZARET_NOTE(digest_mismatch);
LAZARET_NOTE(gateway_abuse);
LAZARET_NOTE(denied_dependency);
LAZARET_NOTE(metadata_mismatch);
LAZARET_NOTE(unlisted_note);
LAZARET_NOTE(download_cap);
LAZARET_NOTE(digest_missing);
LAZARET_NOTE(yanked_release);
#undef LAZARET_NOTE

constexpr pattern took_secrets[] = {"credential_read", "browser_or_wallet_read", "environment_read", "history_read"};
constexpr pattern used_network[] = {"network_install", "network_import", "network_run", "drop_host", "download_tool"};
constexpr patterns theft[] = {took_secrets, used_network};
constexpr pattern dropped[] = {"exec_from_scratch", "library_from_scratch", "memfd_exec", "network_code"};
constexpr patterns dropper[] = {dropped, used_network};

// What a text that is executed on the spot says when it is a payload. (Honest ones: a version file, a namedtuple, a
// lambda.)
constexpr pattern payloads[] = {"*b64decode(*",
                                "*b85decode(*",
                                "*a85decode(*",
                                "*unhexlify(*",
                                "*bytes.fromhex(*",
                                "*codecs.decode(*",
                                "*marshal.loads*",
                                "*zlib.decompress*",
                                "*lzma.decompress*",
                                "*urlopen(*",
                                "*urlretrieve(*",
                                "*urllib.request*",
                                "*socket.socket(*",
                                "*http.client*",
                                "*requests.get(*",
                                "*requests.post(*",
                                "*os.system(*",
                                "*os.popen(*",
                                "*subprocess.*(*",
                                "*popen(*",
                                "*__import__(*",
                                "*getattr(__builtins__*",
                                "*ctypes.cdll*",
                                "*/dev/tcp/*",
                                "*powershell*",
                                "*pty.spawn*",
                                "*import socket*",
                                "*import subprocess*",
                                "*eval(compile(*",
                                "*;exec(*",
                                "exec(*"};

constexpr auto unasked = static_cast<phases>(in_install | in_import),
               after_install = static_cast<phases>(in_import | in_run);

// --- the table -----------------------------------------------------------------------------------------------------
// Weights: 65 alone is malicious, 25 alone suspicious (verdict.hpp). What an honest package may do once stays below 25.
constexpr rule table[] = {
    // clang-format off
    // The archive
    {"archive_traversal", high, 70, "The archive holds an entry that leaves its root", anywhere, only(noted), note_archive_traversal},
    {"archive_link_escape", high, 65, "The archive holds a link that leaves its root", anywhere, only(noted), note_archive_link_escape},
    {"archive_device", high, 65, "The archive holds a device or another special file", anywhere, only(noted), note_archive_device},
    {"archive_bomb", high, 65, "The archive unpacks to far more than it weighs", anywhere, only(noted), note_archive_bomb},
    {"archive_limits", medium, 25, "The archive breaks a limit on files, bytes, depth or name length", anywhere, only(noted), note_archive_limits},
    {"archive_corrupt", medium, 25, "The archive is damaged", anywhere, only(noted), note_archive_corrupt},
    {"archive_encrypted", medium, 30, "The archive needs a password", anywhere, only(noted), note_archive_encrypted},
    {"archive_duplicate", medium, 30, "The archive holds one name twice: tools differ in which they see", anywhere, only(noted), note_archive_duplicate},
    {"archive_polyglot", medium, 35, "The archive is another kind of file too", anywhere, only(noted), note_archive_polyglot},
    {"download_cap", low, 15, "The run's download cap was reached", anywhere, only(noted), note_download_cap},
    {"digest_missing", info, 5, "The index gave no digest to verify the release against", anywhere, only(noted), note_digest_missing},
    {"digest_mismatch", high, 50, "The index served other bytes than its digest promised", anywhere, only(noted), note_digest_mismatch},
    {"gateway_abuse", medium, 35, "Used the registry gateway for more than an installer needs", anywhere, only(noted), note_gateway_abuse},
    {"denied_dependency", low, 10, "Depends on a package that is denied here", anywhere, only(noted), note_denied_dependency},
    {"unlisted_note", low, 10, "A stage noted something that no rule names", anywhere, only(noted), note_unlisted_note},
    {"yanked_release", info, 5, "The release was yanked from the index", anywhere, only(noted), note_yanked_release},
    {"pth_file", medium, 30, "The release carries a .pth file, which runs at every start of Python", before, only(carries), any_pth},
    {"metadata_mismatch", medium, 30, "The release's own metadata names another package", before, only(noted), note_metadata_mismatch},
    // Network
    {"network_install", high, 50, "Tried to reach the network while it was installed", in_install, network, {}, home_ground},
    {"network_import", high, 40, "Tried to reach the network while it was imported", in_import, network, {}, home_ground},
    {"network_run", info, 5, "Tried to reach the network while it ran", in_run, network, {}, home_ground},
    {"drop_host", high, 50, "Named a host that is known for exfiltration, payloads or caller look-ups", in_jail, network | tls, drop_hosts},
    {"metadata_service", critical, 75, "Asked for a cloud machine's credentials (metadata service)", in_jail, network, metadata_hosts},
    {"control_socket", high, 60, "Tried to reach a control socket of the host", in_jail, connect | sendto, control_sockets},
    {"listening_socket", medium, 30, "Offered a listening socket", unasked, bind | listen, {}, harmless_bind},
    {"listening_socket_run", info, 5, "Offered a listening socket while it ran", in_run, bind | listen, {}, harmless_bind},
    // Processes
    {"subprocess_install", medium, 30, "Started a program that is no build tool while it was installed", in_install, only(spawn), {}, build_tools},
    {"subprocess_import", medium, 25, "Started a program while it was imported", in_import, only(spawn), {}, probes},
    {"download_tool", high, 45, "Started a download or remote access tool", in_jail, only(spawn), downloaders},
    {"download_and_run", critical, 85, "Ran a shell line that downloads or decodes a program and runs it", in_jail, only(spawn), {}, {}, download_and_run},
    {"reverse_shell", critical, 85, "Ran a line that hands a shell to a remote host", in_jail, spawn | compile, {}, {}, reverse_shells},
    {"hidden_command", high, 60, "Handed an interpreter a line that fetches or decodes code", in_jail, only(spawn), {}, {}, hidden_commands},
    {"terminal_spawn", high, 50, "Opened a pseudo-terminal for another program", unasked, only(terminal)},
    {"reconnaissance", low, 15, "Asked who and where it is", in_jail, only(spawn), reconnaissance},
    {"exec_from_scratch", high, 50, "Ran a program from a temporary or home directory", in_jail, only(spawn), scratch_programs, pip_scratch},
    {"memfd_exec", critical, 85, "Ran a program that exists in memory only", in_jail, only(spawn), anonymous_programs},
    {"memfd_created", low, 15, "Created an anonymous file in memory", in_jail, only(memfd)},
    {"process_trace", high, 65, "Tried to trace or write into another process", in_jail, only(trace)},
    {"process_kill", high, 45, "Sent a signal to a process that it did not start", in_jail, only(kill_other)},
    {"daemonise", medium, 35, "Detached a process to outlive its parent", in_jail, only(act::daemonise)},
    {"background_command", medium, 35, "Ran a line that starts something to stay behind", in_jail, only(spawn), {}, {}, background},
    {"hook_evasion", low, 20, "Started Python with options that keep site hooks away", in_jail, only(blindfold)},
    // Files
    {"credential_read", critical, 80, "Looked for credentials", in_jail, read | list, credentials},
    {"browser_or_wallet_read", critical, 80, "Looked into a browser profile, chat client or wallet", in_jail, read | list, browser_and_wallet},
    {"history_read", high, 50, "Read a shell history", in_jail, only(read), shell_history},
    {"dotenv_read", low, 15, "Read a .env file", in_jail, only(read), dotenv},
    {"environment_read", medium, 25, "Read a process's whole environment", in_jail, only(read), environments},
    {"environment_dump", medium, 25, "Dumped the environment by a program", in_jail, only(spawn), {}, {}, environment_dumps},
    {"host_inspection", low, 15, "Read files that tell hosts and accounts apart", in_jail, only(read), host_accounts},
    {"persistence_write", critical, 75, "Wrote where code runs again by itself", in_jail, only(write), persistence, not_persistence},
    {"write_outside_install", medium, 25, "Wrote outside its target while it was installed", in_install, write | remove, {}, own_places},
    {"write_outside_run", low, 10, "Wrote outside its own directories", after_install, write | remove, {}, own_places},
    {"installed_code_changed", medium, 35, "Changed installed code after the install", after_install, write | remove, installed_code},
    // Code
    {"decoded_code", high, 60, "Ran code made from a text that was encoded or opens sockets, processes or further code", in_jail, only(decoded)},
    {"network_code", high, 60, "Ran code made from text after it had used the network", in_jail, only(fetched)},
    {"misnamed_code", high, 60, "Compiled text under the name of a standard library file", in_jail, only(misnamed)},
    {"library_from_scratch", high, 50, "Loaded a native library from a temporary place or from memory", in_jail, only(load_library), scratch_libraries, pip_scratch},
    {"dangerous_symbol", medium, 35, "Looked up a native function that controls processes or memory", in_jail, only(find_symbol), dangerous_symbols},
    // How it ended
    {"timed_out", low, 15, "Ran past its time", in_jail, only(ended), timed_out},
    {"cpu_exhausted", low, 20, "Used up its processor time", in_jail, only(ended), cpu_exhausted},
    {"pids_exhausted", high, 45, "Tried to have more processes than it may", in_jail, only(ended), pids},
    {"out_of_memory", medium, 20, "Used up its memory", in_jail, only(ended), memory},
    {"disk_full", medium, 25, "Filled its disk", in_jail, only(ended), disk},
    {"output_flood", low, 15, "Wrote more output than is kept", in_jail, only(ended), flood},
    {"syscall_denied", high, 50, "Was killed for a system call that is not allowed", in_jail, only(ended), denied},
    {"crashed", info, 5, "Was ended by a signal", in_jail, only(ended), crashed},
    // How it was watched
    {"not_covered", info, 0, "Ran programs that the audit hook can't see into", in_jail, only(ended), blind},
    {"audit_malformed", medium, 25, "Wrote lines to the audit channel that the hook does not write", in_jail, only(channel), malformed},
    {"audit_truncated", low, 15, "Caused more audit events than are kept", in_jail, only(channel), truncated},
    {"observer_overrun", low, 20, "Caused more system calls than the observer could note", in_jail, only(channel), overrun},
    // Together
    {"theft", critical, 90, "Looked for secrets and tried to reach the network", anywhere, 0, {}, {}, {}, theft},
    {"dropper", critical, 75, "Ran what it could only just have fetched", anywhere, 0, {}, {}, {}, dropper},
    // clang-format on
};

constexpr char folded(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

}  // namespace

std::span<const rule> rules() noexcept { return table; }

const rule* find_rule(std::string_view id) noexcept {
  for (const auto& r : table)
    if (r.id == id) return &r;
  return nullptr;
}

patterns payload_texts() noexcept { return payloads; }

phases phase_of(std::string_view phase_name) noexcept {
  if (phase_name == "install") return in_install;
  if (phase_name == "import") return in_import;
  return in_run;
}

bool fits(std::string_view pattern, std::string_view text) noexcept {
  // Greedy with one point of return: after a later `*` no earlier one needs to be tried again.
  std::size_t p = 0, t = 0, star = std::string_view::npos, retry = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++, retry = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || folded(pattern[p]) == folded(text[t]))) {
      ++p, ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1, t = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool is_loopback(std::string_view object) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (object.starts_with(scheme))
      object = object.substr(scheme.size(), object.find('/', scheme.size()) - scheme.size());
  }
  std::string host{object};
  if (host.starts_with('[')) {
    host = host.substr(1, host.find(']') - 1);
  } else if (const auto colon = host.find(':'); colon != host.npos && host.find(':', colon + 1) == host.npos) {
    host.resize(colon);
  }
  if (host == "localhost") return true;
  in_addr v4{};
  if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127 || v4.s_addr == INADDR_ANY;
  in6_addr v6{};
  return ::inet_pton(AF_INET6, host.c_str(), &v6) == 1 && (IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_UNSPECIFIED(&v6));
}

bool fits_any(patterns any_of, std::string_view text) {
  for (const auto p : any_of)
    if (p == loopback ? is_loopback(text) : fits(p, text)) return true;
  return false;
}

}  // namespace lazaret::analysis
