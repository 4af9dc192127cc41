// SPDX-License-Identifier: Apache-2.0
#include "resources/objects.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "base/text.h"
#include "resources/fields.h"

namespace llmd::resources {
namespace {

template <auto kRead, auto kList>
Result<void> read_into(const YamlNode& document, const std::string& file, Objects& objects) {
  LLMD_ASSIGN_OR_RETURN(auto object, kRead(document, file));
  (objects.*kList).push_back(std::move(object));
  return {};
}

struct Kind {
  std::string_view name;
  Result<void> (*read)(const YamlNode&, const std::string& file, Objects&);
};

constexpr Kind kKinds[] = {
    {kModelServiceKind, read_into<read_model_service, &Objects::services>},
    {kEndpointPickerConfigKind, read_into<read_endpoint_picker_config, &Objects::picker_configs>},
    {kInferenceObjectiveKind, read_into<read_inference_objective, &Objects::objectives>},
    {kInferenceModelRewriteKind, read_into<read_inference_model_rewrite, &Objects::rewrites>}};

Error unknown_kind(const Fields& root, const std::string& kind) {
  std::vector<std::string> names;
  for (const Kind& each : kKinds) names.emplace_back(each.name);
  const auto nearest = nearest_word(kind, names);
  return root.error(
      "kind", nearest
                  ? fmt::format("there is no kind {}; did you mean {}?", kind, *nearest)
                  : fmt::format("there is no kind {}; known are {}", kind, fmt::join(names, ", ")));
}

Result<const Kind*> kind_of(const YamlNode& document, const std::string& file) {
  LLMD_ASSIGN_OR_RETURN(Fields root, Fields::of(document, "", file));
  LLMD_RETURN_IF_ERROR(root.require("kind"));
  LLMD_ASSIGN_OR_RETURN(const std::string name, root.text("kind", ""));
  const auto* const found = std::ranges::find(kKinds, name, &Kind::name);
  if (found == std::end(kKinds)) return unknown_kind(root, name);
  return found;
}

/// As `ModelService "tiny"`, or `ModelService "tiny" in namespace x`. An EndpointPickerConfig needs
/// no name: those without one count as the same.
Result<std::string> identity_of(const YamlNode& document, const std::string& file,
                                std::string_view kind) {
  LLMD_ASSIGN_OR_RETURN(Fields root, Fields::of(document, "", file));
  LLMD_ASSIGN_OR_RETURN(Fields metadata, root.map("metadata"));
  LLMD_ASSIGN_OR_RETURN(const std::string name, metadata.text("name", ""));
  LLMD_ASSIGN_OR_RETURN(const std::string name_space, metadata.text("namespace", "default"));
  return fmt::format("{}{}{}", kind, name.empty() ? "" : fmt::format(" \"{}\"", name),
                     name_space == "default" ? "" : " in namespace " + name_space);
}

Result<size_t> add_file(ObjectReader& reader, std::string_view text, const std::string& file) {
  LLMD_ASSIGN_OR_RETURN(const auto documents, parse_yaml(text, file));
  for (const YamlNode& document : documents) LLMD_RETURN_IF_ERROR(reader.add(document, file));
  return documents.size();
}

}  // namespace

Result<void> ObjectReader::add(const YamlNode& document, const std::string& file) {
  LLMD_ASSIGN_OR_RETURN(const Kind* kind, kind_of(document, file));
  LLMD_ASSIGN_OR_RETURN(const std::string identity, identity_of(document, file, kind->name));
  const std::string place = fmt::format("{}:{}", file, document.line);
  if (const auto other = places_.find(identity); other != places_.end()) {
    return invalid_argument(fmt::format("{}:{}: {} is given already, at {}", place, document.column,
                                        identity, other->second));
  }
  LLMD_RETURN_IF_ERROR(kind->read(document, file, objects_));
  places_.emplace(identity, place);
  return {};
}

Objects ObjectReader::take() {
  const auto age = [](const InferenceModelRewrite& rewrite) {
    return std::pair(rewrite.created.empty(), std::string_view(rewrite.created));
  };
  std::ranges::stable_sort(objects_.rewrites, std::less(), age);
  return std::exchange(objects_, {});
}

Result<Objects> parse_objects(std::string_view text, const std::string& file) {
  ObjectReader reader;
  LLMD_RETURN_IF_ERROR(add_file(reader, text, file));
  return reader.take();
}

Result<Objects> load_objects(const std::vector<std::string>& files) {
  ObjectReader reader;
  for (const std::string& file : files) {
    LLMD_ASSIGN_OR_RETURN(const std::string text, read_file(file, kYamlBytesMax));
    LLMD_ASSIGN_OR_RETURN(const size_t count, add_file(reader, text, file));
    if (count == 0) return invalid_argument(file + ": holds no object");
  }
  return reader.take();
}

}  // namespace llmd::resources
