// See seeded_weave.h. Texts are cut into pieces: C++ into what stands outside of functions' bodies and the bodies, by
// braces; ISLE into its top-level forms, by parentheses. Pieces are compared in order.
#include "fuzz/seeded_weave.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>

namespace assay::fuzz {

namespace {

// ---- C++ ----

// The end of the comment, string or character that begins at `i`, or `i` if none does.
size_t skip_literal(std::string_view text, size_t i) {
  const auto end_of = [&](std::string_view mark, size_t from) {
    const size_t at = text.find(mark, from);
    return at == std::string_view::npos ? text.size() : at + mark.size();
  };
  const std::string_view rest = text.substr(i);
  if (rest.starts_with("//")) return end_of("\n", i);
  if (rest.starts_with("/*")) return end_of("*/", i + 2);
  if (rest.starts_with("R\"")) {
    const size_t open = text.find('(', i);
    if (open == std::string_view::npos) return text.size();
    return end_of(")" + std::string(text.substr(i + 2, open - i - 2)) + "\"", open);
  }
  if (rest[0] != '"' && rest[0] != '\'') return i;
  // 1'000'000 is one number.
  if (rest[0] == '\'' && i != 0 && std::isalnum(static_cast<unsigned char>(text[i - 1])) != 0) return i;
  for (size_t j = i + 1; j < text.size(); ++j) {
    if (text[j] == '\\') {
      ++j;
    } else if (text[j] == rest[0]) {
      return j + 1;
    }
  }
  return text.size();
}

bool has_word(std::string_view text, std::string_view word) {
  const auto is_part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || !is_part(text[at - 1])) && (end == text.size() || !is_part(text[end]))) return true;
  }
  return false;
}

// Is `head`, what stands before a brace outside of any function, the head of a function? Else of a namespace, a type or
// an initialiser.
bool is_function_head(std::string_view head) {
  while (!head.empty() && std::isspace(static_cast<unsigned char>(head.back())) != 0) head.remove_suffix(1);
  const size_t open = head.find('(');
  if (open == std::string_view::npos || head.ends_with("=") || head.ends_with(",") || head.ends_with("(")) return false;
  return !has_word(head.substr(0, open), "namespace");
}

// Where the block that begins at `i`, behind its brace, ends: at its closing brace.
size_t end_of_block(std::string_view text, size_t i) {
  for (unsigned depth = 1; i < text.size(); ++i) {
    if (const size_t next = skip_literal(text, i); next != i) {
      i = next - 1;
      continue;
    }
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) break;
  }
  return i;
}

// Outside, body, outside, body, …, outside. A body is what stands between the braces.
std::vector<std::string> cut_cpp(std::string_view text) {
  std::vector<std::string> out;
  size_t piece = 0;
  std::string head;  // what stands before, since the last declaration ended; without comments
  for (size_t i = 0; i < text.size();) {
    if (const size_t next = skip_literal(text, i); next != i) {
      if (text[i] != '/') head += "\"\"";
      i = next;
      continue;
    }
    const char c = text[i++];
    head += c;
    if (c == '#') {  // a directive
      i = std::min(text.find('\n', i), text.size());
      head.clear();
    } else if (c == ';' || c == '}') {
      head.clear();
    } else if (c == '{') {
      head.pop_back();
      const bool is_body = is_function_head(head);
      head.clear();
      if (!is_body) continue;
      const size_t end = end_of_block(text, i);
      out.emplace_back(text.substr(piece, i - piece));
      out.emplace_back(text.substr(i, end - i));
      piece = end;
      i = std::min(end + 1, text.size());
    }
  }
  out.emplace_back(text.substr(std::min(piece, text.size())));
  return out;
}

std::string number_text(unsigned number) { return std::to_string(number); }

// Identifiers, and what stands between them, in turn; with an identifier first, which may be empty.
std::vector<std::string> words_of(std::string_view text) {
  const auto is_part = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  std::vector<std::string> out;
  for (size_t i = 0; i < text.size();) {
    const bool is_word = out.size() % 2 == 0;
    size_t end = i;
    while (end < text.size() && is_part(text[end]) == is_word) ++end;
    out.emplace_back(text.substr(i, end - i));
    i = end;
  }
  return out;
}

