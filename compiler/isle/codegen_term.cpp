// See codegen_term.h. A TermWriter walks the decision tree and writes statements; bindings become local constants,
// declared in the scope where they are first needed and named after the rules' variables.
//
// A branch that is a function of its own ("part") takes the bindings it needs of those that are known where it is
// called as parameters, and computes the others itself. It returns whether a rule applied, and the result by reference:
// a rule may apply and yet yield nothing, if a partial constructor in its result does. Of a multi term it adds to the
// results.
#include "compiler/isle/codegen_term.h"

#include <algorithm>
#include <map>

#include "compiler/isle/cpp_names.h"
#include "compiler/isle/decision.h"

namespace assay::isle {
namespace {

constexpr const char* kRuntime = "::assay::isle::";

// A term with this many rules is divided; a branch with this many becomes a part, or any that belongs to another file.
constexpr size_t kLargeTerm = 24;
constexpr size_t kLargeBranch = 8;

class TermWriter {
 public:
  TermWriter(const Program& program, TermId term, const std::string& context)
      : program_(program), context_(context), term_(program.terms[term]), match_(match_term(program, term, nullptr)) {
    function_ = new_function();
    home_ = program.rules[term_.rules[0]].position.file;
    is_divided_ = term_.rules.size() >= kLargeTerm;
    tested_.resize(match_.bindings.size(), 0);
    rule_array_ = "kRules_" + cpp_part(term_.name);
  }

  TermCode write() {
    std::vector<std::string> names(term_.arguments.size());
    for (uint32_t i = 0; i < match_.bindings.size(); i++) {
      const Binding& binding = match_.bindings[BindingId(i)];
      if (binding.kind != Binding::Kind::Argument) continue;
      names[binding.index] = local_name(BindingId(i));
      function_.text_of[BindingId(i)] = names[binding.index];
    }
    for (size_t i = 0; i < names.size(); i++) {
      if (names[i].empty()) names[i] = "arg" + std::to_string(i);
    }
    DecisionNode tree = build_decisions(program_, match_);
    open_scope();
    node(tree);
    if (!term_.flags.is_multi) {
      line(term_.flags.is_partial
               ? "return std::nullopt;"
               : std::string("throw ") + kRuntime + "NoRuleMatched(" + cpp_string(term_.name) + ");");
    }
    close_scope();
    code_.text = rule_array_declaration() + declarations_ + cpp_signature(program_, term_, context_, names) + " {\n" +
                 function_.out + "}\n";
    return std::move(code_);
  }

 private:
  struct Scope {
    std::vector<BindingId> bindings;
    std::vector<BindingId> payloads;
  };

  // What is known while the body of a function is written.
  struct Function {
    std::string out;
    std::vector<Scope> scopes;
    Table<BindingId, std::string> text_of;     // empty: not declared in an open scope
    Table<BindingId, std::string> payload_of;  // of an enum value known to be a variant: the name of its payload
    Table<BindingId, std::string> names;       // as they are, or were, declared
    uint32_t counter = 0;                      // makes names unique; of each function, so that parts do not depend on
                                               // what stands in front of them
    bool is_part = false;
    std::vector<BindingId> parameters;  // of a part
  };

  Function new_function() const {
    Function function;
    function.text_of.resize(match_.bindings.size());
    function.payload_of.resize(match_.bindings.size());
    function.names.resize(match_.bindings.size());
    return function;
  }

  std::string rule_array_declaration() const { return "extern const ::assay::isle::RuleId " + rule_array_ + "[];\n\n"; }

  // ---- lines and scopes ----

  void line(const std::string& text) { function_.out += std::string(2 * function_.scopes.size(), ' ') + text + "\n"; }
  void open_scope() { function_.scopes.emplace_back(); }
  void close_scope() {
    for (BindingId id : function_.scopes.back().bindings) function_.text_of[id].clear();
    for (BindingId id : function_.scopes.back().payloads) function_.payload_of[id].clear();
    function_.scopes.pop_back();
  }
  void open_block(const std::string& head) {
    line(head + " {");
    open_scope();
  }
  void close_block() {
    close_scope();
    line("}");
  }

  std::string fresh(const std::string& base) { return base + "_" + std::to_string(++function_.counter); }

  // "x_12" for a binding that some rule calls x.
  const std::string& local_name(BindingId id) {
    std::string& name = function_.names[id];
    if (!name.empty()) return name;
    const Binding& binding = match_.bindings[id];
    std::string base = match_.names[id];
    if (base.empty() && binding.term) base = program_.terms[binding.term].name;
    if (base.empty()) base = "arg";
    base = cpp_part(base);
    if (base[0] == '_') base = "v" + base;
    return name = fresh(base);
  }

