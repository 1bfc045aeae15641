// See verifier.h. One pass over the preamble, one over the layout; dominators are computed once.
#include "compiler/ir/verifier.h"

#include <algorithm>

#include "compiler/ir/cfg.h"
#include "compiler/ir/dominators.h"
#include "compiler/ir/printer.h"

namespace assay::ir {

namespace {

constexpr size_t kMaxVerifierErrors = 1000;

class Verifier {
 public:
  Verifier(const Function& function, const ParsedFunction* parsed, std::string filename)
      : function_(function), parsed_(parsed), filename_(std::move(filename)) {}

  Diagnostics verify() {
    check_preamble();
    number_instructions();
    check_values();
    if (!references_ok_) return std::move(errors_);  // the graph would not be one
    cfg_.compute(function_);
    dominators_.compute(function_, cfg_);
    check_entry();
    for (Block b : function_.blocks()) check_block(b);
    return std::move(errors_);
  }

 private:
  // ---- errors ----

  bool full() const { return errors_.size() >= kMaxVerifierErrors; }

  void add(TextPlace at, std::string instruction, std::string message, std::string hint) {
    if (full()) return;
    errors_.push_back({.place = {filename_, at.line, at.column, to_string(function_.name), std::move(instruction)},
                       .message = std::move(message),
                       .hint = std::move(hint)});
  }

  void error(std::string message, std::string hint = {}) {
    add(parsed_ != nullptr ? TextPlace{parsed_->line, parsed_->column} : TextPlace(), {}, std::move(message),
        std::move(hint));
  }

  void error_in(Block b, std::string message, std::string hint = {}) {
    const bool known = parsed_ != nullptr && b.index < parsed_->block_places.size();
    add(known ? parsed_->block_places[b.index] : TextPlace(), to_string(b), std::move(message), std::move(hint));
  }

  void error_at(Inst i, std::string message, std::string hint = {}) {
    if (full()) return;
    if (text_of_ != i) {  // printed once for each instruction, however many errors it has
      text_of_ = i;
      constexpr size_t kLongest = 120;
      inst_text_ = references_ok_ ? print_inst(function_, i) : to_string(i);
      if (inst_text_.size() > kLongest) inst_text_ = inst_text_.substr(0, kLongest) + "…";
    }
    const bool known = parsed_ != nullptr && i.index < parsed_->inst_places.size();
    add(known ? parsed_->inst_places[i.index] : TextPlace(), inst_text_, std::move(message), std::move(hint));
  }

  // ---- preamble ----

  void check_preamble() {
    check_signature(function_.signature, "the function's signature");
    for (uint32_t n = 0; n < function_.signatures.size(); ++n) {
      check_signature(function_.signatures[SigRef(n)], to_string(SigRef(n)));
    }
    for (uint32_t n = 0; n < function_.functions.size(); ++n) {
      const FunctionDeclaration& data = function_.functions[FuncRef(n)];
      if (data.declared && !function_.signatures.contains(data.signature)) {
        error(to_string(FuncRef(n)) + " has no signature");
        references_ok_ = false;
      }
    }
    check_global_values();
    for (uint32_t n = 0; n < function_.dynamic_types.size(); ++n) {
      const DynamicTypeData& data = function_.dynamic_types[DynamicType(n)];
      if (!data.declared) continue;
      if (!function_.global_values.contains(data.scale) ||
          function_.global_values[data.scale].kind != GlobalValueData::Kind::kDynScaleTargetConst) {
        error(to_string(DynamicType(n)) + " needs a dyn_scale_target_const as its scale");
      }
      if (!data.base.is_vector()) error(to_string(DynamicType(n)) + " is not a multiple of a fixed vector");
    }
    for (uint32_t n = 0; n < function_.dynamic_stack_slots.size(); ++n) {
      const DynamicStackSlotData& data = function_.dynamic_stack_slots[DynamicStackSlot(n)];
      if (data.declared && !function_.dynamic_types.contains(data.type)) {
        error(to_string(DynamicStackSlot(n)) + " has no dynamic type");
      }
    }
    for (uint32_t n = 0; n < function_.constants.size(); ++n) {
      const ConstantData& data = function_.constants[Constant(n)];
      if (data.declared && data.bytes.empty()) error(to_string(Constant(n)) + " is empty");
    }
    if (!function_.stack_limit.is_none() && !is_declared(function_.stack_limit)) {
      error("the stack limit's global value is not declared");
    }
  }

