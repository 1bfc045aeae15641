#include "oracles/unicorn_engine.h"

#include <cassert>
#include <cstring>

namespace assay::oracles {
namespace {

namespace map = memory_map;

// Unicorn 2.0.1's context blob of s390x, the only way to floats, vectors and interruption codes. Byte offsets.
constexpr size_t kS390xContextSize = 1200;
constexpr size_t kS390xIntegers = 16;
constexpr size_t kS390xVectors = 144;  // 32 × two doublewords in host order, element 0 first
constexpr size_t kS390xPswAddress = 808;
constexpr size_t kS390xInterruptionCode = 864;

constexpr int kX64Registers[] = {UC_X86_REG_RAX, UC_X86_REG_RCX, UC_X86_REG_RDX, UC_X86_REG_RBX,
                                 UC_X86_REG_RSP, UC_X86_REG_RBP, UC_X86_REG_RSI, UC_X86_REG_RDI,
                                 UC_X86_REG_R8,  UC_X86_REG_R9,  UC_X86_REG_R10, UC_X86_REG_R11,
                                 UC_X86_REG_R12, UC_X86_REG_R13, UC_X86_REG_R14, UC_X86_REG_R15};

int integer_id(IsaKind isa, int number) {
  switch (isa) {
    case IsaKind::x64:
      return kX64Registers[number];
    case IsaKind::aarch64:
      if (number == 31) return UC_ARM64_REG_SP;
      if (number == 30) return UC_ARM64_REG_X30;
      return number == 29 ? static_cast<int>(UC_ARM64_REG_X29) : UC_ARM64_REG_X0 + number;
    case IsaKind::riscv64:
      return UC_RISCV_REG_X0 + number;
    case IsaKind::s390x:
      return UC_S390X_REG_R0 + number;
  }
  return 0;
}

int vector_id(IsaKind isa, int number) {
  switch (isa) {
    case IsaKind::x64:
      return UC_X86_REG_XMM0 + number;
    case IsaKind::aarch64:
      return UC_ARM64_REG_Q0 + number;
    case IsaKind::riscv64:
      return UC_RISCV_REG_F0 + number;
    case IsaKind::s390x:
      break;
  }
  return 0;
}

// ud2, udf, unimp, an undefined operation code.
constexpr uint8_t kTrap[][4] = {{0x0f, 0x0b}, {0x1f, 0xc1, 0, 0}, {0x73, 0x10, 0, 0xc0}, {0, 0, 0, 0}};
// uc_emu_start wants an address at which to stop; nothing gets there.
constexpr uint64_t kNowhere = UnicornEngine::kReturnAddress + 0x800;
constexpr uint64_t stop_address(IsaKind isa) {
  return isa == IsaKind::s390x ? UnicornEngine::kReturnAddress : kNowhere;
}

char* bytes_of(uc_context* context) { return reinterpret_cast<char*>(context); }

std::string failure(const char* what, uc_err error) {
  return std::string("unicorn: ") + what + ": " + uc_strerror(error);
}

}  // namespace

Expected<std::unique_ptr<UnicornEngine>> UnicornEngine::open(IsaKind isa, bool precise) {
  std::unique_ptr<UnicornEngine> engine(new UnicornEngine(isa, precise));
  if (auto ready = engine->setup(); !ready) return std::unexpected(ready.error());
  return engine;
}

UnicornEngine::~UnicornEngine() {
  if (base_ != nullptr) uc_context_free(base_);
  if (scratch_ != nullptr) uc_context_free(scratch_);
  if (engine_ != nullptr) uc_close(engine_);
}

Expected<void> UnicornEngine::setup() {
  constexpr uc_arch kArch[] = {UC_ARCH_X86, UC_ARCH_ARM64, UC_ARCH_RISCV, UC_ARCH_S390X};
  constexpr uc_mode kMode[] = {UC_MODE_64, UC_MODE_ARM, UC_MODE_RISCV64, UC_MODE_BIG_ENDIAN};
  const int index = static_cast<int>(isa_);
  if (uc_err error = uc_open(kArch[index], kMode[index], &engine_); error != UC_ERR_OK) {
    engine_ = nullptr;
    return fail(failure("cannot open an engine", error));
  }
  if (isa_ == IsaKind::aarch64) {
    uc_ctl_set_cpu_model(engine_, UC_CPU_ARM64_MAX);
  }
  return_page_ = HostMemory(map::kPage);
  if (return_page_.data() != nullptr) {
    std::memcpy(return_page_.data() + kReturnAddress % map::kPage, kTrap[index], sizeof kTrap[index]);
  }
  if (auto mapped =
          this->map(kReturnAddress / map::kPage * map::kPage, map::kPage, Access::ReadExecute, return_page_.data());
      !mapped) {
    return mapped;
  }

  uc_hook hook;
  auto add = [&](int type, auto* callback, int instruction = 0) {
    const uc_err error = uc_hook_add(engine_, &hook, type, reinterpret_cast<void*>(callback), this, 1, 0, instruction);
    assert(error == UC_ERR_OK);
    (void)error;
  };
  add(UC_HOOK_BLOCK, &on_block);
  add(UC_HOOK_INTR, &on_interrupt);
  add(UC_HOOK_MEM_INVALID, &on_invalid_access);
  if (isa_ == IsaKind::x64) add(UC_HOOK_INSN, &on_syscall, UC_X86_INS_SYSCALL);
  if (precise_) add(UC_HOOK_CODE, &on_code);
  if (precise_ && isa_ == IsaKind::s390x) add(UC_HOOK_MEM_WRITE, &on_write);

  auto set = [&](int id, uint64_t value) { uc_reg_write(engine_, id, &value); };
  switch (isa_) {
    case IsaKind::x64:
      set(UC_X86_REG_RFLAGS, 0x202);
      set(UC_X86_REG_MXCSR, 0x1f80);
      break;
    case IsaKind::aarch64:
      set(UC_ARM64_REG_CPACR_EL1, 0x330000);
      break;  // floats and vectors do not trap
    case IsaKind::riscv64:
      set(UC_RISCV_REG_MSTATUS, 0x6000);
      break;  // FS: on; before any float register
    case IsaKind::s390x:
      set(UC_S390X_REG_PSWM, 0x1'8000'0000);
      break;  // 64-bit addresses
  }
  if (uc_context_alloc(engine_, &base_) != UC_ERR_OK || uc_context_alloc(engine_, &scratch_) != UC_ERR_OK) {
    return fail("unicorn: no memory for a context");
  }
  if (isa_ == IsaKind::s390x) {
    if (auto enabled = enable_s390x_vectors(); !enabled) return enabled;
  }
  uc_context_save(engine_, base_);
  if (isa_ == IsaKind::s390x && !s390x_context_is_known()) {
    return fail("unicorn: this version keeps s390x registers in a layout unknown to Assay", "version 2.0.1 is known");
  }
  return {};
}

// Sets control register 0 (AFP and vector control) with an instruction, since no register id reaches it.
Expected<void> UnicornEngine::enable_s390x_vectors() {
  // lctlg %c0,%c0,0(%r1)
  constexpr uint8_t kCode[] = {0xeb, 0x00, 0x10, 0x00, 0x00, 0x2f};
  constexpr uint8_t kControl0[] = {0, 0, 0, 0, 0, 0x06, 0x00, 0xe0};
  constexpr uint64_t kAt = map::kCodeBase;
  HostMemory page(map::kPage);
  if (auto mapped = this->map(kAt, map::kPage, Access::ReadExecute, page.data()); !mapped) return mapped;
  std::memcpy(page.data(), kCode, sizeof kCode);
  std::memcpy(page.data() + 0x100, kControl0, sizeof kControl0);
  const uint64_t operand = kAt + 0x100;
  uc_reg_write(engine_, UC_S390X_REG_R0 + 1, &operand);
  fuel_ = 10;
  const uc_err error = uc_emu_start(engine_, kAt, kAt + sizeof kCode, 0, 0);
  forget_code(kAt, kAt + map::kPage);
  unmap(kAt, map::kPage);
  if (error != UC_ERR_OK) return fail(failure("cannot enable s390x vectors", error));
  return {};
}

bool UnicornEngine::s390x_context_is_known() {
  if (uc_context_size(engine_) != kS390xContextSize) return false;
  constexpr uint64_t kMark = 0x1234'5678'9abc'def0;
  const uint64_t mark = kMark;
  uc_reg_write(engine_, UC_S390X_REG_R0 + 11, &mark);
  uc_context_save(engine_, scratch_);
  uint64_t seen = 0;
  std::memcpy(&seen, bytes_of(scratch_) + kS390xIntegers + 11 * 8, 8);
  uc_context_restore(engine_, base_);
  return seen == kMark;
}

Expected<void> UnicornEngine::map(uint64_t address, size_t size, Access access, uint8_t* memory) {
  if (memory == nullptr) return fail("no host memory");
  uint32_t rights = UC_PROT_READ;
  if (access == Access::ReadExecute) rights |= UC_PROT_EXEC;
  if (access == Access::ReadWrite) rights |= UC_PROT_WRITE;
  if (isa_ == IsaKind::s390x && access != Access::ReadWrite) {
    // Unicorn's s390x takes an addressing exception on any access to memory that is not writable, so this machine
    // may write there; the executor compares such memory afterwards and runs again with on_write() watching.
    protected_.emplace_back(address, address + size);
    rights = access == Access::ReadExecute ? UC_PROT_ALL : UC_PROT_READ | UC_PROT_WRITE;
  }
  const uc_err error = uc_mem_map_ptr(engine_, address, size, rights, memory);
  if (error != UC_ERR_OK) return fail(failure("cannot map memory", error));
  return {};
}

void UnicornEngine::unmap(uint64_t address, size_t size) {
  uc_mem_unmap(engine_, address, size);
  std::erase_if(protected_, [&](const auto& range) { return range.first == address; });
}

void UnicornEngine::forget_code(uint64_t begin, uint64_t end) { uc_ctl_remove_cache(engine_, begin, end); }

void UnicornEngine::write_registers(const MachineState& state) {
  if (isa_ == IsaKind::s390x) {
    std::memcpy(bytes_of(scratch_), bytes_of(base_), kS390xContextSize);
    std::memcpy(bytes_of(scratch_) + kS390xIntegers, state.integer, 16 * 8);
    for (int i = 0; i < 32; ++i) {
      const uint64_t elements[] = {state.vector[i].high, state.vector[i].low};
      std::memcpy(bytes_of(scratch_) + kS390xVectors + i * 16, elements, 16);
    }
    uc_context_restore(engine_, scratch_);
    return;
  }
  uc_context_restore(engine_, base_);
  // Most registers hold the same in every run, so only the others are written one by one.
  const AbiFacts& facts = abi_facts(isa_);
  for (int i = isa_ == IsaKind::riscv64 ? 1 : 0; i < facts.integer_registers; ++i) {
    if (has_base_state_ && state.integer[i] == base_state_.integer[i]) continue;
    uc_reg_write(engine_, integer_id(isa_, i), &state.integer[i]);
  }
  for (int i = 0; i < facts.float_registers; ++i) {
    if (has_base_state_ && state.vector[i] == base_state_.vector[i]) continue;
    uc_reg_write(engine_, vector_id(isa_, i), &state.vector[i]);
  }
  if (has_base_state_) return;
  uc_context_save(engine_, base_);
  base_state_ = state;
  has_base_state_ = true;
}

void UnicornEngine::read_registers(MachineState& state, std::span<const RegisterId> wanted) {
  if (isa_ == IsaKind::s390x) {
    uc_context_save(engine_, scratch_);
    std::memcpy(state.integer, bytes_of(scratch_) + kS390xIntegers, 16 * 8);
    for (int i = 0; i < 32; ++i) {
      uint64_t elements[2];
      std::memcpy(elements, bytes_of(scratch_) + kS390xVectors + i * 16, 16);
      state.vector[i] = {elements[1], elements[0]};
    }
    return;
  }
  for (RegisterId id : wanted) {
    if (id.cls == RegisterClass::Integer) {
      uc_reg_read(engine_, integer_id(isa_, id.number), &state.integer[id.number]);
    } else {
      uc_reg_read(engine_, vector_id(isa_, id.number), &state.vector[id.number]);
    }
  }
  if (isa_ == IsaKind::x64) uc_reg_read(engine_, UC_X86_REG_RFLAGS, &state.flags);
}

void UnicornEngine::read_all(MachineState& state) {
  if (all_registers_.empty()) {
    const AbiFacts& facts = abi_facts(isa_);
    for (int i = 0; i < facts.integer_registers; ++i) all_registers_.push_back(integer_register(i));
    for (int i = 0; i < facts.float_registers; ++i) all_registers_.push_back(vector_register(i));
  }
  read_registers(state, all_registers_);
}

uint64_t UnicornEngine::pc() const {
  constexpr int kIds[] = {UC_X86_REG_RIP, UC_ARM64_REG_PC, UC_RISCV_REG_PC, UC_S390X_REG_PC};
  uint64_t value = 0;
  uc_reg_read(engine_, kIds[static_cast<int>(isa_)], &value);
  return value;
}

Event UnicornEngine::run(uint64_t entry, MachineState& state, std::span<const RegisterId> wanted, uint64_t fuel) {
  write_registers(state);
  fuel_ = fuel;
  out_of_fuel_ = syscall_ = wrote_protected_ = false;
  interrupt_ = -1;
  fault_address_ = 0;
  last_instruction_ = entry;
  const uc_err error = uc_emu_start(engine_, entry, stop_address(isa_), 0, 0);
  Event event = classify(error);
  if (event.pc == kReturnAddress && event.fault == FaultKind::Illegal) event = {.kind = Event::Kind::Returned};
  if (event.kind == Event::Kind::Returned) read_registers(state, wanted);
  return event;
}

Event UnicornEngine::classify(uc_err error) {
  Event event;
  event.kind = Event::Kind::Fault;
  if (wrote_protected_) {
    event.fault = FaultKind::Write;
    event.pc = last_instruction_;
    event.address = fault_address_;
    return event;
  }
  if (error == UC_ERR_OK) {
    if (out_of_fuel_) return {.kind = Event::Kind::OutOfFuel};
    if (interrupt_ >= 0) return classify_interrupt();
    event.pc = pc();
    if (event.pc == kReturnAddress) return {.kind = Event::Kind::Returned};
    if (syscall_) {
      event.fault = FaultKind::Other;
      if (precise_) event.pc = last_instruction_;
      return event;
    }
    event.fault = FaultKind::Other;
    return event;
  }
  event.address = fault_address_;
  event.pc = pc();
  switch (error) {
    case UC_ERR_READ_UNMAPPED:
    case UC_ERR_READ_PROT:
    case UC_ERR_READ_UNALIGNED:
      event.fault = FaultKind::Read;
      break;
    case UC_ERR_WRITE_UNMAPPED:
    case UC_ERR_WRITE_PROT:
    case UC_ERR_WRITE_UNALIGNED:
      event.fault = FaultKind::Write;
      break;
    case UC_ERR_FETCH_UNMAPPED:
    case UC_ERR_FETCH_PROT:
    case UC_ERR_FETCH_UNALIGNED:
      event.fault = FaultKind::Fetch;
      event.address = 0;
      return event;            // pc is the target already
    case UC_ERR_INSN_INVALID:  // x64 ud2 and RISC-V ebreak as well
      event.fault = isa_ == IsaKind::riscv64 ? FaultKind::Breakpoint : FaultKind::Illegal;
      event.address = 0;
      return event;
    default:
      event.fault = FaultKind::Other;
      break;
  }
  if (precise_) event.pc = last_instruction_;
  return event;
}

Event UnicornEngine::classify_interrupt() {
  Event event;
  event.kind = Event::Kind::Fault;
  event.fault = FaultKind::Other;
  event.pc = pc();
  switch (isa_) {
    case IsaKind::x64:
      if (interrupt_ == 0) event.fault = FaultKind::Arithmetic;
      if (interrupt_ == 6) event.fault = FaultKind::Illegal;
      if (interrupt_ == 3) {
        event.fault = FaultKind::Breakpoint;
        event.pc -= 1;  // the only trap, not fault, of these
      }
      break;
    case IsaKind::aarch64:  // QEMU's EXCP_ numbers
      if (interrupt_ == 1) event.fault = FaultKind::Illegal;
      if (interrupt_ == 7) event.fault = FaultKind::Breakpoint;
      if (interrupt_ == 2) event.pc -= 4;  // svc
      if (interrupt_ == 4) event.fault = FaultKind::Read;
      break;
    case IsaKind::riscv64:
      event.pc -= 4;  // too far on every interrupt, whatever the instruction's length
      if (interrupt_ == 2) event.fault = FaultKind::Illegal;
      if (interrupt_ == 3) event.fault = FaultKind::Breakpoint;
      if (interrupt_ == 4 || interrupt_ == 5) event.fault = FaultKind::Read;
      if (interrupt_ == 6 || interrupt_ == 7) event.fault = FaultKind::Write;
      break;
    case IsaKind::s390x: {
      if (interrupt_ != 3) break;  // 2: svc
      uc_context_save(engine_, scratch_);
      int32_t code = 0;
      std::memcpy(&code, bytes_of(scratch_) + kS390xInterruptionCode, 4);
      std::memcpy(&event.pc, bytes_of(scratch_) + kS390xPswAddress, 8);
      if (code == 1) event.fault = FaultKind::Illegal;
      if (code == 7 || code == 8 || code == 9) event.fault = FaultKind::Arithmetic;  // compare-and-trap is 7 (data)
      if (code == 5) {  // addressing: a fetch if no instruction can be there
        const bool in_code = event.pc >= map::kCodeBase && event.pc < map::kCodeBase + map::kCodeSize;
        event.fault = in_code ? FaultKind::Read : FaultKind::Fetch;
      }
      break;
    }
  }
  return event;
}

void UnicornEngine::on_block(uc_engine* engine, uint64_t, uint32_t, void* self) {
  auto* me = static_cast<UnicornEngine*>(self);
  if (me->fuel_-- == 0) {
    me->fuel_ = 0;
    me->out_of_fuel_ = true;
    uc_emu_stop(engine);
  }
}

void UnicornEngine::on_code(uc_engine* engine, uint64_t address, uint32_t, void* self) {
  auto* me = static_cast<UnicornEngine*>(self);
  me->last_instruction_ = address;
  if (!me->step_) return;
  const int registers = me->isa_ == IsaKind::x64 || me->isa_ == IsaKind::s390x ? 16 : 32;
  for (int i = 0; i < registers; ++i) uc_reg_read(engine, integer_id(me->isa_, i), &me->step_state_.integer[i]);
  me->step_(address, me->step_state_);
}

void UnicornEngine::on_interrupt(uc_engine* engine, uint32_t number, void* self) {
  auto* me = static_cast<UnicornEngine*>(self);
  if (me->interrupt_ < 0) me->interrupt_ = static_cast<int>(number);
  uc_emu_stop(engine);
}

void UnicornEngine::on_syscall(uc_engine* engine, void* self) {
  static_cast<UnicornEngine*>(self)->syscall_ = true;
  uc_emu_stop(engine);
}

bool UnicornEngine::on_invalid_access(uc_engine*, uc_mem_type, uint64_t address, int, int64_t, void* self) {
  static_cast<UnicornEngine*>(self)->fault_address_ = address;
  return false;
}

void UnicornEngine::on_write(uc_engine* engine, uc_mem_type, uint64_t address, int size, int64_t, void* self) {
  auto* me = static_cast<UnicornEngine*>(self);
  for (const auto& [begin, end] : me->protected_) {
    if (address + static_cast<uint64_t>(size) <= begin || address >= end || me->wrote_protected_) continue;
    me->wrote_protected_ = true;
    me->fault_address_ = address;
    uc_emu_stop(engine);
  }
}

}  // namespace assay::oracles
