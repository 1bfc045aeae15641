// What proofs know of external terms by their names (verify/run.cpp, patterns.cpp), said once more and held against the
// C++. Each contract returns the first thing that is wrong with the term, or nothing.
#include "verify/helper_table.h"

namespace assay::verify {

namespace {

using machine::Amode;
using machine::Reg;
using machine::RegClass;

// Exactly one of mem_big and mem_little succeeds, for every access.
std::string byte_order(const HelperContext& context, const std::string& term, size_t& cases) {
  using ir::Endianness;
  const bool native_big = endianness(context.lower->isa().kind) == std::endian::big;
  for (const ir::MemFlags flags : {ir::MemFlags(), ir::MemFlags::trusted(), ir::MemFlags().with_readonly(),
                                   ir::MemFlags().with_trap(ir::TrapCode::user(9))}) {
    for (const auto& [order, big] :
         {std::pair(Endianness::kNative, native_big), {Endianness::kLittle, false}, {Endianness::kBig, true}}) {
      ++cases;
      const ir::MemFlags access = flags.with_endianness(order);
      const auto answer = term == "mem_big" ? context.lower->mem_big(access) : context.lower->mem_little(access);
      if (answer.has_value() == (big == (term == "mem_big"))) continue;
      return std::string(answer ? "succeeds for a " : "declines a ") + (big ? "big" : "little") + "-endian access";
    }
  }
  return "";
}

// Extractors of labels by their number; the order is that of the block calls.
std::string targets(const HelperContext& context, const std::string& term, size_t& cases) {
  using machine::Block;
  const Block blocks[] = {Block(5), Block(2), Block(9), Block(2)};
  const machine::LowerContext& c = *context.lower;
  for (size_t count = 0; count <= std::size(blocks); ++count) {
    ++cases;
    const std::span<const Block> labels(blocks, count);
    bool right = false;
    if (term == "one_target") {
      const auto one = c.one_target(labels);
      right = one.has_value() == (count == 1) && (!one || *one == blocks[0]);
    } else if (term == "two_targets") {
      const auto two = c.two_targets(labels);
      right = two.has_value() == (count == 2) && (!two || *two == std::tuple(blocks[0], blocks[1]));
    } else if (term == "table_targets") {
      const auto table = c.table_targets(labels);
      right = table.has_value() == (count > 0);
      if (table) {
        const auto& [otherwise, entries] = *table;
        right &= otherwise == blocks[0] && entries.data() == blocks + 1 && entries.size() == count - 1;
      }
    } else {
      right = c.table_size(labels) == count;
    }
    if (!right) return "gives something else for " + std::to_string(count) + " labels";
  }
  return "";
}

std::string pieces(const HelperContext& context, const std::string& term, size_t& cases) {
  machine::LowerContext& c = *context.lower;
  const machine::MultiReg multi{{c.new_reg(RegClass::Gpr), c.new_reg(RegClass::Gpr)}, {c.new_reg(RegClass::Flags)}};
  ++cases;
  const bool right = term == "first"      ? c.first(multi) == multi.regs[0]
                     : term == "second"   ? c.second(multi) == multi.regs[1]
                     : term == "two_regs" ? c.two_regs(multi.regs[0], multi.regs[1]) ==
                                                machine::MultiReg{{multi.regs[0], multi.regs[1]}, {}}
                                          : c.flags_of(multi) == multi.flags;
  return right ? "" : "gives another piece";
}

// The two registers of an i128, each its own; of anything else the one that it has.
std::string halves(const HelperContext& context, const std::string& term, size_t& cases) {
  machine::LowerContext& c = *context.lower;
  for (const ir::Type type : {ir::kI8, ir::kI16, ir::kI32, ir::kI64, ir::kI128}) {
    const ir::Value value = context.value({.type = type, .is_constant = false});
    const machine::ValueRegs regs = c.put_in_regs(value);
    ++cases;
    if (regs.high.is_none() == (type == ir::kI128)) return "gives a high half to " + type.to_string();
    if (regs.low == regs.high) return "gives one register for both halves";
    if ((term == "low_reg" ? c.put_in_reg(value) : c.high_reg(value)) != (term == "low_reg" ? regs.low : regs.high)) {
      return "gives another half";
    }
  }
  return "";
}

// base + (index << shift) + displacement, every part where it belongs.
std::string addresses(const HelperContext& context, const std::string& term, size_t& cases) {
  const Reg base = context.lower->new_reg(RegClass::Gpr), index = context.lower->new_reg(RegClass::Gpr);
  for (const int32_t disp : {0, 1, -1, 4095, -4096, INT32_MAX, INT32_MIN}) {
    for (uint8_t shift = 0; shift < (term == "amode_disp" ? 1 : 4); ++shift) {
      ++cases;
      const bool right = term == "amode_disp"
                             ? context.lower->amode_disp(base, disp) == Amode{.base = base, .disp = disp}
                             : context.lower->amode_index(base, index, shift, disp) ==
                                   Amode{.base = base, .index = index, .shift = shift, .disp = disp};
      if (!right) return "misplaces a part at displacement " + std::to_string(disp);
    }
  }
  return "";
}

// Rules look only at what defines the value, and through nothing that has an effect: proofs let the definition's `sem`
// stand for the value wherever it is used.
std::string definitions(const HelperContext& context, const std::string&, size_t& cases) {
  const ir::Function& function = context.lower->function();
  for (uint32_t i = 0; i < function.value_count(); ++i) {
    const std::optional<ir::Inst> inst = context.lower->def_inst(ir::Value(i));
    ++cases;
    if (!inst) continue;
    if (*inst != function.def_inst(ir::Value(i))) return "gives what does not define v" + std::to_string(i);
    const ir::OperationInfo& info = function.info(*inst);
    if (info.effects != 0) return "looks through " + std::string(info.name);
  }
  return "";
}

// The type of the first result.
std::string result_types(const HelperContext& context, const std::string&, size_t& cases) {
  const ir::Function& function = context.lower->function();
  for (uint32_t i = 0; i < function.value_count(); ++i) {
    const ir::Inst inst = function.def_inst(ir::Value(i));
    if (inst.is_none() || function.result(inst) != ir::Value(i)) continue;
    ++cases;
    if (context.lower->result_type(inst) != function.value_type(ir::Value(i))) {
      return "gives another type for " + std::string(function.info(inst).name);
    }
  }
  return "";
}

}  // namespace

std::map<std::string, HelperContract> helper_contracts() {
  return {
      {"mem_big", byte_order},       {"mem_little", byte_order}, {"one_target", targets},    {"two_targets", targets},
      {"table_targets", targets},    {"table_size", targets},    {"first", pieces},          {"second", pieces},
      {"flags_of", pieces},          {"amode_disp", addresses},  {"amode_index", addresses}, {"def_inst", definitions},
      {"result_type", result_types}, {"two_regs", pieces},       {"low_reg", halves},        {"high_reg", halves},
  };
}

}  // namespace assay::verify