  void check_signature(const Signature& signature, const std::string& name) {
    for (const std::vector<AbiParam>* list : {&signature.params, &signature.returns}) {
      unsigned contexts = 0;
      for (const AbiParam& param : *list) {
        if (param.type.lane_bits() == 0) error("a parameter of " + name + " has no type");
        if (param.extension != Extension::kNone && !param.type.is_int()) {
          error("a parameter of " + name + " of type " + param.type.to_string() + " is extended", "only integers are");
        }
        contexts += param.purpose == Purpose::kVMContext;
      }
      if (contexts > 1) error(name + " has several vmctx parameters");
    }
    for (const AbiParam& param : signature.returns) {
      if (param.purpose == Purpose::kStructArgument) error("a result of " + name + " is marked sarg");
    }
    if (signature.call_conv == CallConv::kPreserveAll && !signature.returns.empty()) {
      error(name + " returns values", "functions of convention preserve_all do not");
    }
  }

  bool is_declared(GlobalValue gv) const {
    return function_.global_values.contains(gv) &&
           function_.global_values[gv].kind != GlobalValueData::Kind::kUndeclared;
  }

  void check_global_values() {
    using Kind = GlobalValueData::Kind;
    const auto& values = function_.global_values;
    const auto has_base = [&](GlobalValue gv) {
      return values[gv].kind == Kind::kLoad || values[gv].kind == Kind::kIaddImm;
    };
    for (uint32_t n = 0; n < values.size(); ++n) {
      const GlobalValue gv(n);
      const GlobalValueData& data = values[gv];
      if (has_base(gv) && !is_declared(data.base)) error(to_string(gv) + ": its base is not declared");
      if (data.kind == Kind::kLoad) {
        if (!data.flags.notrap() || !data.flags.aligned()) {
          error(to_string(gv) + " may trap or be unaligned", "a global value's load is notrap aligned");
        }
        if (!data.flags.region().is_none() && !function_.regions.contains(data.flags.region())) {
          error(to_string(gv) + ": its region is not declared");
        }
      }
      if (data.kind == Kind::kIaddImm && !data.type.is_int()) error(to_string(gv) + " is not an integer");
      if (data.kind == Kind::kDynScaleTargetConst && !data.type.is_vector()) {
        error(to_string(gv) + " needs a vector type");
      }
      if (data.kind == Kind::kVMContext &&
          std::none_of(function_.signature.params.begin(), function_.signature.params.end(),
                       [](const AbiParam& p) { return p.purpose == Purpose::kVMContext; })) {
        error(to_string(gv) + ": the function has no vmctx parameter");
      }
    }
    // Every chain of bases must end: walk each once, marking what is known to.
    enum class State : uint8_t { kUnknown, kOnPath, kEnds };
    std::vector<State> state(values.size(), State::kUnknown);
    std::vector<GlobalValue> path;
    for (uint32_t n = 0; n < values.size(); ++n) {
      path.clear();
      GlobalValue gv(n);
      while (state[gv.index] == State::kUnknown) {
        state[gv.index] = State::kOnPath;
        path.push_back(gv);
        if (!has_base(gv) || !values.contains(values[gv].base)) break;
        gv = values[gv].base;
        if (state[gv.index] == State::kOnPath) {
          error(to_string(gv) + " is based on itself");
          break;
        }
      }
      for (GlobalValue on_path : path) state[on_path.index] = State::kEnds;
    }
  }

  // ---- values ----

  void number_instructions() {
    position_.assign(function_.inst_count(), 0);
    uint32_t next = 1;
    for (Block b : function_.blocks()) {
      for (Inst i : function_.insts(b)) position_[i.index] = next++;
    }
  }

