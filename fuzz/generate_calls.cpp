// See function_generator.h. Here: signatures, calls of every kind, exceptions, special registers.
//
// Exceptions are thrown by calls of %__cranelift_throw and its like (interpreter/library.h). A function that one may
// leave is known (Program::throws): who calls it catches everything, or is such a function itself.
#include <algorithm>
#include <bit>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>

#include "compiler/ir/verifier.h"
#include "fuzz/function_generator.h"

namespace assay::fuzz {

namespace {

constexpr std::string_view kThrowers[] = {"__cranelift_throw", "__assay_throw", "__assay_resume"};
constexpr unsigned kTags = 4, kContexts = 3;

}  // namespace

// ---- signatures ----

void FunctionGenerator::make_signature() {
  Signature& s = f_.signature;
  s = Signature();
  s.call_conv = CallConv::kSystemV;
  // Functions that are called pass more in memory, so that callers have areas of different sizes to share.
  const bool entry = index_ + 1 == program_.functions.size();
  const unsigned params = is_for_rules_                     ? random_.between(4, 10)
                          : random_.chance(entry ? 85 : 60) ? random_.below(6)
                                                            : random_.between(6, 14);
  const unsigned returns = random_.chance(entry ? 85 : 70) ? random_.between(1, 2) : random_.below(13);
  const bool many_params = random_.below(40) == 0, many_returns = random_.below(40) == 0;
  for (unsigned i = many_params ? random_.between(15, 40) : params; i != 0; --i) s.params.push_back(abi_param());
  for (unsigned i = many_returns ? random_.between(13, 30) : returns; i != 0; --i) s.returns.push_back(abi_param());
  s.call_conv = convention();
  // Code over virtual registers keeps none of the registers that only these preserve.
  if (entry && (s.call_conv == CallConv::kWindowsFastcall || s.call_conv == CallConv::kPreserveAll)) {
    s.call_conv = CallConv::kSystemV;
  }
  if (s.call_conv == CallConv::kPreserveAll) s.returns.clear();
  mark_purposes(s, entry);
  if (s.call_conv != CallConv::kTail || index_ == 0 || random_.chance(program_.has_tail_calls ? 5 : 30)) return;
  // Results that a function before this one has, so that the two can end in each other.
  const Signature& before = program_.functions[random_.below(static_cast<uint32_t>(index_))].signature;
  if (before.call_conv == CallConv::kTail) s.returns = before.returns;
}

CallConv FunctionGenerator::convention() {
  if (program_.has_tail_calls && random_.chance(90)) return CallConv::kTail;
  const unsigned choice = random_.below(100);
  if (choice < 58) return CallConv::kSystemV;
  if (choice < 80) return CallConv::kTail;
  if (choice < 86) return CallConv::kWindowsFastcall;
  return choice < 91 ? CallConv::kAppleAarch64 : choice < 95 ? CallConv::kFast : CallConv::kPreserveAll;
}

AbiParam FunctionGenerator::abi_param() {
  AbiParam param{.type = any_value_type()};
  if (param.type.is_int() && param.type.bits() < 64 && random_.chance(40)) {
    param.extension = random_.chance(50) ? Extension::kUext : Extension::kSext;
  }
  return param;
}

AbiParam FunctionGenerator::int_param() {
  AbiParam param = abi_param();
  while (param.type.is_float()) param = abi_param();
  return param;
}

// Structs by value, where a struct goes that is returned, a context.
void FunctionGenerator::mark_purposes(Signature& s, bool is_entry) {
  const auto insert = [&](AbiParam param, uint32_t at) {
    s.params.insert(s.params.begin() + std::min<std::ptrdiff_t>(at, std::ssize(s.params)), param);
  };
  const auto any_place = [&] { return random_.below(static_cast<uint32_t>(s.params.size()) + 1); };
  // The harness has no way to pass one.
  if (!is_entry && random_.chance(8)) {
    for (unsigned n = random_.between(1, 2); n != 0; --n) {
      const uint32_t words = random_.chance(75) ? random_.between(1, 6) : random_.between(200, 480);
      const uint32_t size = 8 * words - (random_.chance(60) ? 0 : random_.between(1, 7));
      insert({.type = kI64, .purpose = Purpose::kStructArgument, .struct_size = size}, any_place());
    }
  }
  if (random_.chance(4)) {
    insert({.type = kI64, .purpose = Purpose::kVMContext}, any_place());
    limit_stack();
  }
  if (random_.chance(5)) {
    insert({.type = kI64, .purpose = Purpose::kStructReturn}, 0);
    if (random_.chance(75)) s.returns.clear();
  }
}

// Contexts are regions, which lie below every stack.
void FunctionGenerator::limit_stack() {
  if (random_.chance(40)) return;
  GlobalValue limit = f_.global_values.push({.kind = GlobalValueData::Kind::kVMContext});
  if (random_.chance(40)) {
    limit = f_.global_values.push({.kind = GlobalValueData::Kind::kIaddImm,
                                   .type = kI64,
                                   .base = limit,
                                   .offset = random_.chance(50) ? 8 : static_cast<int64_t>(random_.below(1 << 20))});
  }
  f_.stack_limit = limit;
}

void FunctionGenerator::declare_callees() {
  for (size_t i = 0; i < index_; ++i) {
    if (!random_.chance(70)) continue;
    const SigRef sig = f_.signatures.push(program_.functions[i].signature);
    f_.functions.push({.name = program_.functions[i].name, .signature = sig, .colocated = random_.chance(70)});
  }
  callees_ = static_cast<uint32_t>(f_.functions.size());
}

// Names follow from signatures: one name never stands for two.
void FunctionGenerator::declare_host_functions() {
  for (unsigned n = random_.between(1, 2); n != 0; --n) {
    Signature s;
    s.call_conv = CallConv::kSystemV;
    // Floats seldom: what is done with one depends on every bit, and those of NaNs are open.
    const auto param = [&] {
      if (!program_.has_floats || !random_.chance(15)) return int_param();
      return AbiParam{.type = random_.chance(50) ? kF32 : kF64};
    };
    for (unsigned i = random_.chance(80) ? random_.below(5) : random_.between(5, 14); i != 0; --i) {
      s.params.push_back(param());
    }
    for (unsigned i = random_.chance(80) ? random_.below(3) : random_.between(3, 9); i != 0; --i) {
      s.returns.push_back(param());
    }
    uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
    for (const char c : to_string(s)) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
    static constexpr char kDigits[] = "0123456789abcdef";
    std::string name = "host_";
    for (unsigned i = 0; i < 5; ++i) name += kDigits[hash >> (4 * i + 20) & 15];
    name += static_cast<char>('a' + random_.below(3));
    const SigRef sig = f_.signatures.push(s);
    f_.functions.push({.name = ExternalName::testcase(name), .signature = sig, .colocated = random_.chance(50)});
  }
  callees_ = static_cast<uint32_t>(f_.functions.size());
}

FuncRef FunctionGenerator::thrower(Thrower which) {
  FuncRef& function = throwers_[which];
  if (!function.is_none()) return function;
  Signature s;
  s.call_conv = CallConv::kSystemV;
  s.params.assign(which == kThrow ? 6 : which == kThrowInContext ? 7 : 4, {.type = kI64});
  if (which != kResume) s.params[3].type = kI32;
  const SigRef sig = f_.signatures.push(s);
  return function = f_.functions.push({.name = ExternalName::testcase(std::string(kThrowers[which])),
                                       .signature = sig,
                                       .colocated = random_.chance(50)});
}

// ---- calls ----

// May an exception come out of a call of it?
bool FunctionGenerator::throws(uint32_t function) const {
  if (std::ranges::find(throwers_, FuncRef(function)) != std::end(throwers_)) return true;
  const ExternalName& name = f_.functions[FuncRef(function)].name;
  for (size_t i = 0; i < index_ && i < program_.throws.size(); ++i) {
    if (program_.throws[i] && program_.functions[i].name == name) return true;
  }
  return false;
}

bool FunctionGenerator::may_leak() const {
  return index_ + 1 != program_.functions.size() && supports_exceptions(f_.signature.call_conv);
}

Value FunctionGenerator::function_address(uint32_t function) {
  const FunctionDeclaration& callee = f_.functions[FuncRef(function)];
  const bool is_defined = std::ranges::any_of(std::span(program_.functions).first(index_),
                                              [&](const Function& f) { return f.name == callee.name; });
  if (!is_defined || random_.chance(70)) return emit1({.opcode = Opcode::kFuncAddr, .type = kI64, .entity = function});
  const auto offset = random_.chance(70) ? 0 : static_cast<int64_t>(random_.below(64)) - 32;
  const GlobalValue symbol = f_.global_values.push(
      {.kind = GlobalValueData::Kind::kSymbol, .colocated = random_.chance(70), .offset = offset, .name = callee.name});
  const Value address = emit1({.opcode = Opcode::kSymbolValue, .type = kI64, .entity = symbol.index});
  if (offset == 0) return address;
  return binary(Opcode::kIsub, address, constant_of(kI64, static_cast<uint64_t>(offset)));
}

// Of so many bytes that may surely be read.
Value FunctionGenerator::struct_address(uint32_t bytes, bool is_tail) {
  // What lies in this function's frame, or among its arguments, is gone when it has made a tail call.
  if (!is_tail && random_.chance(40)) {
    for (uint32_t slot = 0; slot < initialised_.size(); ++slot) {
      if (initialised_[slot].bytes < bytes) continue;
      return emit1({.opcode = Opcode::kStackAddr, .type = kI64, .entity = slot, .imm = initialised_[slot].begin});
    }
  }
  for (const Struct& one : structs_) {
    if (!is_tail && one.bytes >= bytes && random_.chance(50)) return one.address;
  }
  const oracles::RegionDirective& region = program_.regions[0];
  return constant_of(kI64, region.address + random_.below(region.size - bytes + 1) / 8 * 8);
}

// `callee`: the address in front of the others, or none.
std::vector<Value> FunctionGenerator::call_arguments(const Signature& signature, Value callee, bool is_tail) {
  std::vector<Value> args;
  if (!callee.is_none()) args.push_back(callee);
  const std::vector<AbiParam> params = signature.params;  // what is made may move signatures
  for (const AbiParam& param : params) {
    switch (param.purpose) {
      case Purpose::kStructArgument:
        args.push_back(struct_address(param.struct_size, is_tail));
        break;
      case Purpose::kStructReturn:
        args.push_back(constant_of(
            kI64, program_.regions[0].address + random_.below(program_.regions[0].size - kResultStruct + 1) / 8 * 8));
        break;
      case Purpose::kVMContext:
        args.push_back(constant_of(kI64, program_.regions[0].address));
        break;
      case Purpose::kNormal:
        // Of narrow ones often with something above in the register, which extensions must not let through.
        args.push_back(param.type.is_int() && param.type.bits() < 64 && random_.chance(25)
                           ? convert(Opcode::kIreduce, param.type, pick(kI64))
                           : pick(param.type));
        break;
    }
  }
  return args;
}

void FunctionGenerator::call() {
  if (callees_ == 0) callees_ = static_cast<uint32_t>(f_.functions.size());  // of a function that is there already
  const uint32_t which = random_.below(callees_);
  for (const std::string_view name : kThrowers) {
    if (f_.functions[FuncRef(which)].name == ExternalName::testcase(std::string(name))) return;
  }
  const bool indirect = random_.chance(25), is_thrown = throws(which);
  const std::vector<Value> args = call_arguments(signature_of(which), indirect ? function_address(which) : Value());
  budget_ -= 3;
  if (!is_within_block_ && supports_exceptions(signature_of(which).call_conv)) {
    const bool must_catch = is_thrown && !may_leak();
    if (must_catch || random_.chance(is_thrown ? 50 : 12)) {
      try_call(which, indirect, args, must_catch);
      return;
    }
  }
  leaks_ |= is_thrown;
  const SigRef sig = f_.functions[FuncRef(which)].signature;
  const Inst inst = b_.insert({.opcode = indirect ? Opcode::kCallIndirect : Opcode::kCall,
                               .type = indirect ? kI64 : Type(),
                               .entity = indirect ? sig.index : which,
                               .args = f_.make_values(args)});
  tag(inst);
  for (Value result : f_.results(inst)) add(result);
}

// Debug tags, on what may have them.
void FunctionGenerator::tag(Inst inst) {
  if (!random_.chance(4)) return;
  std::vector<DebugTag> tags = {{.value = random_.below(1000)}};
  if (!initialised_.empty()) tags.push_back({.is_slot = true, .value = 0});
  f_.set_debug_tags(inst, std::move(tags));
}

// Of a few, so that some are equal.
Value FunctionGenerator::exception_context() {
  static constexpr Type kContextTypes[] = {kI64, kI64, kI32, kI8};
  const Type type = kContextTypes[random_.below(std::size(kContextTypes))];
  const Value context = constant_of(type, random_.below(kContexts));
  if (random_.chance(50)) return context;
  if (type == kI64 || random_.chance(30)) return pick(type);
  // Something is above it in the register.
  const Value above = binary(Opcode::kBand, pick(kI64), constant_of(kI64, ~uint64_t(0) << type.bits()));
  return convert(Opcode::kIreduce, type, binary(Opcode::kBor, above, convert(Opcode::kUextend, kI64, context)));
}

// The edges go to blocks of their own, or where all of them come together.
Inst FunctionGenerator::try_call(uint32_t function, bool indirect, std::span<const Value> args, bool catch_all) {
  const SigRef sig = f_.functions[FuncRef(function)].signature;
  const Signature signature = f_.signatures[sig];
  const bool has_payload = signature.call_conv != CallConv::kWinch;
  const Block join = new_block();
  const std::vector<Type> types = some_types();
  struct Own {
    Block block;
    std::vector<Type> types;
  };
  std::vector<Own> own;
  std::vector<BlockCall> calls;
  // What the edge alone has: results, or words of the exception.
  const auto given = [&](bool is_normal, Type type) -> std::optional<BlockArg> {
    std::vector<BlockArg> fitting;
    for (uint32_t i = 0; is_normal && i < signature.returns.size(); ++i) {
      if (signature.returns[i].type == type) fitting.push_back(BlockArg::ret(i));
    }
    if (!is_normal && type == kI64 && has_payload) fitting = {BlockArg::exn(0), BlockArg::exn(1)};
    if (fitting.empty() || random_.chance(25)) return std::nullopt;
    return fitting[random_.below(static_cast<uint32_t>(fitting.size()))];
  };
  const auto add_edge = [&](bool is_normal) {
    std::vector<Type> wanted = types;
    const bool to_join = random_.chance(30);
    if (!to_join) {
      wanted = some_types();
      for (const AbiParam& result : signature.returns) {
        if (is_normal && random_.chance(70)) wanted.push_back(result.type);
      }
      for (unsigned n = is_normal || !has_payload ? 0 : random_.below(4); n != 0; --n) wanted.push_back(kI64);
    }
    std::vector<BlockArg> passed;
    for (const Type type : wanted) {
      const auto arg = given(is_normal, type);
      passed.push_back(arg ? *arg : BlockArg(pick(type)));
    }
    const Block target = to_join ? join : new_block();
    if (!to_join) own.push_back({target, std::move(wanted)});
    calls.push_back(f_.make_block_call(target, std::span<const BlockArg>(passed)));
  };
  add_edge(/*is_normal=*/true);
  ExceptionTableData table{.signature = sig, .items = {}};
  const unsigned handlers = random_.below(4);
  const unsigned any = catch_all || random_.chance(40) ? random_.below(handlers + 1) : kTags + handlers;
  for (unsigned i = 0; i <= handlers; ++i) {
    if (i == any || i < handlers) add_edge(/*is_normal=*/false);
    const auto call_index = static_cast<uint32_t>(calls.size() - 1);
    if (random_.chance(throws(function) ? 30 : 8)) {
      table.items.push_back({.kind = ExceptionItem::Kind::kContext, .context = exception_context()});
    }
    if (i == any) {
      table.items.push_back({.kind = ExceptionItem::Kind::kDefault, .tag = 0, .call_index = call_index, .context = {}});
    } else if (i < handlers) {
      table.items.push_back(
          {.kind = ExceptionItem::Kind::kTag, .tag = random_.below(kTags), .call_index = call_index, .context = {}});
    }
  }
  leaks_ |= throws(function) && any > handlers;
  const Inst inst = b_.insert({.opcode = indirect ? Opcode::kTryCallIndirect : Opcode::kTryCall,
                               .type = indirect ? kI64 : Type(),
                               .entity = indirect ? Inst::kNone : function,
                               .args = f_.make_values(args),
                               .calls = f_.make_calls(calls),
                               .imm = f_.exception_tables.push(std::move(table)).index});
  tag(inst);
  for (const Own& one : own) {
    const Scope scope = open();
    enter(one.block);
    for (const Type type : one.types) add(f_.append_block_param(one.block, type));
    if (random_.chance(50)) region(0);
    show(scope);
    jump(join, arguments(types));
    close(scope);
  }
  enter_join(join, types);
  return inst;
}

// Ends the function in another one, if there is one that it may end in.
bool FunctionGenerator::tail_call() {
  if (f_.signature.call_conv != CallConv::kTail) return false;
  std::vector<uint32_t> fitting;
  for (uint32_t i = 0; i < callees_; ++i) {
    const Signature& s = signature_of(i);
    if (throws(i) && !may_leak()) continue;
    if (s.call_conv == CallConv::kTail && s.returns == f_.signature.returns) fitting.push_back(i);
  }
  if (fitting.empty() || random_.chance(20)) return false;
  const uint32_t which = fitting[random_.below(static_cast<uint32_t>(fitting.size()))];
  leaks_ |= throws(which);
  const bool indirect = random_.chance(35);
  const std::vector<Value> args =
      call_arguments(signature_of(which), indirect ? function_address(which) : Value(), /*is_tail=*/true);
  const Inst inst = b_.insert({.opcode = indirect ? Opcode::kReturnCallIndirect : Opcode::kReturnCall,
                               .type = indirect ? kI64 : Type(),
                               .entity = indirect ? f_.functions[FuncRef(which)].signature.index : which,
                               .args = f_.make_values(args)});
  tag(inst);
  return true;
}

// ---- exceptions, special registers ----

void FunctionGenerator::special() {
  const unsigned what = random_.below(100);
  if (program_.has_throws && !is_within_block_ && what < 40) return throw_something();
  if (program_.has_pinned && what < 40) return pinned_register();
  if (what < 55) return thread_local_access();
  if (what < 90) return special_register();
  tag(b_.insert({.opcode = Opcode::kSequencePoint}));
}

// In one case of some.
void FunctionGenerator::throw_something() {
  const Block block = new_block(), join = new_block();
  const Value c = random_.chance(40) ? condition()
                                     : compare(random_.chance(50) ? IntCC::kEq : IntCC::kUlt, pick(kI8),
                                               constant_of(kI8, random_.below(60)));
  const BlockCall calls[] = {f_.make_block_call(block), f_.make_block_call(join)};
  branch(Opcode::kBrif, c, calls);
  const Scope scope = open();
  enter(block);
  const unsigned kind = random_.below(100);
  const Thrower which = kind < 45 ? kThrow : kind < 80 ? kThrowInContext : kResume;
  const FuncRef function = thrower(which);
  const bool has_frame = random_.chance(50), indirect = random_.chance(30);
  const bool must_catch = which == kResume || !may_leak();
  std::vector<Value> args;
  if (indirect) args.push_back(function_address(function.index));
  if (which != kResume) args.push_back(constant_of(kI64, 0));
  args.push_back(has_frame ? emit1({.opcode = Opcode::kGetFramePointer, .type = kI64}) : constant_of(kI64, 0));
  if (which == kResume) {
    args.push_back(emit1({.opcode = Opcode::kGetExceptionHandlerAddress, .type = kI64, .entity = block_.index}));
  } else {
    args.push_back(constant_of(kI64, 0));
    args.push_back(random_.chance(70) ? constant_of(kI32, random_.below(kTags))
                                      : binary(Opcode::kBand, pick(kI32), constant_of(kI32, kTags - 1)));
  }
  const Inst address = f_.def_inst(args.back());
  for (unsigned word = 0; word < 2; ++word) args.push_back(pick(kI64));
  if (which == kThrowInContext) {
    args.push_back(random_.chance(70) ? constant_of(kI64, random_.below(kContexts)) : pick(kI64));
  }
  if (must_catch || random_.chance(20)) {
    const Inst call = try_call(function.index, indirect, args, must_catch);
    const auto handlers = static_cast<uint32_t>(f_.block_calls(call).size()) - 1;
    if (which == kResume) f_.inst(address).imm = random_.below(handlers);
  } else {
    leaks_ = true;
    b_.insert({.opcode = indirect ? Opcode::kCallIndirect : Opcode::kCall,
               .type = indirect ? kI64 : Type(),
               .entity = indirect ? f_.functions[function].signature.index : function.index,
               .args = f_.make_values(args)});
  }
  if (random_.chance(70)) {
    b_.insert({.opcode = Opcode::kTrap, .code = trap_code()});
  } else {
    jump(join);
  }
  close(scope);
  enter(join);
}

// Read twice, it is the same; so much can be said of it.
void FunctionGenerator::special_register() {
  static constexpr Opcode kRegisters[] = {Opcode::kGetFramePointer, Opcode::kGetStackPointer,
                                          Opcode::kGetReturnAddress};
  const Opcode opcode = kRegisters[random_.below(std::size(kRegisters))];
  const Value first = emit1({.opcode = opcode, .type = kI64});
  for (unsigned n = random_.below(3); n != 0; --n) statement();
  const Value second = emit1({.opcode = opcode, .type = kI64});
  if (random_.chance(50)) return add(compare(random_.chance(50) ? IntCC::kEq : IntCC::kUgt, first, second));
  const Value difference = binary(Opcode::kIsub, first, second);
  add(random_.chance(50) ? difference : binary(Opcode::kBxor, difference, pick(kI64)));
}

// Variables of eight bytes, which several functions know.
void FunctionGenerator::thread_local_access() {
  const uint32_t begin = random_.below(8);
  std::string name = "local_";
  name += static_cast<char>('a' + random_.below(4));
  const GlobalValue global = f_.global_values.push({.kind = GlobalValueData::Kind::kSymbol,
                                                    .colocated = random_.chance(50),
                                                    .tls = true,
                                                    .offset = begin,
                                                    .name = ExternalName::testcase(std::move(name))});
  const Value address = emit1({.opcode = Opcode::kTlsValue, .type = kI64, .entity = global.index});
  const Type type = kTypes[random_.below(4 - static_cast<uint32_t>(std::bit_width(begin)))];
  if (random_.chance(50)) {
    const MemFlags flags = mem_flags({address, 0, /*trusted=*/true, {}});
    add(emit1({.opcode = Opcode::kLoad, .type = type, .flags = flags, .args = f_.make_values({&address, 1})}));
  } else {
    store(Opcode::kStore, type, mem_flags({address, 0, /*trusted=*/true, {}}), pick(type), address, 0);
  }
}

// Written, read back behind something else, and as it was before when the function is left.
void FunctionGenerator::pinned_register() {
  const bool could_leave = may_leave_;
  may_leave_ = false;
  const auto get = [&] { return emit1({.opcode = Opcode::kGetPinnedReg, .type = kI64}); };
  const auto set = [&](Value v) {
    b_.insert({.opcode = Opcode::kSetPinnedReg, .type = kI64, .args = f_.make_values({&v, 1})});
  };
  const Value before = get();
  set(pick(kI64));
  for (unsigned n = random_.below(4); n != 0; --n) statement();
  const Value now = get();
  set(before);
  add(now);
  may_leave_ = could_leave;
}

}  // namespace assay::fuzz
