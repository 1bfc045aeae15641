// See vcode_executor.h.
#include "oracles/vcode_executor.h"

#include <bit>
#include <cstdlib>
#include <cstring>

namespace assay::oracles {

namespace map = memory_map;
using machine::PReg;
using machine::Reg;
using machine::RegClass;
using notation::Bits;

namespace {

constexpr uint32_t kPhysical = VCodeProgram::kPhysical;
constexpr uint64_t kClobbered = 0xc10b'be4e'd000'0000;
constexpr uint32_t kMaxDepth = 1 << 16;

uint32_t code_of(PReg reg) { return reg.code; }

void put64(uint8_t* to, uint64_t value, std::endian order) {
  if (order != std::endian::native) value = __builtin_bswap64(value);
  std::memcpy(to, &value, 8);
}
uint64_t get64(const uint8_t* from, std::endian order) {
  uint64_t value;
  std::memcpy(&value, from, 8);
  return order == std::endian::native ? value : __builtin_bswap64(value);
}

// A pseudo-random number for each count (the finaliser of SplitMix64).
uint64_t scramble(uint64_t count) {
  uint64_t x = count * 0x9e37'79b9'7f4a'7c15;
  x = (x ^ (x >> 30)) * 0xbf58'476d'1ce4'e5b9;
  x = (x ^ (x >> 27)) * 0x94d0'49bb'1331'11eb;
  return x ^ (x >> 31);
}

}  // namespace

// One run: the state of the machine, and its frames.
class VCodeExecutor::Run final : public notation::Memory {
 public:
  explicit Run(VCodeExecutor& owner)
      : owner_(owner),
        program_(*owner.program_),
        isa_(*program_.isa),
        order_(endianness(isa_.kind)),
        open_bits_(owner.open_bits_ << 32) {}

  Event run(uint64_t entry, MachineState& state, const Limits& limits) {
    owner_.registers_.assign(kPhysical, Bits());
    import_registers(state);
    const VCodeProgram::Function* function = program_.function_at(static_cast<uint32_t>(entry - map::kCodeBase));
    if (function == nullptr) return {.kind = Event::Kind::Unsupported, .text = "the entry is not a function"};
    fuel_ = limits.fuel;
    if (enter(*function, 0, 0)) loop();
    return finish(state);
  }

  // Does it wait for a host function that returns there?
  bool is_waiting_for(uint64_t address) const { return waits_ && address == map::kCodeBase + at_ + 1; }
  Event resume(MachineState& state) {
    waits_ = false;
    import_registers(state);
    return_from_call(calls_saved_);
    loop();
    return finish(state);
  }
  bool waits() const { return waits_; }

  bool read(uint64_t address, std::span<uint8_t> bytes) override {
    if (const uint8_t* at = place(address, bytes.size())) {
      std::memcpy(bytes.data(), at, bytes.size());
      return true;
    }
    const uint64_t offset = address - map::kCodeBase;
    const std::vector<uint8_t>& code = owner_.image().bytes;
    if (offset >= code.size() || bytes.size() > code.size() - offset) return false;
    std::memcpy(bytes.data(), code.data() + offset, bytes.size());
    return true;
  }
  bool write(uint64_t address, std::span<const uint8_t> bytes) override {
    uint8_t* at = place(address, bytes.size());
    if (at == nullptr || !writable_) return false;
    std::memcpy(at, bytes.data(), bytes.size());
    return true;
  }

 private:
  struct Frame {
    const VCodeProgram::Function* function = nullptr;
    uint32_t base = 0;  // of its virtual registers
    uint32_t call = 0;  // step of the call that made it; meaningless for the first
    size_t saved = 0;   // saved_.size() before the call
  };

