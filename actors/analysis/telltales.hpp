#pragma once
/// What gives a deed away: names of programs, files, hosts and texts, as globs. Data for rules.cpp alone.

#include <string_view>

#include "actors/analysis/rules.hpp"

namespace lazaret::analysis::telltales {

using pattern = std::string_view;

// --- what is nobody's business -------------------------------------------------------------------------------------
// The jail's own: loopback (the gateway among it), numeric look-ups of it, its host name, the audit channel, nscd's
// socket.
inline constexpr pattern home_ground[] = {loopback, "lazaret", "", "unix:*", "*.localdomain"};
// urllib3 binds [::1]:0 to learn whether there is IPv6; binding to port 0 of loopback offers nothing to anybody.
inline constexpr pattern harmless_bind[] = {"127.*:0", "[::1]:0", "unix:*", "", "0.0.0.0:0", "[::]:0"};

// What a build needs, by bare name: found in a system directory (program_name() keeps any other path).
inline constexpr pattern build_tools[] = {
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
inline constexpr pattern probes[] = {"python*",          "pypy*", "uname", "lsb_release",
                                     "ldconfig*",        "gcc*",  "cc",    "ld",
                                     "objdump",          "file",  "git",   "x86_64-linux-gnu-*",
                                     "ifconfig",         "ip",    "arp",   "netstat",
                                     "lanscan",          "tput",  "stty",  "getconf",
                                     "*/pip-build-env-*"};
inline constexpr pattern downloaders[] = {"curl",      "wget",        "nc",         "ncat",   "netcat",   "socat",
                                          "ftp",       "tftp",        "scp",        "sftp",   "ssh",      "telnet",
                                          "rsync",     "aria2c",      "lynx",       "*/curl", "*/wget",   "*/nc",
                                          "certutil*", "powershell*", "bitsadmin*", "dig",    "nslookup", "host"};
inline constexpr pattern download_and_run[] = {
    "*curl *|*sh*",   "*wget *|*sh*",         "*curl *|*python*",  "*wget *|*python*",      "*curl *|*perl*",
    "*wget *|*perl*", "*curl *&&*",           "*wget *&&*",        "*curl *;*chmod*",       "*wget *;*chmod*",
    "*curl *;*sh *",  "*wget *;*sh *",        "*base64 *-d*|*sh*", "*base64 *-d*|*python*", "*xxd *-r*|*sh*",
    "*sh*<(curl*",    "*sh*$(curl*",          "*sh*<(wget*",       "*sh*$(wget*",           "*eval*$(curl*",
    "*eval*$(wget*",  "*iex*downloadstring*", "*powershell*-enc*"};
inline constexpr pattern reverse_shells[] = {
    "*/dev/tcp/*",   "*/dev/udp/*",    "*nc *-e *sh*", "*ncat *-e *sh*",    "*nc *-c *sh*",
    "*mkfifo *nc *", "*socat *exec:*", "*pty.spawn(*", "*os.dup2(*socket*", "*socket*os.dup2(*"};
inline constexpr pattern hidden_commands[] = {
    "*b64decode*",       "*urlopen(*",         "*urlretrieve(*",  "*marshal.loads*",
    "*zlib.decompress*", "*bytes.fromhex*",    "*codecs.decode*", "*socket.socket(*",
    "*requests.get(*",   "*frombase64string*", "*rot13*"};
inline constexpr pattern background[] = {
    "*nohup *",   "*setsid *", "*disown*", "*daemonize *", "*start-stop-daemon*", "*systemctl *enable*",
    "*crontab *", "*at now*"};
inline constexpr pattern environment_dumps[] = {
    "env",        "printenv",        "export -p",         "set",          "*sh -c env",       "*sh -c printenv",
    "*sh -c set", "*sh -c 'env *|*", "*sh -c 'printenv*", "/usr/bin/env", "/usr/bin/printenv"};
inline constexpr pattern reconnaissance[] = {"whoami",     "id",    "hostname", "w",         "who", "last",
                                             "ps",         "lscpu", "lspci",    "dmidecode", "ss",  "iptables",
                                             "systeminfo", "net",   "getent",   "groups"};

inline constexpr pattern credentials[] = {"*/.ssh/*",
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
inline constexpr pattern browser_and_wallet[] = {"*/.mozilla/*",
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
inline constexpr pattern shell_history[] = {
    "*/.bash_history", "*/.zsh_history", "*/.python_history",    "*/.mysql_history",
    "*/.psql_history", "*/.history",     "*/.node_repl_history", "*/.local/share/fish/fish_history"};
inline constexpr pattern dotenv[] = {"*/.env", "*/.env.local", "*/.env.production", ".env", "*/.envrc"};
inline constexpr pattern environments[] = {"/proc/*/environ"};
inline constexpr pattern host_accounts[] = {"/etc/passwd",  "/etc/group",          "/etc/hosts.equiv",
                                            "/etc/crontab", "/etc/machine-id",     "/var/lib/dbus/machine-id",
                                            "/proc/net/*",  "/proc/[0-9]*/cmdline"};

// Runs again without being asked: at login, at boot, by the clock, at every start of Python.
inline constexpr pattern persistence[] = {"*/.bashrc",
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
inline constexpr pattern not_persistence[] = {"./*",    "/work/site/*",    "/work/tmp/*",
                                              "/tmp/*", "*/__pycache__/*", "*.pyc"};
inline constexpr pattern own_places[] = {
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
inline constexpr pattern installed_code[] = {"/work/site/*.py", "/work/site/*.so", "/work/site/*.pth",
                                             "/work/site/*/record"};
inline constexpr pattern scratch_programs[] = {"/tmp/*",     "/work/tmp/*", "/var/tmp/*",
                                               "/dev/shm/*", "*/.cache/*",  "/work/home/*"};
inline constexpr pattern pip_scratch[] = {"*/pip-build-env-*", "*/pip-install-*", "*/pip-req-build-*"};
inline constexpr pattern anonymous_programs[] = {"/proc/*/fd/*", "/dev/fd/*", "/memfd:*", "memfd:*"};
inline constexpr pattern scratch_libraries[] = {"/tmp/*",    "/dev/shm/*", "/var/tmp/*",   "/proc/*/fd/*",
                                                "/dev/fd/*", "/memfd:*",   "/work/home/*", "/work/tmp/*"};
inline constexpr pattern dangerous_symbols[] = {
    "ptrace",      "process_vm_*", "memfd_create", "fexecve", "execve",        "execvp",
    "mprotect",    "system",       "popen",        "syscall", "virtualalloc*", "createremotethread",
    "init_module", "unshare",      "setns",        "mount",   "pivot_root"};
inline constexpr pattern control_sockets[] = {
    "unix:*docker.sock",   "unix:*containerd*", "unix:*podman*", "unix:*crio*",
    "unix:*/ssh-*/agent*", "unix:*gpg-agent*",  "unix:*dbus*",   "unix:*systemd/private*",
    "unix:*.X11-unix*",    "unix:*mysqld.sock", "unix:*PGSQL*"};
inline constexpr pattern metadata_hosts[] = {
    "169.254.169.254*", "169.254.170.2*",       "metadata.google.internal*",     "100.100.100.200*",
    "[fd00:ec2::254]*", "*//169.254.169.254/*", "*//metadata.google.internal/*", "fd00:ec2::254"};
// Where stolen things are sent, payloads are kept, or callers are told apart. As hosts and inside URLs.
inline constexpr pattern drop_hosts[] = {"discord.com*",
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

inline constexpr pattern malformed[] = {"malformed"}, truncated[] = {"truncated"}, overrun[] = {"overrun"};
inline constexpr pattern timed_out[] = {"timed_out"}, cpu_exhausted[] = {"cpu_timeout"}, pids[] = {"pids_exhausted"},
                         memory[] = {"out_of_memory"}, disk[] = {"disk_full"}, flood[] = {"output_flood"},
                         denied[] = {"syscall_denied*"}, crashed[] = {"signalled*"}, blind[] = {"uncovered"};
inline constexpr pattern any_pth[] = {"*.pth"};
#define LAZARET_NOTE(word) inline constexpr pattern note_##word[] = {ids::word}
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

inline constexpr pattern took_secrets[] = {"credential_read", "browser_or_wallet_read", "environment_read",
                                           "history_read"};
inline constexpr pattern used_network[] = {"network_install", "network_import", "network_run", "drop_host",
                                           "download_tool"};
inline constexpr patterns theft[] = {took_secrets, used_network};
inline constexpr pattern dropped[] = {"exec_from_scratch", "library_from_scratch", "memfd_exec", "network_code"};
inline constexpr patterns dropper[] = {dropped, used_network};

// What a text that is executed on the spot says when it is a payload. (Honest ones: a version file, a namedtuple, a
// lambda.)
inline constexpr pattern payloads[] = {"*b64decode(*",
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

}  // namespace lazaret::analysis::telltales
