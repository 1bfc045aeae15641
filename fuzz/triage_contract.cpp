// What compiled functions owe each other, checked on the case whatever its symptom: places of arguments and results,
// their extension, registers that a callee may overwrite, stack slots, and the frame. Most is read off the code, held
// against the platform's documents as oracles/call_plan.h and abi_facts.h have them; what values arrive is seen in a
// run over virtual registers.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "compiler/ir/printer.h"
#include "compiler/machine/abi.h"
#include "fuzz/triage_parts.h"
#include "oracles/abi_facts.h"
#include "oracles/call_plan.h"

namespace assay::fuzz {

using machine::FrameArea;
using machine::Operand;
using machine::OperandKind;
using machine::PReg;
using machine::Reg;
using machine::RegClass;
using oracles::CallLayout;
using oracles::CallLocation;
using oracles::CallPart;
using oracles::ExecutorKind;

namespace {

constexpr unsigned kMostFaults = 4;

std::string ordinal(const char* what, size_t i) { return std::string(what) + " " + std::to_string(i + 1); }

class Contract {
 public:
  Contract(TriageContext& context, uint32_t function)
      : context_(context),
        f_(context.test.functions[function]),
        isa_(context.traces.isa()),
        virtual_(context.traces.session().stage(ExecutorKind::Virtual, function)),
        allocated_(context.traces.session().stage(ExecutorKind::Allocated, function)),
        code_(virtual_.code) {}

  // What needs no code.
  bool run_signatures() {
    signature(f_.signature, "its own signature");
    for (const ir::Signature& called : f_.signatures) signature(called, "a signature it calls");
    return faults_ != 0;
  }

  // True: something is broken, and its function blamed.
  bool run(bool is_entry) {
    if (!run_signatures()) {
      calls();
      arguments();
      parameters();
      slots();
      frame();
      tail_targets();
      emitted(is_entry);
    }
    if (faults_ == 0 && is_entry) values();
    return faults_ != 0;
  }

 private:
  void fault(TriageStage stage, Decision decision, const std::string& text) {
    if (++faults_ > kMostFaults) return;
    if (faults_ == 1) {
      context_.result.stage = stage;
      context_.result.divergence = ir::to_string(f_.name) + ": " + text;
      context_.result.is_audited = decision == Decision::SlotPlaces;  // nobody else counts bytes of slots
    }
    context_.note("the contract of " + ir::to_string(f_.name) + " is broken: " + text);
    context_.blame(decision, text);
  }
  void fault(Decision decision, const std::string& text) { fault(TriageStage::Virtual, decision, text); }

  // ---- places ----

  std::string show(const CallPart& part) const {
    return part.in_register ? oracles::register_name(context_.isa, part.id) : "memory+" + std::to_string(part.offset);
  }
  // What lies below the stack arguments of this convention and not of the platform's: the document counts it in.
  uint32_t shadow(ir::CallConv convention) const {
    return isa_.abi_of(convention).outgoing_base - isa_.abi.outgoing_base;
  }
  static CallPart part_of(const machine::AbiPart& part, uint32_t shadow) {
    if (part.in_memory()) return {.in_register = false, .id = {}, .offset = part.offset + shadow};
    const int number = static_cast<int>(part.reg.number());
    const bool is_integer = part.reg.reg_class() == RegClass::Gpr;
    return {.in_register = true,
            .id = is_integer ? oracles::integer_register(number) : oracles::float_register(number)};
  }
  static PReg register_of(const CallPart& part) {
    return PReg(part.id.cls == oracles::RegisterClass::Integer ? RegClass::Gpr : RegClass::Vec, part.id.number);
  }

