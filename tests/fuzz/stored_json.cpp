// Documents of the store, as another version or a damaged disk may have left them. The first byte chooses the type.
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "actors/json.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace lazaret;

namespace {

template <class T>
void read(const boost::json::value& document) {
  const auto value = actors::from_json<T>(document);
  if (!value) return;
  const auto written = boost::json::serialize(actors::to_json(*value));
  const auto again = actors::from_json<T>(boost::json::parse(written));
  fuzz::must(again.has_value(), "what was read can be written and read");
  fuzz::must(boost::json::serialize(actors::to_json(*again)) == written, "and stays the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto text = fuzz::text_of(data + 1, size - 1);
  const auto clean = actors::valid_utf8(text);
  fuzz::must(actors::valid_utf8(clean) == clean, "valid UTF-8 stays as it is");

  boost::json::error_code error;
  const auto document = boost::json::parse(text, error);
  if (error) return 0;
  switch (data[0] % 5) {
    case 0:
      return read<actors::submission>(document), 0;
    case 1:
      return read<actors::download_result>(document), 0;
    case 2:
      return read<actors::execution_result>(document), 0;
    case 3:
      return read<actors::analysis_result>(document), 0;
    default:
      return read<actors::stage_timing>(document), 0;
  }
}
