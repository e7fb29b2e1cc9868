#include "sandbox/presets.hpp"

#include <algorithm>

namespace lazaret::sandbox {
namespace {

using namespace std::chrono_literals;

/// `lazaret jail`: a bare program for a person at a terminal, so much output, and nothing that outlives it.
constexpr preset by_default{
    .name = "default",
    .purpose = "a command at a terminal",
    .limits = {.wall = 60s,
               .cpu = 60s,
               .memory = 1_GiB,
               .pids = 128,
               .open_files = 1024,
               .file_size = 1_GiB,
               .output = 1_GiB,
               .when_output_exceeds = on_output_limit::kill},
    .working_directory = "/tmp",
    .hostname = "lazaret",
    .places = {{.target = "/tmp", .size = 256_MiB}},
    .environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8"},
};

/// DESIGN section 6: RUN_TIMEOUT_SEC, RLIMIT_CPU_SEC, RLIMIT_AS_MB, RLIMIT_NOFILE, CGROUP_PIDS_MAX, DISK_LIMIT_MB. The
/// execution stage replaces these by what its settings say, and adds the network of the install.
constexpr preset triage{
    .name = "triage",
    .purpose = "a phase of a package's triage",
    .limits = {.wall = 45s,
               .cpu = 30s,
               .memory = 1536_MiB,  // RLIMIT_AS_MB + DISK_LIMIT_MB: a volume's pages count as memory
               .address_space = 1_GiB,
               .pids = 128,
               .open_files = 1024,
               .file_size = 512_MiB,
               .output = 1_MiB},  // compat/triage.md: "captured to 1 MiB each"
    .working_directory = "/work",
    .hostname = "lazaret",
    // One mount for all that a run writes: across mounts, pip copies instead of renaming (450 ms for setuptools).
    .places = {{.target = "/work", .size = 512_MiB, .inodes = 200'000, .executable = true, .outlives = true}},
    .environment = {"PATH=/usr/bin:/bin", "HOME=/work/home", "TMPDIR=/work/tmp", "LANG=C.UTF-8", "USER=user",
                    "PYTHONDONTWRITEBYTECODE=1", "PIP_CONFIG_FILE=/dev/null", "PIP_NO_CACHE_DIR=1",
                    "PIP_DISABLE_PIP_VERSION_CHECK=1"},
    .mount_proc = true,
    .audit_channel = true,
    .observe = true,
};

/// compat/snekbox.md, "The jail".
constexpr preset snekbox{
    .name = "snekbox",
    .purpose = "an expression that somebody sent to a bot",
    .limits = {.wall = 6s,
               .cpu = 90s,  // the contract has none: 15 processes for 6 s, so that the wall time ends it
               .memory = 70_MiB,
               .address_space = 700_MiB,
               .pids = 16,  // 15 and the jail's init
               .open_files = 1024,
               .file_size = 48_MiB,
               .output = 1'000'000_B,
               .when_output_exceeds = on_output_limit::kill},
    .working_directory = "/home",
    .hostname = "snekbox",
    .places = {{.target = "/home", .size = 48_MiB, .executable = true, .outlives = true},
               {.target = "/dev/shm", .size = 40_MiB}},
    .environment = {"LANG=en_US.UTF-8", "OMP_NUM_THREADS=15", "OPENBLAS_NUM_THREADS=15", "MKL_NUM_THREADS=15",
                    "VECLIB_MAXIMUM_THREADS=15", "NUMEXPR_NUM_THREADS=15", "PYTHONDONTWRITEBYTECODE=true",
                    "PYTHONIOENCODING=utf-8:strict", "PYTHONUNBUFFERED=true", "PYTHONUSERBASE=/snekbox/user_base",
                    "PYTHON_COLORS=1", "HOME=/home"},
};

/// compat/quartermaster.md: DEFAULT_TIMEOUT, DEFAULT_MEMORY, DEFAULT_CPU_SHARES, MAX_CPU_CORES, DEFAULT_DISK.
constexpr preset quartermaster{
    .name = "quartermaster",
    .purpose = "a program in one of several languages, by its default limits",
    .limits = {.wall = 30s,
               .cpu = 120s,  // the contract has none; four cores can't use up more
               .memory = 256_MiB,
               .pids = 128,
               .open_files = 1024,
               .file_size = 512_MiB,
               .cpus = 4.0,
               .cpu_shares = 512,
               .output = 1_MiB},
    .working_directory = "/workspace",
    .hostname = "lazaret",
    .places = {{.target = "/workspace", .size = 512_MiB, .executable = true, .outlives = true},
               {.target = "/tmp", .size = 512_MiB, .executable = true},
               {.target = "/metadata", .size = 1_MiB, .inodes = 64, .outlives = true}},
    .environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/workspace", "LANG=C.UTF-8"},
    .mount_proc = true,
};

/// compat/jobs.md: the defaults of timeout_sec, cpu_limit, mem_limit_mb, pids_limit, net_policy.
constexpr preset jobs{
    .name = "jobs",
    .purpose = "a job with input files and artefacts, by its default limits",
    .limits = {.wall = 60s,
               .cpu = 60s,  // the contract has none; one core can't use up more
               .memory = 512_MiB,
               .pids = 128,
               .open_files = 1024,
               .file_size = 512_MiB,
               .cpus = 1.0,
               .output = 10_MiB},
    .working_directory = "/workspace/code",
    .hostname = "lazaret",
    .places = {{.target = "/workspace/code", .size = 1_MiB, .inodes = 64, .writable = false, .outlives = true},
               {.target = "/workspace/input", .size = 1_MiB, .inodes = 64, .writable = false, .outlives = true},
               {.target = "/workspace/output", .size = 512_MiB, .outlives = true},
               {.target = "/tmp", .size = 64_MiB}},
    .environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", "LANG=C.UTF-8", "JOB_INPUT_DIR=/workspace/input",
                    "JOB_OUTPUT_DIR=/workspace/output", "MPLCONFIGDIR=/tmp/matplotlib"},
    .mount_proc = true,
};

/// A compiler or build system over sources that nobody vouches for: much of everything but time to hide in.
constexpr preset compile{
    .name = "compile",
    .purpose = "a compiler or build system over untrusted sources",
    .limits = {.wall = 300s,
               .cpu = 600s,
               .memory = 2_GiB,
               .pids = 256,
               .open_files = 4096,
               .file_size = 1_GiB,
               .output = 4_MiB},
    .working_directory = "/work",
    .hostname = "lazaret",
    .places = {{.target = "/work", .size = 1_GiB, .inodes = 200'000, .executable = true, .outlives = true},
               {.target = "/tmp", .size = 512_MiB, .executable = true}},
    .environment = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/work", "LANG=C.UTF-8"},
    .mount_proc = true,
};

constexpr preset all[] = {by_default, triage, snekbox, quartermaster, jobs, compile};

}  // namespace

std::span<const preset> presets() { return all; }

const preset* find_preset(std::string_view name) {
  const auto found = std::ranges::find(all, name, &preset::name);
  return found == std::end(all) ? nullptr : found;
}

policy make_policy(const preset& from, bool volumes) {
  policy p = base_policy();
  p.limits = from.limits;
  p.working_directory = from.working_directory;
  p.hostname = from.hostname;
  p.environment.assign(from.environment.begin(), from.environment.end());
  p.network = from.network;
  p.mount_proc = from.mount_proc;
  p.audit_channel = from.audit_channel;
  p.observe = from.observe;
  for (const place& one : from.places)
    if (!volumes || !one.outlives)
      p.tmpfs.push_back({.target = one.target,
                         .size = one.size,
                         .inodes = one.inodes,
                         .executable = one.executable,
                         .writable = one.writable});
  return p;
}

}  // namespace lazaret::sandbox
