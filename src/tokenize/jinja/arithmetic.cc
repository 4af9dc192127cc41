// SPDX-License-Identifier: Apache-2.0
#include "tokenize/jinja/arithmetic.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tokenize/jinja/interpreter.h"

namespace llmd::tokenize::jinja {
namespace {

std::string_view symbol_of(BinaryOp op) {
  constexpr std::string_view kSymbols[] = {"+", "-", "*", "/", "//", "%", "**"};
  return kSymbols[static_cast<size_t>(op)];
}

Error overflow() { return invalid_argument("integer does not fit into 64 bits"); }
Error division_by_zero() { return invalid_argument("division by zero"); }

Result<Value> integer_power(int64_t base, int64_t exponent) {
  if (exponent < 0)
    return Value{std::pow(static_cast<double>(base), static_cast<double>(exponent))};
  int64_t result = 1;
  const bool stays_small = base >= -1 && base <= 1;
  if (stays_small) exponent = exponent % 2 == 0 ? std::min<int64_t>(exponent, 2) : 1;
  for (int64_t i = 0; i < exponent; ++i) {
    if (__builtin_mul_overflow(result, base, &result)) return overflow();
  }
  return Value{result};
}

Result<Value> integer_division(BinaryOp op, int64_t a, int64_t b) {
  if (b == 0) return division_by_zero();
  if (op == BinaryOp::kDivide) return Value{static_cast<double>(a) / static_cast<double>(b)};
  if (b == -1) {  // the one quotient that overflows
    if (op == BinaryOp::kModulo) return Value{int64_t{0}};
    return a == std::numeric_limits<int64_t>::min() ? Result<Value>(overflow()) : Value{-a};
  }
  const bool rounds_down = a % b != 0 && (a < 0) != (b < 0);
  if (op == BinaryOp::kFloorDivide) return Value{a / b - (rounds_down ? 1 : 0)};
  return Value{a % b + (rounds_down ? b : 0)};
}

Result<Value> calculate_integers(BinaryOp op, int64_t a, int64_t b) {
  int64_t result = 0;
  bool overflows = false;
  if (op == BinaryOp::kAdd) {
    overflows = __builtin_add_overflow(a, b, &result);
  } else if (op == BinaryOp::kSubtract) {
    overflows = __builtin_sub_overflow(a, b, &result);
  } else if (op == BinaryOp::kMultiply) {
    overflows = __builtin_mul_overflow(a, b, &result);
  } else if (op == BinaryOp::kPower) {
    return integer_power(a, b);
  } else {
    return integer_division(op, a, b);
  }
  if (overflows) return overflow();
  return Value{result};
}

Result<Value> calculate_floats(BinaryOp op, double a, double b) {
  const bool divides =
      op == BinaryOp::kDivide || op == BinaryOp::kFloorDivide || op == BinaryOp::kModulo;
  if (divides && b == 0) return division_by_zero();
  switch (op) {
    case BinaryOp::kAdd:
      return Value{a + b};
    case BinaryOp::kSubtract:
      return Value{a - b};
    case BinaryOp::kMultiply:
      return Value{a * b};
    case BinaryOp::kDivide:
      return Value{a / b};
    case BinaryOp::kFloorDivide:
      return Value{std::floor(a / b)};
    case BinaryOp::kModulo: {
      const double rest = std::fmod(a, b);
      return Value{rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest};
    }
    case BinaryOp::kPower:
      break;
  }
  return Value{std::pow(a, b)};
}

Result<Value> add_sequences(Interpreter& in, const Value& a, const Value& b) {
  if (a.is_text()) {
    LLMD_RETURN_IF_ERROR(in.work(a.text().size() + b.text().size()));
    return make_text(std::string(a.text()).append(b.text()));
  }
  List joined = *a.list();
  LLMD_RETURN_IF_ERROR(in.work((joined.size() + b.list()->size()) * sizeof(Value)));
  joined.insert(joined.end(), b.list()->begin(), b.list()->end());
  return make_list(std::move(joined), a.as<Sequence>()->is_tuple);
}

Result<Value> repeat(Interpreter& in, const Value& what, int64_t times) {
  const auto count = static_cast<uint64_t>(std::max<int64_t>(times, 0));
  const uint64_t unit = what.is_text() ? what.text().size() : what.list()->size() * sizeof(Value);
  uint64_t total = 0;
  if (__builtin_mul_overflow(unit, count, &total)) total = UINT64_MAX;
  LLMD_RETURN_IF_ERROR(in.work(total));
  if (unit == 0) return what;
  if (what.is_text()) {
    std::string text;
    for (uint64_t i = 0; i < count; ++i) text += what.text();
    return make_text(std::move(text));
  }
  List list;
  for (uint64_t i = 0; i < count; ++i) {
    list.insert(list.end(), what.list()->begin(), what.list()->end());
  }
  return make_list(std::move(list), what.as<Sequence>()->is_tuple);
}

bool is_repeatable(const Value& value) { return value.is_text() || value.list() != nullptr; }

struct Range {
  int64_t start;
  int64_t stop;
  int64_t step;
};

/// Python's PySlice_AdjustIndices.
Result<Range> adjust(const SliceBounds& bounds, int64_t size) {
  Range range{0, 0, 1};
  int64_t storage = 0;
  const auto read = [&](const Value& value, int64_t fallback) -> Result<int64_t> {
    if (value.is<None>()) return fallback;
    const int64_t* number = as_integer(value, storage);
    if (number == nullptr) return invalid_argument("slice indices must be integers or None");
    return *number;
  };
  LLMD_ASSIGN_OR_RETURN(range.step, read(bounds.step, 1));
  if (range.step == 0) return invalid_argument("slice step cannot be zero");
  range.step = std::clamp<int64_t>(range.step, -size - 1, size + 1);
  const bool down = range.step < 0;
  const auto clip = [&](int64_t at) {
    if (at < 0) at = at < -size ? -1 - size : at;
    if (at < 0) at += size;
    return std::clamp<int64_t>(at, down ? -1 : 0, down ? size - 1 : size);
  };
  LLMD_ASSIGN_OR_RETURN(range.start, read(bounds.start, down ? size - 1 : 0));
  LLMD_ASSIGN_OR_RETURN(range.stop, read(bounds.stop, size));
  range.start = clip(range.start);
  range.stop = down && bounds.stop.is<None>() ? -1 : clip(range.stop);
  return range;
}

template <typename Take>
void for_each_in(const Range& range, Take take) {
  for (int64_t i = range.start; range.step > 0 ? i < range.stop : i > range.stop; i += range.step) {
    take(static_cast<size_t>(i));
  }
}

}  // namespace

Result<Value> calculate(Interpreter& in, BinaryOp op, const Value& a, const Value& b) {
  int64_t left = 0;
  int64_t right = 0;
  for (const Value* operand : {&a, &b}) {
    if (operand->is_undefined()) return invalid_argument(*operand->as<Undefined>()->what);
  }
  const bool whole = as_integer(a, left) != nullptr;
  const bool right_whole = as_integer(b, right) != nullptr;
  if (whole && right_whole) return calculate_integers(op, left, right);
  if (is_number(a) && is_number(b)) return calculate_floats(op, to_double(a), to_double(b));
  if (op == BinaryOp::kAdd && is_repeatable(a) && a.data.index() == b.data.index() &&
      type_name(a) == type_name(b)) {
    return add_sequences(in, a, b);
  }
  if (op == BinaryOp::kMultiply && is_repeatable(a) && right_whole) return repeat(in, a, right);
  if (op == BinaryOp::kMultiply && is_repeatable(b) && whole) return repeat(in, b, left);
  return invalid_argument(fmt::format("unsupported operand types for {}: '{}' and '{}'",
                                      symbol_of(op), type_name(a), type_name(b)));
}

Result<Value> apply_sign(bool negates, const Value& value) {
  int64_t whole = 0;
  if (as_integer(value, whole) != nullptr) {
    if (!negates) return Value{whole};
    return calculate_integers(BinaryOp::kSubtract, 0, whole);
  }
  if (const double* number = value.as<double>()) return Value{negates ? -*number : *number};
  if (value.is_undefined()) return invalid_argument(*value.as<Undefined>()->what);
  return invalid_argument(
      fmt::format("bad operand type for unary {}: '{}'", negates ? '-' : '+', type_name(value)));
}

Result<Value> slice(const Value& value, const SliceBounds& bounds) {
  if (value.is_undefined()) return invalid_argument(*value.as<Undefined>()->what);
  if (value.is_text()) {
    const auto all = characters(value.text());
    LLMD_ASSIGN_OR_RETURN(const Range range, adjust(bounds, static_cast<int64_t>(all.size())));
    std::string text;
    for_each_in(range, [&](size_t i) { text += all[i]; });
    return make_text(std::move(text));
  }
  const List* list = value.list();
  if (list == nullptr) {
    return invalid_argument(fmt::format("'{}' object cannot be sliced", type_name(value)));
  }
  LLMD_ASSIGN_OR_RETURN(const Range range, adjust(bounds, static_cast<int64_t>(list->size())));
  List part;
  for_each_in(range, [&](size_t i) { part.push_back((*list)[i]); });
  return make_list(std::move(part), value.as<Sequence>()->is_tuple);
}

}  // namespace llmd::tokenize::jinja