  // The compiler's places against the document's.
  void signature(const ir::Signature& signature, const std::string& whose) {
    const std::string text = misplaced(signature);
    if (text.empty()) return;
    // What is left if all that does not matter is taken away tells which of the convention's parts is wrong.
    ir::Signature least = signature;
    for (std::vector<ir::AbiParam> ir::Signature::* list : {&ir::Signature::params, &ir::Signature::returns}) {
      for (size_t i = (least.*list).size(); i-- > 0;) {
        ir::Signature less = least;
        (less.*list).erase((less.*list).begin() + static_cast<std::ptrdiff_t>(i));
        if (!misplaced(less).empty()) least = std::move(less);
      }
    }
    fault(part_to_blame(least), text + " (" + whose + ")");
  }
  Decision part_to_blame(const ir::Signature& least) const {
    bool has_float = false, has_pair = false, has_word = false;
    for (const auto* list : {&least.params, &least.returns}) {
      for (const ir::AbiParam& param : *list) {
        if (param.purpose != ir::Purpose::kNormal) return Decision::ArgumentPlaces;
        (param.type.is_float() ? has_float : param.type.bits() > 64 ? has_pair : has_word) = true;
      }
    }
    if (has_float && has_pair) return Decision::ArgumentPlaces;
    if (has_float) return Decision::FloatPlaces;
    if (has_pair) return Decision::PairPlaces;
    const auto right = oracles::lay_out_call(least, context_.isa);
    const auto in_memory = [](const CallLocation& location) { return !location.parts[0].in_register; };
    const bool on_stack =
        right && (std::ranges::any_of(right->params, in_memory) || std::ranges::any_of(right->returns, in_memory));
    return !has_word ? Decision::ArgumentPlaces : on_stack ? Decision::StackPlaces : Decision::WordPlaces;
  }
  // The first place that is not the document's, in words; empty: all are.
  std::string misplaced(const ir::Signature& signature) const {
    const auto right = oracles::lay_out_call(signature, context_.isa);
    machine::AbiSignature made;
    if (!right || !machine::compute_abi(signature, isa_, made)) return {};
    const uint32_t below_arguments = shadow(signature.call_conv);
    const auto compare = [&](const char* what, const std::vector<machine::AbiLocation>& ours,
                             const std::vector<CallLocation>& theirs, uint32_t below) -> std::string {
      for (size_t i = 0; i < ours.size() && i < theirs.size(); ++i) {
        for (unsigned p = 0; p < theirs[i].part_count; ++p) {
          CallPart mine = part_of(ours[i].parts[p], below);
          if (ours[i].is_whole && mine.in_register) mine.id.cls = oracles::RegisterClass::Vector;
          if (p < ours[i].part_count && mine == theirs[i].parts[p] && ours[i].by_reference == theirs[i].by_reference &&
              ours[i].extension == theirs[i].extension)
            continue;
          return ordinal(what, i) + " is in " + show(theirs[i].parts[p]) + "; the compiler looks in " + show(mine);
        }
      }
      return {};
    };
    if (auto text = compare("argument", made.params, right->params, below_arguments); !text.empty()) return text;
    if (auto text = compare("result", made.returns, right->returns, 0); !text.empty()) return text;
    if (made.has_return_area != right->has_return_area ||
        (made.has_return_area && part_of(made.return_area, below_arguments) != right->return_area)) {
      return "the address of the return area is in " + show(right->return_area) + ", not where the compiler passes it";
    }
    return {};
  }

  // ---- calls, as they stand in the code ----

  bool is_call(const machine::Inst& inst) const { return isa_.desc(inst.opcode).is(machine::kIsCall); }
  const Operand* fixed(const machine::Inst& inst, PReg reg, bool is_def) const {
    for (const Operand& operand : code_.operands_of(inst)) {
      if (operand.constraint == machine::Constraint::Fixed && operand.detail == reg.code &&
          operand.is_def() == is_def) {
        return &operand;
      }
    }
    return nullptr;
  }
  const Operand* frame_operand(const machine::Inst& inst, FrameArea area) const {
    for (const Operand& operand : code_.operands_of(inst)) {
      if (operand.kind == OperandKind::Frame && operand.area() == area) return &operand;
    }
    return nullptr;
  }
  // The instruction that defines a virtual register; none: a parameter of a block.
  const machine::Inst* definition(Reg reg) const {
    for (const machine::Inst& inst : code_.insts) {
      for (const Operand& operand : code_.operands_of(inst)) {
        if (operand.is_def() && operand.reg == reg) return &inst;
      }
    }
    return nullptr;
  }

  void calls() {
    for (uint32_t i = 0; i < code_.insts.size(); ++i) {
      const machine::Inst& inst = code_.insts[i];
      if (!is_call(inst) || inst.source == machine::kNoSource) continue;
      const ir::Inst source(inst.source);
      if (source.index >= f_.inst_count()) continue;
      if (!f_.info(source).is_call()) {
        // Of the library, for an operation; addresses of thread-local values come by conventions of their own.
        const bool is_of_library = f_.inst(source).opcode != ir::Opcode::kTlsValue;
        if (is_of_library) overwritten(inst, source, {.call_conv = ir::CallConv::kSystemV});
        continue;
      }
      const ir::Signature& signature = f_.signatures[f_.call_signature(source)];
      overwritten(inst, source, signature);
      const auto layout = oracles::lay_out_call(signature, context_.isa);
      uint32_t needed = shadow(signature.call_conv);
      for (const ir::AbiParam& param : signature.params) {  // of structs at least so much
        if (param.purpose == ir::Purpose::kStructArgument) needed += (param.struct_size + 7) / 8 * 8;
      }
      for (const CallLocation& param : layout ? layout->params : std::vector<CallLocation>()) {
        for (unsigned p = 0; p < param.part_count; ++p) {
          if (!param.parts[p].in_register) needed = std::max(needed, param.parts[p].offset / 8 * 8 + 8);
        }
      }
      if (code_.outgoing_size < needed) {
        fault(Decision::PassedArguments, "a call needs " + std::to_string(needed) +
                                             " bytes for stack arguments, the frame leaves " +
                                             std::to_string(code_.outgoing_size) + " for them");
      }
      if (!layout) continue;
      const ir::Opcode opcode = f_.inst(source).opcode;
      const bool is_tail_call = opcode == ir::Opcode::kReturnCall || opcode == ir::Opcode::kReturnCallIndirect;
      if (!is_tail_call) shared_ = std::max(shared_, shared_area(*layout));
      passed(inst, *layout, f_.info(source).is_terminator());
      read_back(i, *layout, source);
    }
  }

