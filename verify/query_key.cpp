// See query_key.h.
#include "verify/query_key.h"

#include <xxhash.h>

#include <algorithm>
#include <unordered_map>

namespace assay::verify {

namespace {

bool commutes(const z3::func_decl& function) {
  switch (function.decl_kind()) {
    case Z3_OP_AND:
    case Z3_OP_OR:
    case Z3_OP_EQ:
    case Z3_OP_IFF:
    case Z3_OP_XOR:
    case Z3_OP_DISTINCT:
    case Z3_OP_BADD:
    case Z3_OP_BMUL:
    case Z3_OP_BAND:
    case Z3_OP_BOR:
    case Z3_OP_BXOR:
      return true;
    default:
      return false;
  }
}

bool less(const XXH128_hash_t& a, const XXH128_hash_t& b) { return XXH128_cmp(&a, &b) < 0; }

// The operator, its parameters and its result's width, without its operands.
std::string head_of(const z3::expr& e) {
  const z3::func_decl function = e.decl();
  std::string head =
      std::to_string(function.decl_kind()) + " " + std::to_string(e.is_bv() ? e.get_sort().bv_size() : 0);
  // A float's number is no parameter of its operator.
  if (e.is_fpa() && e.num_args() == 0 && function.decl_kind() != Z3_OP_UNINTERPRETED) return head + " " + e.to_string();
  if (e.is_numeral()) return head + " " + e.get_decimal_string(0);
  const unsigned parameters = Z3_get_decl_num_parameters(e.ctx(), function);
  for (unsigned i = 0; i < parameters; ++i) {
    if (Z3_get_decl_parameter_kind(e.ctx(), function, i) == Z3_PARAMETER_INT) {
      head += " " + std::to_string(Z3_get_decl_int_parameter(e.ctx(), function, i));
    }
  }
  if (function.decl_kind() == Z3_OP_UNINTERPRETED) head += " " + function.name().str();
  return head;
}

}  // namespace

CanonicalQuery::CanonicalQuery(const std::vector<z3::expr>& assertions) {
  std::unordered_map<unsigned, XXH128_hash_t> hashes;  // by term
  std::vector<z3::expr> work(assertions.begin(), assertions.end());
  std::vector<XXH128_hash_t> operands;
  std::string bytes;
  while (!work.empty()) {
    const z3::expr e = work.back();
    if (hashes.contains(e.id())) {
      work.pop_back();
      continue;
    }
    const size_t before = work.size();
    for (unsigned i = 0; i < e.num_args(); ++i) {
      if (!hashes.contains(e.arg(i).id())) work.push_back(e.arg(i));
    }
    if (work.size() != before) continue;
    work.pop_back();
    operands.clear();
    for (unsigned i = 0; i < e.num_args(); ++i) operands.push_back(hashes.at(e.arg(i).id()));
    if (commutes(e.decl())) std::sort(operands.begin(), operands.end(), less);
    bytes = head_of(e);
    bytes.append(reinterpret_cast<const char*>(operands.data()), operands.size() * sizeof(XXH128_hash_t));
    hashes.emplace(e.id(), XXH3_128bits(bytes.data(), bytes.size()));
  }
  operands.clear();
  for (const z3::expr& assertion : assertions) operands.push_back(hashes.at(assertion.id()));
  std::sort(operands.begin(), operands.end(), less);
  bytes_.assign(reinterpret_cast<const char*>(operands.data()), operands.size() * sizeof(XXH128_hash_t));
}

QueryKey CanonicalQuery::key(const std::string& solver) const {
  const std::string bytes = solver + bytes_;
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
}

}  // namespace assay::verify