  void remember(BindingId id, std::string text) {
    function_.text_of[id] = std::move(text);
    function_.scopes.back().bindings.push_back(id);
  }

  // ---- calls ----

  std::string constructor_callee(const Term& term) const {
    return term.has_rules() ? "constructor_" + cpp_part(term.name) + "(ctx"
                            : "ctx." + cpp_name(term.constructor_function) + "(";
  }

  static std::string call(std::string callee, const std::vector<std::string>& arguments) {
    for (const std::string& argument : arguments) {
      if (callee.back() != '(') callee += ", ";
      callee += argument;
    }
    return callee + ")";
  }

  std::string make(const Term& term, const std::vector<std::string>& arguments) const {
    const Type& type = program_.types[term.result];
    std::string type_name = cpp_type(program_, term.result);
    const Variant& variant = type.variants[term.variant];
    if (type.kind == Type::Kind::Struct) {
      std::string text = call("(", arguments);
      return type_name + "{" + text.substr(1, text.size() - 2) + "}";
    }
    if (is_plain_enum(type)) return std::string(kRuntime) + "Kind<" + type_name + ">::" + cpp_name(variant.name);
    return call(type_name + "::make_" + cpp_part(variant.name) + "(", arguments);
  }

  // The C++ type of one result of a multi call.
  std::string element_type(const Binding& binding) const {
    const Term& term = program_.terms[binding.term];
    if (binding.kind == Binding::Kind::Construct) return cpp_type(program_, term.result);
    if (term.arguments.size() == 1) return cpp_type(program_, term.arguments[0]);
    std::string types;
    for (TypeId type : term.arguments) types += (types.empty() ? "" : ", ") + cpp_type(program_, type);
    return "std::tuple<" + types + ">";
  }

  // ---- bindings ----

  // The expression for a binding; writes the declarations that it needs into the current scope.
  std::string value(BindingId id) {
    if (!function_.text_of[id].empty()) return function_.text_of[id];
    const Binding& binding = match_.bindings[id];
    if (function_.is_part && is_known_outside(id)) {
      function_.parameters.push_back(id);
      return function_.text_of[id] = local_name(id);  // for the whole part
    }
    std::vector<std::string> sources;
    for (BindingId source : binding.sources) {
      if (binding.kind != Binding::Kind::Field && binding.kind != Binding::Kind::Output)
        sources.push_back(value(source));
    }
    switch (binding.kind) {
      case Binding::Kind::Argument:
        return "";  // always known
      case Binding::Kind::Bool:
        return binding.value != 0 ? "true" : "false";
      case Binding::Kind::Int:
        return typed_int(binding.type, binding.value);
      case Binding::Kind::Constant:
        return cpp_name(program_.constants[binding.constant].name);
      case Binding::Kind::Field:
        return field(id);
      case Binding::Kind::Output:
        return output(id);
      case Binding::Kind::Extract:
        // By reference: an infallible extractor may return one, and other results live on as long.
        return declare(id, call("ctx." + cpp_name(program_.terms[binding.term].extractor_function) + "(", sources),
                       true);
      case Binding::Kind::Construct:
        return declare(id, call(constructor_callee(program_.terms[binding.term]), sources));
      case Binding::Kind::Make:
        return declare(id, make(program_.terms[binding.term], sources));
    }
    return "";
  }

  std::string declare(BindingId id, const std::string& initial, bool by_reference = false) {
    std::string name = local_name(id);
    line((by_reference ? "const auto& " : "const auto ") + name + " = " + initial + ";");
    remember(id, name);
    return name;
  }

  std::string typed_int(TypeId type, Int128 value) const {
    return cpp_type(program_, type) + "(" + cpp_int(program_.types[type], value) + ")";
  }

  std::string field(BindingId id) {
    const Binding& binding = match_.bindings[id];
    const Term& term = program_.terms[binding.term];
    const Variant& variant = program_.variant_of(term);
    std::string name = cpp_name(variant.fields[binding.index].name);
    BindingId source = binding.sources[0];
    if (program_.types[term.result].kind == Type::Kind::Struct) return value(source) + "." + name;
    if (function_.payload_of[source].empty()) {
      std::string payload = fresh(cpp_part(variant.name));
      line("const auto& " + payload + " = " + value(source) + ".as_" + cpp_part(variant.name) + "();");
      function_.payload_of[source] = payload;
      function_.scopes.back().payloads.push_back(source);
    }
    return function_.payload_of[source] + "." + name;
  }