  // Bytes for results in memory and for copies of arguments that are passed by reference; all calls share them.
  static uint64_t shared_area(const CallLayout& layout) {
    uint64_t bytes = 0;
    for (const CallLocation& result : layout.returns) {
      for (unsigned p = 0; p < result.part_count; ++p) {
        if (!result.parts[p].in_register) bytes = std::max<uint64_t>(bytes, result.parts[p].offset / 8 * 8 + 8);
      }
    }
    for (const CallLocation& param : layout.params) bytes += param.by_reference ? 16 : 0;
    return bytes;
  }

  // What a callee may change must not carry anything across.
  void overwritten(const machine::Inst& inst, ir::Inst source, const ir::Signature& signature) {
    const auto& kept = oracles::preserved_registers(context_.isa, signature.call_conv);
    machine::PRegSet gone = isa_.desc(inst.opcode).clobbers | code_.clobber_sets[inst.clobbers];
    for (const Operand& operand : code_.operands_of(inst)) {
      if (operand.is_def() && operand.constraint == machine::Constraint::Fixed) {
        gone.add(PReg::from_code(operand.detail));
      }
    }
    for (PReg reg : isa_.registers.allocatable[unsigned(RegClass::Gpr)]) {
      const oracles::RegisterId id = oracles::integer_register(static_cast<int>(reg.number()));
      if (std::ranges::find(kept, id) != kept.end() || gone.contains(reg)) continue;
      const std::string name = oracles::register_name(context_.isa, id);
      const bool is_listed = isa_.registers.callee_saved.contains(reg);
      fault(is_listed ? Decision::PreservedRegisters : Decision::Clobbers,
            "a callee may overwrite " + name + "; the call does not say so");
      break;
    }
    if (has_handlers(source)) lost_to_exceptions(gone);
  }

  bool has_handlers(ir::Inst call) const {
    const ir::Format format = f_.info(call).format;
    if (format != ir::Format::kTryCall && format != ir::Format::kTryCallIndirect) return false;
    return std::ranges::any_of(f_.exception_table(call).items, [](const ir::ExceptionItem& item) {
      return item.kind != ir::ExceptionItem::Kind::kContext;
    });
  }
  // Who unwinds restores no registers: none carries anything to a handler.
  void lost_to_exceptions(const machine::PRegSet& gone) {
    for (const auto& list : isa_.registers.allocatable) {
      for (PReg reg : list) {
        if (gone.contains(reg)) continue;
        return fault(TriageStage::Bytes, Decision::CallWithHandlers,
                     "an exception that passes by a call loses " + name_of(reg) + "; the call does not say so");
      }
    }
  }

  // Every argument has its register; those on the stack are seen in values(). Results of one that `goes_elsewhere` are
  // taken there.
  void passed(const machine::Inst& inst, const CallLayout& layout, bool goes_elsewhere) {
    for (size_t i = 0; i < layout.params.size(); ++i) {
      for (unsigned p = 0; p < layout.params[i].part_count; ++p) {
        const CallPart& part = layout.params[i].parts[p];
        if (!part.in_register || fixed(inst, register_of(part), false) != nullptr) continue;
        fault(Decision::PassedArguments, ordinal("argument", i) + " is to be passed in " + show(part) + " and is not");
      }
    }
    for (size_t i = 0; i < layout.returns.size() && !goes_elsewhere; ++i) {
      for (unsigned p = 0; p < layout.returns[i].part_count; ++p) {
        const CallPart& part = layout.returns[i].parts[p];
        if (!part.in_register || fixed(inst, register_of(part), true) != nullptr) continue;
        fault(Decision::Call, ordinal("result", i) + " of a call is in " + show(part) + ", where nobody looks");
      }
    }
  }

  // Where the area for results in memory begins, from what its address is passed by.
  std::optional<int64_t> return_area(const machine::Inst& call, const CallLayout& layout) const {
    const Operand* passed = nullptr;
    if (layout.return_area.in_register) passed = fixed(call, register_of(layout.return_area), false);
    if (passed == nullptr) return std::nullopt;
    const machine::Inst* made = definition(passed->reg);
    const Operand* place = made != nullptr ? frame_operand(*made, FrameArea::Slots) : nullptr;
    return place != nullptr ? std::optional(place->imm) : std::nullopt;
  }

