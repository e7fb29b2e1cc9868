#include "sandbox/seccomp.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <memory>

#include "sandbox/bpf_shrink.hpp"
#include "sandbox/seccomp_calls.hpp"
#include "sandbox/seccomp_rules.hpp"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

namespace lazaret::sandbox {
namespace {

/// Marks the numbers of x32, which has no AUDIT_ARCH_ of its own (asm/unistd.h).
constexpr int x32_bit = 0x40000000;

failure refused(int negative_errno, std::string subject) {
  return {"seccomp_filter", -negative_errno, std::move(subject), {}};
}

/// libseccomp 2.5 writes its program to an fd only.
result<std::vector<std::uint64_t>> read_program(scmp_filter_ctx context) {
  const unique_fd file{::memfd_create("lazaret-bpf", MFD_CLOEXEC)};
  if (!file) return os_failure("seccomp_filter", "memfd_create");
  if (const int rc = seccomp_export_bpf(context, file.get()); rc != 0) return refused(rc, "seccomp_export_bpf");
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return os_failure("seccomp_filter", "fstat of the exported program");
  std::vector<std::uint64_t> program(static_cast<std::size_t>(info.st_size) / sizeof(sock_filter));
  static_assert(sizeof(sock_filter) == sizeof(std::uint64_t));
  if (program.empty() || program.size() > BPF_MAXINSNS)
    return failure{"seccomp_filter", E2BIG, std::to_string(program.size()) + " BPF instructions", {}};
  if (::pread(file.get(), program.data(), program.size() * sizeof(sock_filter), 0) != info.st_size)
    return os_failure("seccomp_filter", "read of the exported program");
  return program;
}

/// A kernel that knows the flags looks at the program next and finds it at address 0 (seccomp(2), EFAULT).
bool kernel_knows(unsigned flags) {
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, nullptr) == -1 && errno == EFAULT;
}

}  // namespace

result<std::vector<std::uint64_t>> compile_rules(const seccomp_options& options) {
  const std::unique_ptr<void, decltype(&seccomp_release)> context{seccomp_init(SCMP_ACT_ERRNO(ENOSYS)),
                                                                  &seccomp_release};
  if (!context) return failure{"seccomp_filter", ENOMEM, "seccomp_init", {}};
  // Calls of another architecture's table (int 0x80, x32) would mean something else under the same number.
  if (const int rc = seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_NOTIFY); rc != 0)
    return refused(rc, "SCMP_FLTATR_ACT_BADARCH");
  // A search tree over the numbers instead of a list: 9 comparisons instead of 300.
  if (const int rc = seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2); rc != 0)
    return refused(rc, "SCMP_FLTATR_CTL_OPTIMIZE");

  rule_book rules{context.get()};
  for (const call_group& group : call_groups) {
    if (group.action == SCMP_ACT_ERRNO(ENOSYS)) continue;  // the default already, which libseccomp refuses as a rule
    for (const int call : group.calls) rules.add(group.action, call);
  }
  add_checks_of_processes(rules);
  add_checks_of_files(rules);
  add_observed(rules, options.observe);
  if (rules.error() != 0) return failure{"seccomp_filter", rules.error(), "rule for " + syscall_name(rules.call()), {}};

  return read_program(context.get());
}

result<seccomp_filter> seccomp_filter::compile(const seccomp_options& options) {
  seccomp_filter filter;
  auto flags = usable_flags();
  if (!flags) return flags.error();
  filter.flags_ = *flags;
  const auto program = compile_rules(options);
  if (!program) return program.error();
  filter.program_ = shrink_bpf(*program);
  return filter;
}

result<seccomp_filter> seccomp_filter::compile_no_set_ids() {
  const std::unique_ptr<void, decltype(&seccomp_release)> context{seccomp_init(SCMP_ACT_ALLOW), &seccomp_release};
  if (!context) return failure{"seccomp_filter", ENOMEM, "seccomp_init", {}};
  if (const int rc = seccomp_attr_set(context.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW); rc != 0)
    return refused(rc, "SCMP_FLTATR_ACT_BADARCH");  // the other filter answers those
  rule_book rules{context.get()};
  add_set_ids(rules);
  rules.add(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(openat2));
  if (rules.error() != 0) return failure{"seccomp_filter", rules.error(), "rule for " + syscall_name(rules.call()), {}};
  seccomp_filter filter;
  auto program = read_program(context.get());
  if (!program) return program.error();
  filter.program_ = std::move(*program);
  return filter;
}

result<unsigned> seccomp_filter::usable_flags() {
  unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
  if (!kernel_knows(flags))
    return failure{"seccomp_filter", ENOSYS, "SECCOMP_FILTER_FLAG_NEW_LISTENER", "needs kernel 5.5"};
  // Else a signal that arrives while a call is being noted restarts it, and it is noted twice (kernel 5.19).
  if (kernel_knows(flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)) flags |= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
  return {boost::system::in_place_value, flags};
}

result<unique_fd> seccomp_filter::install() const noexcept {
  sock_fprog program{};
  program.len = static_cast<unsigned short>(program_.size());
  program.filter = reinterpret_cast<sock_filter*>(const_cast<std::uint64_t*>(program_.data()));
  const long rc = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags_, &program);
  // Strings this short live inside std::string: no allocation between fork and exec.
  if (rc < 0) return failure{"seccomp", errno, "install", {}};
  return unique_fd{flags_ != 0 ? static_cast<int>(rc) : -1};
}

result<unique_fd> take_listener(int pidfd, int number) {
  const long fd = ::syscall(SYS_pidfd_getfd, pidfd, number, 0);
  if (fd < 0) return os_failure("take_listener", "pidfd_getfd " + std::to_string(number), "is the process dumpable?");
  return unique_fd{static_cast<int>(fd)};
}

bool is_deadly(std::uint32_t architecture, int number) noexcept {
  if (architecture != AUDIT_ARCH_X86_64 || (number & x32_bit) != 0) return true;
  const auto lists = [&](const call_group& group) {
    return group.action == SCMP_ACT_NOTIFY &&
           std::find(group.calls.begin(), group.calls.end(), number) != group.calls.end();
  };
  return std::any_of(std::begin(call_groups), std::end(call_groups), lists);
}

std::string syscall_name(int number) { return syscall_name(AUDIT_ARCH_X86_64, number); }

std::string syscall_name(std::uint32_t architecture, int number) {
  const bool is_i386 = architecture == AUDIT_ARCH_I386;
  const bool is_x32 = !is_i386 && (number & x32_bit) != 0;
  const std::uint32_t table = is_i386 ? SCMP_ARCH_X86 : is_x32 ? SCMP_ARCH_X32 : SCMP_ARCH_X86_64;
  const std::unique_ptr<char, decltype(&::free)> text{seccomp_syscall_resolve_num_arch(table, number), &::free};
  const auto plain = std::to_string(is_x32 ? number & ~x32_bit : number);
  return (is_i386 ? "i386:" : is_x32 ? "x32:" : "") + (text ? std::string{text.get()} : "#" + plain);
}

}  // namespace lazaret::sandbox