  void import_registers(const MachineState& state) {
    for (uint32_t i = 0; i < 32; ++i) {
      owner_.registers_[code_of(PReg(RegClass::Gpr, i))] = Bits(state.integer[i]);
      Bits& vector = owner_.registers_[code_of(PReg(RegClass::Vec, i))];
      // s390x's floats are the high halves, and what instructions' meanings call low.
      const bool swapped = owner_.isa() == IsaKind::s390x;
      vector.words[0] = swapped ? state.vector[i].high : state.vector[i].low;
      vector.words[1] = swapped ? state.vector[i].low : state.vector[i].high;
    }
  }
  Event finish(MachineState& state) {
    for (uint32_t i = 0; i < 32; ++i) {
      state.integer[i] = owner_.registers_[code_of(PReg(RegClass::Gpr, i))].low();
      const Bits& vector = owner_.registers_[code_of(PReg(RegClass::Vec, i))];
      const bool swapped = owner_.isa() == IsaKind::s390x;
      state.vector[i] = {vector.words[swapped ? 1 : 0], vector.words[swapped ? 0 : 1]};
    }
    owner_.executed_ = executed_;
    return std::move(event_);
  }

  Bits& reg(uint32_t index) { return owner_.registers_[index < kPhysical ? index : index + frame_.base]; }
  uint64_t sp() { return owner_.registers_[code_of(isa_.abi.stack_pointer)].low(); }
  void set_sp(uint64_t value) { owner_.registers_[code_of(isa_.abi.stack_pointer)] = Bits(value); }

  // Host memory behind an address; sets writable_.
  uint8_t* place(uint64_t address, size_t size) {
    writable_ = true;
    if (address - map::kStackLow < map::kStackSize && size <= map::kStackSize - (address - map::kStackLow)) {
      return owner_.view_.stack + (address - map::kStackLow);
    }
    const std::span<const Region> regions = owner_.regions();
    for (size_t i = 0; i < regions.size(); ++i) {
      const uint64_t offset = address - regions[i].address;
      const size_t mapped = owner_.mapped_size(regions[i]);
      if (offset >= mapped || size > mapped - offset) continue;
      writable_ = regions[i].writable;
      return owner_.view_.regions[i] + offset;
    }
    return nullptr;
  }

  bool stop(Event event) {
    event_ = std::move(event);
    return false;
  }
  bool fault(FaultKind kind, uint64_t address = 0) {
    return stop({.kind = Event::Kind::Fault, .fault = kind, .pc = map::kCodeBase + at_, .address = address});
  }
  bool spend() {
    if (fuel_ == 0) return stop({.kind = Event::Kind::OutOfFuel});
    --fuel_;
    return true;
  }

  // ---- frames ----

  // The registers that a frame keeps for its caller, and where: calls f(register, offset from the lowered stack
  // pointer).
  template <class F>
  void for_each_save(const machine::FrameLayout& frame, F f) {
    const machine::AbiTable& abi = isa_.abi;
    if (abi.linkage_bytes >= 8) f(abi.frame_pointer, int64_t(frame.linkage_offset));
    if (abi.linkage_bytes >= 16 && abi.link_register) f(abi.link_register, int64_t(frame.linkage_offset) + 8);
    frame.each_save(abi.saves_in_caller_frame, [&](PReg reg, int64_t place) { f(reg, frame.saves_offset + place); });
    if (!abi.saves_in_caller_frame) return;
    for (PReg reg : frame.saved) {
      if (reg.reg_class() == RegClass::Gpr) f(reg, int64_t(frame.size) + 8 * reg.number());
    }
  }

  static bool is_whole_vec(const machine::FrameLayout& frame, PReg reg) {
    return reg.reg_class() == RegClass::Vec && frame.vec_save_bytes == 16;
  }

  bool enter(const VCodeProgram::Function& function, uint32_t call, uint32_t depth) {
    if (depth > kMaxDepth) return fault(FaultKind::Write, sp());
    const uint32_t base = depth == 0 ? 0 : frame_.base + frame_.function->registers;
    if (depth != 0) frames_.push_back(frame_);
    return enter_frame(function, base, call, 0);
  }

