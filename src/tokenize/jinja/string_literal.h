// SPDX-License-Identifier: Apache-2.0
// String escapes and white space as Python has them.
#pragma once

#include <string>
#include <string_view>

namespace llmd::tokenize::jinja {

/// The body of a string literal with its escapes resolved; what is no escape stays as it is.
std::string unescape(std::string_view body);

/// str.isspace(): White_Space and the information separators U+001C … U+001F.
bool is_python_space(char32_t c);

}  // namespace llmd::tokenize::jinja