  // Every list agrees with what its values say, every alias ends, every reference is in range.
  void check_values() {
    const uint32_t values = static_cast<uint32_t>(function_.value_count());
    for (uint32_t n = 0; n < values; ++n) {
      const Value v(n);
      if (!function_.is_alias(v)) continue;
      const Value original = function_.resolve(v);
      if (function_.is_alias(original)) {
        error("alias " + to_string(v) + " stands for itself");
        references_ok_ = false;
      } else if (function_.value_kind(original) == ValueKind::kUndefined) {
        error("alias " + to_string(v) + " stands for " + to_string(original) + ", which is not defined");
      } else if (function_.value_type(v) != function_.value_type(original)) {
        error("alias " + to_string(v) + " has another type than what it stands for");
      }
      if (full()) return;
    }
    const uint32_t blocks = static_cast<uint32_t>(function_.block_count());
    for (Block b : function_.blocks()) {
      const std::span<const Value> params = function_.block_params(b);
      for (uint32_t n = 0; n < params.size(); ++n) {
        if (params[n].index >= values) {
          error_in(b, "a parameter is not a value");
          references_ok_ = false;
          continue;
        }
        const ValueDef def = function_.value_def(params[n]);
        if (def.kind != ValueKind::kParam || def.block != b || def.number != n) {
          error_in(b, to_string(params[n]) + " is a parameter here but says it is defined elsewhere");
        }
        if (function_.value_type(params[n]).lane_bits() == 0) error_in(b, to_string(params[n]) + " has no type");
      }
      for (Inst i : function_.insts(b)) {
        const std::span<const Value> results = function_.results(i);
        for (uint32_t n = 0; n < results.size(); ++n) {
          if (results[n].index >= values) {
            references_ok_ = false;
            error_at(i, "a result is not a value");
            continue;
          }
          const ValueDef def = function_.value_def(results[n]);
          if (def.kind != ValueKind::kResult || def.inst != i || def.number != n) {
            error_at(i, to_string(results[n]) + " is a result here but says it is defined elsewhere");
          }
        }
        const Format format = function_.info(i).format;
        if ((format == Format::kTryCall || format == Format::kTryCallIndirect) &&
            !function_.exception_tables.contains(function_.inst(i).exception_table())) {
          references_ok_ = false;
          error_at(i, "the exception table does not exist");
          continue;
        }
        function_.for_each_use(i, [&](Value v) {
          if (v.index >= values) {
            references_ok_ = false;
            error_at(i, "an operand is not a value");
          }
        });
        for (const BlockCall& call : function_.block_calls(i)) {
          if (call.block.index < blocks && function_.is_inserted(call.block)) continue;
          references_ok_ = false;
          error_at(i, "branches to a block that is not in the function");
        }
      }
    }
  }

  // ---- blocks ----

  void check_entry() {
    const Block entry = function_.entry_block();
    if (entry.is_none()) {
      error("the function has no blocks");
      return;
    }
    for (const ControlFlowGraph::Predecessor& predecessor : cfg_.predecessors(entry)) {
      error_at(predecessor.branch, "branches to the entry block " + to_string(entry));
      if (full()) return;
    }
    const std::span<const Value> params = function_.block_params(entry);
    const std::vector<AbiParam>& expected = function_.signature.params;
    if (params.size() != expected.size()) {
      error_in(entry, "the entry block has " + std::to_string(params.size()) + " parameters, the function has " +
                          std::to_string(expected.size()));
      return;
    }
    for (size_t n = 0; n < params.size(); ++n) {
      if (function_.value_type(params[n]) != expected[n].type) {
        error_in(entry, "parameter " + to_string(params[n]) + " is " + type_name(params[n]) +
                            ", the function's parameter is " + expected[n].type.to_string());
      }
    }
  }

  void check_block(Block b) {
    const Inst last = function_.last_inst(b);
    if (last.is_none()) {
      error_in(b, "the block is empty", "a block ends with a branch, a return or a trap");
      return;
    }
    for (Inst i : function_.insts(b)) {
      if (full()) return;
      const OperationInfo& op = function_.info(i);
      if (op.is_terminator() && i != last) error_at(i, "'" + std::string(op.name) + "' must be the last of its block");
      if (i == last && !op.is_terminator()) {
        error_at(i, "the block does not end with a branch, a return or a trap");
      }
      if (check_shape(i, op)) {
        check_uses(b, i);
        check_types(i, op);
        check_special(i, op);
      }
    }
  }

  // ---- instructions ----