  bool enter_frame(const VCodeProgram::Function& function, uint32_t base, uint32_t call, size_t saved) {
    frame_ = {.function = &function, .base = base, .call = call, .saved = saved};
    owner_.registers_.resize(kPhysical + base + function.registers);
    at_ = function.first_step;
    if (function.frame.needs_frame) {
      set_sp(sp() - function.frame.size - function.frame.growth);
      // The lowest byte must be there; a real prologue, or the first store, would notice.
      if (function.frame.size != 0 && place(sp(), 1) == nullptr) return fault(FaultKind::Write, sp());
      if (program_.stage == VCodeStage::Allocated) {
        bool ok = true;
        for_each_save(function.frame, [&](PReg saved, int64_t offset) {
          uint8_t* to = place(sp() + static_cast<uint64_t>(offset), 8);
          if (to == nullptr) return void(ok = false);
          put64(to, owner_.registers_[code_of(saved)].low(), order_);
          if (is_whole_vec(function.frame, saved)) put64(to + 8, owner_.registers_[code_of(saved)].words[1], order_);
        });
        if (!ok) return fault(FaultKind::Write, sp());
        if (isa_.abi.linkage_bytes != 0) {
          owner_.registers_[code_of(isa_.abi.frame_pointer)] = Bits(sp() + function.frame.linkage_offset);
        }
      }
    }
    return spend();
  }

  bool restore_saves(const machine::FrameLayout& frame) {
    bool ok = true;
    if (program_.stage == VCodeStage::Allocated && frame.needs_frame) {
      for_each_save(frame, [&](PReg saved, int64_t offset) {
        const uint8_t* from = place(sp() + static_cast<uint64_t>(offset), 8);
        if (from == nullptr) return void(ok = false);
        owner_.registers_[code_of(saved)] = Bits(get64(from, order_));
        if (is_whole_vec(frame, saved)) owner_.registers_[code_of(saved)].words[1] = get64(from + 8, order_);
      });
    }
    return ok || fault(FaultKind::Read, sp());
  }

  // The callee takes over this function's frame, its arguments on the stack ending where this one's end.
  bool tail_call(const VCodeProgram::Step& step, const VCodeProgram::Function& callee) {
    const machine::FrameLayout& frame = frame_.function->frame;
    transfer(step.before);
    const uint32_t bytes = step.targets;
    const uint8_t* from = place(sp() + isa_.abi.outgoing_base, bytes);
    if (bytes != 0 && from == nullptr) return fault(FaultKind::Read, sp());
    const std::vector<uint8_t> arguments(from, from + bytes);
    const uint64_t own = sp() + (frame.needs_frame ? frame.size + frame.popped : 0);  // as a return would leave it
    const uint8_t* return_address = place(own - frame.popped + frame.growth, 8);
    if (!restore_saves(frame)) return false;
    const uint64_t entry = own - bytes;
    uint8_t* to = place(entry + isa_.abi.return_address_bytes + isa_.abi.outgoing_base, bytes);
    if (bytes != 0 && to == nullptr) return fault(FaultKind::Write, entry);
    if (isa_.abi.return_address_bytes != 0 && return_address != nullptr) {
      std::memmove(place(entry, 8), return_address, 8);
    }
    if (bytes != 0) std::memcpy(to, arguments.data(), bytes);
    set_sp(entry);
    return enter_frame(callee, frame_.base, frame_.call, frame_.saved);
  }

  // False: that was the first function, or something is wrong.
  bool leave() {
    const machine::FrameLayout& frame = frame_.function->frame;
    if (!restore_saves(frame)) return false;
    set_sp(sp() + (frame.needs_frame ? frame.size + frame.popped : 0) + isa_.abi.return_address_bytes);
    if (frames_.empty()) return stop({.kind = Event::Kind::Returned});
    at_ = frame_.call;
    const size_t saved = frame_.saved;
    frame_ = frames_.back();
    frames_.pop_back();
    return_from_call(saved);
    return true;
  }

