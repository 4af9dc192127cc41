// SPDX-License-Identifier: Apache-2.0
// Base64 (RFC 4648, 4).
#pragma once

#include <string>
#include <string_view>

namespace llmd {

std::string base64_encode(std::string_view bytes);
/// Empty when `text` is no base64.
std::string base64_decode(std::string_view text);

}  // namespace llmd
