// See compile.h. Compiler::compile is the pipeline; all else here connects its stages.
#include "compiler/machine/compile.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "compiler/ir/printer.h"
#include "compiler/ir/verifier.h"
#include "compiler/machine/expand.h"
#include "compiler/machine/frame.h"
#include "compiler/machine/lower.h"
#include "compiler/machine/print_vcode.h"
#include "compiler/machine/verify_insts.h"
#include "compiler/opt/optimize.h"
#include "compiler/regalloc/allocator.h"
#include "compiler/regalloc/apply.h"
#include "compiler/regalloc/checker.h"
#include "compiler/regalloc/verify_vcode.h"

namespace assay::machine {
namespace {

uint64_t now() {
  return static_cast<uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

// The allocator's moves as the ISA's instructions.
regalloc::MoveHooks move_hooks(const TargetIsa& isa) {
  regalloc::MoveHooks hooks;
  hooks.make_move = [&isa](regalloc::MoveKind kind, PReg to, PReg from, RegClass reg_class, uint32_t slot,
                           std::vector<Inst>& insts, std::vector<Operand>& operands) {
    const Amode place{.base = {},
                      .index = {},
                      .shift = 0,
                      .in_frame = true,
                      .area = FrameArea::Spills,
                      .disp = static_cast<int32_t>(slot * 8)};
    const SimpleInst made = kind == regalloc::MoveKind::Move ? isa.move(reg_class, to, from)
                            : kind == regalloc::MoveKind::Spill
                                ? isa.store(isa.spill_types[size_t(reg_class)], from, place)
                                : isa.load(isa.spill_types[size_t(reg_class)], to, place);
    Inst inst;
    inst.opcode = made.opcode;
    inst.operand_count = made.operand_count;
    inst.first_operand = static_cast<uint32_t>(operands.size());
    operands.insert(operands.end(), made.operands, made.operands + made.operand_count);
    insts.push_back(inst);
  };
  hooks.is_no_op = [&isa](const VCode& code, const Inst& inst) {
    if (!isa.desc(inst.opcode).is(kIsMove)) return false;
    Reg to, from;
    for (const Operand& operand : code.operands_of(inst)) {
      if (operand.is_def()) to = operand.reg;
      if (operand.is_use()) from = operand.reg;
    }
    return to == from && !to.is_none();
  };
  return hooks;
}

std::unexpected<Diagnostic> internal_error(const ir::Function& function, const TargetIsa& isa, Stage stage,
                                           const Diagnostic& cause) {
  Diagnostic error = cause;
  error.message =
      std::string("internal error in ") + isa.name + ", stage " + std::string(name(stage)) + ": " + cause.message;
  if (!cause.place.instruction.empty()) error.message += " (" + cause.place.instruction + ")";
  error.place.function = to_string(function.name);
  return std::unexpected(std::move(error));
}

// Code for new instructions and blocks is code for the function that was given.
void restore_sources(const ir::Function& function, std::span<const ir::Inst> origins, VCode& code) {
  for (Inst& inst : code.insts) {
    if (inst.source != kNoSource && inst.source >= function.inst_count()) {
      inst.source = origins[inst.source - function.inst_count()].index;
    }
  }
  for (VBlock& block : code.blocks) {
    if (block.source_block >= function.block_count()) block.source_block = kNoSource;
  }
}

// The same of what the mid-end made copies of.
void restore_copies(const opt::Optimizer& optimizer, EmittedCode& code) {
  const auto original = [&](uint32_t inst) {
    return inst == kNoSource ? inst : optimizer.original(ir::Inst(inst)).index;
  };
  for (TrapRecord& trap : code.traps) trap.inst = original(trap.inst);
  for (SourceMark& mark : code.sources) mark.inst = original(mark.inst);
}

}  // namespace

std::string_view name(Stage stage) {
  constexpr std::string_view kNames[] = {"verify",   "optimize", "lower", "verify_machine",
                                         "allocate", "check",    "apply", "emit"};
  return kNames[size_t(stage)];
}

regalloc::RegisterEnv allocatable_registers(const TargetIsa& isa, const CompileOptions& options) {
  regalloc::RegisterEnv env = isa.registers;
  if (options.pinned_register) {
    std::erase(env.allocatable[size_t(RegClass::Gpr)], isa.abi.pinned);
    env.callee_saved.remove(isa.abi.pinned);
  }
  return env;
}

regalloc::AllocateOptions allocate_options(const CompileOptions& options) {
  regalloc::AllocateOptions out{.max_registers = options.max_registers, .choice_seed = options.choice_seed};
  RandomChoices choices(options.choice_seed, RandomChoices::kForRegisters);
  if (choices.active() && options.max_registers == 0 && choices.one_in(3)) out.max_registers = 2 + choices.below(6);
  return out;
}

FeatureSet chosen_features(const InstSet& insts, const CompileOptions& options) {
  RandomChoices choices(options.choice_seed, RandomChoices::kForFeatures);
  const FeatureSet given = options.features & ~options.left_out;
  if (!choices.active() || insts.features.empty()) return given;
  const FeatureSet all = (~FeatureSet(0) >> (64 - insts.features.size())) & ~options.left_out;
  switch (choices.below(4)) {
    case 0:
      return given;
    case 1:
      return all;
    default:
      return given | (choices.next() & all);
  }
}

bool will_optimize(const CompileOptions& options) {
  if (!options.optimize || options.opt_level == OptLevel::None) return false;
  RandomChoices choices(options.choice_seed, RandomChoices::kForOptimizing);
  return !choices.active() || choices.one_in(2);
}

opt::OptimizeOptions mid_end_options(const CompileOptions& options) {
  opt::OptimizeOptions out = options.passes;
  out.small = out.small || options.opt_level == OptLevel::SpeedAndSize;
  RandomChoices choices(options.choice_seed, RandomChoices::kForPasses);
  if (!choices.active()) return out;
  out.choice_seed = choices.next();
  for (const opt::PassName& pass : opt::kPasses) {
    if (choices.one_in(8)) out.*pass.on = false;
  }
  return out;
}

namespace {

constexpr std::string_view kLevels[] = {"none", "speed", "speed_and_size"};

}  // namespace

std::string_view name(OptLevel level) { return kLevels[size_t(level)]; }

std::optional<OptLevel> opt_level_from_name(std::string_view name) {
  for (size_t i = 0; i < std::size(kLevels); ++i) {
    if (kLevels[i] == name) return static_cast<OptLevel>(i);
  }
  return {};
}

CompileStats& CompileStats::operator+=(const CompileStats& other) {
  for (size_t i = 0; i < kStageCount; ++i) nanoseconds[i] += other.nanoseconds[i];
  clif_insts += other.clif_insts;
  vcode_insts += other.vcode_insts;
  virtual_registers += other.virtual_registers;
  moves += other.moves;
  spilled += other.spilled;
  machine_insts += other.machine_insts;
  return *this;
}

struct Compiler::State {
  ir::Function optimized;
  std::unique_ptr<LowerContext> context;
  TargetIsa featured;                   // this machine with the features asked for
  ir::Function expanded;                // the function given, if something in it has to be expanded
  std::vector<ir::Inst> expanded_from;  // by new instruction in it: what it is part of
  VCode vcode;
  regalloc::Allocator allocator;
  regalloc::Allocation allocation;
  std::vector<PRegSet> clobbers_by_opcode;
  regalloc::InstClobbers clobbers;
  regalloc::MoveHooks hooks;
  regalloc::RegisterEnv registers;  // without the pinned one, once asked for
  FrameLayout frame;
  std::vector<uint32_t> origins;
  Emitter emitter;
};

namespace {

// `compiled`: the function as it was lowered, whose slots are those of the frame.
void add_debug_tags(const ir::Function& function, const ir::Function& compiled, const TargetIsa& isa,
                    const FrameLayout& frame, CompiledFunction& out) {
  std::vector<uint32_t> offsets;
  for (const SourceMark& point : out.code.points) {
    if (point.inst >= function.inst_count()) continue;
    const auto tags = function.debug_tags(ir::Inst(point.inst));
    if (tags.empty()) continue;
    if (offsets.empty()) offsets = lay_out_slots(compiled, isa).value_or(std::vector<uint32_t>{0});
    TaggedPlace& place = out.debug_tags.emplace_back(TaggedPlace{.offset = point.offset, .tags = {}});
    for (const ir::DebugTag& tag : tags) {
      place.tags.push_back({tag.is_slot, tag.is_slot ? int64_t{frame.slots_offset} + offsets[tag.value] : tag.value});
    }
  }
}

}  // namespace

std::string to_string(const TaggedPlace& place) {
  const auto hex = [](uint32_t offset) {
    char text[16];
    std::snprintf(text, sizeof text, "%x", offset);
    return std::string(text);
  };
  std::string out = hex(place.offset) + ": <";
  for (const EmittedTag& tag : place.tags) {
    if (&tag != &place.tags.front()) out += ", ";
    out += (tag.is_slot ? "sp+" : "") + std::to_string(tag.value);
  }
  return out + ">";
}

Compiler::Compiler(const TargetIsa& isa)
    : isa_(isa),
      rules_(std::make_unique<isle::RuleState>(isa.rules)),
      optimizer_(std::make_unique<opt::Optimizer>()),
      coverage_(isa),
      state_(std::make_unique<State>()) {
  state_->context = isa.make_context();
  state_->featured = isa;
  for (const InstDesc& desc : isa.insts->descs) state_->clobbers_by_opcode.push_back(desc.clobbers);
  state_->clobbers.by_opcode = state_->clobbers_by_opcode;
  state_->hooks = move_hooks(isa);
}

Compiler::~Compiler() = default;

Expected<CompiledFunction> Compiler::compile(const ir::Function& given, const CompileOptions& options) {
  State& s = *state_;
  CompiledFunction result;
  uint64_t begin = now();
  const auto done = [&](Stage stage) {
    const uint64_t end = now();
    result.stats.nanoseconds[size_t(stage)] = end - begin;
    begin = end;
  };
  const auto refuse = [&](Stage stage, const Diagnostic& cause) { return internal_error(given, isa_, stage, cause); };
  const auto dump = [&](Stage stage, auto&& text) {
    if (!options.dump) return;
    options.dump(stage, text());
    begin = now();
  };
  const auto show = [&](StageView view) {
    if (!options.observe) return;
    options.observe(view);
    begin = now();
  };
  const auto vcode_text = [&] { return print_vcode(s.vcode, *isa_.insts); };

  if (options.verify_ir) {
    Diagnostics errors = ir::verify(given);
    if (!errors.empty()) return std::unexpected(std::move(errors.front()));
    done(Stage::Verify);
  }

  const bool optimize = will_optimize(options);
  const ir::Function& function = optimize ? s.optimized : given;
  if (optimize) {
    s.optimized = given;
    optimizer_->run(s.optimized, mid_end_options(options));
    done(Stage::Optimize);
    if (options.verify_optimized) {
      const Diagnostics errors = ir::verify(s.optimized);
      if (!errors.empty()) return refuse(Stage::Optimize, errors.front());
    }
    dump(Stage::Optimize, [&] { return ir::print(s.optimized); });
  }

  const LowerOptions lower_options{.look_through = options.opt_level != OptLevel::None,
                                   .care_for_loops = options.opt_level != OptLevel::None,
                                   .want_origins = static_cast<bool>(options.observe),
                                   .pinned_register = options.pinned_register,
                                   .preserve_frame_pointers = options.preserve_frame_pointers,
                                   .probe_log2 = options.probe_log2,
                                   .features = chosen_features(*isa_.insts, options),
                                   .choice_seed = options.choice_seed};
  s.featured.expanded = isa_.expanded;
  if (isa_.expanded_with != nullptr) isa_.expanded_with(lower_options.features, s.featured.expanded);
  const bool expands = needs_expansion(function, s.featured, options.canonical_nans);
  if (expands) {
    s.expanded = function;
    expand(s.expanded, s.featured, options.canonical_nans, s.expanded_from);
  }
  auto lowered = s.context->lower_function(expands ? s.expanded : function, isa_, lower_options, *rules_, s.vcode);
  if (!lowered) return std::unexpected(std::move(lowered.error()));
  if (expands) restore_sources(function, s.expanded_from, s.vcode);
  std::span<const ValueRegs> value_regs = s.context->value_regs();
  value_regs = value_regs.first(std::min(value_regs.size(), function.value_count()));
  done(Stage::Lower);
  dump(Stage::Lower, vcode_text);
  show({.stage = Stage::Lower, .function = function, .vcode = s.vcode, .value_regs = value_regs});
  result.stats.clif_insts = static_cast<uint32_t>(given.inst_count());
  result.stats.vcode_insts = static_cast<uint32_t>(s.vcode.insts.size());
  result.stats.virtual_registers = static_cast<uint32_t>(s.vcode.vreg_classes.size());

  if (options.verify_machine) {
    const Diagnostics errors = regalloc::verify_vcode(s.vcode, s.clobbers);
    if (!errors.empty()) return refuse(Stage::VerifyMachine, errors.front());
    if (auto insts = verify_insts(s.vcode, *isa_.insts); !insts) return refuse(Stage::VerifyMachine, insts.error());
    done(Stage::VerifyMachine);
  }

  if (options.pinned_register && s.registers.callee_saved.empty()) s.registers = allocatable_registers(isa_, options);
  const regalloc::RegisterEnv& registers = options.pinned_register ? s.registers : isa_.registers;
  auto allocated = s.allocator.run(s.vcode, registers, s.clobbers, allocate_options(options), s.allocation);
  if (!allocated) return refuse(Stage::Allocate, allocated.error());
  done(Stage::Allocate);
  result.stats.moves = static_cast<uint32_t>(s.allocation.moves.size());
  result.stats.spilled = s.allocation.spilled_ranges;
  show({.stage = Stage::Allocate,
        .function = function,
        .vcode = s.vcode,
        .value_regs = value_regs,
        .allocation = &s.allocation});

  if (options.check_allocation) {
    const Diagnostics errors = regalloc::check(s.vcode, s.allocation, registers, s.clobbers);
    if (!errors.empty()) return refuse(Stage::Check, errors.front());
    done(Stage::Check);
  }

  coverage_.count_allocation(s.vcode, s.allocation);
  regalloc::apply_allocation(s.vcode, s.allocation, s.hooks, options.observe ? &s.origins : nullptr);
  layout_frame(s.vcode, isa_, s.frame);
  done(Stage::Apply);
  dump(Stage::Apply, vcode_text);
  show({.stage = Stage::Apply,
        .function = function,
        .vcode = s.vcode,
        .value_regs = value_regs,
        .origins = s.origins,
        .frame = &s.frame});

  auto emitted = s.emitter.emit(s.vcode, isa_, s.frame, options.want_listing || options.dump, result.code);
  if (!emitted) return refuse(Stage::Emit, emitted.error());
  done(Stage::Emit);
  dump(Stage::Emit, [&] { return result.code.listing; });

  coverage_.count_code(function, s.vcode, s.frame, result.code);
  if (optimize) restore_copies(*optimizer_, result.code);
  result.name = to_string(function.name);
  add_debug_tags(function, expands ? s.expanded : function, isa_, s.frame, result);
  result.symbols = std::move(s.vcode.symbols);
  result.frame_size = s.frame.size;
  result.unwind = {.size = s.frame.size,
                   .return_address = s.frame.linkage_pointer + isa_.abi.return_address_at,
                   .frame_pointer = s.frame.linkage_pointer,
                   .popped = s.frame.popped};
  result.stats.machine_insts = result.code.instructions;
  return result;
}

Expected<CompiledFunction> compile(const ir::Function& function, const TargetIsa& isa, const CompileOptions& options) {
  return Compiler(isa).compile(function, options);
}

}  // namespace assay::machine