  // The callee of the call at at_ has returned.
  void return_from_call(size_t saved) {
    for (; saved_.size() > saved; saved_.pop_back()) {
      owner_.registers_[saved_.back().first] = saved_.back().second;
    }
    const VCodeProgram::Step& call = program_.steps[at_];
    set_sp(sp() - call.targets);
    clobber(call);
    for (const auto& transfer : call.after.of(program_.transfers)) reg(transfer.to) = reg(transfer.from);
    trace_transfers(call.after);
    ++at_;
  }

  // Null: the callee is the host function whose step is `host`.
  bool call(const VCodeProgram::Step& step, const VCodeProgram::Function* callee, uint32_t host) {
    const size_t saved = saved_.size();
    if (program_.stage == VCodeStage::Virtual) {
      // An argument register that is also preserved (s390x): allocated code would have saved it.
      for (const auto& transfer : step.before.of(program_.transfers)) {
        if (!isa_.registers.callee_saved.contains(PReg::from_code(static_cast<uint8_t>(transfer.to)))) continue;
        saved_.push_back({transfer.to, reg(transfer.to)});
      }
    }
    transfer(step.before);
    if (isa_.abi.link_register) owner_.registers_[code_of(isa_.abi.link_register)] = Bits(map::kCodeBase + at_ + 1);
    if (isa_.abi.return_address_bytes != 0) {
      set_sp(sp() - isa_.abi.return_address_bytes);
      uint8_t* to = place(sp(), 8);
      if (to == nullptr) return fault(FaultKind::Write, sp());
      put64(to, map::kCodeBase + at_ + 1, order_);
    }
    if (callee == nullptr) {
      waits_ = true;
      calls_saved_ = saved;
      return stop({.kind = Event::Kind::Fault, .fault = FaultKind::Illegal, .pc = map::kCodeBase + host});
    }
    if (!enter(*callee, at_, static_cast<uint32_t>(frames_.size()) + 1)) return false;
    frame_.saved = saved;
    return true;
  }

  // ---- steps ----

  void clobber(const VCodeProgram::Step& step) {
    if (step.clobbers == 0) return;
    const machine::PRegSet& set = program_.clobber_sets[step.clobbers];
    for (uint32_t reg_class = 0; reg_class < machine::kRegClasses; ++reg_class) {
      for (uint64_t left = set.words[reg_class]; left != 0; left &= left - 1) {
        const uint32_t code = reg_class * 64 + static_cast<uint32_t>(std::countr_zero(left));
        owner_.registers_[code] = Bits(RegClass(reg_class) == RegClass::Flags ? code & 1 : kClobbered | code);
      }
    }
  }

  // All are read before any is written.
  void transfer(const VCodeProgram::Range<VCodeProgram::Transfer>& range) {
    auto& passed = owner_.passed_;
    passed.clear();
    for (const auto& transfer : range.of(program_.transfers)) passed.push_back(reg(transfer.from));
    size_t i = 0;
    for (const auto& transfer : range.of(program_.transfers)) reg(transfer.to) = passed[i++];
  }

  static Reg reg_of(uint32_t index) {
    return index < kPhysical ? Reg(PReg::from_code(static_cast<uint8_t>(index))) : Reg::virtual_reg(index - kPhysical);
  }
  uint32_t depth() const { return static_cast<uint32_t>(frames_.size()); }
  uint32_t inst_of(uint32_t step) const { return step - frame_.function->first_step; }

  void trace(std::span<const VCodeValue> values) {
    owner_.trace_->executed(frame_.function->number, inst_of(at_), depth(), values);
  }
  void trace_transfers(const VCodeProgram::Range<VCodeProgram::Transfer>& range) {
    if (owner_.trace_ == nullptr) return;
    owner_.defined_.clear();
    for (const auto& transfer : range.of(program_.transfers)) {
      owner_.defined_.push_back({reg_of(transfer.to), transfer.operand, reg(transfer.to)});
    }
    trace(owner_.defined_);
  }

