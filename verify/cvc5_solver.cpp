// See cvc5_solver.h. Terms are translated from the leaves up, without recursion.
#include "verify/cvc5_solver.h"

#include <cvc5/cvc5.h>

#include <optional>
#include <unordered_map>

namespace assay::verify {

namespace {

// The cvc5 operator of the same meaning, if it takes the same operands and no parameters.
std::optional<cvc5::Kind> kind_of(Z3_decl_kind kind) {
  switch (kind) {
    case Z3_OP_EQ:
    case Z3_OP_IFF:
      return cvc5::EQUAL;
    case Z3_OP_DISTINCT:
      return cvc5::DISTINCT;
    case Z3_OP_ITE:
      return cvc5::ITE;
    case Z3_OP_AND:
      return cvc5::AND;
    case Z3_OP_OR:
      return cvc5::OR;
    case Z3_OP_XOR:
      return cvc5::XOR;
    case Z3_OP_NOT:
      return cvc5::NOT;
    case Z3_OP_IMPLIES:
      return cvc5::IMPLIES;
    case Z3_OP_BNEG:
      return cvc5::BITVECTOR_NEG;
    case Z3_OP_BNOT:
      return cvc5::BITVECTOR_NOT;
    case Z3_OP_BADD:
      return cvc5::BITVECTOR_ADD;
    case Z3_OP_BSUB:
      return cvc5::BITVECTOR_SUB;
    case Z3_OP_BMUL:
      return cvc5::BITVECTOR_MULT;
    case Z3_OP_BAND:
      return cvc5::BITVECTOR_AND;
    case Z3_OP_BOR:
      return cvc5::BITVECTOR_OR;
    case Z3_OP_BXOR:
      return cvc5::BITVECTOR_XOR;
    // Z3's simplifier says "_I" where it has set division by zero apart.
    case Z3_OP_BUDIV:
    case Z3_OP_BUDIV_I:
      return cvc5::BITVECTOR_UDIV;
    case Z3_OP_BSDIV:
    case Z3_OP_BSDIV_I:
      return cvc5::BITVECTOR_SDIV;
    case Z3_OP_BUREM:
    case Z3_OP_BUREM_I:
      return cvc5::BITVECTOR_UREM;
    case Z3_OP_BSREM:
    case Z3_OP_BSREM_I:
      return cvc5::BITVECTOR_SREM;
    case Z3_OP_ULT:
      return cvc5::BITVECTOR_ULT;
    case Z3_OP_ULEQ:
      return cvc5::BITVECTOR_ULE;
    case Z3_OP_UGT:
      return cvc5::BITVECTOR_UGT;
    case Z3_OP_UGEQ:
      return cvc5::BITVECTOR_UGE;
    case Z3_OP_SLT:
      return cvc5::BITVECTOR_SLT;
    case Z3_OP_SLEQ:
      return cvc5::BITVECTOR_SLE;
    case Z3_OP_SGT:
      return cvc5::BITVECTOR_SGT;
    case Z3_OP_SGEQ:
      return cvc5::BITVECTOR_SGE;
    case Z3_OP_BSHL:
      return cvc5::BITVECTOR_SHL;
    case Z3_OP_BLSHR:
      return cvc5::BITVECTOR_LSHR;
    case Z3_OP_BASHR:
      return cvc5::BITVECTOR_ASHR;
    case Z3_OP_CONCAT:
      return cvc5::BITVECTOR_CONCAT;
    default:
      return std::nullopt;
  }
}

struct NotTranslated {
  std::string what;
};

class Translation {
 public:
  explicit Translation(cvc5::Solver& solver) : solver_(solver) {}

  cvc5::Term of(const z3::expr& root) {
    std::vector<z3::expr> work{root};
    while (!work.empty()) {
      const z3::expr e = work.back();
      if (terms_.contains(e.id())) {
        work.pop_back();
        continue;
      }
      const size_t before = work.size();
      for (unsigned i = 0; i < e.num_args(); ++i) {
        if (!terms_.contains(e.arg(i).id())) work.push_back(e.arg(i));
      }
      if (work.size() != before) continue;
      work.pop_back();
      terms_.emplace(e.id(), of_node(e));
    }
    return terms_.at(root.id());
  }