// islec numbers the values of a function (x_7), and a mistake in it may do so otherwise: the names of `from` that have
// another number in `to`. Nothing if the texts differ in more than that.
std::optional<std::map<std::string, std::string>> renumbered(std::string_view from, std::string_view to) {
  const std::vector<std::string> a = words_of(from), b = words_of(to);
  std::map<std::string, std::string> out;
  if (a.size() != b.size()) return std::nullopt;
  const auto plain = [](std::string_view word) {
    const size_t digits = word.find_last_not_of("0123456789") + 1;
    return digits != 0 && digits < word.size() && word[digits - 1] == '_' ? word.substr(0, digits) : word;
  };
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i]) continue;
    if (i % 2 != 0 || plain(a[i]) != plain(b[i])) return std::nullopt;
    out[a[i]] = b[i];
  }
  return out;
}

// All at once; a name that is in the way of a new one gets out of it.
std::string with_names(std::string_view text, const std::map<std::string, std::string>& names) {
  std::string out;
  for (const std::string& word : words_of(text)) {
    const auto found = names.find(word);
    const bool is_in_the_way = found == names.end() &&
                               std::any_of(names.begin(), names.end(), [&](const auto& n) { return n.second == word; });
    out += found != names.end() ? found->second : is_in_the_way ? word + "_" : word;
  }
  return out;
}

// ---- ISLE ----

struct Form {
  size_t begin = 0, end = 0;  // in the text
};

// The end of the parenthesised form that begins at `i`.
size_t end_of_form(std::string_view text, size_t i) {
  unsigned depth = 0;
  while (i < text.size()) {
    if (text[i] == ';') {
      i = std::min(text.find('\n', i), text.size());
      continue;
    }
    if (text[i] == '(') ++depth;
    if (text[i] == ')' && --depth == 0) return i + 1;
    ++i;
  }
  return i;
}

std::vector<Form> forms_of(std::string_view text) {
  std::vector<Form> out;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == ';') {
      i = std::min(text.find('\n', i), text.size());
    } else if (text[i] == '(') {
      const size_t end = end_of_form(text, i);
      out.push_back({i, end});
      i = end;
    } else {
      ++i;
    }
  }
  return out;
}

struct RuleForm {
  std::string name;
  size_t name_begin = 0, name_end = 0;  // in the form's text
  size_t left_end = 0;                  // behind the left side: where conditions may stand
};

// A rule with a name; the empty name if the form is something else.
RuleForm rule_form(std::string_view form) {
  RuleForm out;
  constexpr std::string_view kHead = "(rule ";
  if (!form.starts_with(kHead)) return out;
  size_t i = kHead.size();
  while (i < form.size() && form[i] == ' ') ++i;
  out.name_begin = i;
  while (i < form.size() && std::isspace(static_cast<unsigned char>(form[i])) == 0 && form[i] != '(') ++i;
  out.name_end = i;
  const size_t left = form.find('(', i);
  if (left == std::string_view::npos) return out;
  out.left_end = end_of_form(form, left);
  out.name = form.substr(out.name_begin, out.name_end - out.name_begin);
  if (!out.name.empty() && (std::isdigit(static_cast<unsigned char>(out.name[0])) != 0 || out.name[0] == '-')) {
    out.name.clear();
  }
  return out;
}

std::string guarded(std::string_view form, const RuleForm& rule, std::string_view suffix, std::string_view guards) {
  return std::string(form.substr(0, rule.name_end)) + std::string(suffix) +
         std::string(form.substr(rule.name_end, rule.left_end - rule.name_end)) + std::string(guards) +
         std::string(form.substr(rule.left_end));
}

std::string suffix_of(unsigned number) { return "__" + number_text(number); }

// The rules of `version` that `text` does not have so, and the names of rules of `text` that are not in it so.
struct IsleDifference {
  std::vector<std::pair<std::string, std::string>> changed;  // name, form; new ones too
  std::vector<std::string> replaced;                         // names, gone ones too
};

Expected<IsleDifference> difference(std::string_view text, const Version& version) {
  const auto rules_of = [](std::string_view all, std::map<std::string, std::string>& rules, std::string& others) {
    for (const Form& form : forms_of(all)) {
      const std::string_view body = all.substr(form.begin, form.end - form.begin);
      const RuleForm rule = rule_form(body);
      if (rule.name.empty()) {
        if (!body.starts_with("(spec ")) others += body;
      } else {
        rules.emplace(rule.name, body);
      }
    }
  };
  std::map<std::string, std::string> old_rules, new_rules;
  std::string old_others, new_others;
  rules_of(text, old_rules, old_others);
  rules_of(version.text, new_rules, new_others);
  if (old_others != new_others) {
    return fail("mistake " + number_text(version.number) +
                " changes a form that is neither a rule with a name nor a spec");
  }
  IsleDifference out;
  for (const auto& [name, form] : new_rules) {
    const auto old = old_rules.find(name);
    if (old == old_rules.end() || old->second != form) out.changed.emplace_back(name, form);
  }
  for (const auto& [name, form] : old_rules) {
    const auto now = new_rules.find(name);
    if (now == new_rules.end() || now->second != form) out.replaced.push_back(name);
  }
  return out;
}