  // Results in memory are loaded from where they lie.
  void read_back(uint32_t call, const CallLayout& layout, ir::Inst source) {
    const auto area = return_area(code_.insts[call], layout);
    if (!area) return;
    const auto results = f_.results(source);
    for (size_t i = 0; i < layout.returns.size() && i < results.size(); ++i) {
      const CallLocation& location = layout.returns[i];
      const machine::ValueRegs regs = regs_of(results[i]);
      for (unsigned p = 0; p < location.part_count; ++p) {
        const Reg reg = p == 0 ? regs.low : regs.high;
        if (location.parts[p].in_register || reg.is_none()) continue;
        const machine::Inst* load = definition(reg);
        const Operand* place = load != nullptr ? frame_operand(*load, FrameArea::Slots) : nullptr;
        if (place == nullptr || place->imm == *area + int64_t(location.parts[p].offset)) continue;
        fault(Decision::Call, ordinal("result", i) + " lies " + std::to_string(location.parts[p].offset) +
                                  " bytes into the return area and is read at " + std::to_string(place->imm - *area));
      }
    }
  }

  machine::ValueRegs regs_of(ir::Value v) const {
    const uint32_t index = f_.resolve(v).index;
    return index < virtual_.value_regs.size() ? virtual_.value_regs[index] : machine::ValueRegs{};
  }

  // Arguments that arrive in a register or on the stack, and are used.
  void arguments() {
    const auto layout = oracles::lay_out_call(f_.signature, context_.isa);
    if (!layout || f_.entry_block().is_none()) return;
    const machine::Inst* args = nullptr;
    for (const machine::Inst& inst :
         std::span(code_.insts).first(code_.blocks.empty() ? 0 : code_.blocks[0].end_inst)) {
      if (inst.opcode == isa_.opcodes.args && args == nullptr) args = &inst;
    }
    const auto params = f_.block_params(f_.entry_block());
    for (size_t i = 0; i < params.size() && i < layout->params.size(); ++i) {
      const CallLocation& location = layout->params[i];
      const machine::ValueRegs regs = regs_of(params[i]);
      if (location.by_reference) continue;
      for (unsigned p = 0; p < location.part_count; ++p) {
        const Reg reg = p == 0 ? regs.low : regs.high;
        if (reg.is_none() || !is_used(reg)) continue;
        const CallPart& part = location.parts[p];
        if (part.in_register) {
          const Operand* arrives = args != nullptr ? fixed(*args, register_of(part), true) : nullptr;
          const bool is_same_class =
              reg.is_virtual() && code_.vreg_classes[reg.virtual_index()] == register_of(part).reg_class();
          if (arrives != nullptr && (!is_same_class || arrives->reg == reg)) continue;
          fault(Decision::Arrival, ordinal("argument", i) + " arrives in " + show(part) + "; nobody takes it there");
          continue;
        }
        const machine::Inst* load = definition(reg);
        const Operand* place = load != nullptr ? frame_operand(*load, FrameArea::Incoming) : nullptr;
        if (place != nullptr && place->imm + shadow(f_.signature.call_conv) == int64_t(part.offset)) continue;
        fault(Decision::Arrival, ordinal("argument", i) + " arrives in " + show(part) +
                                     (place != nullptr ? "; it is loaded from " + std::to_string(place->imm)
                                                       : std::string("; nobody loads it")));
      }
    }
  }
  bool is_used(Reg reg) const {
    return std::ranges::any_of(code_.operands, [&](const Operand& o) { return o.is_use() && o.reg == reg; }) ||
           std::ranges::find(code_.branch_args, reg) != code_.branch_args.end();
  }

