#include "oracles/disassembler.h"

#include <capstone/capstone.h>
#include <llvm-c/Disassembler.h>
#include <llvm-c/Target.h>

#include <algorithm>
#include <mutex>
#include <string_view>

namespace assay::oracles {
namespace {

// "\tadd\trax, rcx   # comment" becomes "add rax, rcx".
std::string normalise(std::string_view text) {
  std::string result;
  bool space = false;
  for (char c : text) {
    if (c == '\n') break;
    if (c == ' ' || c == '\t') {
      space = !result.empty();
      continue;
    }
    if (space) result += ' ';
    space = false;
    result += c;
  }
  return result;
}

DisassembledInst invalid(IsaKind isa, std::span<const uint8_t> bytes) {
  return {.length = undecodable_length(isa, bytes), .valid = false, .text = "<invalid>"};
}

class LlvmDisassembler final : public Disassembler {
 public:
  LlvmDisassembler(IsaKind isa, LLVMDisasmContextRef context) : isa_(isa), context_(context) {}
  ~LlvmDisassembler() override { LLVMDisasmDispose(context_); }

  DisassembledInst decode(std::span<const uint8_t> bytes, uint64_t address) override {
    DisassembledInst inst;
    // LLVM gives some prefixes (lock, rep) as instructions of their own: add them to what follows.
    while (true) {
      char text[256];
      const std::span<const uint8_t> rest = bytes.subspan(inst.length);
      const size_t length = rest.empty() ? 0
                                         : LLVMDisasmInstruction(context_, const_cast<uint8_t*>(rest.data()),
                                                                 rest.size(), address + inst.length, text, sizeof text);
      if (length == 0) return invalid(isa_, bytes);
      inst.length += static_cast<uint32_t>(length);
      const std::string line = normalise(text);
      if (!inst.text.empty()) inst.text += ' ';
      inst.text += line;
      if (isa_ != IsaKind::x64 || !is_prefix(line)) return inst;
    }
  }

 private:
  static bool is_prefix(std::string_view text) {
    constexpr std::string_view kPrefixes[] = {"lock", "rep", "repne", "data16", "addr32", "xacquire", "xrelease"};
    return std::ranges::find(kPrefixes, text) != std::end(kPrefixes);
  }

  IsaKind isa_;
  LLVMDisasmContextRef context_;
};

class CapstoneDisassembler final : public Disassembler {
 public:
  CapstoneDisassembler(IsaKind isa, csh handle) : isa_(isa), handle_(handle), inst_(cs_malloc(handle)) {}
  ~CapstoneDisassembler() override {
    cs_free(inst_, 1);
    cs_close(&handle_);
  }

  DisassembledInst decode(std::span<const uint8_t> bytes, uint64_t address) override {
    const uint8_t* code = bytes.data();
    size_t size = bytes.size();
    if (!cs_disasm_iter(handle_, &code, &size, &address, inst_)) return invalid(isa_, bytes);
    return {.length = inst_->size, .text = normalise(std::string(inst_->mnemonic) + ' ' + inst_->op_str)};
  }

 private:
  IsaKind isa_;
  csh handle_;
  cs_insn* inst_;
};

void initialise_llvm() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86Disassembler();
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64Disassembler();
    LLVMInitializeRISCVTargetInfo();
    LLVMInitializeRISCVTargetMC();
    LLVMInitializeRISCVDisassembler();
    LLVMInitializeSystemZTargetInfo();
    LLVMInitializeSystemZTargetMC();
    LLVMInitializeSystemZDisassembler();
  });
}

struct LlvmTarget {
  const char* triple;
  const char* cpu;
  const char* features;
};
constexpr LlvmTarget kLlvmTargets[] = {
    {"x86_64-linux-gnu", "", ""},
    {"aarch64-linux-gnu", "", "+all"},
    {"riscv64-linux-gnu", "", "+m,+a,+f,+d,+c,+v,+zba,+zbb,+zbc,+zbs,+zbkb,+zfh,+zfa,+zicond,+zcb"},
    {"s390x-linux-gnu", "z16", ""},
};

}  // namespace

uint32_t undecodable_length(IsaKind isa, std::span<const uint8_t> bytes) {
  size_t length = 1;
  switch (isa) {
    case IsaKind::x64:
      break;
    case IsaKind::aarch64:
      length = 4;
      break;
    case IsaKind::riscv64:
      length = (bytes[0] & 3) == 3 ? 4 : 2;
      break;
    case IsaKind::s390x:
      length = bytes[0] < 0x40 ? 2 : bytes[0] < 0xc0 ? 4 : 6;
      break;
  }
  return static_cast<uint32_t>(std::min(length, bytes.size()));
}

Expected<std::unique_ptr<Disassembler>> Disassembler::make(IsaKind isa, DisassemblerKind kind,
                                                           DisassemblerOptions options) {
  const bool intel = isa == IsaKind::x64 && options.intel_syntax;
  if (kind == DisassemblerKind::Llvm) {
    initialise_llvm();
    const LlvmTarget& target = kLlvmTargets[static_cast<int>(isa)];
    LLVMDisasmContextRef context =
        LLVMCreateDisasmCPUFeatures(target.triple, target.cpu, target.features, nullptr, 0, nullptr, nullptr);
    if (context == nullptr) return fail(std::string("LLVM has no disassembler for ") + name(isa));
    if (intel) LLVMSetDisasmOptions(context, LLVMDisassembler_Option_AsmPrinterVariant);
    return std::make_unique<LlvmDisassembler>(isa, context);
  }
  if (isa == IsaKind::riscv64) return fail("Capstone 4 has no RISC-V disassembler");
  constexpr cs_arch kArch[] = {CS_ARCH_X86, CS_ARCH_ARM64, CS_ARCH_MAX, CS_ARCH_SYSZ};
  constexpr cs_mode kMode[] = {CS_MODE_64, CS_MODE_ARM, CS_MODE_ARM, CS_MODE_BIG_ENDIAN};
  csh handle;
  const int index = static_cast<int>(isa);
  if (cs_err error = cs_open(kArch[index], kMode[index], &handle); error != CS_ERR_OK) {
    return fail(std::string("Capstone cannot disassemble ") + name(isa) + ": " + cs_strerror(error));
  }
  if (isa == IsaKind::x64 && !intel) cs_option(handle, CS_OPT_SYNTAX, CS_OPT_SYNTAX_ATT);
  return std::make_unique<CapstoneDisassembler>(isa, handle);
}

std::vector<DisassembledInst> Disassembler::disassemble(std::span<const uint8_t> bytes, uint64_t address) {
  std::vector<DisassembledInst> result;
  for (size_t offset = 0; offset < bytes.size();) {
    // Instructions are at most 15 bytes and a prefix; a window keeps this linear whatever the decoder looks at.
    const std::span<const uint8_t> window = bytes.subspan(offset, std::min<size_t>(32, bytes.size() - offset));
    DisassembledInst inst = decode(window, address + offset);
    inst.offset = static_cast<uint32_t>(offset);
    offset += inst.length;
    result.push_back(std::move(inst));
  }
  return result;
}

}  // namespace assay::oracles
