// SPDX-License-Identifier: Apache-2.0
// What all objects begin with: apiVersion, kind and metadata; and how they name their pool.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "resources/fields.h"

namespace llmd::resources {

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

/// An object about one InferencePool, as upstream defines beside it.
struct PoolObject {
  Metadata metadata;
  std::string pool;  ///< the name in spec.poolRef
  Fields spec;       ///< what is left to read of it
};
/// Reads all but the rest of the spec; the status is an API server's, and left aside.
Result<PoolObject> read_pool_object(const YamlNode& document, std::string_view kind,
                                    const std::string& file);

}  // namespace llmd::resources