  // A block's parameter that has no register of its own stands for what all edges pass: then they must pass the same.
  void parameters() {
    std::vector<bool> seen(f_.block_count());
    std::vector<ir::Block> work = {f_.entry_block()};
    std::map<uint32_t, std::vector<ir::Value>> passed;  // by parameter
    while (!work.empty()) {
      const ir::Block block = work.back();
      work.pop_back();
      if (block.is_none() || seen[block.index]) continue;
      seen[block.index] = true;
      const ir::Inst last = f_.terminator(block);
      if (last.is_none()) continue;
      for (const ir::BlockCall& call : f_.block_calls(last)) {
        work.push_back(call.block);
        const auto args = f_.args(call);
        const auto params = f_.block_params(call.block);
        for (size_t i = 0; i < args.size() && i < params.size(); ++i) {
          if (args[i].is_value()) passed[params[i].index].push_back(f_.resolve(args[i].value()));
        }
      }
    }
    for (const auto& [param, values] : passed) {
      const ir::Value v(param);
      const bool is_read = std::ranges::any_of(f_.blocks(), [&](ir::Block block) {
        return seen[block.index] && std::ranges::any_of(f_.insts(block), [&](ir::Inst inst) {
                 return std::ranges::any_of(f_.args(inst), [&](ir::Value arg) { return f_.resolve(arg) == v; });
               });
      });
      const bool differ = std::ranges::any_of(values, [&](ir::Value other) { return other != values.front(); });
      if (!is_read || !differ || f_.value_type(v).bits() > 64) continue;
      // Values that nobody needs have none either; what reads them has no code.
      if (!regs_of(v).is_none() || !has_code_reading(v)) continue;
      fault(Decision::EdgesOfBlocks, "v" + std::to_string(param) + ", a block's parameter, gets " +
                                         std::to_string(values.size()) +
                                         " arguments, not all the same, and has no register");
    }
  }
  bool has_code_reading(ir::Value v) const {
    return std::ranges::any_of(code_.insts, [&](const machine::Inst& inst) {
      if (inst.source >= f_.inst_count()) return false;
      return std::ranges::any_of(f_.args(ir::Inst(inst.source)), [&](ir::Value arg) { return f_.resolve(arg) == v; });
    });
  }

  // ---- stack slots ----

  // The slots in order, each aligned, none inside another: what lowering documents, worked out again.
  void slots() {
    // Of one that wants more alignment than the stack pointer has, only the room is known.
    const auto is_rounded = [&](const ir::StackSlotData& slot) {
      return uint64_t{1} << slot.align_log2 > isa_.abi.stack_align;
    };
    std::vector<uint64_t> begin;
    uint64_t at = 0;
    for (const ir::StackSlotData& slot : f_.stack_slots) {
      const uint64_t wanted = uint64_t{1} << std::min<unsigned>(slot.align_log2, 31), most = isa_.abi.stack_align;
      const uint64_t alignment = std::clamp<uint64_t>(std::min(wanted, most), 8, 16);
      at = (at + alignment - 1) / alignment * alignment;
      begin.push_back(at);
      at += slot.size + (is_rounded(slot) ? wanted - most : 0);
    }
    if (code_.slots_size < at + shared_) {
      return fault(code_.slots_size < at ? Decision::SlotPlaces : Decision::Call,
                   "the slots have " + std::to_string(at) + " bytes, results and copies of arguments " +
                       std::to_string(shared_) + ", their area " + std::to_string(code_.slots_size));
    }
    for (const machine::Inst& inst : code_.insts) {
      const Operand* place = frame_operand(inst, FrameArea::Slots);
      if (place != nullptr && place->imm >= int64_t(code_.slots_size)) {
        // Behind the slots is what calls share, those of library functions, too, that expansions make.
        return fault(place->imm < int64_t(at) ? Decision::SlotPlaces : Decision::Call,
                     "something is " + std::to_string(place->imm) + " bytes into the slots' area, which has " +
                         std::to_string(code_.slots_size));
      }
      if (inst.source == machine::kNoSource || inst.source >= f_.inst_count()) continue;
      const ir::Inst source(inst.source);
      const auto address = slot_address(source);
      if (!address || place == nullptr) continue;
      const auto [slot, offset] = *address;
      const int64_t found = place->imm;
      if (slot >= begin.size() || found == int64_t(begin[slot]) + offset) continue;
      if (is_rounded(f_.stack_slots[ir::StackSlot(slot)])) continue;
      // One place off for all of the slot, or does the offset count?
      const bool is_base = offset != 0 && found == int64_t(begin[slot]);
      fault(is_base ? Decision::SlotAddress : Decision::SlotPlaces,
            ir::print_inst(f_, source) + " is " + std::to_string(begin[slot]) + " + " + std::to_string(offset) +
                " bytes into the slots; the code says " + std::to_string(found));
    }
  }

  // The slot that an instruction names, itself or through its address, and how far into it.
  std::optional<std::pair<uint32_t, int64_t>> slot_address(ir::Inst inst) const {
    const ir::InstData& data = f_.inst(inst);
    if (data.opcode == ir::Opcode::kStackAddr) return std::pair(data.stack_slot().index, int64_t(data.offset()));
    const bool is_store = data.opcode == ir::Opcode::kStore;
    if (!is_store && data.opcode != ir::Opcode::kLoad) return std::nullopt;
    const ir::ValueDef def = f_.value_def(f_.resolve(f_.arg(inst, is_store ? 1 : 0)));
    if (def.kind != ir::ValueKind::kResult || f_.inst(def.inst).opcode != ir::Opcode::kStackAddr) return std::nullopt;
    const ir::InstData& address = f_.inst(def.inst);
    return std::pair(address.stack_slot().index, int64_t(address.offset()) + data.offset());
  }

