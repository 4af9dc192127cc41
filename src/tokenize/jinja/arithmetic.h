// SPDX-License-Identifier: Apache-2.0
// Operators on numbers, texts and lists, as Python has them.
#pragma once

#include "base/result.h"
#include "tokenize/jinja/ast.h"

namespace llmd::tokenize::jinja {

/// Integers are of 64 bits; what leaves them is an error.
Result<Value> calculate(Interpreter& in, BinaryOp op, const Value& a, const Value& b);
Result<Value> apply_sign(bool negates, const Value& value);

struct SliceBounds {
  Value start = make_none();
  Value stop = make_none();
  Value step = make_none();
};
Result<Value> slice(const Value& value, const SliceBounds& bounds);

}  // namespace llmd::tokenize::jinja
