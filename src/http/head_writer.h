// SPDX-License-Identifier: Apache-2.0
// Response heads as text.
#pragma once

#include <ctime>
#include <span>
#include <string>
#include <string_view>

#include "http/message.h"

namespace llmd::http {

std::string_view status_text(int status);

void append_header(std::string& to, std::string_view name, std::string_view value);

/// The Date header line, formatted anew once a second.
class DateLine {
 public:
  std::string_view get();

 private:
  std::time_t second_ = 0;
  char text_[48] = "";
  size_t size_ = 0;
};

/// "HTTP/1.1 200 OK" with its CRLF.
void append_status_line(std::string& to, int status);

}  // namespace llmd::http
