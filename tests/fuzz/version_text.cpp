// PEP 440 versions and specifiers, PEP 425 tags, names of files: the lines of the input against each other.
#include <algorithm>
#include <vector>

#include "actors/download/filename.hpp"
#include "actors/download/specifier.hpp"
#include "actors/names.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace lazaret;
using namespace lazaret::download;

namespace {

void check_order(const version& a, const version& b) {
  const auto forth = compare(a, b), back = compare(b, a);
  fuzz::must((forth < 0) == (back > 0) && (forth == 0) == (back == 0), "the order is antisymmetric");
  fuzz::must(compare(a, a) == 0, "the order is reflexive");
  if (compare_public(a, b) != 0) fuzz::must(compare_public(a, b) == forth, "locals come last");
}

void check_line(std::string_view line, std::vector<version>& known) {
  if (auto v = parse_version(line)) {
    const auto again = parse_version(v->text());
    fuzz::must(again && compare(*again, *v) == 0 && again->text() == v->text(), "the canonical form is a fixed point");
    known.push_back(std::move(*v));
  }
  if (const auto all = parse_specifiers(line)) {
    fuzz::must(all->size() <= 64, "at most 64 parts");
    for (const auto& v : known) (void)allows(*all, v);
  }
  if (const auto wheel = parse_wheel_name(line)) {
    fuzz::must(is_distribution(line), "a wheel is a distribution");
    fuzz::must(!wheel->tags.empty() && wheel->tags.size() <= 1000, "1 to 1000 tags");
  }
  if (actors::is_package_name(line)) {
    fuzz::must(line.size() <= 200, "a name has at most 200 characters");
    const auto name = actors::normalise_name(line);
    fuzz::must(actors::is_package_name(name) && actors::normalise_name(name) == name,
               "the normalised name is a fixed point");
    fuzz::must(actors::is_denied(line, {name}), "a name denies itself however it is written");
  }
  (void)sdist_version(line, "demo");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto rest = fuzz::text_of(data, size);
  std::vector<version> known;
  for (int lines = 0; !rest.empty() && lines < 16; ++lines) {
    const auto end = std::min(rest.find('\n'), rest.size());
    check_line(rest.substr(0, end), known);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  for (const auto& a : known)
    for (const auto& b : known) check_order(a, b);
  std::sort(known.begin(), known.end(), [](const auto& a, const auto& b) { return compare(a, b) < 0; });
  return 0;
}
