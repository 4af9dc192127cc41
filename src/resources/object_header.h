// SPDX-License-Identifier: Apache-2.0
// What all objects begin with: apiVersion, kind and metadata; and how they name their pool.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "resources/fields.h"

namespace llmd::resources {

/// The versions of the objects that upstream defines beside its InferencePool.
inline constexpr std::string_view kUpstreamObjectVersions[] = {
    "llm-d.ai/v1alpha2", "inference.networking.x-k8s.io/v1alpha2"};

struct Metadata {
  std::string name;
  std::string name_space = "default";
  std::string created;  ///< as 2026-01-31T08:00:00Z, so that texts sort as times; empty: not said
};

/// Lower-case letters, digits and -, at most 63, no - at an end (RFC 1123): what names an object.
bool is_dns_label(std::string_view name);

/// Refuses a document of another kind, or in a version that is not one of `versions`.
Result<void> check_header(Fields& root, std::string_view kind,
                          std::span<const std::string_view> versions);

/// What an API server adds to an object is accepted and left aside.
Result<Metadata> read_metadata(Fields& root);

/// The name of the InferencePool in poolRef.
Result<std::string> read_pool_reference(Fields& spec);

}  // namespace llmd::resources
