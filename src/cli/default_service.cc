// SPDX-License-Identifier: Apache-2.0
#include "cli/default_service.h"

#include <fmt/core.h>

#include <array>
#include <filesystem>
#include <string>
#include <system_error>

namespace llmd::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kModel = "llmd-tiny";
constexpr uint32_t kReplicas = 2;

bool is_model(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path / "config.json", ignored);
}

}  // namespace

Result<std::vector<resources::ModelService>> default_services() {
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  const std::array<fs::path, 3> places = {fs::current_path(ignored) / "models" / kModel,
                                          program / "../../models" / kModel,
                                          program / "../share/llmd/models" / kModel};
  for (const fs::path& place : places) {
    if (!is_model(place)) continue;
    resources::ModelService service;
    service.name = "tiny";
    service.model_path = place.lexically_normal().string();
    service.model_name = kModel;
    service.decode.replicas = kReplicas;
    return std::vector{std::move(service)};
  }
  return not_found(fmt::format(
      "the default model is not at {}; run in the source tree, or describe another model in a "
      "file and give it with -f (see llmd up --help)",
      places[0].string()));
}

}  // namespace llmd::cli
