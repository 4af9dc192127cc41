// SPDX-License-Identifier: Apache-2.0
#include "endpoints/service_rate.h"

#include <algorithm>

namespace llmd::endpoints {
namespace {

/// Half is forgotten after about 34 observations.
constexpr double kKept = 0.98;

}  // namespace

void FadingLine::add(double x, double y) {
  weight_ = weight_ * kKept + 1;
  x_ = x_ * kKept + x;
  y_ = y_ * kKept + y;
  xx_ = xx_ * kKept + x * x;
  xy_ = xy_ * kKept + x * y;
}

double FadingLine::slope() const {
  const double spread = weight_ * xx_ - x_ * x_;
  const double most = x_ > 0 ? y_ / x_ : 0;
  if (spread <= 1e-9 * weight_ * xx_) return most;
  return std::clamp((weight_ * xy_ - x_ * y_) / spread, 0.0, most);
}

double FadingLine::at(double x) const {
  return std::max(0.0, y_ / weight_ + slope() * (x - x_ / weight_));
}

void FadingRatio::add(double x, double y) {
  x_ = x_ * kKept + x;
  y_ = y_ * kKept + y;
}

}  // namespace llmd::endpoints
