#include "actors/analysis/trail.hpp"

#include <algorithm>
#include <charconv>

#include "actors/analysis/rules.hpp"

namespace lazaret::analysis {
namespace {

constexpr std::size_t most_processes = 4096, most_importers = 64;
/// A text of one line that is longer than this was not written by a person.
constexpr std::size_t long_line = 400;

constexpr std::string_view decoders[] = {"base64",  "binascii", "zlib",          "bz2",    "lzma",
                                         "marshal", "codecs",   "cryptography*", "Crypto*"};
constexpr std::string_view at_home[] = {loopback, "unix:*", ""};

bool is_network(const deed& d) {
  const auto w = d.what;
  return (w == act::dns || w == act::connect || w == act::sendto || w == act::request) && !fits_any(at_home, d.object);
}

/// Names that only the interpreter's own installation may claim.
bool is_system_name(std::string_view file) { return is_standard_library(file) || file.starts_with("/usr/lib/python3"); }

bool kills_another(const deed& d) {
  std::int64_t target = 0;
  std::from_chars(d.object.data(), d.object.data() + d.object.size(), target);
  // Within a pid namespace numbers rise, so a smaller one is an older process: never a child.
  return target == 1 || target == -1 || (target > 1 && d.pid > 0 && target < d.pid);
}

}  // namespace

trail::process& trail::of(std::int64_t pid) {
  // Past the bound the strangers share one record.
  if (processes_.size() >= most_processes && !processes_.contains(pid)) pid = -1;
  return processes_[pid];
}

void trail::note_event(const audit_line& line) { ++of(line.pid).events; }

void trail::follow_code(const deed& d, process& p, deeds& out) {
  const auto conclude = [&](act what, std::string why) {
    deed c = d;
    c.what = what, c.detail = std::move(why);
    out.push_back(std::move(c));
  };
  // By induction no code has such a name unless the interpreter gave it: this catches the first text that claims one.
  if (is_system_name(d.object)) conclude(act::misnamed, "claims to be " + d.object);
  if (!is_generated(d.object) || d.detail.empty()) return;
  if (fits_any(payload_texts(), d.detail))
    conclude(act::decoded, "text: " + d.detail);
  else if (p.decoders_imported_by.contains(d.who.file))
    conclude(act::decoded, "by a file that imported a decoder; text: " + d.detail);
  else if (d.detail.find('\n') >= long_line && d.detail.size() >= long_line)
    conclude(act::decoded, "one long line: " + d.detail);
  if (p.networked) conclude(act::fetched, "text: " + d.detail);
}

deeds trail::follow(const deed& d) {
  deeds out;
  auto& p = of(d.pid);
  if (is_network(d)) p.networked = true;
  if (d.what == act::import && fits_any(decoders, d.object) && !is_standard_library(d.who.file) &&
      p.decoders_imported_by.size() < most_importers)
    p.decoders_imported_by.insert(d.who.file);
  if (d.what == act::compile) follow_code(d, p, out);
  if (d.what == act::unmarshal) {
    out.push_back(d);
    out.back().what = act::decoded, out.back().detail = "unmarshalled by " + d.object;
  }
  // The first thing that a forked child did was to fork again: nobody waits for the grandchild.
  if (d.what == act::fork && p.events == 1) {
    out.push_back(d);
    out.back().what = act::daemonise, out.back().detail = "forked twice";
  }
  if (d.what == act::kill && kills_another(d)) {
    out.push_back(d);
    out.back().what = act::kill_other;
  }
  return out;
}

}  // namespace lazaret::analysis