  std::string output(BindingId id) {
    const Binding& binding = match_.bindings[id];
    const Term& term = program_.terms[binding.term];
    BindingId source = binding.sources[0];
    bool is_extract = match_.bindings[source].kind == Binding::Kind::Extract;
    std::string text = value(source);  // of a multi call: the current element
    if (!term.flags.is_multi && !(is_extract && term.extractor_is_infallible)) text = "*" + text;
    if (is_extract && term.arguments.size() > 1) {
      text = "std::get<" + std::to_string(binding.index) + ">(" + text + ")";
    } else if (text[0] != '*') {
      remember(id, text);
      return text;
    }
    std::string name = local_name(id);
    line("const auto& " + name + " = " + text + ";");
    remember(id, name);
    return name;
  }

  // ---- parts ----

  // Of a part being written: whether the caller knows the binding, so that it can be a parameter. Only bindings whose
  // C++ type is known by name are passed.
  bool is_known_outside(BindingId id) const {
    const Binding& binding = match_.bindings[id];
    switch (binding.kind) {
      case Binding::Kind::Argument:
        return true;
      case Binding::Kind::Construct:
        return !program_.terms[binding.term].flags.is_partial && !caller_.text_of[id].empty();
      case Binding::Kind::Extract:
        return is_element(id) && !caller_.text_of[id].empty();
      case Binding::Kind::Make:
        return !caller_.text_of[id].empty();
      case Binding::Kind::Field:
      case Binding::Kind::Output: {
        const BindingId source = binding.sources[0];
        const bool is_of_element = is_element(source) && !caller_.text_of[source].empty();
        return !caller_.text_of[id].empty() || tested_by_caller_[source] != 0 || is_of_element;
      }
      default:
        return false;
    }
  }
  // Of what a multi call yields, one at a time.
  bool is_element(BindingId id) const {
    const Binding& binding = match_.bindings[id];
    return (binding.kind == Binding::Kind::Extract || binding.kind == Binding::Kind::Construct) &&
           program_.terms[binding.term].flags.is_multi;
  }
  std::string parameter_type(BindingId id) const {
    const Binding& binding = match_.bindings[id];
    return is_element(id) ? "const " + element_type(binding) + "&" : cpp_parameter_type(program_, binding.type);
  }

  // The source file most of whose rules are below.
  uint32_t main_file(const std::vector<uint32_t>& leaves) const {
    std::map<uint32_t, size_t> counts;
    for (uint32_t leaf : leaves) counts[match_.rules[leaf].position.file]++;
    return std::max_element(counts.begin(), counts.end(), [](auto a, auto b) { return a.second < b.second; })->first;
  }

  // Writes the branch, as a part if it is worth it.
  void branch(const DecisionArm& arm, TypeId type) {
    if (!is_divided_ || function_.is_part) return node(arm.node);
    std::vector<uint32_t> leaves = leaves_of(arm.node);
    uint32_t file = main_file(leaves);
    if (leaves.size() < kLargeBranch && file == home_) return node(arm.node);
    std::string name = "rules_" + cpp_part(term_.name) + "_";
    name += arm.test.kind == Test::Kind::Variant
                ? program_.types[type].variants[static_cast<size_t>(arm.test.value)].name
                : std::to_string(code_.parts.size());
    if (int count = part_names_[name]++) name += "_" + std::to_string(count);

    caller_ = std::move(function_);
    tested_by_caller_ = tested_;
    function_ = new_function();
    function_.is_part = true;
    open_scope();
    node(arm.node);
    const bool is_multi = term_.flags.is_multi;
    if (!is_multi) line("return false;");
    close_scope();
    Function part = std::move(function_);
    function_ = std::move(caller_);

    const std::string type_name = cpp_type(program_, term_.result);
    std::string result = is_multi ? kRuntime + ("Results<" + type_name + ">") : "std::optional<" + type_name + ">";
    std::string signature = (is_multi ? "void " : "bool ") + name + "(" + context_ + "& ctx", call = name + "(ctx";
    for (BindingId id : part.parameters) {
      signature += ", " + parameter_type(id) + " " + part.names[id];
      call += ", " + value(id);
    }
    signature += ", " + result + (is_multi ? "& out)" : "& result)");
    declarations_ += signature + ";\n\n";
    code_.parts.push_back({file, rule_array_declaration() + signature + " {\n" + part.out + "}\n"});
    if (is_multi) return line(call + ", out);");
    std::string variable = fresh("result");
    line(result + " " + variable + ";");
    line("if (" + call + ", " + variable + ")) return " + (term_.flags.is_partial ? "" : "*") + variable + ";");
  }