  // ---- the frame ----

  void frame() {
    if (!allocated_.frame) return;
    const machine::FrameLayout& frame = *allocated_.frame;
    const machine::AbiTable& abi = isa_.abi_of(f_.signature.call_conv);
    const machine::VCode& code = allocated_.code;
    const auto wrong = [&](const std::string& text) { fault(TriageStage::Bytes, Decision::FrameLayout, text); };
    const auto number = [](int64_t value) { return std::to_string(value); };
    if (frame.needs_frame && code.has_calls && !oracles::is_aligned_frame(context_.isa, frame.size)) {
      wrong("a frame of " + number(frame.size) + " bytes leaves the stack pointer misaligned at calls");
    }
    const int64_t bytes = frame.needs_frame ? int64_t(frame.size) + frame.growth : 0;
    const int64_t first_argument = bytes + machine::stack_arguments_at_entry(abi);
    if (frame.incoming_offset != first_argument) {
      wrong("stack arguments begin " + number(first_argument) + " bytes above the stack pointer, the frame says " +
            number(frame.incoming_offset));
    }
    const oracles::AbiFacts& facts = oracles::abi_facts(context_.isa);
    const auto name = [&](uint8_t reg) { return oracles::register_name(context_.isa, oracles::integer_register(reg)); };
    for (uint8_t reg : facts.preserved_integer) {
      const PReg place(RegClass::Gpr, reg);
      const bool is_linkage = abi.linkage_bytes != 0 && (place == abi.frame_pointer || place == abi.link_register);
      if (!writes(place) || is_linkage || is_pinned(reg)) continue;
      if (std::ranges::find(frame.saved, place) != frame.saved.end()) continue;
      if (!isa_.registers.callee_saved.contains(place)) {
        fault(TriageStage::Bytes, Decision::PreservedRegisters, name(reg) + " is written and not listed as preserved");
      } else {
        wrong(name(reg) + " is written and not saved");
      }
    }
    for (const machine::Inst& inst : code.insts) {
      for (const Operand& operand : code.operands_of(inst)) {
        if (operand.kind != OperandKind::Frame || operand.area() != FrameArea::Spills) continue;
        if (operand.imm + 8 <= int64_t(code.spills_size)) continue;
        return fault(
            TriageStage::Allocated, Decision::SpillArea,
            "a spill slot begins " + number(operand.imm) + " bytes into an area of " + number(code.spills_size));
      }
    }
    if (!frame.needs_frame) return;
    struct Area {
      const char* name;
      int64_t begin, size;
    };
    int64_t saves = 0;
    frame.each_save(abi.saves_in_caller_frame, [&](PReg reg, int64_t place) {
      saves = place + (reg.reg_class() == RegClass::Vec ? int64_t(frame.vec_save_bytes) : 8);
    });
    const Area areas[] = {
        {"outgoing arguments", 0, code.has_calls ? int64_t(code.outgoing_size) + isa_.abi.outgoing_base : 0},
        {"stack slots", frame.slots_offset, code.slots_size},
        {"spill slots", frame.spills_offset, code.spills_size},
        {"saved registers", frame.saves_offset, saves},
        {"linkage", frame.linkage_offset, abi.linkage_bytes}};
    int64_t end = 0;
    for (const Area& area : areas) {
      if (area.size == 0) continue;
      if (area.begin < end) wrong("the frame's " + std::string(area.name) + " overlap what lies below");
      end = area.begin + area.size;
    }
    if (end > int64_t(frame.size)) wrong("the frame has " + number(frame.size) + " bytes and needs " + number(end));
    if (code.slots_size != 0 && frame.slots_offset % std::max<uint32_t>(code.frame_align, 8) != 0) {
      wrong("the stack slots are not aligned");
    }
  }
  // The epilogue restores registers before a tail call jumps.
  void tail_targets() {
    if (!allocated_.frame) return;
    for (const machine::Inst& inst : allocated_.code.insts) {
      if (inst.opcode != isa_.opcodes.tail_call_indirect) continue;
      const Operand& target = allocated_.code.operands_of(inst)[0];
      if (!target.is_reg() || !target.reg.is_physical()) continue;
      const PReg reg = target.reg.preg();
      const machine::AbiTable& abi = isa_.abi_of(f_.signature.call_conv);
      const bool is_linkage = abi.linkage_bytes != 0 && (reg == abi.frame_pointer || reg == abi.link_register);
      if (!is_linkage && std::ranges::find(allocated_.frame->saved, reg) == allocated_.frame->saved.end()) continue;
      fault(TriageStage::Bytes, Decision::TailTarget,
            "the address of a tail call is in " + name_of(reg) + ", which the epilogue restores");
    }
  }

