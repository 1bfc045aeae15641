// See decoded_roles.h. Explicit operands come from the decoded instruction, definitions first; implicit ones from its
// description. Registers that overlap (al, eax; a pair and its halves) count as the 64-bit registers they are made of.
#include "verify/decoded_roles.h"

#include <llvm/MC/MCAsmInfo.h>
#include <llvm/MC/MCContext.h>
#include <llvm/MC/MCDisassembler/MCDisassembler.h>
#include <llvm/MC/MCInst.h>
#include <llvm/MC/MCInstrInfo.h>
#include <llvm/MC/MCRegisterInfo.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/TargetRegistry.h>

#include <vector>

#include "verify/llvm_target.h"

namespace assay::verify {

namespace {

using machine::PReg;
using machine::PRegSet;
using machine::RegClass;

// The class of the 64-bit general registers, the flags' name, and which numbers are the stack pointer and zero.
struct RegisterNames {
  const char* general;
  const char* flags;
  int stack, zero;
};
RegisterNames names_of(IsaKind isa) {
  switch (isa) {
    case IsaKind::x64:
      return {"GR64", "EFLAGS", 4, -1};
    case IsaKind::aarch64:
      return {"GPR64all", "NZCV", 31, 31};
    case IsaKind::riscv64:
      return {"GPR", "", 2, 0};
    case IsaKind::s390x:
      return {"GR64Bit", "CC", 15, -1};
  }
  return {"", "", -1, -1};
}

}  // namespace

class RoleDecoder::Tables {
 public:
  explicit Tables(IsaKind isa)
      : names_(llvm_target(isa, Forms::Short)),
        target_(llvm::TargetRegistry::lookupTarget(names_.triple, message_)),
        registers_(target_->createMCRegInfo(names_.triple)),
        asm_info_(target_->createMCAsmInfo(*registers_, names_.triple, options_)),
        insts_(target_->createMCInstrInfo()),
        subtarget_(target_->createMCSubtargetInfo(names_.triple, names_.cpu, names_.features)),
        context_(llvm::Triple(names_.triple), asm_info_.get(), registers_.get(), subtarget_.get()),
        disassembler_(target_->createMCDisassembler(*subtarget_, context_)) {
    const RegisterNames named = names_of(isa);
    std::vector<std::pair<llvm::MCRegister, PReg>> ours;
    for (const llvm::MCRegisterClass& group : registers_->regclasses()) {
      if (std::string_view(registers_->getRegClassName(&group)) != named.general) continue;
      for (const llvm::MCPhysReg reg : group) {
        if (registers_->getName(reg) == std::string_view("RIP")) continue;  // x64's class has it, too, as number 0
        const auto number = static_cast<int>(registers_->getEncodingValue(reg));
        if (number != named.stack && number != named.zero && number < 32) {
          ours.emplace_back(reg, PReg(RegClass::Gpr, static_cast<unsigned>(number)));
        }
      }
    }
    for (unsigned reg = 1; reg < registers_->getNumRegs(); ++reg) {
      if (registers_->getName(reg) == std::string_view(named.flags)) ours.emplace_back(reg, machine::kFlagsReg);
    }
    made_of_.resize(registers_->getNumRegs());
    for (unsigned reg = 1; reg < made_of_.size(); ++reg) {
      for (const auto& [whole, preg] : ours) {
        if (registers_->regsOverlap(reg, whole)) made_of_[reg].add(preg);
      }
    }
  }

  std::optional<DecodedRoles> decode(std::span<const uint8_t> bytes) {
    DecodedRoles out;
    while (!bytes.empty()) {
      llvm::MCInst inst;
      uint64_t size = 0;
      const auto status = disassembler_->getInstruction(inst, size, {bytes.data(), bytes.size()}, 0, llvm::nulls());
      if (status != llvm::MCDisassembler::Success || size == 0) return std::nullopt;
      add(inst, out);
      bytes = bytes.subspan(size);
    }
    return out;
  }

 private:
  void add(const llvm::MCInst& inst, DecodedRoles& out) const {
    const llvm::MCInstrDesc& desc = insts_->get(inst.getOpcode());
    PRegSet reads, writes;
    for (unsigned i = 0; i < inst.getNumOperands(); ++i) {
      if (!inst.getOperand(i).isReg() || inst.getOperand(i).getReg() == 0) continue;
      PRegSet& set = i < desc.getNumDefs() || (i == 0 && links(inst)) ? writes : reads;
      set = set | made_of_[inst.getOperand(i).getReg()];
    }
    if (is_zeroing(inst)) reads = {};
    for (const llvm::MCPhysReg reg : desc.implicit_uses()) reads = reads | made_of_[reg];
    for (const llvm::MCPhysReg reg : desc.implicit_defs()) writes = writes | made_of_[reg];
    for (unsigned i = 0; i < machine::kRegClasses; ++i) {
      out.reads.words[i] |= reads.words[i] & ~out.writes.words[i];
      out.writes.words[i] |= writes.words[i];
    }
  }

  // s390x's branch and save: LLVM has the register as an operand that is read.
  bool links(const llvm::MCInst& inst) const {
    const auto name = insts_->getName(inst.getOpcode());
    return name == "BRASL" || name == "BRAS" || name == "BASR" || name == "BAS";
  }

  // x ^ x reads nothing.
  bool is_zeroing(const llvm::MCInst& inst) const {
    return insts_->getName(inst.getOpcode()).starts_with("XOR") && inst.getNumOperands() == 3 &&
           inst.getOperand(1).isReg() && inst.getOperand(2).isReg() &&
           inst.getOperand(1).getReg() == inst.getOperand(2).getReg();
  }

  std::string message_;
  LlvmTarget names_;
  const llvm::Target* target_;
  llvm::MCTargetOptions options_;
  std::unique_ptr<llvm::MCRegisterInfo> registers_;
  std::unique_ptr<llvm::MCAsmInfo> asm_info_;
  std::unique_ptr<llvm::MCInstrInfo> insts_;
  std::unique_ptr<llvm::MCSubtargetInfo> subtarget_;
  llvm::MCContext context_;
  std::unique_ptr<llvm::MCDisassembler> disassembler_;
  std::vector<PRegSet> made_of_;  // by LLVM's register
};

RoleDecoder::RoleDecoder(std::unique_ptr<Tables> tables) : tables_(std::move(tables)) {}
RoleDecoder::~RoleDecoder() = default;

std::optional<DecodedRoles> RoleDecoder::decode(std::span<const uint8_t> bytes) { return tables_->decode(bytes); }

Expected<std::unique_ptr<RoleDecoder>> RoleDecoder::make(IsaKind isa) {
  std::string message;
  const LlvmTarget names = llvm_target(isa, Forms::Short);
  if (llvm::TargetRegistry::lookupTarget(names.triple, message) == nullptr) {
    return fail("LLVM has no such target: " + message);
  }
  return std::unique_ptr<RoleDecoder>(new RoleDecoder(std::make_unique<Tables>(isa)));
}

}  // namespace assay::verify
