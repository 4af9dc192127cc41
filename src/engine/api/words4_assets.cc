// SPDX-License-Identifier: Apache-2.0
#include "engine/api/words4_assets.h"

#include "base/check.h"

namespace llmd::engine {
namespace {

/// Line ends are printed, as one after a block's end would be trimmed.
constexpr const char* kChatTemplate =
    "{% if tools %}{{ tools | tojson }}{{ '\\n' }}{% endif %}"
    "{% for message in messages %}"
    "{{ message.role }}: {{ message.content or '' }}"
    "{% if message.tool_calls %}{{ message.tool_calls | tojson }}{% endif %}"
    "{{ '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}assistant: {% endif %}";

}  // namespace

ModelAssets words4_assets() {
  ModelAssets assets;
  assets.tokenizer = tokenize::make_words4();
  Result<tokenize::ChatTemplate> chat_template = tokenize::ChatTemplate::parse(kChatTemplate);
  LLMD_CHECK(chat_template.ok());
  assets.chat_template = std::move(chat_template).value();
  assets.eos_ids = {0};
  return assets;
}

}  // namespace llmd::engine
