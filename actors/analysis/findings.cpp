#include "actors/analysis/findings.hpp"

#include <algorithm>
#include <bit>

namespace lazaret::analysis {
namespace {

constexpr std::size_t most_evidence = 10, most_seen = 100'000;

constexpr std::string_view verbs[] = {
    "read",     "listed",         "wrote",          "removed",          "looked up", "connected to",  "sent to",
    "bound",    "listened on",    "spoke TLS with", "requested",        "ran",       "forked",        "signalled",
    "traced",   "made in memory", "loaded",         "looked up symbol", "compiled",  "unmarshalled",  "terminal by",
    "imported", "ran code named", "ran code named", "compiled code",    "detached",  "signalled pid", "ended",
    "noted",    "carries",        "channel",        "blindfolded"};
static_assert(std::size(verbs) == 32);

std::string_view verb(act a) { return verbs[std::countr_zero(static_cast<acts>(a))]; }

/// What the observer sees too, so that a mere hint of it is worth less.
bool is_observable(act a) {
  constexpr acts seen = act::connect | act::sendto | act::bind | act::listen | act::spawn | act::dns;
  return (static_cast<acts>(a) & seen) != 0;
}

bool matches(const rule& r, const deed& d, phases where) {
  return (r.what & static_cast<acts>(d.what)) != 0 && (r.where & where) != 0 &&
         (r.objects.empty() || fits_any(r.objects, d.object)) && !fits_any(r.unless, d.object) &&
         (r.details.empty() || fits_any(r.details, d.detail));
}

}  // namespace

std::string one_line(std::string_view text, std::size_t longest) {
  static constexpr char hex[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (out.size() >= longest) return out += "...";
    if (byte < 0x20 || byte == 0x7F)
      (out += "\\x") += {hex[byte >> 4], hex[byte & 15]};
    else
      out += c;
  }
  return out;
}

std::string evidence_of(const deed& d, std::string_view phase) {
  std::string out{phase};
  ((out += ": ") += verb(d.what)) += ' ';
  out += one_line(d.what == act::spawn && !d.detail.empty() ? d.detail : d.object, 160);
  if (d.what == act::spawn && d.object.find('/') != d.object.npos && !d.detail.starts_with(d.object))
    out += " (" + one_line(d.object, 80) + ")";
  if (d.what != act::spawn && !d.detail.empty()) out += " (" + one_line(d.detail, 140) + ")";
  if (!d.who.file.empty()) {
    out += ", by " + one_line(d.who.file, 120) + ":" + std::to_string(d.who.line);
    if (!d.who.function.empty()) out += " in " + one_line(d.who.function, 60);
  }
  if (d.seen_by == witness::hook) (out += " [hook: ") += one_line(d.event, 40) + "]";
  if (d.seen_by == witness::observer) out += ", pid " + std::to_string(d.pid) + " [observer]";
  return out;
}

void findings::hold(std::size_t index, bool confirmed, std::string evidence) {
  auto& h = by_rule_[index];
  h.what = &rules()[index];
  h.confirmed = h.confirmed || confirmed;
  ++h.times;
  if (h.evidence.size() < most_evidence &&
      std::find(h.evidence.begin(), h.evidence.end(), evidence) == h.evidence.end())
    h.evidence.push_back(std::move(evidence));
}

void findings::take(const deed& d, phases where, std::string_view phase) {
  // The same thing done again says nothing new. What the details alone can tell is not left out.
  std::string key{phase};
  key += '\0';
  key += std::to_string(static_cast<acts>(d.what)) + (d.seen_by == witness::observer ? 'o' : 'h');
  key += d.object;
  key += '\0';
  key += d.detail;
  if (seen_.size() < most_seen ? !seen_.insert(std::move(key)).second : seen_.contains(key)) return;
  for (std::size_t i = 0; i < rules().size(); ++i)
    if (matches(rules()[i], d, where))
      hold(i, d.seen_by != witness::hook || !is_observable(d.what), evidence_of(d, phase));
}

void findings::state(act what, std::string object, phases where, std::string evidence) {
  deed d;
  d.what = what, d.object = std::move(object), d.seen_by = witness::service;
  for (std::size_t i = 0; i < rules().size(); ++i)
    if (matches(rules()[i], d, where)) hold(i, true, one_line(evidence));
}

std::vector<held_rule> findings::held() const {
  std::vector<held_rule> out;
  const auto holder = [&](patterns any_of) -> const held_rule* {
    for (const auto& h : by_rule_)
      if (h.what != nullptr && std::find(any_of.begin(), any_of.end(), h.what->id) != any_of.end()) return &h;
    return nullptr;
  };
  for (const auto& h : by_rule_)
    if (h.what != nullptr) out.push_back(h);
  for (auto& h : out)
    if (h.times > most_evidence)
      h.evidence.back() = "and " + std::to_string(h.times - most_evidence + 1) + " more like these";
  for (const auto& r : rules()) {
    if (r.together.empty()) continue;
    held_rule both{&r, true, 1, {}};
    for (const auto group : r.together) {
      const auto* const one = holder(group);
      if (one == nullptr) break;
      both.confirmed = both.confirmed && one->confirmed;
      both.evidence.push_back(std::string{one->what->id} + ": " + one->evidence.front());
    }
    if (both.evidence.size() == r.together.size()) out.push_back(std::move(both));
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.what->weight > b.what->weight; });
  return out;
}

}  // namespace lazaret::analysis
