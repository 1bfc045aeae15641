// The program `clif_from_llvm FILE.ll [DIRECTIVES]`: CLIF for the functions of an LLVM module, one operation for each,
// as a simple frontend would emit it. How corpus/programs is made from C.
//
// For what compiled C needs: integers of 8 to 64 bits (conditions are 0 or 1 in i8), pointers, f32 and f64, memory that
// never traps. No globals, no calls but of a few intrinsics. Anything else is an error that names it. A line of
// DIRECTIVES is a function's name, a space and a comment to put after that function.
#include <llvm-c/Core.h>
#include <llvm-c/IRReader.h>
#include <llvm-c/Target.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

[[noreturn]] void give_up(const std::string& what, LLVMValueRef about = nullptr) {
  std::fprintf(stderr, "clif_from_llvm: %s\n", what.c_str());
  if (about != nullptr) std::fprintf(stderr, "  %s\n", LLVMPrintValueToString(about));
  std::exit(2);
}

unsigned bits(LLVMTypeRef type) {
  return LLVMGetTypeKind(type) == LLVMPointerTypeKind ? 64 : LLVMGetIntTypeWidth(type);
}

std::string type_name(LLVMTypeRef type) {
  switch (LLVMGetTypeKind(type)) {
    case LLVMPointerTypeKind:
      return "i64";
    case LLVMFloatTypeKind:
      return "f32";
    case LLVMDoubleTypeKind:
      return "f64";
    case LLVMIntegerTypeKind:
      switch (bits(type)) {
        case 1:
        case 8:
          return "i8";
        case 16:
        case 32:
        case 64:
          return "i" + std::to_string(bits(type));
        default:
          break;
      }
      [[fallthrough]];
    default:
      give_up(std::string("type ") + LLVMPrintTypeToString(type));
  }
}

const char* condition(LLVMIntPredicate predicate) {
  switch (predicate) {
    case LLVMIntEQ:
      return "eq";
    case LLVMIntNE:
      return "ne";
    case LLVMIntUGT:
      return "ugt";
    case LLVMIntUGE:
      return "uge";
    case LLVMIntULT:
      return "ult";
    case LLVMIntULE:
      return "ule";
    case LLVMIntSGT:
      return "sgt";
    case LLVMIntSGE:
      return "sge";
    case LLVMIntSLT:
      return "slt";
    case LLVMIntSLE:
      return "sle";
  }
  return "";
}

const char* condition(LLVMRealPredicate predicate, LLVMValueRef inst) {
  switch (predicate) {
    case LLVMRealOEQ:
      return "eq";
    case LLVMRealOGT:
      return "gt";
    case LLVMRealOGE:
      return "ge";
    case LLVMRealOLT:
      return "lt";
    case LLVMRealOLE:
      return "le";
    case LLVMRealONE:
      return "one";
    case LLVMRealORD:
      return "ord";
    case LLVMRealUNO:
      return "uno";
    case LLVMRealUEQ:
      return "ueq";
    case LLVMRealUGT:
      return "ugt";
    case LLVMRealUGE:
      return "uge";
    case LLVMRealULT:
      return "ult";
    case LLVMRealULE:
      return "ule";
    case LLVMRealUNE:
      return "ne";
    default:
      give_up("comparison", inst);
  }
}

const char* binary(LLVMOpcode opcode) {
  switch (opcode) {
    case LLVMAdd:
      return "iadd";
    case LLVMSub:
      return "isub";
    case LLVMMul:
      return "imul";
    case LLVMUDiv:
      return "udiv";
    case LLVMSDiv:
      return "sdiv";
    case LLVMURem:
      return "urem";
    case LLVMSRem:
      return "srem";
    case LLVMShl:
      return "ishl";
    case LLVMLShr:
      return "ushr";
    case LLVMAShr:
      return "sshr";
    case LLVMAnd:
      return "band";
    case LLVMOr:
      return "bor";
    case LLVMXor:
      return "bxor";
    case LLVMFAdd:
      return "fadd";
    case LLVMFSub:
      return "fsub";
    case LLVMFMul:
      return "fmul";
    case LLVMFDiv:
      return "fdiv";
    default:
      return nullptr;
  }
}