  // Handlers begin with an instruction, and none with the function.
  void emitted(bool is_entry) {
    if (!is_entry) return;
    const machine::EmittedCode& bytes = context_.traces.emitted();
    for (const machine::HandlerRecord& handler : bytes.handlers) {
      const bool is_inst =
          std::ranges::find(bytes.insts, handler.offset, &machine::EmittedInst::offset) != bytes.insts.end();
      if (handler.offset != 0 && is_inst) continue;
      fault(TriageStage::Bytes, Decision::HandlerPlaces,
            "a handler is said to be " + std::to_string(handler.offset) + " bytes into the function, where none is");
    }
  }

  std::string name_of(PReg reg) const {
    const int number = static_cast<int>(reg.number());
    const bool is_integer = reg.reg_class() == RegClass::Gpr;
    return oracles::register_name(context_.isa,
                                  is_integer ? oracles::integer_register(number) : oracles::float_register(number));
  }
  // What a pinned register holds when a function returns is what its caller wants to see.
  bool is_pinned(uint8_t reg) const {
    const auto kept = [&](bool has_pinned) -> const std::vector<oracles::RegisterId>& {
      return oracles::preserved_registers(context_.isa, f_.signature.call_conv, has_pinned);
    };
    const auto has = [&](bool has_pinned) {
      return std::ranges::find(kept(has_pinned), oracles::integer_register(reg)) != kept(has_pinned).end();
    };
    return context_.traces.options().pinned_register && has(false) && !has(true);
  }
  bool writes(PReg reg) const {
    for (const machine::Inst& inst : allocated_.code.insts) {
      if (inst.opcode == isa_.opcodes.args) continue;
      if ((isa_.desc(inst.opcode).clobbers | allocated_.code.clobber_sets[inst.clobbers]).contains(reg)) return true;
      for (const Operand& operand : allocated_.code.operands_of(inst)) {
        if (operand.is_def() && operand.reg == Reg(reg)) return true;
      }
    }
    return false;
  }

  // ---- values, in a run of the entry function ----

  void values() {
    oracles::Outcome outcome;
    const std::vector<TraceEvent> events = context_.traces.trace(ExecutorKind::Virtual, outcome);
    std::map<int64_t, Passed> outgoing;
    for (const TraceEvent& event : events) {
      if (!event.is_entry) {
        const machine::Inst& inst = code_.insts[event.inst];
        if (const Operand* place = frame_operand(inst, FrameArea::Outgoing);
            place != nullptr && isa_.desc(inst.opcode).is(machine::kStores)) {
          outgoing[place->imm - isa_.abi.outgoing_base] = stored(inst);
        }
        if (is_call(inst)) {
          arguments_of(inst, outgoing);
          outgoing.clear();
        }
        if (inst.opcode == isa_.opcodes.ret) results_of(inst);
      }
      for (const oracles::VCodeValue& made : event.defined) known_[made.reg.bits] = made.value.low();
      if (faults_ != 0) return;
    }
    // A call that does not return is not in the trace; its arguments may be at fault nevertheless.
  }

  struct Passed {
    bool is_known = false;
    Reg reg;  // none: an immediate
    uint64_t value = 0;
  };
  Passed passed_in(Reg reg) const {
    const auto found = known_.find(reg.bits);
    return found == known_.end() ? Passed{.is_known = false, .reg = reg, .value = 0} : Passed{true, reg, found->second};
  }
  // What a store to the frame stores: its only virtual register, or an immediate.
  Passed stored(const machine::Inst& inst) const {
    const auto operands = code_.operands_of(inst);
    for (const Operand& operand : operands) {
      if (operand.is_use() && operand.reg.is_virtual()) return passed_in(operand.reg);
    }
    return {};
  }

  // What is in a CLIF value's own register.
  std::optional<uint64_t> value_of(ir::Value v) const {
    const auto found = known_.find(regs_of(v).low.bits);
    return found == known_.end() ? std::nullopt : std::optional(found->second);
  }

  void compare(const std::string& what, const CallLocation& location, const Passed& passed, ir::Value v,
               Decision mover) {
    if (!location.type.is_int() || location.part_count != 1 || location.by_reference || !passed.is_known) return;
    // A constant may be made anew wherever it is needed: whether it is the right one is its rule's affair.
    const bool has_own = !regs_of(v).is_none();
    const auto expected = has_own ? value_of(v) : std::optional(passed.value);
    if (!expected) return;
    const unsigned bits = location.type.bits();
    const uint64_t mask = bits >= 64 ? ~uint64_t(0) : (uint64_t(1) << bits) - 1;
    if (((*expected ^ passed.value) & mask) != 0) {
      return fault(mover, what + " should be " + hex(*expected & mask) + " in " + show(location.parts[0]) +
                              ", and is " + hex(passed.value & mask));
    }
    if (location.extension == ir::Extension::kNone || bits >= 64) return;
    const uint64_t whole = oracles::extend_word(*expected & mask, bits, location.extension, 0);
    if (whole == passed.value) return;
    // Its own register, or the one it already was in: nobody has extended it.
    const bool as_it_was = !has_own || passed.reg == regs_of(v).low;
    fault(as_it_was ? mover : Decision::Extension,
          what +
              (location.extension == ir::Extension::kSext ? " should be sign-extended to "
                                                          : " should be zero-extended to ") +
              hex(whole) + ", and is " + hex(passed.value));
  }

