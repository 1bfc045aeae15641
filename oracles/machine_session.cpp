// See machine_session.h.
#include "oracles/machine_session.h"

#include <algorithm>
#include <cassert>
#include <unordered_map>
#include <utility>

#include "compiler/isa/registry.h"
#include "compiler/machine/features.h"
#include "compiler/machine/module.h"
#include "compiler/support/random_choices.h"
#include "oracles/exclusions.h"
#include "oracles/executor_features.h"

namespace assay::oracles {

MachineSession::MachineSession(IsaKind isa, const machine::TargetIsa* target) : isa_(isa), host_(isa) {
  if (target == nullptr) target = isa::find_isa(isa);
  if (target != nullptr) compiler_ = std::make_unique<machine::Compiler>(*target);
}

MachineSession::~MachineSession() = default;

void MachineSession::prepare(std::span<const ir::Function* const> functions, const machine::CompileOptions& options,
                             bool keep_stages) {
  functions_.assign(functions.begin(), functions.end());
  has_pinned_ = options.pinned_register;
  status_.assign(functions.size(), {});
  linked_index_.assign(functions.size(), 0);
  entry_offsets_.assign(functions.size(), 0);
  layouts_.assign(functions.size(), std::nullopt);
  for (size_t i = 0; i < stages_.size(); ++i) {
    stages_[i].clear();
    stages_[i].resize(keep_stages ? functions.size() : 0);
    built_[i].reset();
  }
  compiled_.clear();
  module_index_.clear();
  compile_stats_ = {};
  image_.bytes.clear();
  image_.traps.clear();
  image_.functions.clear();
  image_.host_stubs.clear();
  host_.clear();
  host_signatures_.clear();
  for (uint32_t i = 0; i < functions_.size(); ++i) status_[i].function = i;
  if (!has_backend()) {
    for (Status& status : status_) {
      status.kind = Status::Kind::NotSupported;
      status.reason = std::string("not supported on ") + name(isa_) + ": no backend in this build";
    }
    return;
  }
  machine::CompileOptions runnable = options;
  runnable.left_out |= encodings_of_no_executor(*compiler_->isa().insts);
  // Whatever else is in a function, one such instruction keeps it from being run.
  constexpr uint32_t kForExecutors = 100;  // beyond RandomChoices::User
  RandomChoices choices(options.choice_seed, kForExecutors);
  if (choices.active() && !choices.one_in(4)) {
    runnable.left_out |= features_of_no_executor(*compiler_->isa().insts) & ~options.features;
  }
  compile_all(runnable);
  spread_failures();
  link();
}

void MachineSession::compile_all(const machine::CompileOptions& options) {
  names_.clear();
  machine::CompileOptions stage_options = options;
  for (uint32_t i = 0; i < functions_.size(); ++i) {
    if (!stages_[0].empty()) keep_stages_of(i, stage_options);
    auto compiled = compiler_->compile(*functions_[i], stages_[0].empty() ? options : stage_options);
    if (compiled) {
      compile_stats_ += compiled->stats;
      // Calls by a name that two functions have mean the first; the linker wants different ones.
      if (!names_.insert(compiled->name).second) compiled->name += "#" + std::to_string(i);
      linked_index_[i] = static_cast<uint32_t>(compiled_.size());
      module_index_.push_back(i);
      compiled_.push_back(std::move(*compiled));
      continue;
    }
    Status& status = status_[i];
    status.reason = compiled.error().message;
    status.kind = status.reason.starts_with("not supported on ") ? Status::Kind::NotSupported : Status::Kind::Broken;
    if (status.kind == Status::Kind::Broken) {
      const Place& place = compiled.error().place;
      if (!place.instruction.empty()) status.reason += " (at " + place.instruction + ")";
    }
  }
}

void MachineSession::keep_stages_of(uint32_t function, machine::CompileOptions& options) {
  options.observe = [this, function](const machine::StageView& view) {
    if (view.stage == machine::Stage::Allocate) return;
    VCodeFunction& kept = stages_[view.stage == machine::Stage::Lower ? 0 : 1][function];
    kept.name = ir::to_string(view.function.name);
    kept.number = function;
    kept.code = view.vcode;
    kept.value_regs.assign(view.value_regs.begin(), view.value_regs.end());
    kept.origins.assign(view.origins.begin(), view.origins.end());
    if (view.frame != nullptr) kept.frame = *view.frame;
  };
}

// A function whose code refers to one that is not there is not there either: walk the calls backwards from the
// failures.
void MachineSession::spread_failures() {
  std::unordered_map<std::string, uint32_t> by_name;
  for (uint32_t i = 0; i < functions_.size(); ++i) by_name.emplace(ir::to_string(functions_[i]->name), i);
  std::vector<std::vector<uint32_t>> callers(functions_.size());
  std::vector<uint32_t> work;
  for (uint32_t n = 0; n < compiled_.size(); ++n) {
    const uint32_t caller = module_index_[n];
    for (const machine::Symbol& symbol : compiled_[n].symbols) {
      const auto callee = by_name.find(symbol.name);
      if (callee != by_name.end()) {
        callers[callee->second].push_back(caller);
      } else if (!add_host(symbol.name, caller) && status_[caller].kind == Status::Kind::Ready) {
        status_[caller].kind = Status::Kind::NotSupported;
        status_[caller].reason = std::string("not supported on ") + name(isa_) + ": call of " + symbol.name;
      }
    }
  }
  for (uint32_t i = 0; i < functions_.size(); ++i) {
    if (status_[i].kind != Status::Kind::Ready) work.push_back(i);
  }
  while (!work.empty()) {
    const uint32_t failed = work.back();
    work.pop_back();
    for (uint32_t caller : callers[failed]) {
      if (status_[caller].kind != Status::Kind::Ready) continue;
      status_[caller] = status_[failed];
      work.push_back(caller);
    }
  }
  // Only what is ready is linked.
  size_t kept = 0;
  for (size_t n = 0; n < compiled_.size(); ++n) {
    if (status_[module_index_[n]].kind != Status::Kind::Ready) continue;
    if (kept != n) compiled_[kept] = std::move(compiled_[n]);
    module_index_[kept] = module_index_[n];
    linked_index_[module_index_[kept]] = static_cast<uint32_t>(kept);
    ++kept;
  }
  compiled_.resize(kept);
  module_index_.resize(kept);
}

bool MachineSession::add_host(const std::string& name, uint32_t caller) {
  const auto routine = interpreter::find_library_function(name);
  if (routine && interpreter::library_function(*routine).is_operation()) return add_library(*routine, caller);
  if (name == kThreadLocalName || name.starts_with(kControlPrefix)) return add_thread_local(name);
  if (!interpreter::is_host_name(name) && !unwinds(name)) return false;
  const ir::Function& function = *functions_[caller];
  for (uint32_t i = 0; i < function.functions.size(); ++i) {
    const ir::FunctionDeclaration& declaration = function.functions[ir::FuncRef(i)];
    if (!declaration.declared || ir::to_string(declaration.name) != name) continue;
    const ir::Signature& signature = function.signatures[declaration.signature];
    for (size_t n = 0; n < host_.size(); ++n) {
      if (host_.name(n) == name) return host_signatures_[n] == signature;
    }
    if (!host_.add(name, signature)) return false;
    host_signatures_.push_back(signature);
    return true;
  }
  return false;
}

// The routine, or a control object: of that, only the address counts.
bool MachineSession::add_thread_local(const std::string& name) {
  for (size_t n = 0; n < host_.size(); ++n) {
    if (host_.name(n) == name) return true;
  }
  ir::Signature signature{.params = {}, .returns = {}, .call_conv = ir::CallConv::kSystemV};
  if (name == kThreadLocalName) signature.params = signature.returns = {{.type = ir::kI64}};
  if (!host_.add(name, signature)) return false;
  host_signatures_.push_back(signature);
  return true;
}

// Called by name, or by what the compiler made of an operation.
bool MachineSession::add_library(interpreter::LibraryFunction routine, uint32_t caller) {
  const interpreter::LibraryFunctionInfo& info = interpreter::library_function(routine);
  const ir::Signature signature = library_signature(info);
  const ir::Function& function = *functions_[caller];
  for (uint32_t i = 0; i < function.functions.size(); ++i) {
    const ir::FunctionDeclaration& declaration = function.functions[ir::FuncRef(i)];
    if (!declaration.declared || ir::to_string(declaration.name) != info.name) continue;
    const ir::Signature& declared = function.signatures[declaration.signature];
    if (declared.params != signature.params || declared.returns != signature.returns) return false;
  }
  for (size_t n = 0; n < host_.size(); ++n) {
    if (host_.name(n) == info.name) return true;
  }
  if (!host_.add(routine)) return false;
  host_signatures_.push_back(signature);
  return true;
}

void MachineSession::link() {
  for (size_t n = 0; n < host_.size(); ++n) {
    machine::CompiledFunction& stub = compiled_.emplace_back();
    stub.name = host_.name(n);
    const std::span<const uint8_t> bytes = HostFunctions::stub(isa_);
    stub.code.bytes.assign(bytes.begin(), bytes.end());
  }
  auto linked = machine::link(compiled_, memory_map::kCodeBase);
  if (!linked) {
    for (uint32_t i : module_index_) status_[i] = {Status::Kind::Broken, linked.error().message, i};
    compiled_.clear();
    module_index_.clear();
    return;
  }
  image_.bytes = std::move(linked->bytes);
  std::vector<UnwindFrame> frames;
  for (size_t n = 0; n < module_index_.size(); ++n) {
    const machine::CompiledFunction& function = compiled_[n];
    frames.push_back({.begin = linked->functions[n].begin,
                      .end = linked->functions[n].end,
                      .facts = function.unwind,
                      .call_sites = function.code.call_sites,
                      .handlers = function.code.handlers});
  }
  host_.set_frames(std::move(frames));
  for (const machine::LinkedTrap& trap : linked->traps) {
    image_.traps.push_back({trap.offset, trap.code, trap.inst, module_index_[trap.function]});
  }
  std::vector<uint64_t> stubs;
  for (size_t n = 0; n < linked->functions.size(); ++n) {
    if (n >= module_index_.size()) stubs.push_back(memory_map::kCodeBase + linked->functions[n].begin);
    image_.functions.push_back({linked->functions[n].begin, linked->functions[n].end});
    if (n >= module_index_.size()) {
      image_.host_stubs.push_back(linked->functions[n].begin);
      continue;
    }
    entry_offsets_[module_index_[n]] = linked->functions[n].begin;
  }
  host_.set_addresses(std::move(stubs));
}

Executor& MachineSession::executor(ExecutorKind kind) {
  std::unique_ptr<Executor>& executor = executors_[static_cast<size_t>(kind)];
  if (!executor) {
    switch (kind) {
      case ExecutorKind::Unicorn:
        executor = make_unicorn(isa_);
        break;
      case ExecutorKind::Native:
        executor = make_native();
        break;
      case ExecutorKind::Qemu:
        executor = make_qemu(isa_);
        break;
      case ExecutorKind::Virtual:
        executor = std::make_unique<VCodeExecutor>(isa_, VCodeStage::Virtual);
        break;
      case ExecutorKind::Allocated:
        executor = std::make_unique<VCodeExecutor>(isa_, VCodeStage::Allocated);
        break;
    }
  }
  return *executor;
}

bool MachineSession::may_be_wrong(ExecutorKind kind) {
  const std::string_view name = executor_name(kind);
  if (may_judge_all(name, isa_)) return false;
  if (!disassembler_) {
    auto made = Disassembler::make(isa_, DisassemblerKind::Llvm);
    if (!made) return false;
    disassembler_ = std::move(*made);
  }
  return find_exclusion(name, isa_, disassembler_->disassemble(image_.bytes, memory_map::kCodeBase)) != nullptr;
}

std::string MachineSession::lacking(ExecutorKind kind) const {
  if (is_stage(kind) || compiler_ == nullptr) return {};
  machine::FeatureSet needed = 0;
  for (const machine::CompiledFunction& function : compiled_) needed |= function.code.features;
  if (needed == 0) return {};
  const machine::InstSet& insts = *compiler_->isa().insts;
  constexpr std::string_view kNames[] = {"unicorn", "native", "qemu"};
  return machine::feature_names(insts, needed & ~executor_features(kNames[static_cast<size_t>(kind)], insts));
}

const char* MachineSession::executor_name(ExecutorKind kind) { return executor(kind).name(); }

Expected<void> MachineSession::load(ExecutorKind kind, std::span<const Region> regions) {
  assert(exists(kind, isa_));
  const std::string missing = executor(kind).unavailable();
  if (!missing.empty()) return fail(std::string(executor(kind).name()) + " cannot run here: " + missing);
  if (const std::string features = lacking(kind); !features.empty()) {
    return fail(std::string(executor(kind).name()) + " lacks " + features);
  }
  const auto memory = std::ranges::find_if(
      regions, [](const Region& r) { return r.writable && r.bytes.size() >= interpreter::kHostMemory; });
  host_.set_memory_address(memory == regions.end() ? 0 : memory->address);
  if (is_stage(kind)) {
    const size_t index = stage_index(kind);
    if (!built_[index]) built_[index] = build_stage(kind);
    if (!*built_[index]) return *built_[index];
    return stage_executor(kind).load_program(programs_[index], regions);
  }
  return executor(kind).load(image_, regions);
}

VCodeExecutor& MachineSession::stage_executor(ExecutorKind kind) { return static_cast<VCodeExecutor&>(executor(kind)); }

void MachineSession::set_trace(ExecutorKind kind, VCodeTrace* trace, uint64_t open_bits) {
  stage_executor(kind).set_trace(trace, open_bits);
}

// Only of what is ready, as the linker does.
Expected<void> MachineSession::build_stage(ExecutorKind kind) {
  const size_t index = stage_index(kind);
  if (stages_[index].size() != functions_.size()) return fail("stages were not kept");
  if (!meanings_) meanings_ = std::make_unique<VCodeMeanings>(compiler_->isa());
  std::vector<const VCodeFunction*> ready;
  for (uint32_t i = 0; i < functions_.size(); ++i) {
    if (status_[i].kind != Status::Kind::Ready) continue;
    VCodeFunction &first = stages_[0][i], &second = stages_[1][i];
    first.frame = second.frame;
    first.room = second.room = static_cast<uint32_t>(std::max(first.code.insts.size(), second.code.insts.size()));
    ready.push_back(&stages_[index][i]);
  }
  const VCodeStage stage = kind == ExecutorKind::Virtual ? VCodeStage::Virtual : VCodeStage::Allocated;
  std::vector<std::string> hosts;
  for (size_t n = 0; n < host_.size(); ++n) {
    const bool throws = unwinds(host_.name(n));
    if (throws || host_.name(n) == kThreadLocalName) {
      return fail(std::string("not supported on ") + executor(kind).name() + ": " +
                  (throws ? "exceptions, which need return addresses" : "thread-local values"));
    }
    hosts.push_back(host_.name(n));
  }
  if (auto built = programs_[index].build(*meanings_, stage, ready, hosts); !built) {
    return fail(std::string(executor(kind).name()) + " cannot run this: " + built.error().message);
  }
  stage_entries_[index].assign(functions_.size(), 0);
  for (const VCodeProgram::Function& function : programs_[index].functions) {
    stage_entries_[index][function.number] = function.first_step;
  }
  return {};
}

const Expected<CallLayout>& MachineSession::layout(uint32_t function) {
  auto& layout = layouts_[function];
  if (!layout) layout = lay_out_call(functions_[function]->signature, isa_);
  return *layout;
}

Expected<void> MachineSession::run(ExecutorKind kind, uint32_t function, std::span<const ir::DataValue> args,
                                   uint64_t seed, const Limits& limits, Outcome& outcome) {
  assert(status_[function].kind == Status::Kind::Ready);
  const Expected<CallLayout>& call = layout(function);
  if (!call) return std::unexpected(call.error());
  const uint32_t entry = is_stage(kind) ? stage_entries_[stage_index(kind)][function] : entry_offsets_[function];
  make_plan(*call, entry, args, seed, plan_, has_pinned_);
  host_.begin();
  plan_.host = &host_;
  executor(kind).run(plan_, limits, outcome);
  return {};
}

}  // namespace assay::oracles
