// SPDX-License-Identifier: Apache-2.0
// An answer's body, streamed or whole: read in one piece and cut where the input says, the record
// must be the same.
#include <algorithm>

#include "base/check.h"
#include "bench/over_http/answer_reader.h"

namespace {

using llmd::bench::AnswerReader;
using llmd::bench::EventParser;
using llmd::bench::RequestRecord;

struct Seen {
  RequestRecord record;
  std::string text;
};

Seen read(std::string_view bytes, size_t step, bool is_stream) {
  EventParser parser;
  Seen out;
  AnswerReader reader(parser, out.record, nullptr, {.keeps_text = true});
  reader.begin(200, is_stream);
  for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size()))) {
    reader.read(bytes.substr(0, step), std::chrono::seconds(1));
  }
  reader.end(std::chrono::seconds(2));
  out.text = reader.text();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool is_stream = data[0] % 2 == 0;
  const Seen whole = read(bytes, std::max<size_t>(bytes.size(), 1), is_stream);
  const Seen cut = read(bytes, 1 + data[0] / 2, is_stream);
  LLMD_CHECK(whole.record.outcome == cut.record.outcome && whole.record.error == cut.record.error);
  LLMD_CHECK(whole.record.output_tokens == cut.record.output_tokens && whole.text == cut.text);
  return 0;
}