  // The operand lists have the lengths that the operation calls for, so that the rest can index them.
  bool check_shape(Inst i, const OperationInfo& op) {
    const InstData& data = function_.inst(i);
    const size_t args = function_.args(i).size();
    bool ok = true;
    if (op.variable_args ? args < op.value_operands : args != op.value_operands) {
      error_at(i, "has " + std::to_string(args) + " operands, '" + std::string(op.name) + "' takes " +
                      std::to_string(op.value_operands));
      ok = false;
    }
    size_t calls = 0;
    bool more_calls = false;
    for (const OperandInfo& operand : op.inputs) {
      switch (operand.kind) {
        case OperandKind::kBlockCall:
        case OperandKind::kBlockThen:
        case OperandKind::kBlockElse:
          ++calls;
          break;
        case OperandKind::kJumpTable:
        case OperandKind::kExceptionTable:
          ++calls;
          more_calls = true;
          break;
        default:
          if (!check_reference(operand.kind, data)) {
            error_at(i, "operand '" + std::string(operand.name) + "' is not declared");
            ok = false;
          }
          break;
      }
    }
    const size_t actual = function_.block_calls(i).size();
    if (more_calls ? actual < calls : actual != calls) {
      error_at(i, "has " + std::to_string(actual) + " block calls");
      ok = false;
    }
    if (!data.flags.region().is_none() && !function_.regions.contains(data.flags.region())) {
      error_at(i, "the alias region is not declared");
    }
    if (op.format == Format::kTryCall || op.format == Format::kTryCallIndirect) {
      const ExceptionTableData& table = function_.exception_table(i);
      if (!function_.signatures.contains(table.signature)) {
        error_at(i, "the signature is not declared");
        ok = false;
      }
      for (const ExceptionItem& item : table.items) {
        if (item.kind != ExceptionItem::Kind::kContext && (item.call_index == 0 || item.call_index >= actual)) {
          error_at(i, "a handler has no block");
          ok = false;
        }
      }
    }
    return ok;
  }

  bool check_reference(OperandKind kind, const InstData& data) const {
    switch (kind) {
      case OperandKind::kFuncRef:
        return function_.functions.contains(data.func_ref()) && function_.functions[data.func_ref()].declared;
      case OperandKind::kSigRef:
        return function_.signatures.contains(data.sig_ref());
      case OperandKind::kStackSlot:
        return function_.stack_slots.contains(data.stack_slot()) && function_.stack_slots[data.stack_slot()].declared;
      case OperandKind::kDynamicStackSlot:
        return function_.dynamic_stack_slots.contains(data.dynamic_stack_slot()) &&
               function_.dynamic_stack_slots[data.dynamic_stack_slot()].declared;
      case OperandKind::kGlobalValue:
        return is_declared(data.global_value());
      case OperandKind::kPoolConstant:
        return function_.constants.contains(data.constant()) && function_.constants[data.constant()].declared;
      case OperandKind::kUimm128:
        return function_.immediates.contains(data.immediate());
      case OperandKind::kRawBlock:
        return data.raw_block().index < function_.block_count() && function_.is_inserted(data.raw_block());
      default:
        return true;
    }
  }

  void check_uses(Block b, Inst i) {
    function_.for_each_use(i, [&](Value used) {
      const Value v = function_.resolve(used);
      const ValueDef def = function_.value_def(v);
      switch (def.kind) {
        case ValueKind::kUndefined:
        case ValueKind::kAlias:
          error_at(i, "uses " + to_string(used) + ", which is not defined");
          break;
        case ValueKind::kParam:
          if (!function_.is_inserted(def.block)) {
            error_at(i, "uses " + to_string(used) + ", a parameter of a block that is not in the function");
          } else if (!dominators_.dominates(def.block, b)) {
            error_at(i, "uses " + to_string(used) + ", which is not defined on every path to it");
          }
          break;
        case ValueKind::kResult: {
          const Block home = function_.inst_block(def.inst);
          if (home.is_none()) {
            error_at(i, "uses " + to_string(used) + ", a result of an instruction that is not in the function");
          } else if (home == b ? position_[def.inst.index] >= position_[i.index] : !dominators_.dominates(home, b)) {
            error_at(i, "uses " + to_string(used) + ", which is not defined on every path to it");
          }
          break;
        }
      }
    });
  }

  std::string type_name(Value v) const { return function_.value_type(v).to_string(); }

  static std::string expected_type(const TypeConstraint& constraint, Type controlling) {
    const Type type = constraint.resolve(controlling);
    if (type.is_valid()) return type.to_string();
    if (constraint.function == TypeFunction::kNarrower) return "a type narrower than " + controlling.to_string();
    if (constraint.function == TypeFunction::kWider) return "a type wider than " + controlling.to_string();
    return "one of " + std::string(constraint.variable);
  }

