#include "actors/analysis/rules.hpp"

#include "actors/analysis/telltales.hpp"
#include "actors/download/digest.hpp"

namespace lazaret::analysis {
namespace {

using enum act;
using enum actors::severity;
using namespace telltales;
constexpr acts only(act a) { return static_cast<acts>(a); }
constexpr acts network = dns | connect | sendto | request;

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

}  // namespace

std::span<const rule> rules() noexcept { return table; }

std::string rules_version() {
  // Raise it when something else than the table changes what a release is judged to be.
  constexpr int of_the_code = 1;
  download::sha256 sum;
  const auto add = [&](std::string_view text) {
    sum.update(std::to_string(text.size()) + ":");
    sum.update(text);
  };
  const auto add_number = [&](std::uint64_t number) { add(std::to_string(number)); };
  const auto add_all = [&](patterns those) {
    add_number(those.size());
    for (const auto one : those) add(one);
  };
  add(LAZARET_VERSION);
  add_number(of_the_code);
  for (const auto& r : table) {
    add(r.id);
    add_number(static_cast<std::uint64_t>(r.severity));
    add_number(static_cast<std::uint64_t>(r.weight));
    add_number(r.where);
    add_number(r.what);
    add_all(r.objects);
    add_all(r.unless);
    add_all(r.details);
    add_number(r.together.size());
    for (const auto group : r.together) add_all(group);
  }
  add_all(payloads);
  return sum.finish();
}

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

}  // namespace lazaret::analysis