  bool follow(uint32_t edge_index) {
    const VCodeProgram::Edge& edge = program_.edges[edge_index];
    if (edge.arguments.count != 0) transfer(edge.arguments);
    if (owner_.trace_ != nullptr) {
      trace({});
      if (edge.arguments.count != 0) {
        owner_.defined_.clear();
        for (const auto& transfer : edge.arguments.of(program_.transfers)) {
          owner_.defined_.push_back(
              {reg_of(transfer.to), static_cast<uint16_t>(owner_.defined_.size()), reg(transfer.to)});
        }
        owner_.trace_->entered(frame_.function->number, edge.block, depth(), owner_.defined_);
      }
    }
    at_ = edge.step;
    return spend();
  }

  // Done: results are written.
  bool evaluate(const VCodeProgram::Step& step) {
    auto& inputs = owner_.inputs_;
    inputs.clear();
    for (const VCodeProgram::Input& input : step.inputs.of(program_.inputs)) {
      switch (input.kind) {
        case VCodeProgram::Input::Kind::Register:
          inputs.push_back(notation::truncated(reg(input.index), input.width));
          break;
        case VCodeProgram::Input::Kind::Constant:
          inputs.push_back(program_.constants[input.index]);
          break;
        case VCodeProgram::Input::Kind::Undefined: {
          Bits open;
          for (uint64_t& word : open.words) word = scramble(++open_bits_);
          inputs.push_back(notation::truncated(open, input.width == 0 ? 1 : input.width));
          break;
        }
      }
    }
    notation::Evaluation& evaluation = owner_.evaluation_;
    notation::evaluate(*step.semantics, inputs, this, evaluation);
    switch (evaluation.status) {
      case notation::EvaluateStatus::Done:
        break;
      case notation::EvaluateStatus::Trapped:
        return fault(FaultKind::Illegal);
      case notation::EvaluateStatus::Faulted: {
        const notation::Event& event = step.semantics->events[evaluation.fault_event];
        return fault(event.is_store ? FaultKind::Write : FaultKind::Read, evaluation.values[event.address].low());
      }
    }
    clobber(step);
    for (const VCodeProgram::Output& output : step.outputs.of(program_.outputs)) {
      reg(output.reg) = evaluation.values[output.node];
    }
    return true;
  }

  void trace_outputs(const VCodeProgram::Step& step) {
    owner_.defined_.clear();
    for (const VCodeProgram::Output& output : step.outputs.of(program_.outputs)) {
      owner_.defined_.push_back({reg_of(output.reg), output.operand, reg(output.reg)});
    }
    trace(owner_.defined_);
  }

  void loop() {
    while (step()) {
    }
  }

