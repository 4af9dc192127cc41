// SPDX-License-Identifier: Apache-2.0
#include "resources/yaml.h"

#include <fmt/core.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <sstream>

namespace llmd::resources {
namespace {

/// Leaves yaml-cpp's parser, which knows no other way to stop.
struct Refused {
  YAML::Mark mark;
  std::string what;
};

YamlNode make_node(YamlNode::Kind kind, const YAML::Mark& mark) {
  YamlNode node;
  node.kind = kind;
  node.line = mark.line + 1;
  node.column = mark.column + 1;
  return node;
}

bool is_control(unsigned char c) { return c < 0x20 || c == 0x7f; }

bool is_key(std::string_view text) {
  return text.size() <= kYamlKeyBytesMax && std::ranges::none_of(text, is_control);
}

/// Builds one document's tree from the parser's events.
class TreeBuilder final : public YAML::EventHandler {
 public:
  YamlNode take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    add(make_node(YamlNode::Kind::kNull, mark), mark);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused{mark, "aliases are not supported"};
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    // yaml-cpp gives quoted scalars the tag "!", plain ones "?".
    const bool is_plain = tag == "?";
    const bool is_null = is_plain && (value == "null" || value == "~" || value.empty());
    YamlNode node = make_node(is_null ? YamlNode::Kind::kNull : YamlNode::Kind::kScalar, mark);
    node.quoted = !is_plain;
    node.scalar = value;
    add(std::move(node), mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kSequence, mark, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(YamlNode::Kind::kMap, mark, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  /// A container being filled; of a map, the key whose value comes next.
  struct Frame {
    YamlNode node;
    YamlNode key;
    bool has_key = false;
    YAML::Mark mark;
  };

  static void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) throw Refused{mark, "anchors are not supported"};
  }

  void open(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    refuse_anchor(mark, anchor);
    if (frames_.size() >= kYamlDepthMax) throw Refused{mark, "nested too deeply"};
    frames_.push_back({make_node(kind, mark), {}, false, mark});
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    add(std::move(frame.node), frame.mark);
  }

  void add(YamlNode node, const YAML::Mark& mark) {
    if (++nodes_ > kYamlNodesMax) throw Refused{mark, "too many values"};
    if (frames_.empty()) {
      root_ = std::move(node);
    } else if (frames_.back().node.kind == YamlNode::Kind::kSequence) {
      frames_.back().node.items.push_back(std::move(node));
    } else {
      add_to_map(frames_.back(), std::move(node), mark);
    }
  }

  static void add_to_map(Frame& frame, YamlNode node, const YAML::Mark& mark) {
    auto& members = frame.node.members;
    if (frame.has_key) {
      members.push_back({std::move(frame.key), std::move(node)});
      frame.has_key = false;
      return;
    }
    if (node.kind != YamlNode::Kind::kScalar || !is_key(node.scalar)) {
      throw Refused{mark, "a key must be a plain word"};
    }
    const bool is_second = std::any_of(members.begin(), members.end(), [&](const auto& member) {
      return member.key.scalar == node.scalar;
    });
    if (is_second) throw Refused{mark, fmt::format("the key \"{}\" occurs twice", node.scalar)};
    frame.key = std::move(node);
    frame.has_key = true;
  }

  YamlNode root_;
  std::vector<Frame> frames_;
  size_t nodes_ = 0;
};

Error located(std::string_view file, const YAML::Mark& mark, std::string_view what) {
  if (mark.is_null()) return invalid_argument(fmt::format("{}: {}", file, what));
  return invalid_argument(fmt::format("{}:{}:{}: {}", file, mark.line + 1, mark.column + 1, what));
}

std::string too_many_documents(std::string_view file) {
  return fmt::format("{}: more than {} documents, or text that belongs to none", file,
                     kYamlDocumentsMax);
}

/// Nothing in such a text means anything to YAML, wherever it stands.
bool is_plain_word(std::string_view text) {
  const auto is_letter_or_digit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const size_t start = text.starts_with('-') ? 1 : 0;
  return text.size() > start && is_letter_or_digit(text[start]) &&
         std::ranges::all_of(text.substr(start), [&](char c) {
           return is_letter_or_digit(c) || c == '-' || c == '_' || c == '.' || c == '/';
         });
}

/// A text that no plain word can stand for is text with or without its quotes.
std::string print_scalar(const YamlNode& node) {
  return !node.quoted && is_plain_word(node.scalar) ? node.scalar : quote_yaml(node.scalar);
}

template <typename Items, typename Print>
std::string print_all(const Items& items, const Print& print) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "" : ", ") + print(item);
  return out;
}

}  // namespace

std::string print_yaml(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "null";
    case YamlNode::Kind::kScalar:
      return print_scalar(node);
    case YamlNode::Kind::kSequence:
      return "[" + print_all(node.items, print_yaml) + "]";
    case YamlNode::Kind::kMap:
      return "{" +
             print_all(node.members,
                       [](const YamlMember& member) {
                         return print_scalar(member.key) + ": " + print_yaml(member.value);
                       }) +
             "}";
  }
  return "";
}

Result<std::vector<YamlNode>> parse_yaml(std::string_view text, std::string_view file) {
  if (text.size() > kYamlBytesMax) {
    return Error{Errc::kTooLarge, fmt::format("{}: larger than {} bytes", file, kYamlBytesMax)};
  }
  std::vector<YamlNode> documents;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    size_t count = 0;
    for (TreeBuilder builder; parser.HandleNextDocument(builder); builder = TreeBuilder()) {
      YamlNode root = builder.take();
      // Also what ends yaml-cpp 0.7's endless run of empty documents at a stray comma.
      if (++count > kYamlDocumentsMax) return invalid_argument(too_many_documents(file));
      if (root.kind != YamlNode::Kind::kNull) documents.push_back(std::move(root));
    }
  } catch (const Refused& refused) {
    return located(file, refused.mark, refused.what);
  } catch (const YAML::Exception& error) {
    return located(file, error.mark, error.msg);
  } catch (const std::exception& error) {
    return invalid_argument(fmt::format("{}: {}", file, error.what()));
  }
  return documents;
}

std::string quote_yaml(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (is_control(byte)) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace llmd::resources