// Lines must not move: a form takes as many as it had, so that the places of rules stay true.
std::string on_lines(std::string form, std::string_view original) {
  const auto lines = [](std::string_view t) { return std::count(t.begin(), t.end(), '\n'); };
  while (lines(form) > lines(original)) form[form.rfind('\n')] = ' ';
  return form;
}

}  // namespace

Expected<std::string> weave_cpp(std::string_view text, const std::vector<Version>& versions) {
  const std::vector<std::string> pieces = cut_cpp(text);
  std::vector<std::string> woven(pieces.size());
  for (const Version& version : versions) {
    const std::vector<std::string> other = cut_cpp(version.text);
    if (other.size() != pieces.size()) {
      return fail("mistake " + number_text(version.number) + " changes the number of functions");
    }
    std::map<std::string, std::string> names;  // of the head of the next body
    for (size_t i = 0; i < pieces.size(); ++i) {
      if (i % 2 == 0) {
        auto renamed = renumbered(other[i], pieces[i]);
        if (!renamed) {
          return fail("mistake " + number_text(version.number) + " changes what is not the body of a function");
        }
        names = std::move(*renamed);
        continue;
      }
      const std::string body = names.empty() ? other[i] : with_names(other[i], names);
      if (body == pieces[i]) continue;
      woven[i] += "if (::assay::fault(" + number_text(version.number) + ")) {" + body + "} else ";
    }
  }
  std::string out = "#include \"compiler/support/fault.h\"\n";
  for (size_t i = 0; i < pieces.size(); ++i) {
    out += woven[i].empty() ? pieces[i] : "\n  " + woven[i] + "{" + pieces[i] + "}\n";
  }
  return out;
}

Expected<std::string> weave_isle(std::string_view text, const std::vector<Version>& versions) {
  std::map<std::string, std::string> guards;  // by rule
  std::map<std::string, std::string> others;  // by rule: that none of the versions before is switched on
  std::string added;                          // rules under their faults, at the end
  for (const Version& version : versions) {
    const auto diff = difference(text, version);
    if (!diff) return std::unexpected(diff.error());
    const std::string is_off = " (if-let false (fault " + number_text(version.number) + "))";
    for (const std::string& name : diff->replaced) guards[name] += is_off;
    for (const auto& [name, form] : diff->changed) {
      // Versions of one rule are of one priority: islec must see that no two match at once.
      std::string& off = others[name];
      added += guarded(form, rule_form(form), suffix_of(version.number),
                       " (if-let true (fault " + number_text(version.number) + "))" + off) +
               "\n";
      off += is_off;
    }
  }
  std::string out;
  size_t at = 0;
  for (const Form& form : forms_of(text)) {
    const std::string_view body = text.substr(form.begin, form.end - form.begin);
    const RuleForm rule = rule_form(body);
    const auto guard = guards.find(rule.name);
    if (rule.name.empty() || guard == guards.end()) continue;
    out += text.substr(at, form.begin - at);
    out += on_lines(guarded(body, rule, "", guard->second), body);
    at = form.end;
  }
  out += text.substr(at);
  return out + added;
}

Expected<std::string> isle_under_fault(std::string_view text, const Version& version) {
  const auto diff = difference(text, version);
  if (!diff) return std::unexpected(diff.error());
  std::string out;
  size_t at = 0;
  for (const Form& form : forms_of(version.text)) {
    const std::string_view body = std::string_view(version.text).substr(form.begin, form.end - form.begin);
    const RuleForm rule = rule_form(body);
    const bool is_changed = std::any_of(diff->changed.begin(), diff->changed.end(),
                                        [&](const auto& changed) { return changed.first == rule.name; });
    if (rule.name.empty() || !is_changed) continue;
    out += std::string_view(version.text).substr(at, form.begin - at);
    out += guarded(body, rule, suffix_of(version.number), "");
    at = form.end;
  }
  return out + version.text.substr(at);
}

}  // namespace assay::fuzz