  void return_value(const std::string& text) {
    if (term_.flags.is_multi) {
      line("out.push(" + text + ");");
    } else if (function_.is_part) {
      line("result = " + text + ";");
      line("return true;");
    } else {
      line("return " + text + ";");
    }
  }

  // ---- the tree ----

  void node(const DecisionNode& node) {
    for (const DecisionItem& item : node.items) {
      switch (item.kind) {
        case DecisionItem::Kind::Leaf:
          leaf(match_.rules[item.rule]);
          break;
        case DecisionItem::Kind::Switch:
          switch_on(item);
          break;
        case DecisionItem::Kind::Each:
          each(item);
          break;
        case DecisionItem::Kind::Equal: {
          std::string left = value(item.other), right = value(item.binding);
          open_block("if (" + left + " == " + right + ")");
          this->node(item.arms[0].node);
          close_block();
          break;
        }
      }
    }
  }

  bool is_switchable(const DecisionItem& item, const Test& test) const {
    const Type& type = program_.types[match_.bindings[item.binding].type];
    return test.kind == Test::Kind::Variant ||
           (test.kind == Test::Kind::Int && type.kind == Type::Kind::Int && type.bits <= 64);
  }

  std::string kind_name(TypeId type, Int128 variant) const {
    return std::string(kRuntime) + "Kind<" + cpp_type(program_, type) +
           ">::" + cpp_name(program_.types[type].variants[static_cast<size_t>(variant)].name);
  }

  std::string condition(BindingId id, const std::string& text, const Test& test) const {
    const Binding& binding = match_.bindings[id];
    switch (test.kind) {
      case Test::Kind::Variant:
        return std::string(kRuntime) + "kind_of(" + text + ") == " + kind_name(binding.type, test.value);
      case Test::Kind::Bool:
        return test.value != 0 ? text : "!" + text;
      case Test::Kind::Int:
        return text + " == " + typed_int(binding.type, test.value);
      case Test::Kind::Constant:
        return text + " == " + cpp_name(program_.constants[test.constant].name);
      default:
        return text;  // Matched: an optional, or of an extractor without outputs a bool
    }
  }

  void switch_on(const DecisionItem& item) {
    std::string text = value(item.binding);
    // Runs of two or more variants or integers become a switch.
    for (size_t i = 0; i < item.arms.size();) {
      size_t end = i;
      while (end < item.arms.size() && is_switchable(item, item.arms[end].test)) end++;
      if (end - i >= 2) {
        switch_on(item, text, i, end);
        i = end;
        continue;
      }
      open_block("if (" + condition(item.binding, text, item.arms[i].test) + ")");
      tested_[item.binding]++;
      branch(item.arms[i], match_.bindings[item.binding].type);
      tested_[item.binding]--;
      close_block();
      i++;
    }
  }

  void switch_on(const DecisionItem& item, const std::string& text, size_t begin, size_t end) {
    TypeId type = match_.bindings[item.binding].type;
    bool is_variant = item.arms[begin].test.kind == Test::Kind::Variant;
    open_block("switch (" + (is_variant ? kRuntime + ("kind_of(" + text + ")") : text) + ")");
    for (size_t i = begin; i < end; i++) {
      const Test& test = item.arms[i].test;
      open_block("case " + (is_variant ? kind_name(type, test.value) : cpp_int(program_.types[type], test.value)) +
                 ":");
      tested_[item.binding]++;
      branch(item.arms[i], type);
      tested_[item.binding]--;
      line("break;");
      close_block();
    }
    line("default: break;");
    close_block();
  }

  // A multi call: fills a vector, then the rest of the rule for each element.
  void each(const DecisionItem& item) {
    const Binding& binding = match_.bindings[item.binding];
    const Term& term = program_.terms[binding.term];
    std::vector<std::string> arguments;
    for (BindingId source : binding.sources) arguments.push_back(value(source));
    std::string results = fresh("results"), element = fresh("element");
    line(std::string(kRuntime) + "Results<" + element_type(binding) + "> " + results + ";");
    arguments.push_back(results);
    line(call(binding.kind == Binding::Kind::Extract ? "ctx." + cpp_name(term.extractor_function) + "("
                                                     : constructor_callee(term),
              arguments) +
         ";");
    open_block("for ([[maybe_unused]] const auto& " + element + " : " + results + ")");
    remember(item.binding, element);
    node(item.arms[0].node);
    close_block();
  }

