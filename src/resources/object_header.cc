// SPDX-License-Identifier: Apache-2.0
#include "resources/object_header.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/text.h"

namespace llmd::resources {
namespace {

constexpr size_t kLabelLengthMax = 63;
constexpr size_t kNameLengthMax = 253;

constexpr std::string_view kPoolObjectVersions[] = {"llm-d.ai/v1alpha2",
                                                    "inference.networking.x-k8s.io/v1alpha2"};

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

/// DNS labels with dots between, as Kubernetes names most objects.
bool is_object_name(std::string_view name) {
  const auto labels = split(name, '.');
  return name.size() <= kNameLengthMax && std::ranges::all_of(labels, is_dns_label);
}

/// The form in which API servers write times: UTC, whole seconds.
bool is_utc_time(std::string_view text) {
  constexpr std::string_view kForm = "0000-00-00T00:00:00Z";
  return std::ranges::equal(text, kForm, [](char c, char form) {
    return form == '0' ? c >= '0' && c <= '9' : c == form;
  });
}

/// The name of the InferencePool in poolRef.
Result<std::string> read_pool_reference(Fields& spec) {
  LLMD_RETURN_IF_ERROR(spec.require("poolRef"));
  LLMD_ASSIGN_OR_RETURN(Fields reference, spec.map("poolRef"));
  reference.find("group");
  LLMD_ASSIGN_OR_RETURN(const std::string kind, reference.text("kind", "InferencePool"));
  if (kind != "InferencePool") return reference.error("kind", "must be InferencePool");
  LLMD_RETURN_IF_ERROR(reference.require("name"));
  LLMD_ASSIGN_OR_RETURN(std::string name, reference.text("name", ""));
  LLMD_RETURN_IF_ERROR(reference.done());
  return name;
}

}  // namespace

bool is_dns_label(std::string_view name) {
  return !name.empty() && name.size() <= kLabelLengthMax && is_lower_or_digit(name.front()) &&
         is_lower_or_digit(name.back()) &&
         std::ranges::all_of(name, [](char c) { return is_lower_or_digit(c) || c == '-'; });
}

Result<void> check_header(Fields& root, std::string_view kind,
                          std::span<const std::string_view> versions) {
  LLMD_RETURN_IF_ERROR(root.require("apiVersion"));
  LLMD_ASSIGN_OR_RETURN(const std::string version, root.text("apiVersion", ""));
  if (std::ranges::find(versions, version) == versions.end()) {
    return root.error("apiVersion", fmt::format("must be {}", fmt::join(versions, " or ")));
  }
  LLMD_RETURN_IF_ERROR(root.require("kind"));
  LLMD_ASSIGN_OR_RETURN(const std::string found, root.text("kind", ""));
  if (found != kind) return root.error("kind", fmt::format("must be {}", kind));
  return {};
}

Result<Metadata> read_metadata(Fields& root) {
  LLMD_ASSIGN_OR_RETURN(Fields fields, root.map("metadata"));
  Metadata metadata;
  LLMD_RETURN_IF_ERROR(fields.require("name"));
  LLMD_ASSIGN_OR_RETURN(metadata.name, fields.text("name", ""));
  if (!is_object_name(metadata.name)) {
    return fields.error("name", "must be lower-case letters, digits, - and .");
  }
  LLMD_ASSIGN_OR_RETURN(metadata.name_space, fields.text("namespace", metadata.name_space));
  if (!is_dns_label(metadata.name_space)) {
    return fields.error("namespace", "must be lower-case letters, digits and -, at most 63");
  }
  LLMD_ASSIGN_OR_RETURN(metadata.created, fields.text("creationTimestamp", ""));
  if (!metadata.created.empty() && !is_utc_time(metadata.created)) {
    return fields.error("creationTimestamp", "must be a time such as 2026-01-31T08:00:00Z");
  }
  for (const char* key :
       {"labels", "annotations", "generation", "managedFields", "resourceVersion", "uid"}) {
    fields.find(key);
  }
  LLMD_RETURN_IF_ERROR(fields.done());
  return metadata;
}

Result<PoolObject> read_pool_object(const YamlNode& document, std::string_view kind,
                                    const std::string& file) {
  LLMD_ASSIGN_OR_RETURN(Fields root, Fields::of(document, "", file));
  LLMD_RETURN_IF_ERROR(check_header(root, kind, kPoolObjectVersions));
  LLMD_ASSIGN_OR_RETURN(Metadata metadata, read_metadata(root));
  LLMD_ASSIGN_OR_RETURN(Fields spec, root.map("spec"));
  root.find("status");
  LLMD_RETURN_IF_ERROR(root.done());
  LLMD_ASSIGN_OR_RETURN(std::string pool, read_pool_reference(spec));
  return PoolObject{
      .metadata = std::move(metadata), .pool = std::move(pool), .spec = std::move(spec)};
}

}  // namespace llmd::resources