 private:
  cvc5::Sort sort_of(const z3::sort& sort) {
    if (!sort.is_bool() && !sort.is_bv()) throw NotTranslated{sort.to_string()};
    return sort.is_bool() ? solver_.getBooleanSort() : solver_.mkBitVectorSort(sort.bv_size());
  }

  // A variable or function; the same for the same name and sort.
  cvc5::Term symbol(const z3::func_decl& function) {
    const std::string name = function.to_string();
    if (const auto it = symbols_.find(name); it != symbols_.end()) return it->second;
    std::vector<cvc5::Sort> domain;
    for (unsigned i = 0; i < function.arity(); ++i) domain.push_back(sort_of(function.domain(i)));
    const cvc5::Sort range = sort_of(function.range());
    return symbols_[name] = solver_.mkConst(domain.empty() ? range : solver_.mkFunctionSort(domain, range), name);
  }

  cvc5::Term of_node(const z3::expr& e) {
    const z3::func_decl function = e.decl();
    const Z3_decl_kind kind = function.decl_kind();
    std::vector<cvc5::Term> operands;
    for (unsigned i = 0; i < e.num_args(); ++i) operands.push_back(terms_.at(e.arg(i).id()));
    const auto parameter = [&](unsigned i) {
      return static_cast<uint32_t>(Z3_get_decl_int_parameter(e.ctx(), function, i));
    };
    if (kind == Z3_OP_TRUE || kind == Z3_OP_FALSE) return solver_.mkBoolean(kind == Z3_OP_TRUE);
    if (e.is_numeral()) return solver_.mkBitVector(e.get_sort().bv_size(), e.get_decimal_string(0), 10);
    if (kind == Z3_OP_EXTRACT)
      return solver_.mkTerm(solver_.mkOp(cvc5::BITVECTOR_EXTRACT, {parameter(0), parameter(1)}), operands);
    if (kind == Z3_OP_SIGN_EXT)
      return solver_.mkTerm(solver_.mkOp(cvc5::BITVECTOR_SIGN_EXTEND, {parameter(0)}), operands);
    if (kind == Z3_OP_ZERO_EXT)
      return solver_.mkTerm(solver_.mkOp(cvc5::BITVECTOR_ZERO_EXTEND, {parameter(0)}), operands);
    if (kind == Z3_OP_UNINTERPRETED) {
      if (operands.empty()) return symbol(function);
      operands.insert(operands.begin(), symbol(function));
      return solver_.mkTerm(cvc5::APPLY_UF, operands);
    }
    const std::optional<cvc5::Kind> same = kind_of(kind);
    if (!same) throw NotTranslated{function.name().str()};
    if (operands.size() == 1 && (*same == cvc5::AND || *same == cvc5::OR)) return operands[0];
    return solver_.mkTerm(*same, operands);
  }

  cvc5::Solver& solver_;
  std::unordered_map<unsigned, cvc5::Term> terms_;  // by Z3's number
  std::unordered_map<std::string, cvc5::Term> symbols_;
};

}  // namespace

std::string cvc5_name(Cvc5Strategy strategy) {
  static const std::string version = cvc5::Solver().getVersion();
  return "cvc5 " + version + (strategy == Cvc5Strategy::Integers ? ", integers" : ", bit vectors");
}

Cvc5Answer ask_cvc5(const std::vector<z3::expr>& assertions, Cvc5Strategy strategy, unsigned timeout_ms) {
  try {
    cvc5::Solver solver;
    solver.setOption("tlimit-per", std::to_string(timeout_ms));
    if (strategy == Cvc5Strategy::Integers) solver.setOption("solve-bv-as-int", "sum");
    solver.setLogic(strategy == Cvc5Strategy::Integers ? "ALL" : "QF_UFBV");
    Translation translation(solver);
    for (const z3::expr& assertion : assertions) solver.assertFormula(translation.of(assertion));
    const cvc5::Result result = solver.checkSat();
    if (result.isUnsat()) return {Cvc5Answer::Verdict::Unsatisfiable, ""};
    if (result.isSat()) return {Cvc5Answer::Verdict::Satisfiable, ""};
    return {Cvc5Answer::Verdict::Unknown, "not decided in time"};
  } catch (const NotTranslated& error) {
    return {Cvc5Answer::Verdict::Unknown, "no translation for " + error.what};
  } catch (const cvc5::CVC5ApiException& error) {
    return {Cvc5Answer::Verdict::Unknown, error.getMessage()};
  }
}

}  // namespace assay::verify
