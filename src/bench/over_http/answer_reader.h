// SPDX-License-Identifier: Apache-2.0
// Reads what a server answers to a generating request, event by event as it comes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "bench/measure/run_result.h"

namespace llmd::bench {

inline constexpr size_t kEventBytesMax = 4 << 20;
inline constexpr size_t kWholeAnswerBytesMax = 64 << 20;

/// Parses one event; shared by all readers of a thread, as it owns buffers.
class EventParser {
 public:
  EventParser();
  ~EventParser();
  EventParser(const EventParser&) = delete;
  EventParser& operator=(const EventParser&) = delete;

  struct Event {
    bool is_json = false;
    std::string_view error;  ///< an error object's message; valid until the next parse
    std::string_view text;   ///< what was generated; likewise
    bool has_token = false;  ///< text, reasoning or a tool call came
    bool finished = false;   ///< a finish_reason
    bool has_usage = false;
    uint32_t prompt_tokens = 0;
    uint32_t output_tokens = 0;
    uint32_t cached_tokens = 0;
  };
  /// A chunk of a stream, or a whole answer, of either API.
  Event parse(std::string_view json);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// One answer. Fills in a record: first_token, last_token, token_times, the counts, and at the end
/// outcome and error.
class AnswerReader {
 public:
  struct Options {
    bool keeps_text = false;
    bool keeps_token_times = false;
  };
  AnswerReader(EventParser& parser, RequestRecord& record, Histogram* gaps, Options options)
      : parser_(parser), record_(record), gaps_(gaps), options_(options) {}

  /// The answer's head has come.
  void begin(int status, bool is_stream);
  /// More of its body, read at `now`.
  void read(std::string_view bytes, Duration now);
  /// The body is complete.
  void end(Duration now);
  /// There will be no more, for a reason that is not in the answer.
  void break_off(Outcome outcome, std::string_view why, Duration now);

  std::string_view text() const { return text_; }

 private:
  void read_events(std::string_view bytes, Duration now);
  void read_line(std::string_view line, Duration now);
  void take_event(std::string_view json, Duration now);
  void take_token(Duration now);
  void take_counts(const EventParser::Event& event);
  void take_whole();
  void fail(Outcome outcome, std::string_view why);

  EventParser& parser_;
  RequestRecord& record_;
  Histogram* gaps_;
  Options options_;
  bool is_stream_ = false;
  bool done_ = false;  ///< [DONE] or a finish_reason was seen
  bool failed_ = false;
  uint32_t events_ = 0;  ///< with a token
  bool has_usage_ = false;
  std::string pending_;  ///< the begin of a line, or a whole answer as far as it came
  std::string text_;
};

}  // namespace llmd::bench
