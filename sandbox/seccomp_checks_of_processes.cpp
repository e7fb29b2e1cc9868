// The checks of calls that concern processes: one function per call, or per calls that do the same.
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <utility>

#include "sandbox/seccomp_rules.hpp"

namespace lazaret::sandbox {
namespace {

/// Threads and children, but no namespace: inside a user namespace of its own a program would have every capability.
void add_clone(rule_book& rules) {
  constexpr std::uint32_t namespaces =
      CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWCGROUP;
  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(clone), {masked(0, namespaces, 0)});
  // One rule per lowest flag that is set, so that no two rules overlap.
  std::uint32_t lower = 0;
  for (std::uint32_t bit = 1; bit != 0; bit <<= 1) {
    if ((namespaces & bit) == 0) continue;
    rules.add(refuse, SCMP_SYS(clone), {masked(0, lower | bit, bit)});
    lower |= bit;
  }
}

/// The ordinary ones; others as a kernel that never heard of them. PR_SET_MM would let a program rewrite what
/// /proc/PID/exe and cmdline say of it.
void add_prctl(rule_book& rules) {
  constexpr std::uint32_t set_vma = 0x53564d41, set_ptracer = 0x59616d61;
  const std::vector<std::uint32_t> ordinary{PR_SET_PDEATHSIG,
                                            PR_GET_PDEATHSIG,
                                            PR_GET_DUMPABLE,
                                            PR_SET_DUMPABLE,
                                            PR_GET_KEEPCAPS,
                                            PR_SET_NAME,
                                            PR_GET_NAME,
                                            PR_GET_SECCOMP,
                                            PR_GET_TIMING,
                                            PR_CAPBSET_READ,
                                            PR_CAPBSET_DROP,
                                            PR_GET_SECUREBITS,
                                            PR_GET_TIMERSLACK,
                                            PR_SET_TIMERSLACK,
                                            PR_SET_CHILD_SUBREAPER,
                                            PR_GET_CHILD_SUBREAPER,
                                            PR_SET_NO_NEW_PRIVS,
                                            PR_GET_NO_NEW_PRIVS,
                                            PR_GET_TID_ADDRESS,
                                            PR_SET_THP_DISABLE,
                                            PR_GET_THP_DISABLE,
                                            PR_CAP_AMBIENT,
                                            PR_GET_SPECULATION_CTRL,
                                            PR_SET_SPECULATION_CTRL,
                                            set_vma,
                                            set_ptracer};
  for (const std::uint32_t option : ordinary) rules.add(SCMP_ACT_ALLOW, SCMP_SYS(prctl), {is(0, option)});
  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(prctl), {is(0, PR_SET_SECCOMP)});
  rules.add(refuse, SCMP_SYS(prctl), {is(0, PR_SET_MM)});
  std::vector<std::uint32_t> named = ordinary;
  named.insert(named.end(), {PR_SET_SECCOMP, PR_SET_MM});
  rules.add_else(SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 0, named);
}

/// Reading it, the default, and what setarch -R asks. READ_IMPLIES_EXEC and the emulations weaken address layout.
void add_personality(rule_book& rules) {
  const std::vector<std::uint32_t> harmless{PER_LINUX, ADDR_NO_RANDOMIZE, 0xffffffff};
  for (const std::uint32_t persona : harmless) rules.add(SCMP_ACT_ALLOW, SCMP_SYS(personality), {is(0, persona)});
  rules.add_else(refuse, SCMP_SYS(personality), 0, harmless);
}

/// The jail's init has the program's uid, and these calls ask for no more than that: a program could take init's
/// time away, or leave it without a processor. Inside, init is 1 for everybody (pid_namespaces(7)).
void add_scheduling(rule_book& rules) {
  constexpr std::uint32_t init = 1;
  for (const int call :
       {SCMP_SYS(sched_setaffinity), SCMP_SYS(sched_setparam), SCMP_SYS(sched_setscheduler), SCMP_SYS(sched_setattr)}) {
    rules.add(refuse, call, {is(0, init)});
    rules.add_else(SCMP_ACT_ALLOW, call, 0, {init});
  }
  // Of a process, not of its group or of all that a user has: init is one of those.
  for (const auto& [call, process] : {std::pair{SCMP_SYS(setpriority), 0U /* PRIO_PROCESS */},
                                      std::pair{SCMP_SYS(ioprio_set), 1U /* IOPRIO_WHO_PROCESS */}}) {
    rules.add_else(refuse, call, 0, {process});
    rules.add(refuse, call, {is(0, process), is(1, init)});
    for (std::uint32_t bit = 0; bit < 32; ++bit) {  // every other pid differs from 1 in a first bit
      const std::uint32_t mask = ~0U << bit;
      rules.add(SCMP_ACT_ALLOW, call, {is(0, process), masked(1, mask, (init ^ (1U << bit)) & mask)});
    }
  }
}

/// A program may confine itself further: of several filters the strictest answer counts, so ours can't be relaxed. A
/// listener of its own could answer "go on" in our observer's place, so that is refused.
void add_seccomp(rule_book& rules) {
  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(seccomp), {is(0, SECCOMP_SET_MODE_STRICT)});
  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(seccomp), {is(0, SECCOMP_GET_ACTION_AVAIL)});
  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(seccomp),
            {is(0, SECCOMP_SET_MODE_FILTER), masked(1, SECCOMP_FILTER_FLAG_NEW_LISTENER, 0)});
  rules.add(
      refuse, SCMP_SYS(seccomp),
      {is(0, SECCOMP_SET_MODE_FILTER), masked(1, SECCOMP_FILTER_FLAG_NEW_LISTENER, SECCOMP_FILTER_FLAG_NEW_LISTENER)});
}

/// One's own limits can be lowered, but RLIMIT_CORE must stay (layers/resource_limits.cpp): nothing is dumped either
/// way, so success is the truth. Only one's own: init has the same uid, so a program could take its descriptors away.
void add_limits(rule_book& rules) {
  static_assert(RLIMIT_CORE == 4 && RLIM_NLIMITS == 16);
  const argument oneself = is(0, 0);
  rules.add_else(refuse, SCMP_SYS(prlimit64), 0, {0});
  struct prefix {
    std::uint32_t mask, value;
  };
  for (const auto& [mask, value] : {prefix{~3U, 0}, prefix{~0U, 5}, prefix{~1U, 6}, prefix{~7U, 8}}) {
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(setrlimit), {masked(0, mask, value)});
    rules.add(SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), {oneself, masked(1, mask, value)});
  }
  rules.add(SCMP_ACT_ERRNO(0), SCMP_SYS(setrlimit), {is(0, RLIMIT_CORE)});
  rules.add(SCMP_ACT_ERRNO(0), SCMP_SYS(prlimit64), {oneself, is(1, RLIMIT_CORE), SCMP_CMP64(2, SCMP_CMP_NE, 0)});
  rules.add(SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), {oneself, is(1, RLIMIT_CORE), SCMP_CMP64(2, SCMP_CMP_EQ, 0)});
}

}  // namespace

void add_checks_of_processes(rule_book& rules) {
  add_clone(rules);
  add_prctl(rules);
  add_personality(rules);
  add_scheduling(rules);
  add_seccomp(rules);
  add_limits(rules);
}

}  // namespace lazaret::sandbox
