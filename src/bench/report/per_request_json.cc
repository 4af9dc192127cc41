// SPDX-License-Identifier: Apache-2.0
#include <cstdio>
#include <fstream>

#include "bench/measure/errors.h"
#include "bench/measure/request_figures.h"
#include "bench/report/lifecycle_json.h"
#include "openai/json_writer.h"

namespace llmd::bench {
namespace {

using openai::JsonWriter;

constexpr size_t kFlushBytes = 1 << 20;

void seconds(JsonWriter& json, const char* key, std::optional<int64_t> ns) {
  json.key(key);
  ns ? json.real(static_cast<double>(*ns) / 1e9) : json.null();
}

/// The times of the tokens that are known: all, or the first and the last.
void token_times(JsonWriter& json, const RequestRecord& record) {
  json.key("output_token_times").begin_array();
  for (const Duration at : record.token_times) json.real(to_seconds(at));
  if (record.token_times.empty() && record.first_token != Duration{}) {
    json.real(to_seconds(record.first_token));
    if (record.output_tokens > 1) json.real(to_seconds(record.last_token));
  }
  json.end_array();
}

void info(JsonWriter& json, const RequestRecord& record) {
  json.key("info").begin_object();
  json.key("request_metrics").begin_object().key("text").begin_object();
  json.key("input_tokens").number(record.prompt_tokens).end_object().end_object();
  json.key("response_metrics");
  if (record.outcome == Outcome::kOk) {
    json.begin_object().key("output_tokens").number(record.output_tokens);
    json.key("server_usage").begin_object();
    json.key("prompt_tokens").number(record.prompt_tokens);
    json.key("completion_tokens").number(record.output_tokens);
    json.key("prompt_tokens_details").begin_object();
    json.key("cached_tokens").number(record.cached_tokens).end_object().end_object();
    token_times(json, record);
    json.end_object();
  } else {
    json.null();
  }
  json.key("input_tokens").number(record.prompt_tokens).end_object();
}

void computed_metrics(JsonWriter& json, const RequestRecord& record, const Slo& slo) {
  const auto bound = [&](const char* key, double value) {
    json.key(key);
    value == 0 ? json.null() : json.real(value);
  };
  json.key("computed_metrics").begin_object();
  seconds(json, "request_latency", e2e_ns(record));
  seconds(json, "normalized_time_per_output_token", ntpot_ns(record));
  seconds(json, "time_to_first_token", ttft_ns(record));
  seconds(json, "time_per_output_token", tpot_ns(record));
  json.key("input_tokens").number(record.prompt_tokens);
  json.key("output_tokens").number(record.output_tokens);
  bound("ttft_slo_sec", slo.ttft_s);
  bound("tpot_slo_sec", slo.tpot_s);
  json.end_object();
}

void error(JsonWriter& json, const RequestRecord& record) {
  json.key("error");
  if (record.outcome == Outcome::kOk) {
    json.null();
    return;
  }
  const bool http = record.outcome == Outcome::kStatus;
  json.begin_object().key("error_type");
  json.string(http ? "HTTP Error " + std::to_string(record.status) : error_label(record));
  json.key("error_msg").string(record.error).end_object();
}

void own_fields(JsonWriter& json, const RunResult& run, const RequestRecord& record) {
  json.key("llmd").begin_object();
  json.key("number").number(static_cast<int64_t>(record.number));
  json.key("stage").number(record.stage);
  json.key("endpoint").string(run.endpoints[record.endpoint]);
  json.key("tenant").string(run.tenants[record.tenant]);
  json.key("outcome").string(outcome_name(record.outcome)).key("status").number(record.status);
  json.key("scheduled_time").real(to_seconds(record.due));
  json.key("held").real(to_seconds(record.held));
  json.key("wanted_tokens").number(record.wanted_tokens).end_object();
}

void entry(JsonWriter& json, const RunResult& run, const RequestRecord& record) {
  json.begin_object();
  json.key("start_time").real(to_seconds(record.sent));
  json.key("end_time").real(to_seconds(record.ended));
  info(json, record);
  if (record.outcome == Outcome::kOk) computed_metrics(json, record, run.info.slo);
  error(json, record);
  own_fields(json, run, record);
  json.end_object();
}

}  // namespace

Result<void> write_per_request_json(const std::string& path, const RunResult& run) {
  const std::string unfinished = path + ".part";
  std::ofstream file(unfinished, std::ios::binary | std::ios::trunc);
  std::string buffer;
  JsonWriter json(buffer);
  json.begin_array();
  for (const RequestRecord& record : run.requests) {
    if (run.stages[record.stage].warm_up) continue;
    buffer += '\n';
    entry(json, run, record);
    if (buffer.size() < kFlushBytes) continue;
    file << buffer;
    buffer.clear();
  }
  json.end_array();
  file << buffer << '\n';
  file.close();
  if (!file || std::rename(unfinished.c_str(), path.c_str()) != 0) {
    return Error{Errc::kIo, "cannot write " + path};
  }
  return {};
}

}  // namespace llmd::bench