  bool step() {
    using Kind = VCodeProgram::Kind;
    const VCodeProgram::Step& step = program_.steps[at_];
    ++executed_;
    switch (step.kind) {
      case Kind::Plain:
        if (!evaluate(step)) return false;
        if (owner_.trace_ != nullptr) trace_outputs(step);
        ++at_;
        return true;
      case Kind::Branch:
        if (!evaluate(step)) return false;
        if (owner_.evaluation_.branch_taken) return follow(step.target);
        if (owner_.trace_ != nullptr) trace({});
        ++at_;
        return true;
      case Kind::Jump:
        return follow(step.target);
      case Kind::JumpTable: {
        // AArch64's reads the low half of its index.
        const uint64_t whole = reg(step.address).low();
        const uint64_t index = isa_.kind == IsaKind::aarch64 ? whole & 0xffff'ffff : whole;
        if (index >= step.targets) return fault(FaultKind::Fetch, index);
        clobber(step);
        return follow(step.target + static_cast<uint32_t>(index));
      }
      case Kind::Call:
        return call(step, &program_.functions[step.target], 0);
      case Kind::CallHost:
        return call(step, nullptr, step.target);
      case Kind::CallIndirect: {
        const uint64_t address = reg(step.address).low();
        const VCodeProgram::Function* callee =
            address - map::kCodeBase < program_.steps.size()
                ? program_.function_at(static_cast<uint32_t>(address - map::kCodeBase))
                : nullptr;
        if (callee == nullptr && !owner_.is_host_stub(address)) return fault(FaultKind::Fetch, address);
        return call(step, callee, static_cast<uint32_t>(address - map::kCodeBase));
      }
      case Kind::TailCall:
        return tail_call(step, program_.functions[step.target]);
      case Kind::TailCallIndirect: {
        const uint64_t address = reg(step.address).low();
        const VCodeProgram::Function* callee =
            address - map::kCodeBase < program_.steps.size()
                ? program_.function_at(static_cast<uint32_t>(address - map::kCodeBase))
                : nullptr;
        if (callee == nullptr) return fault(FaultKind::Fetch, address);
        return tail_call(step, *callee);
      }
      case Kind::Return:
        transfer(step.before);
        if (owner_.trace_ != nullptr) trace({});
        return leave();
      case Kind::Args:
        transfer(step.before);
        trace_transfers(step.before);
        ++at_;
        return true;
      case Kind::Nothing:
        if (owner_.trace_ != nullptr) trace({});
        ++at_;
        return true;
      case Kind::Breakpoint:
        return fault(FaultKind::Breakpoint);
      case Kind::Invalid:
        return fault(FaultKind::Illegal);
    }
    return false;
  }

  VCodeExecutor& owner_;
  const VCodeProgram& program_;
  const machine::TargetIsa& isa_;
  std::endian order_;
  Event event_;
  Frame frame_;
  std::vector<Frame> frames_;                     // of the callers
  std::vector<std::pair<uint32_t, Bits>> saved_;  // registers to restore when calls return (virtual code)
  uint32_t at_ = 0;
  uint64_t fuel_ = 0;
  uint64_t executed_ = 0;
  uint64_t open_bits_;
  bool writable_ = false;
  bool waits_ = false;      // for the host function that is called at at_
  size_t calls_saved_ = 0;  // saved_.size() before that call
};

VCodeExecutor::VCodeExecutor(IsaKind isa, VCodeStage stage)
    : MachineExecutor(isa),
      stage_(stage),
      name_(std::string(stage == VCodeStage::Virtual ? "virtual-" : "allocated-") + assay::name(isa)),
      stack_(nullptr, std::free) {}

VCodeExecutor::~VCodeExecutor() = default;

uint64_t VCodeExecutor::return_address() const { return map::kCodeBase + map::kCodeSize - 16; }

Expected<void> VCodeExecutor::load_program(const VCodeProgram& program, std::span<const Region> regions) {
  run_.reset();
  if (program.stage != stage_) return fail(name_ + " runs another stage");
  program_ = &program;
  return load(program.image, regions);
}

Expected<void> VCodeExecutor::install() {
  if (!stack_) stack_.reset(static_cast<uint8_t*>(std::calloc(map::kStackSize, 1)));
  if (!stack_) return fail("no memory for a stack");
  memory_.resize(regions().size());
  view_.stack = stack_.get();
  view_.regions.clear();
  for (size_t i = 0; i < memory_.size(); ++i) {
    memory_[i].assign(mapped_size(regions()[i]), 0);
    view_.regions.push_back(memory_[i].data());
  }
  return {};
}

Event VCodeExecutor::execute(uint64_t entry, MachineState& state, std::span<const RegisterId>, const Limits& limits,
                             bool) {
  if (program_ == nullptr) return {.kind = Event::Kind::Unsupported, .text = "no program"};
  if (run_ && run_->is_waiting_for(entry)) {
    Event event = run_->resume(state);
    if (!run_->waits()) run_.reset();
    return event;
  }
  run_ = std::make_unique<Run>(*this);
  Event event = run_->run(entry, state, limits);
  if (!run_->waits()) run_.reset();
  return event;
}

}  // namespace assay::oracles