  void check_types(Inst i, const OperationInfo& op) {
    const InstData& data = function_.inst(i);
    if (op.polymorphic != data.type.is_valid()) {
      error_at(i, op.polymorphic ? "has no controlling type" : "has a controlling type but is not polymorphic");
      return;
    }
    if (op.polymorphic && !op.controlling.contains(data.type)) {
      error_at(i, "'" + std::string(op.name) + "' does not exist for type " + data.type.to_string());
      return;
    }
    const std::span<const Value> args = function_.args(i);
    size_t next = 0;
    for (const OperandInfo& operand : op.inputs) {
      if (operand.kind != OperandKind::kValue) continue;
      const Value arg = args[next++];
      const Type type = function_.value_type(arg);
      if (!operand.type.allows(type, data.type)) {
        error_at(i, "operand " + to_string(arg) + " is " + type.to_string() + ", expected " +
                        expected_type(operand.type, data.type));
      }
    }
    if (op.variable_results) return;
    const std::span<const Value> results = function_.results(i);
    if (results.size() != op.fixed_results) {
      error_at(i, "has " + std::to_string(results.size()) + " results, '" + std::string(op.name) + "' has " +
                      std::to_string(op.fixed_results));
      return;
    }
    for (size_t n = 0; n < results.size(); ++n) {
      const Type type = function_.value_type(results[n]);
      if (!op.results[n].type.allows(type, data.type)) {
        error_at(i, "result " + to_string(results[n]) + " is " + type.to_string() + ", expected " +
                        expected_type(op.results[n].type, data.type));
      }
    }
  }

  // What the table of operations cannot say.
  void check_special(Inst i, const OperationInfo& op) {
    check_side_tables(i, op);
    if (op.is_call()) check_call(i, op);
    if (op.is_branch()) check_branch(i, op);
    if (op.is_return()) check_return(i, op);
    const InstData& data = function_.inst(i);
    switch (data.opcode) {
      case Opcode::kIconst:
        if (data.type.bits() < 64 && data.imm >> data.type.bits() != 0) {
          error_at(i, "the constant does not fit in " + data.type.to_string());
        }
        break;
      case Opcode::kVconst:
      case Opcode::kF128const: {
        const size_t size = function_.constants[data.constant()].bytes.size();
        const unsigned expected = data.opcode == Opcode::kF128const ? 16 : data.type.bytes();
        if (size != expected) {
          error_at(i, to_string(data.constant()) + " has " + std::to_string(size) + " bytes, expected " +
                          std::to_string(expected));
        }
        break;
      }
      case Opcode::kInsertlane:
      case Opcode::kExtractlane:
        if (data.code >= data.type.lanes()) {
          error_at(i, "lane " + std::to_string(data.code) + " is not one of the " + std::to_string(data.type.lanes()) +
                          " of " + data.type.to_string());
        }
        break;
      case Opcode::kShuffle:
        for (uint8_t lane : function_.immediates[data.immediate()]) {
          if (lane >= 32) {
            error_at(i, "the mask chooses lane " + std::to_string(lane), "lanes are 0 to 31");
            break;
          }
        }
        break;
      case Opcode::kBitcast:
        check_bitcast(i, data);
        break;
      case Opcode::kFcvtFromUint:
      case Opcode::kFcvtFromSint:
      case Opcode::kFcvtToUintSat:
      case Opcode::kFcvtToSintSat:
      case Opcode::kX86Cvtt2dq: {
        const Type from = function_.value_type(function_.arg(i, 0));
        if (from.lanes() != data.type.lanes()) {
          error_at(i, "converts " + from.to_string() + " to " + data.type.to_string(), "the lanes must be as many");
        }
        break;
      }
      case Opcode::kSymbolValue:
      case Opcode::kTlsValue: {
        const GlobalValueData& global = function_.global_values[data.global_value()];
        if (global.kind != GlobalValueData::Kind::kSymbol) {
          error_at(i, to_string(data.global_value()) + " is not a symbol");
        } else if (data.opcode == Opcode::kTlsValue && !global.tls) {
          error_at(i, to_string(data.global_value()) + " is not thread-local");
        }
        break;
      }
      case Opcode::kGetExceptionHandlerAddress: {
        const Inst last = function_.last_inst(data.raw_block());
        const Format format = last.is_none() ? Format::kNullary : function_.info(last).format;
        if (format != Format::kTryCall && format != Format::kTryCallIndirect) {
          error_at(i, to_string(data.raw_block()) + " does not end with a try_call");
        } else if (data.imm + 1 >= function_.block_calls(last).size() || data.imm == ~uint64_t{0}) {
          error_at(i, "the try_call of " + to_string(data.raw_block()) + " has no handler " + std::to_string(data.imm));
        }
        break;
      }
      case Opcode::kTrap:
      case Opcode::kTrapz:
      case Opcode::kTrapnz:
      case Opcode::kUaddOverflowTrap:
        if (!data.trap_code().is_valid()) error_at(i, "has no trap code");
        break;
      default:
        break;
    }
  }

