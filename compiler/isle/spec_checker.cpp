// Attaches the verification forms to what they are about, and checks their names. What spec expressions mean, and
// whether a spec's arity is the term's (one spec may serve programs that declare a term differently), is the verifier's
// business.
#include <unordered_set>

#include "compiler/isle/checker.h"

namespace assay::isle {
namespace {

void check_unique(Checker& checker, std::unordered_map<std::string, Position>& seen, const ast::Ident& name,
                  std::string_view what) {
  auto [it, is_new] = seen.emplace(name.text, name.position);
  if (!is_new) {
    checker.error(name.position, std::string(what) + " '" + name.text + "' is defined twice",
                  "first defined in " + render_position(checker.program, it->second));
  }
}

TermId known_term(Checker& checker, const ast::Ident& name, std::string_view what) {
  TermId id = checker.program.find_term(name.text);
  if (!id) checker.unknown(name.position, std::string(what) + " for the unknown term '" + name.text + "'");
  return id;
}

void attach_spec(Checker& checker, const ast::Spec& spec) {
  TermId id = known_term(checker, spec.term, "spec");
  if (!id) return;
  checker.program.terms[id].specs.push_back(&spec);
}

void attach_attribute(Checker& checker, const ast::Attribute& attribute) {
  Program& program = checker.program;
  if (!attribute.is_rule) {
    TermId id = known_term(checker, attribute.target, "attribute");
    if (id) program.terms[id].attributes.push_back(&attribute);
    return;
  }
  RuleId id = program.find_rule(attribute.target.text);
  if (!id) {
    checker.unknown(attribute.target.position, "attribute for the unknown rule '" + attribute.target.text + "'");
    return;
  }
  program.rules[id].attributes.push_back(&attribute);
}

}  // namespace

void attach_specs(Checker& checker) {
  Program& program = checker.program;
  const ast::Definitions& definitions = program.definitions;
  std::unordered_map<std::string, Position> forms, macros, states, models;
  for (const ast::Form& form : definitions.forms) check_unique(checker, forms, form.name, "form");
  for (const ast::SpecMacro& macro : definitions.macros) check_unique(checker, macros, macro.name, "macro");
  for (const ast::State& state : definitions.states) check_unique(checker, states, state.name, "state");
  for (const ast::Model& model : definitions.models) {
    check_unique(checker, models, model.name, "model");
    bool is_known = model.kind == ast::Model::Kind::Constant
                        ? bool(program.find_constant(model.name.text.substr(model.name.text[0] == '$' ? 1 : 0)))
                        : bool(program.find_type(model.name.text));
    if (!is_known) {
      checker.unknown(model.name.position,
                      "model of an unknown " +
                          std::string(model.kind == ast::Model::Kind::Constant ? "constant" : "type") + " '" +
                          model.name.text + "'");
    }
  }
  for (const ast::Spec& spec : definitions.specs) {
    attach_spec(checker, spec);
    for (const ast::Modifies& modifies : spec.modifies) {
      if (!states.contains(modifies.state.text)) {
        checker.unknown(modifies.state.position, "unknown state '" + modifies.state.text + "'");
      }
    }
  }
  for (const ast::Instantiation& instantiation : definitions.instantiations) {
    TermId id = known_term(checker, instantiation.term, "instantiation");
    if (id) program.terms[id].instantiations.push_back(&instantiation);
    if (instantiation.form && !forms.contains(instantiation.form->text)) {
      checker.unknown(instantiation.form->position, "unknown form '" + instantiation.form->text + "'");
    }
  }
  for (const ast::Attribute& attribute : definitions.attributes) attach_attribute(checker, attribute);
}

}  // namespace assay::isle
