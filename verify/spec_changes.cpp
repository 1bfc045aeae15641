// See spec_changes.h. Forms are compared as lists of their atoms, whatever file they are in.
#include "verify/spec_changes.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <vector>

#include "compiler/isle/reader.h"

namespace assay::verify {

namespace {

// The atoms, with parentheses, one blank between them. Lists are not nested deeper than the reader admits.
void append_text(const isle::Sexpr& form, std::string& out) {
  if (!form.is_list()) {
    out += form.text;
    out += ' ';
    return;
  }
  out += "( ";
  for (const isle::Sexpr& child : form.children) append_text(child, out);
  out += ") ";
}

// The term that a form is about: (decl pure T (…) …), (extern constructor T f), (spec (T a b) …), (attr T …). None for
// what belongs to no term.
std::optional<std::string> term_of(const isle::Sexpr& form) {
  if (form.children.size() < 2) return std::nullopt;
  const isle::Sexpr& kind = form.children[0];
  if (!kind.is_symbol("decl") && !kind.is_symbol("extern") && !kind.is_symbol("extractor") && !kind.is_symbol("spec") &&
      !kind.is_symbol("attr")) {
    return std::nullopt;
  }
  for (size_t i = 1; i < form.children.size(); ++i) {
    const isle::Sexpr* word = &form.children[i];
    if (word->is_list() && !word->children.empty()) word = &word->children[0];
    if (!word->is_symbol()) return std::nullopt;
    static const std::set<std::string_view> kWords = {"pure",  "partial",     "multi",     "rec",
                                                      "const", "constructor", "extractor", "infallible"};
    if (!kWords.contains(word->text)) return std::string(word->text);
  }
  return std::nullopt;
}

// By their text; empty if a file does not parse.
std::optional<std::map<std::string, std::optional<std::string>>> forms(const RuleSources& sources) {
  std::map<std::string, std::optional<std::string>> out;
  for (const RuleSource& source : sources.rules) {
    std::vector<isle::PositionedError> errors;
    for (const isle::Sexpr& form : isle::read_sexprs(0, source.text, errors)) {
      if (!form.children.empty() && form.children[0].is_symbol("rule")) continue;
      std::string text;
      append_text(form, text);
      out.emplace(std::move(text), term_of(form));
    }
    if (!errors.empty()) return std::nullopt;
  }
  return out;
}

}  // namespace

SpecChanges changed_specs(const RuleSources& before, const RuleSources& after) {
  SpecChanges changes;
  const auto old_forms = forms(before), new_forms = forms(after);
  const auto same = [](const RuleSource& a, const RuleSource& b) { return a.text == b.text; };
  if (!old_forms || !new_forms || before.operations != after.operations ||
      !std::ranges::equal(before.instructions, after.instructions, same)) {
    changes.all = true;
    return changes;
  }
  std::vector<std::pair<std::string, std::optional<std::string>>> different;
  std::ranges::set_symmetric_difference(*old_forms, *new_forms, std::back_inserter(different));
  for (const auto& [text, term] : different) {
    if (term) {
      changes.terms.insert(*term);
    } else {
      changes.all = true;
    }
  }
  return changes;
}

}  // namespace assay::verify