  void check_bitcast(Inst i, const InstData& data) {
    const Type from = function_.value_type(function_.arg(i, 0));
    if (from.bits() != data.type.bits() || from.is_dynamic_vector() != data.type.is_dynamic_vector()) {
      error_at(i, "casts " + from.to_string() + " to " + data.type.to_string(), "the sizes must be equal");
    } else if (from.lanes() != data.type.lanes() && data.flags.endianness() == Endianness::kNative) {
      error_at(i, "casts " + from.to_string() + " to " + data.type.to_string() + " without a byte order",
               "write little or big where the number of lanes changes");
    }
    if (data.flags.with_endianness(Endianness::kNative) != MemFlags()) {
      error_at(i, "has memory flags", "bitcast takes little or big only");
    }
  }

  void check_side_tables(Inst i, const OperationInfo& op) {
    for (const DebugTag& tag : function_.debug_tags(i)) {
      if (!op.is_call() && function_.inst(i).opcode != Opcode::kSequencePoint) {
        error_at(i, "has debug tags", "only calls and sequence_point have");
        break;
      }
      if (tag.is_slot && !function_.stack_slots.contains(StackSlot(tag.value))) {
        error_at(i, "the stack slot of a debug tag is not declared");
      }
    }
    for (const StackMapEntry& entry : function_.stack_map(i)) {
      if (!op.is_call() || op.is_return()) {
        error_at(i, "has a stack map", "only calls that are not tail calls have");
        break;
      }
      if (!function_.stack_slots.contains(entry.slot)) {
        error_at(i, "the stack slot of a stack map is not declared");
      } else if (uint64_t{entry.offset} + entry.type.bytes() > function_.stack_slots[entry.slot].size) {
        error_at(i, "a stack map's entry lies outside of " + to_string(entry.slot));
      }
    }
  }

  // ---- calls, branches, returns ----

  void check_list(Inst i, std::span<const Value> values, const std::vector<AbiParam>& params, std::string_view what) {
    if (values.size() != params.size()) {
      error_at(i, "has " + std::to_string(values.size()) + " " + std::string(what) + "s, the signature has " +
                      std::to_string(params.size()));
      return;
    }
    for (size_t n = 0; n < values.size(); ++n) {
      if (function_.value_type(values[n]) != params[n].type) {
        error_at(i, std::string(what) + " " + to_string(values[n]) + " is " + type_name(values[n]) + ", expected " +
                        params[n].type.to_string());
      }
    }
  }

  void check_call(Inst i, const OperationInfo& op) {
    const SigRef sig = function_.call_signature(i);
    if (!function_.signatures.contains(sig)) return;  // stack_switch has none; others are reported by check_shape
    const Signature& signature = function_.signatures[sig];
    check_list(i, function_.args(i).subspan(op.value_operands), signature.params, "argument");
    if (op.variable_results) {
      const std::span<const Value> results = function_.results(i);
      if (results.size() != signature.returns.size()) {
        error_at(i, "has " + std::to_string(results.size()) + " results, the signature has " +
                        std::to_string(signature.returns.size()));
      } else {
        check_list(i, results, signature.returns, "result");
      }
    }
    if (op.is_return()) {
      const Signature& caller = function_.signature;
      if (signature.call_conv != CallConv::kTail || caller.call_conv != CallConv::kTail) {
        error_at(i,
                 "calls a function of convention " + std::string(to_string(signature.call_conv)) + " from one of " +
                     std::string(to_string(caller.call_conv)),
                 "tail calls need convention tail on both sides");
      }
      const bool same = signature.returns.size() == caller.returns.size() &&
                        std::equal(signature.returns.begin(), signature.returns.end(), caller.returns.begin(),
                                   [](const AbiParam& a, const AbiParam& c) { return a.type == c.type; });
      if (!same) error_at(i, "the callee's results are not the caller's");
    }
    if (op.format == Format::kTryCall || op.format == Format::kTryCallIndirect) {
      if (!supports_exceptions(signature.call_conv)) {
        error_at(i, "functions of convention " + std::string(to_string(signature.call_conv)) + " cannot unwind");
      }
      if (op.format == Format::kTryCall) {
        const SigRef declared = function_.functions[function_.inst(i).func_ref()].signature;
        if (declared != sig && function_.signatures[declared] != signature) {
          error_at(i, to_string(sig) + " is not the signature of " + to_string(function_.inst(i).func_ref()));
        }
      }
    }
  }

