#pragma once
// Which chat format a model speaks.
#include <memory>

#include "cria/infer/chat/chatml.hpp"
#include "cria/infer/chat/llama2.hpp"
#include "cria/infer/chat/plain.hpp"

namespace cria::infer {

/// The system message that a ChatML template puts in front where the conversation has none, if it is written out there.
/// Templates are programs; this reads the one literal that matters.
inline std::optional<std::string> default_system(std::string_view chat_template) {
  std::string_view rest = chat_template;
  for (std::string_view const opening : {"<|im_start|>system\n", "<|im_start|>system\\n"}) {
    auto const at = chat_template.find(opening);
    if (at == std::string_view::npos) continue;
    rest = chat_template.substr(at + opening.size());
    auto const text = rest.substr(0, rest.find("<|im_end|>"));
    if (text.size() < rest.size() && text.find_first_of("'\"{}") == std::string_view::npos) return std::string(text);
  }
  return std::nullopt;
}

/// By the file's chat template, else by the special tokens of its vocabulary, else by its size: old files of Llama 2
/// name no format. Where nothing is known, plain. `tokens` must outlive the format.
inline std::unique_ptr<chat_format> choose_chat_format(text::tokenizer const& tokens, std::string_view chat_template,
                                                       int embed) {
  bool const none = chat_template.empty();
  if (chatml_format::known_to(tokens) && (none || chat_template.find("<|im_start|>") != std::string_view::npos))
    return std::make_unique<chatml_format>(tokens, default_system(chat_template));
  bool const llama2 =
      none ? tokens.size() == 32000 && embed >= 4096 : chat_template.find("[INST]") != std::string_view::npos;
  if (llama2) return std::make_unique<llama2_format>(tokens);
  return std::make_unique<plain_format>(tokens);
}

}  // namespace cria::infer
