// The decision tree of a term: in which order its rules' tests are made, each shared by all rules that it can be.
//
// A node is a list of items that are tried in order; a leaf returns, and so do the leaves below an item; whatever does
// not return falls through to the next item. The tree keeps the language's meaning:
//
//   D1  if a rule q of higher priority than r may match the same input as r, q's leaf is reached before r's.
//   D2  every binding is computed only below the tests that it depends on (but external pure functions may be called
//       earlier than their place in the rule's text, or when another test of the rule would have failed).
//
// How: the first rule of the list (highest priority) must make progress. Of its tests that can be made now, take the
// one that the most rules have. Another rule joins if it tests the same binding, has no test that more rules share, and
// no rule left out in front of it has higher priority and overlaps. Joined rules are grouped by the value tested; the
// others form the next item.
#pragma once

#include <vector>

#include "compiler/isle/match.h"

namespace assay::isle {

struct DecisionArm;

struct DecisionItem {
  enum class Kind : uint8_t {
    Leaf,    // `rule` matches
    Switch,  // on the value of `binding`; one arm a value
    Equal,   // `binding` equals `other`; one arm
    Each,    // for each result of `binding`; one arm
  };
  Kind kind = Kind::Leaf;
  uint32_t rule = 0;  // index into MatchTerm::rules
  BindingId binding;
  BindingId other;
  std::vector<DecisionArm> arms;
};

struct DecisionNode {
  std::vector<DecisionItem> items;
};

struct DecisionArm {
  Test test;
  DecisionNode node;
};

// Of a multi term all rules apply, so priorities do not matter.
DecisionNode build_decisions(const Program& program, const MatchTerm& term);

// The rules at the leaves below, as indices into MatchTerm::rules, in the order of the tree.
std::vector<uint32_t> leaves_of(const DecisionNode& node);

}  // namespace assay::isle