  void check_branch(Inst i, const OperationInfo& op) {
    const bool is_try = op.format == Format::kTryCall || op.format == Format::kTryCallIndirect;
    const std::span<const BlockCall> calls = function_.block_calls(i);
    for (size_t c = 0; c < calls.size() && !full(); ++c) {
      const std::span<const BlockArg> args = function_.args(calls[c]);
      const std::span<const Value> params = function_.block_params(calls[c].block);
      if (args.size() != params.size()) {
        error_at(i, "passes " + std::to_string(args.size()) + " arguments to " + to_string(calls[c].block) +
                        ", which has " + std::to_string(params.size()) + " parameters");
        continue;
      }
      for (size_t n = 0; n < args.size(); ++n) {
        const Type expected = function_.value_type(params[n]);
        Type actual;
        if (args[n].is_value()) {
          actual = function_.value_type(args[n].value());
        } else if (!is_try || args[n].is_ret() != (c == 0)) {
          error_at(i,
                   std::string(args[n].is_ret() ? "ret" : "exn") + std::to_string(args[n].index()) +
                       " cannot be passed to " + to_string(calls[c].block),
                   "retN goes to the block of the normal return, exnN to handlers");
          continue;
        } else if (args[n].is_ret()) {
          const std::vector<AbiParam>& returns = function_.signatures[function_.call_signature(i)].returns;
          if (args[n].index() >= returns.size()) {
            error_at(i, "ret" + std::to_string(args[n].index()) + ": the call has " + std::to_string(returns.size()) +
                            " results");
            continue;
          }
          actual = returns[args[n].index()].type;
        } else {
          // The payload is two words of the target's size, none with winch.
          const CallConv convention = function_.signatures[function_.call_signature(i)].call_conv;
          if (args[n].index() >= (convention == CallConv::kWinch ? 0 : 2)) {
            error_at(i, "exn" + std::to_string(args[n].index()) + ": there is no such word of an exception's payload");
            continue;
          }
          actual = expected == kI32 ? kI32 : kI64;
        }
        if (actual != expected) {
          const std::string name = args[n].is_value()
                                       ? to_string(args[n].value())
                                       : (args[n].is_ret() ? "ret" : "exn") + std::to_string(args[n].index());
          error_at(i, "argument " + name + " of " + to_string(calls[c].block) + " is " + actual.to_string() +
                          ", expected " + expected.to_string());
        }
      }
    }
  }

  void check_return(Inst i, const OperationInfo& op) {
    if (op.format == Format::kMultiary) check_list(i, function_.args(i), function_.signature.returns, "result");
  }

  const Function& function_;
  const ParsedFunction* parsed_;
  std::string filename_;
  Diagnostics errors_;
  ControlFlowGraph cfg_;
  DominatorTree dominators_;
  std::vector<uint32_t> position_;  // by instruction: its place in the layout, from 1
  bool references_ok_ = true;       // every number is in range: the graph and the printer can be used
  Inst text_of_;
  std::string inst_text_;
};

}  // namespace

bool supports_exceptions(CallConv convention) {
  return convention == CallConv::kTail || convention == CallConv::kSystemV || convention == CallConv::kWinch ||
         convention == CallConv::kPreserveAll || convention == CallConv::kAppleAarch64;
}

Diagnostics verify(const Function& function) { return Verifier(function, nullptr, {}).verify(); }

Diagnostics verify(const ParsedFunction& function, const std::string& filename) {
  return Verifier(function.function, &function, filename).verify();
}

}  // namespace assay::ir
