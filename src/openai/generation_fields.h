// SPDX-License-Identifier: Apache-2.0
// Fields that several kinds of request share. Included by .cc files only.
#pragma once

#include "openai/json_field.h"
#include "openai/request_types.h"

namespace llmd::openai {

/// Each returns false when the field is none of its own, and puts what is wrong into `error`.
bool read_generation_field(const JsonField& field, GenerationFields& out, Status& error);
bool read_stream_field(const JsonField& field, StreamFields& out, Status& error);
/// Fields that would change the answer and that this engine cannot honour.
bool refuse_unsupported(const JsonField& field, Status& error);

/// Rules between fields; settles max_tokens.
Status check_generation(GenerationFields& fields);

}  // namespace llmd::openai
