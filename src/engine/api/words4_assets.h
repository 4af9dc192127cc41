// SPDX-License-Identifier: Apache-2.0
// What goes with the words4 tokenizer in the place of a model directory.
#pragma once

#include "engine/api/model_assets.h"

namespace llmd::engine {

/// A chat is, byte for byte, `ROLE: CONTENT\n` for each message (after `TOOLS\n`, as JSON, if there
/// are any), then `assistant: `. So a client can build a prompt of exactly N tokens: 4 N bytes of
/// this text. Id 0 ends a sequence and decodes to nothing.
ModelAssets words4_assets();

}  // namespace llmd::engine
