#include "tests/store/redis_process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <thread>

namespace lazaret::durable::test {

namespace {

std::vector<char*> raw(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const auto& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

/// `output`: where its standard output and error go.
pid_t spawn(const std::vector<std::string>& command, int output) {
  const auto arguments = raw(command);
  const auto parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw std::runtime_error{"fork"};
  if (pid > 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  ::dup2(output, 1);
  ::dup2(output, 2);
  ::execvp(arguments[0], arguments.data());
  ::_exit(127);
}

/// It listens before it has read its files, and answers -LOADING until then; to strangers it is -NOAUTH that it
/// answers.
bool is_up(int fd, const std::string& greeting) {
  if (::send(fd, greeting.data(), greeting.size(), MSG_NOSIGNAL) < 0) return false;
  std::string said;
  for (std::array<char, 64> some{}; said.find("PONG") == std::string::npos;) {
    const auto got = ::recv(fd, some.data(), some.size(), 0);
    if (got <= 0 || said.append(some.data(), static_cast<std::size_t>(got)).find('-') != std::string::npos)
      return false;
  }
  return true;
}

}  // namespace

std::string run(const std::vector<std::string>& command) {
  std::array<int, 2> both{};
  if (::pipe2(both.data(), O_CLOEXEC) != 0) throw std::runtime_error{"pipe2"};
  const auto pid = spawn(command, both[1]);
  ::close(both[1]);
  std::string said;
  std::array<char, 4096> buffer;
  for (ssize_t got; (got = ::read(both[0], buffer.data(), buffer.size())) > 0;) {
    said.append(buffer.data(), static_cast<std::size_t>(got));
  }
  ::close(both[0]);
  int status = 0;
  ::waitpid(pid, &status, 0);
  if (status != 0) throw std::runtime_error{command[0] + ": " + said};
  return said;
}

int free_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&where), size) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size) == 0;
  ::close(fd);
  if (!bound) throw std::runtime_error{"no free port"};
  return ::ntohs(where.sin_port);
}

redis_process::redis_process(std::vector<std::string> options) : options_{std::move(options)} { start(); }

redis_process::~redis_process() { kill(); }

std::string redis_process::url(std::string_view prefix) const {
  return "unix://" + socket() + "?prefix=" + std::string{prefix};
}

void redis_process::signal(int number) const { ::kill(pid_, number); }

void redis_process::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void redis_process::start(bool empty) {
  if (empty) std::filesystem::remove_all(folder_.path() / "appendonlydir");
  std::vector<std::string> command{"redis-server", "--port",       "0",   "--unixsocket", socket(), "--dir",
                                   folder_.path(), "--appendonly", "yes", "--save",       "",       "--appendfsync",
                                   "everysec"};
  command.insert(command.end(), options_.begin(), options_.end());
  std::filesystem::remove(socket());
  const int log = ::open((folder_.path() / "log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  pid_ = spawn(command, log);
  ::close(log);
  const auto password = std::ranges::find(options_, "--requirepass");
  const auto greeting = password == options_.end() ? "PING\r\n" : "AUTH " + *std::next(password) + "\r\nPING\r\n";
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  std::strncpy(where.sun_path, socket().c_str(), sizeof where.sun_path - 1);
  while (true) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const bool there = ::connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0 && is_up(fd, greeting);
    ::close(fd);
    if (there) return;
    if (std::chrono::steady_clock::now() > deadline || ::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      throw std::runtime_error{"redis-server did not start: " + folder_.read("log")};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
}

std::string redis_process::cli(const std::vector<std::string>& command) const {
  std::vector<std::string> all{"redis-cli", "-s", socket()};
  all.insert(all.end(), command.begin(), command.end());
  auto said = run(all);
  while (said.ends_with('\n')) said.pop_back();
  return said;
}

}  // namespace lazaret::durable::test