  // Each argument by reference has a copy of its own.
  void references_of(const machine::Inst& call, const CallLayout& layout, const std::map<int64_t, Passed>& outgoing) {
    std::map<uint64_t, size_t> copies;
    for (size_t i = 0; i < layout.params.size(); ++i) {
      const CallLocation& location = layout.params[i];
      if (!location.by_reference) continue;
      Passed passed;
      if (location.parts[0].in_register) {
        const Operand* operand = fixed(call, register_of(location.parts[0]), false);
        if (operand != nullptr) passed = passed_in(operand->reg);
      } else if (const auto found = outgoing.find(location.parts[0].offset); found != outgoing.end()) {
        passed = found->second;
      }
      if (!passed.is_known) continue;
      const auto [first, is_new] = copies.emplace(passed.value, i);
      if (is_new) continue;
      fault(Decision::PassedArguments,
            ordinal("argument", i) + " is passed by a reference to the copy of " + ordinal("argument", first->second));
    }
  }

  void arguments_of(const machine::Inst& call, const std::map<int64_t, Passed>& outgoing) {
    const ir::Inst source(call.source);
    if (call.source == machine::kNoSource || source.index >= f_.inst_count() || !f_.info(source).is_call()) return;
    const auto layout = oracles::lay_out_call(f_.signatures[f_.call_signature(source)], context_.isa);
    if (!layout) return;
    references_of(call, *layout, outgoing);
    auto args = f_.args(source);
    if (args.size() > layout->params.size()) args = args.subspan(args.size() - layout->params.size());
    for (size_t i = 0; i < args.size(); ++i) {
      const CallLocation& location = layout->params[i];
      const CallPart& part = location.parts[0];
      const std::string what = ordinal("argument", i) + " of " + ir::print_inst(f_, source);
      if (part.in_register) {
        if (const Operand* operand = fixed(call, register_of(part), false)) {
          compare(what, location, passed_in(operand->reg), args[i], Decision::PassedArguments);
        }
        continue;
      }
      const auto found = outgoing.find(part.offset);
      if (found == outgoing.end()) {
        fault(Decision::PassedArguments, what + " is not stored at the place for it, " + show(part));
      } else {
        compare(what, location, found->second, args[i], Decision::PassedArguments);
      }
    }
  }

  void results_of(const machine::Inst& ret) {
    const ir::Inst source(ret.source);
    if (ret.source == machine::kNoSource || source.index >= f_.inst_count()) return;
    if (f_.inst(source).opcode != ir::Opcode::kReturn) return;
    const auto layout = oracles::lay_out_call(f_.signature, context_.isa);
    if (!layout) return;
    const auto args = f_.args(source);
    for (size_t i = 0; i < args.size() && i < layout->returns.size(); ++i) {
      const CallPart& part = layout->returns[i].parts[0];
      if (!part.in_register) continue;
      const Operand* operand = fixed(ret, register_of(part), false);
      if (operand == nullptr) {
        fault(Decision::Return, ordinal("result", i) + " is to be returned in " + show(part) + " and is not");
      } else {
        compare(ordinal("result", i), layout->returns[i], passed_in(operand->reg), args[i], Decision::Return);
      }
    }
  }

  TriageContext& context_;
  const ir::Function& f_;
  const machine::TargetIsa& isa_;
  const oracles::VCodeFunction& virtual_;
  const oracles::VCodeFunction& allocated_;
  const machine::VCode& code_;
  std::unordered_map<uint32_t, uint64_t> known_;  // by Reg::bits, in the run so far
  uint64_t shared_ = 0;                           // bytes that the calls share
  unsigned faults_ = 0;
};

}  // namespace

bool blame_contract(TriageContext& context) {
  bool is_broken = false;
  for (uint32_t i = 0; i < context.test.functions.size() && !is_broken; ++i) {
    using Kind = oracles::MachineSession::Status::Kind;
    const bool is_compiled = context.traces.session().status(i).kind == Kind::Ready && context.traces.problem().empty();
    Contract contract(context, i);
    is_broken = is_compiled ? contract.run(i == context.test.entry) : contract.run_signatures();
  }
  return is_broken;
}

}  // namespace assay::fuzz
