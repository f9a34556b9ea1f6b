#pragma once
// Llama 2's chat format: [INST], with the system text in `<<SYS>>` inside the first user text. The order of merging,
// stripping and encoding is that of `chat_completion` in Meta's llama/generation.py.
#include <array>
#include <string>

#include "cria/core/error.hpp"
#include "cria/infer/chat/format.hpp"
#include "cria/text/tokenizer.hpp"

namespace cria::infer {
/// Llama 2's turns.
class llama2_format : public chat_format {
 public:
  /// Throws cria::error when the vocabulary has no bos or eos.
  explicit llama2_format(text::tokenizer const& t) : tokens(t) {
    if (t.bos() < 0 || t.eos() < 0)
      throw error("vocabulary", "cannot write Llama 2's chat format", "bos and eos tokens", "none");
    add_stop(t.eos());
    add_stop(t.bos());
  }

  std::string_view name() const override { return "llama2"; }

  std::vector<int> prompt(std::optional<std::string> const& system, std::span<exchange const> before,
                          std::string_view user) const override {
    if (system) detail::refuse_tags(*system, "system text", tags);
    for (auto const& e : before) detail::refuse_tags(e.user, "message", tags);
    detail::refuse_tags(user, "message", tags);
    std::string merged = system ? "<<SYS>>\n" + *system + "\n<</SYS>>\n\n" : "";
    std::vector<int> ids;
    for (auto const& e : before) {  // each finished pair is encoded on its own
      encode(ids, instruction(merged + e.user) + " " + std::string(detail::strip(e.answer)) + " ");
      ids.push_back(tokens.eos());
      merged.clear();
    }
    encode(ids, instruction(merged + std::string(user)));
    return ids;
  }

 private:
  static std::string instruction(std::string const& user) {
    return "[INST] " + std::string(detail::strip(user)) + " [/INST]";
  }

  void encode(std::vector<int>& ids, std::string const& text) const {
    ids.push_back(tokens.bos());
    detail::append(ids, tokens.encode(text, false, true));
  }

  static constexpr std::array<std::string_view, 4> tags{"[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"};

  text::tokenizer const& tokens;
};

}  // namespace cria::infer