class Translator {
 public:
  Translator(LLVMValueRef function, LLVMTargetDataRef layout) : function_(function), layout_(layout) {}

  void run() {
    unsigned blocks = 0;
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(function_); b != nullptr; b = LLVMGetNextBasicBlock(b)) {
      blocks_[b] = blocks++;
    }
    extra_blocks_ = blocks;
    std::string head = std::string("function %") + LLVMGetValueName(function_) + "(";
    std::string params;
    for (unsigned i = 0; i < LLVMCountParams(function_); ++i) {
      LLVMValueRef param = LLVMGetParam(function_, i);
      const std::string type = type_name(LLVMTypeOf(param));
      head += (i != 0 ? ", " : "") + type;
      params += (i != 0 ? ", " : "") + name(param) + ": " + type;
    }
    LLVMTypeRef returns = LLVMGetReturnType(LLVMGlobalGetValueType(function_));
    head += ")";
    if (LLVMGetTypeKind(returns) != LLVMVoidTypeKind) head += " -> " + type_name(returns);
    for (LLVMBasicBlockRef b = LLVMGetFirstBasicBlock(function_); b != nullptr; b = LLVMGetNextBasicBlock(b)) {
      std::string list = b == LLVMGetEntryBasicBlock(function_) ? params : "";
      for (LLVMValueRef i = LLVMGetFirstInstruction(b); i != nullptr && LLVMIsAPHINode(i);
           i = LLVMGetNextInstruction(i)) {
        list += (list.empty() ? "" : ", ") + name(i) + ": " + type_name(LLVMTypeOf(i));
      }
      body_ += "\nblock" + std::to_string(blocks_[b]) + (list.empty() ? "" : "(" + list + ")") + ":\n";
      block_ = b;
      for (LLVMValueRef i = LLVMGetFirstInstruction(b); i != nullptr; i = LLVMGetNextInstruction(i)) take(i);
    }
    std::printf("%s {\n%s%s}\n", head.c_str(), slots_.c_str(), body_.c_str() + (slots_.empty() ? 1 : 0));
  }

 private:
  std::string fresh() { return "v" + std::to_string(values_++); }
  std::string name(LLVMValueRef value) {
    const auto [it, is_new] = names_.try_emplace(value);
    if (is_new) it->second = fresh();
    return it->second;
  }
  void line(const std::string& text) { body_ += "    " + text + "\n"; }
  std::string emit(const std::string& text) {
    const std::string v = fresh();
    line(v + " = " + text);
    return v;
  }
  void define(LLVMValueRef inst, const std::string& text) { line(name(inst) + " = " + text); }
  std::string number(const std::string& type, int64_t n) { return emit("iconst." + type + " " + std::to_string(n)); }

  std::string use(LLVMValueRef value) {
    LLVMTypeRef type = LLVMTypeOf(value);
    if (LLVMIsAConstantInt(value)) {
      const bool is_condition = bits(type) == 1;
      return number(type_name(type), is_condition ? static_cast<int64_t>(LLVMConstIntGetZExtValue(value))
                                                  : LLVMConstIntGetSExtValue(value));
    }
    if (LLVMIsAConstantFP(value)) {
      LLVMBool lost = 0;
      char text[64];
      std::snprintf(text, sizeof text, "%a", LLVMConstRealGetDouble(value, &lost));
      std::string digits = text;
      if (digits.find('.') == std::string::npos) digits.insert(digits.find('p'), ".0");
      return emit((type_name(type) == "f32" ? "f32const " : "f64const ") + digits);
    }
    if (LLVMIsUndef(value) || LLVMIsPoison(value) || LLVMIsAConstantPointerNull(value))
      return number(type_name(type), 0);
    if (LLVMIsAArgument(value) || LLVMIsAInstruction(value)) return name(value);
    give_up("operand", value);
  }

  std::string edge(LLVMBasicBlockRef to) {
    std::string list;
    for (LLVMValueRef phi = LLVMGetFirstInstruction(to); phi != nullptr && LLVMIsAPHINode(phi);
         phi = LLVMGetNextInstruction(phi)) {
      for (unsigned i = 0; i < LLVMCountIncoming(phi); ++i) {
        if (LLVMGetIncomingBlock(phi, i) != block_) continue;
        list += (list.empty() ? "" : ", ") + use(LLVMGetIncomingValue(phi, i));
        break;
      }
    }
    return "block" + std::to_string(blocks_[to]) + (list.empty() ? "" : "(" + list + ")");
  }

  // A cast between integers; conditions are wider than they look.
  void cast(LLVMValueRef inst, LLVMOpcode opcode) {
    LLVMValueRef from = LLVMGetOperand(inst, 0);
    const unsigned before = bits(LLVMTypeOf(from)), after = bits(LLVMTypeOf(inst));
    const std::string type = type_name(LLVMTypeOf(inst));
    const unsigned width_before = before == 1 ? 8 : before, width_after = after == 1 ? 8 : after;
    std::string v = use(from);
    if (after == 1) {
      if (width_before > 8) v = emit("ireduce.i8 " + v);
      define(inst, "band " + v + ", " + number("i8", 1));
      return;
    }
    if (before == 1 && opcode == LLVMSExt) v = emit("ineg " + v);
    if (width_before == width_after) {
      names_[inst] = v;
      return;
    }
    const char* operation = width_after < width_before ? "ireduce." : opcode == LLVMSExt ? "sextend." : "uextend.";
    define(inst, operation + type + " " + v);
  }

  void address(LLVMValueRef inst) {
    std::string at = use(LLVMGetOperand(inst, 0));
    LLVMTypeRef type = LLVMGetGEPSourceElementType(inst);
    int64_t offset = 0;
    for (int i = 1; i < LLVMGetNumOperands(inst); ++i) {
      LLVMValueRef index = LLVMGetOperand(inst, static_cast<unsigned>(i));
      if (i > 1 && LLVMGetTypeKind(type) == LLVMStructTypeKind) {
        const unsigned field = static_cast<unsigned>(LLVMConstIntGetZExtValue(index));
        offset += static_cast<int64_t>(LLVMOffsetOfElement(layout_, type, field));
        type = LLVMStructGetTypeAtIndex(type, field);
        continue;
      }
      if (i > 1) type = LLVMGetElementType(type);
      const int64_t size = static_cast<int64_t>(LLVMABISizeOfType(layout_, type));
      if (LLVMIsAConstantInt(index)) {
        offset += LLVMConstIntGetSExtValue(index) * size;
        continue;
      }
      std::string scaled = use(index);
      if (bits(LLVMTypeOf(index)) < 64) scaled = emit("sextend.i64 " + scaled);
      if (size != 1) scaled = emit("imul " + scaled + ", " + number("i64", size));
      at = emit("iadd " + at + ", " + scaled);
    }
    if (offset != 0) at = emit("iadd " + at + ", " + number("i64", offset));
    names_[inst] = at;
  }

  void intrinsic(LLVMValueRef inst) {
    const std::string callee = LLVMGetValueName(LLVMGetCalledValue(inst));
    const auto is = [&](const char* prefix) { return callee.starts_with(prefix); };
    if (is("llvm.lifetime") || is("llvm.assume") || is("llvm.dbg")) return;
    if (is("llvm.trap")) {
      line("trap heap_oob");
      body_ += "\nblock" + std::to_string(extra_blocks_++) + ":\n";  // of what LLVM has after it
      return;
    }
    static const std::map<std::string, const char*> kDirect = {
        {"llvm.ctpop", "popcnt"}, {"llvm.bswap", "bswap"}, {"llvm.smax", "smax"},
        {"llvm.smin", "smin"},    {"llvm.umax", "umax"},   {"llvm.umin", "umin"},
        {"llvm.ctlz", "clz"},     {"llvm.cttz", "ctz"},    {"llvm.bitreverse", "bitrev"}};
    const auto direct = kDirect.find(callee.substr(0, callee.find('.', 5)));
    if (direct == kDirect.end()) give_up("call", inst);
    const bool two = callee.find("max") != std::string::npos || callee.find("min") != std::string::npos;
    const std::string a = use(LLVMGetOperand(inst, 0));
    define(inst, std::string(direct->second) + " " + a + (two ? ", " + use(LLVMGetOperand(inst, 1)) : ""));
  }

  void branch_on(LLVMValueRef inst) {
    LLVMValueRef on = LLVMGetOperand(inst, 0);
    const unsigned cases = LLVMGetNumSuccessors(inst) - 1;
    std::map<uint64_t, LLVMBasicBlockRef> targets;
    for (unsigned i = 1; i <= cases; ++i) {
      targets[LLVMConstIntGetZExtValue(LLVMGetOperand(inst, 2 * i))] = LLVMGetSuccessor(inst, i);
    }
    const uint64_t last = targets.rbegin()->first;
    if (last < 2 * cases && cases > 3) {
      if (bits(LLVMTypeOf(on)) != 32) give_up("a switch on this type", inst);
      std::string list;
      const std::string index = use(on), other = edge(LLVMGetSwitchDefaultDest(inst));
      for (uint64_t n = 0; n <= last; ++n) {
        const auto at = targets.find(n);
        list += (n != 0 ? ", " : "") + (at == targets.end() ? other : edge(at->second));
      }
      line("br_table " + index + ", " + other + ", [" + list + "]");
      return;
    }
    for (const auto& [n, target] : targets) {
      const std::string is =
          emit("icmp eq " + use(on) + ", " + number(type_name(LLVMTypeOf(on)), static_cast<int64_t>(n)));
      const std::string next = "block" + std::to_string(extra_blocks_++);
      line("brif " + is + ", " + edge(target) + ", " + next);
      body_ += "\n" + next + ":\n";
    }
    line("jump " + edge(LLVMGetSwitchDefaultDest(inst)));
  }

  void take(LLVMValueRef inst) {
    const LLVMOpcode opcode = LLVMGetInstructionOpcode(inst);
    const auto operand = [&](unsigned i) { return use(LLVMGetOperand(inst, i)); };
    const std::string type =
        LLVMGetTypeKind(LLVMTypeOf(inst)) == LLVMVoidTypeKind || opcode == LLVMCall ? "" : type_name(LLVMTypeOf(inst));
    if (const char* operation = binary(opcode)) {
      const std::string a = operand(0), b = operand(1);
      return define(inst, std::string(operation) + " " + a + ", " + b);
    }
    switch (opcode) {
      case LLVMPHI:
        return;
      case LLVMICmp: {
        const std::string a = operand(0), b = operand(1);
        return define(inst, std::string("icmp ") + condition(LLVMGetICmpPredicate(inst)) + " " + a + ", " + b);
      }
      case LLVMFCmp: {
        const std::string a = operand(0), b = operand(1);
        return define(inst, std::string("fcmp ") + condition(LLVMGetFCmpPredicate(inst), inst) + " " + a + ", " + b);
      }
      case LLVMSelect: {
        const std::string c = operand(0), a = operand(1), b = operand(2);
        return define(inst, "select " + c + ", " + a + ", " + b);
      }
      case LLVMFNeg:
        return define(inst, "fneg " + operand(0));
      case LLVMSIToFP:
        return define(inst, "fcvt_from_sint." + type + " " + operand(0));
      case LLVMUIToFP:
        return define(inst, "fcvt_from_uint." + type + " " + operand(0));
      case LLVMFPToSI:
        return define(inst, "fcvt_to_sint_sat." + type + " " + operand(0));
      case LLVMFPToUI:
        return define(inst, "fcvt_to_uint_sat." + type + " " + operand(0));
      case LLVMZExt:
      case LLVMSExt:
      case LLVMTrunc:
        return cast(inst, opcode);
      case LLVMPtrToInt:
      case LLVMIntToPtr:
      case LLVMFreeze:
        names_[inst] = operand(0);
        return;
      case LLVMGetElementPtr:
        return address(inst);
      case LLVMLoad:
        return define(inst, "load." + type + " notrap aligned " + operand(0));
      case LLVMStore: {
        const std::string v = operand(0), at = operand(1);
        return line("store notrap aligned " + v + ", " + at);
      }
      case LLVMAlloca: {
        const std::string slot = "ss" + std::to_string(slot_count_++);
        const uint64_t size = LLVMABISizeOfType(layout_, LLVMGetAllocatedType(inst));
        slots_ += "    " + slot + " = explicit_slot " + std::to_string(size) + ", align = 8\n";
        return define(inst, "stack_addr.i64 " + slot);
      }
      case LLVMCall:
        return intrinsic(inst);
      case LLVMBr:
        if (!LLVMIsConditional(inst)) return line("jump " + edge(LLVMGetSuccessor(inst, 0)));
        {
          const std::string c = operand(0), yes = edge(LLVMGetSuccessor(inst, 0)), no = edge(LLVMGetSuccessor(inst, 1));
          return line("brif " + c + ", " + yes + ", " + no);
        }
      case LLVMSwitch:
        return branch_on(inst);
      case LLVMRet:
        return line(LLVMGetNumOperands(inst) == 0 ? "return" : "return " + operand(0));
      case LLVMUnreachable:
        return line("trap unreachable");
      default:
        give_up("instruction", inst);
    }
  }

  LLVMValueRef function_;
  LLVMTargetDataRef layout_;
  std::map<LLVMBasicBlockRef, unsigned> blocks_;
  std::unordered_map<LLVMValueRef, std::string> names_;
  LLVMBasicBlockRef block_ = nullptr;
  unsigned values_ = 0, slot_count_ = 0, extra_blocks_ = 0;
  std::string slots_, body_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) give_up("usage: clif_from_llvm FILE.ll [DIRECTIVES]");
  LLVMMemoryBufferRef buffer = nullptr;
  char* message = nullptr;
  LLVMModuleRef module = nullptr;
  if (LLVMCreateMemoryBufferWithContentsOfFile(argv[1], &buffer, &message)) give_up(message);
  if (LLVMParseIRInContext(LLVMGetGlobalContext(), buffer, &module, &message)) give_up(message);
  std::multimap<std::string, std::string> directives;
  if (argc > 2) {
    std::ifstream in(argv[2]);
    for (std::string text; std::getline(in, text);) {
      const size_t space = text.find(' ');
      if (space != std::string::npos) directives.emplace(text.substr(0, space), text.substr(space + 1));
    }
  }
  std::puts(
      "; Made by corpus/programs/regenerate from the C file of this name; not to be edited.\ntest interpret\ntest run");
  for (LLVMValueRef f = LLVMGetFirstFunction(module); f != nullptr; f = LLVMGetNextFunction(f)) {
    if (LLVMIsDeclaration(f)) continue;
    std::puts("");
    Translator(f, LLVMGetModuleDataLayout(module)).run();
    const auto [begin, end] = directives.equal_range(LLVMGetValueName(f));
    for (auto it = begin; it != end; ++it) std::puts(it->second.c_str());
  }
  return 0;
}
