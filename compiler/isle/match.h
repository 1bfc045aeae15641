// Rules of one term as sets of tests on shared values: what overlap checking and decision trees work on.
//
// A *binding* is something a rule computes while it matches: an argument, the result of an extractor, a field. Bindings
// are hash-consed over all rules of the term, so two rules that look at the same thing name the same BindingId. A rule
// is then a list of *tests*: this binding is that variant, that integer, matched at all, is equal to that binding.
// Rules exclude each other if they test one binding against different values.
//
//   M1  bindings are numbered after the bindings they are computed from.
//   M2  a rule's tests stand in textual order; what a test depends on (the variant whose field it looks at) precedes
//   it. M3  a rule has at most one test of a binding against a value; further equalities are Equal tests.
#pragma once

#include <map>
#include <tuple>
#include <vector>

#include "compiler/isle/reader.h"
#include "compiler/isle/sema.h"

namespace assay::isle {

struct BindingTag;
using BindingId = Entity<BindingTag>;

struct Binding {
  enum class Kind : uint8_t {
    Argument,   // `index`-th argument of the root term
    Bool,       // value
    Int,        // value
    Constant,   // constant
    Extract,    // the external extractor of `term` applied to sources[0]
    Construct,  // the pure constructor `term` applied to sources
    Make,       // the variant of `term` made of sources
    Field,      // field `index` of sources[0], known to be the variant of `term`
    Output,  // output `index` of sources[0], an Extract or a partial Construct known to have matched; of a multi call
             // the output of the current iteration
  };
  Kind kind = Kind::Argument;
  TypeId type;
  TermId term;
  uint32_t index = 0;  // Extract and Construct of multi terms: the number of the occurrence in its rule
  Int128 value = 0;
  ConstantId constant;
  std::vector<BindingId> sources;

  auto key() const { return std::tie(kind, type, term, index, value, constant, sources); }
};

struct Test {
  enum class Kind : uint8_t {
    Variant,   // the value is the variant number `value`
    Bool,      // the value is `value`
    Int,       // the value is `value`, canonical for its type
    Constant,  // the value equals `constant`
    Matched,   // the extractor matched, the partial constructor yielded a value
    Each,      // for each result of a multi call
    Equal,     // the value equals `other`
  };
  BindingId binding;
  Kind kind = Kind::Matched;
  Int128 value = 0;
  ConstantId constant;
  BindingId other;

  bool operator==(const Test&) const = default;
};

struct MatchRule {
  RuleId rule;
  uint32_t number = 0;  // in Term::rules
  int64_t priority = 0;
  Position position;
  std::vector<Test> tests;
  std::map<BindingId, size_t> test_of;  // index of the value test of a binding (all kinds but Equal)
  std::vector<BindingId> variables;     // of the rule's variables, those bound by its left side
  bool has_equalities = false;
};

struct MatchTerm {
  TermId term;
  Table<BindingId, Binding> bindings;
  Table<BindingId, std::string> names;  // a variable bound to it in some rule, or empty
  std::vector<MatchRule> rules;         // in the order of Term::rules; rules that can never match are left out
};

// Collects the tests of all rules of a term that has rules. A rule that tests one value for two different things is
// reported in `errors`, if given.
MatchTerm match_term(const Program& program, TermId term, std::vector<PositionedError>* errors);

// Whether some input may match both rules, as far as their tests show.
bool may_overlap(const MatchRule& a, const MatchRule& b);

// Whether every input that matches `narrow` matches `wide`, as far as their tests show.
bool is_subset(const MatchRule& narrow, const MatchRule& wide);

}  // namespace assay::isle