  void leaf(const MatchRule& match) {
    const Rule& rule = program_.rules[match.rule];
    std::string id = rule_array_ + "[" + std::to_string(match.number) + "]";
    if (rule.name_is_given) line("// " + rule.name);
    open_block("if (ctx.rule_enabled(" + id + "))");
    line("const " + std::string(kRuntime) + "RuleScope scope(ctx, " + id + ");");
    rule_ = &match;
    source_ = &rule;
    lets_.assign(rule.variables.size(), "");
    uses_.assign(rule.variables.size(), 0);
    count_uses(rule.result);
    size_t depth = function_.scopes.size();
    return_value(expr(rule.result, true));
    while (function_.scopes.size() > depth) close_block();
    close_block();
  }

  // ---- results of rules ----

  void count_uses(const Expr& expr) {
    if (expr.kind == Expr::Kind::Variable) uses_[expr.variable.index]++;
    for (const Let& let : expr.lets) count_uses(let.value);
    for (const Expr& child : expr.children) count_uses(child);
  }

  // Writes the statements that compute an expression; returns the text of its value. `is_result`: the value is returned
  // right away, so a call need not be named, and a partial call need not be tested.
  std::string expr(const Expr& source, bool is_result = false) {
    switch (source.kind) {
      case Expr::Kind::Variable: {
        BindingId binding = rule_->variables[source.variable.index];
        return binding ? value(binding) : lets_[source.variable.index];
      }
      case Expr::Kind::Bool:
        return source.value != 0 ? "true" : "false";
      case Expr::Kind::Int: {
        const Type& type = program_.types[source.type];
        return typed_int(source.type, canonical_int(type, source.value));
      }
      case Expr::Kind::Constant:
        return cpp_name(program_.constants[source.constant].name);
      case Expr::Kind::Let:
        for (const Let& let : source.lets) let_binding(let);
        return expr(source.children[0], is_result);
      case Expr::Kind::Term:
        break;
    }
    const Term& term = program_.terms[source.term];
    std::vector<std::string> arguments;
    for (const Expr& child : source.children) arguments.push_back(expr(child));
    if (term.is_variant()) return make(term, arguments);
    std::string base = cpp_part(term.name);
    if (term.flags.is_multi) {
      std::string results = fresh("results"), element = fresh(base);
      line(std::string(kRuntime) + "Results<" + cpp_type(program_, term.result) + "> " + results + ";");
      arguments.push_back(results);
      line(call(constructor_callee(term), arguments) + ";");
      open_block("for (const auto& " + element + " : " + results + ")");
      return element;
    }
    std::string text = call(constructor_callee(term), arguments);
    if (is_result && !term_.flags.is_multi) return text;
    std::string name = fresh(base[0] == '_' ? "v" + base : base);
    line("const auto " + name + " = " + text + ";");
    if (!term.flags.is_partial) return name;
    line("if (!" + name + ") return " + (function_.is_part ? "true;" : "std::nullopt;"));
    return "*" + name;
  }

  void let_binding(const Let& let) {
    std::string value = expr(let.value);
    const std::string& variable = source_->variables[let.variable.index].name;
    std::string base = cpp_part(variable);
    std::string name = fresh(base[0] == '_' ? "v" + base : base);
    std::string attribute = uses_[let.variable.index] == 0 ? "[[maybe_unused]] " : "";
    line(attribute + "const auto& " + name + " = " + value + ";");
    lets_[let.variable.index] = name;
  }

  const Program& program_;
  const std::string& context_;
  const Term& term_;
  MatchTerm match_;
  std::string rule_array_;
  TermCode code_;
  std::string declarations_;  // of the parts
  uint32_t home_ = 0;         // the source file of the term
  bool is_divided_ = false;
  Function function_;
  Table<BindingId, uint32_t> tested_;  // tests that hold at the current place

  // While a part is written.
  Function caller_;
  Table<BindingId, uint32_t> tested_by_caller_;
  std::map<std::string, int> part_names_;

  // Of the leaf being written.
  const MatchRule* rule_ = nullptr;
  const Rule* source_ = nullptr;
  std::vector<std::string> lets_;
  std::vector<uint32_t> uses_;
};

}  // namespace

TermCode cpp_constructor(const Program& program, TermId term, const std::string& context) {
  return TermWriter(program, term, context).write();
}

}  // namespace assay::isle
