// SPDX-License-Identifier: Apache-2.0
#include "schedule/plugins.h"

namespace llmd::schedule {
namespace {

class AlwaysDisaggPdDecider final : public Decider {
 public:
  bool wants_stage(const Query&, const endpoints::Endpoint&) override { return true; }
};

}  // namespace

Made make_always_disagg_pd_decider(resources::Fields&, Registry&) {
  return make_plugin<AlwaysDisaggPdDecider>();
}

}  // namespace llmd::schedule
