// SPDX-License-Identifier: Apache-2.0
// The plugin instances of one configuration, by name, and how they find each other.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "resources/fields.h"
#include "resources/plugin_spec.h"
#include "schedule/plugin.h"

namespace llmd::schedule {

/// Makes each plugin when it is first asked for. Loop thread only; the specs must outlive the
/// making.
class Registry {
 public:
  /// `file` names the document in errors. Plugins of `before` that outlive their configuration go
  /// on here; it may be null, and must outlive the making too.
  Registry(std::span<const resources::PluginSpec> specs, std::string file, uint64_t seed,
           const Registry* before = nullptr);

  /// The instance of that name; when there is none and the name is a type's, one with that type's
  /// defaults. Refuses names and types that are unknown, and plugins that are no `Kind`.
  template <typename Kind>
  Result<Kind*> get(std::string_view name) {
    LLMD_ASSIGN_OR_RETURN(Plugin* const plugin, get_plugin(name));
    if (auto* kind = dynamic_cast<Kind*>(plugin)) return kind;
    return wrong_kind(name);
  }
  /// The only instance of `type` if the configuration has one, else as get() with the type's name.
  template <typename Kind>
  Result<Kind*> get_by_type(std::string_view type) {
    return get<Kind>(name_of_type(type));
  }

  /// The configuration's instances of `Kind`, in its order, made if they were not yet.
  template <typename Kind>
  std::vector<Kind*> all() const {
    std::vector<Kind*> out;
    for (const Instance& instance : instances_) {
      if (auto* kind = dynamic_cast<Kind*>(instance.plugin.get())) out.push_back(kind);
    }
    return out;
  }

  /// The name under which get() finds `plugin`, which is one of this registry's.
  std::string_view name_of(const Plugin& plugin) const;

  /// Makes every instance that the configuration names and that is the scheduler's; what other
  /// parts make (flow control, the data layer) is only checked to exist.
  Result<void> make_all();

  /// The parameter prefixMatchInfoProducerName: whose matches a plugin reads; unless given
  /// those of the precise producer, where there is one, else of the approximate one.
  Result<PrefixProducer*> read_prefix_producer(resources::Fields& parameters);
  /// The parameter inFlightLoadProducerName. There is one in-flight load here, so its name only has
  /// to exist.
  Result<void> read_load_producer(resources::Fields& parameters);

  uint64_t seed() const { return seed_; }
  void warn(std::string warning) { warnings_.push_back(std::move(warning)); }
  /// What an operator should know of this configuration though nothing is wrong with it.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  struct Instance {
    std::string name;
    std::string made_of;  ///< type and parameters
    std::shared_ptr<Plugin> plugin;
  };

  std::shared_ptr<Plugin> find_outliving(const Instance& made) const;
  Result<Plugin*> get_plugin(std::string_view name);
  Result<Plugin*> make(std::string_view name, const resources::PluginSpec& spec);
  std::string_view name_of_type(std::string_view type) const;
  Error wrong_kind(std::string_view name) const;
  const resources::PluginSpec* spec_of(std::string_view name) const;

  std::span<const resources::PluginSpec> specs_;
  std::string file_;
  uint64_t seed_;
  const Registry* before_;
  std::vector<std::string> warnings_;
  std::vector<Instance> instances_;  ///< in the order in which they were made
  std::vector<std::string> making_;  ///< names, to notice circles
};

}  // namespace llmd::schedule
