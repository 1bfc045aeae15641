// See printer.h. Operands are printed as the operations table lists them, one case per kind of operand.
#include "compiler/ir/printer.h"

#include <charconv>

namespace assay::ir {

namespace {

// Which aliases stand for a value directly: aliases[begin[v] .. begin[v + 1]), in order of their numbers.
struct AliasMap {
  std::vector<uint32_t> begin;
  std::vector<Value> aliases;

  explicit AliasMap(const Function& function) {
    size_t count = 0;
    for (uint32_t n = 0; n < function.value_count(); ++n) count += function.is_alias(Value(n));
    if (count == 0) return;
    begin.resize(function.value_count() + 1);
    for (uint32_t n = 0; n < function.value_count(); ++n) {
      if (function.is_alias(Value(n))) ++begin[function.value_def(Value(n)).original.index + 1];
    }
    for (size_t n = 1; n < begin.size(); ++n) begin[n] += begin[n - 1];
    aliases.resize(count);
    std::vector<uint32_t> next(begin.begin(), begin.end() - 1);
    for (uint32_t n = 0; n < function.value_count(); ++n) {
      if (function.is_alias(Value(n))) aliases[next[function.value_def(Value(n)).original.index]++] = Value(n);
    }
  }
  bool empty() const { return aliases.empty(); }
};

class Printer {
 public:
  Printer(const Function& function, std::string& out, const PrintOptions& options)
      : function_(function), out_(out), options_(options) {}

  void print_function() {
    out_ += "function ";
    out_ += to_string(function_.name);
    signature(function_.signature);
    out_ += " {\n";
    bool any = preamble();
    const AliasMap aliases(function_);
    const size_t indent = function_.has_source_locations() || function_.has_debug_tags() ? 36 : 4;
    for (Block block : function_.blocks()) {
      if (any) out_ += '\n';
      any = true;
      out_.append(indent - 4, ' ');
      block_header(block);
      out_ += '\n';
      for (Value param : function_.block_params(block)) alias_lines(aliases, param, indent);
      for (Inst i : function_.insts(block)) {
        const size_t start = out_.size();
        prefix(i);
        if (out_.size() - start < indent) out_.append(indent - (out_.size() - start), ' ');
        inst(i);
        out_ += '\n';
        for (Value result : function_.results(i)) alias_lines(aliases, result, indent);
      }
    }
    out_ += "}\n";
  }

  void block_header(Block block) {
    entity("block", block.index);
    const std::span<const Value> params = function_.block_params(block);
    if (!params.empty()) {
      out_ += '(';
      for (size_t n = 0; n < params.size(); ++n) {
        if (n != 0) out_ += ", ";
        value(params[n]);
        out_ += ": ";
        type(function_.value_type(params[n]));
      }
      out_ += ')';
    }
    if (function_.is_cold(block)) out_ += " cold";
    out_ += ':';
  }

  void inst(Inst i) {
    const InstData& data = function_.inst(i);
    const OperationInfo& op = operation_info(data.opcode);
    const std::span<const Value> results = function_.results(i);
    for (size_t n = 0; n < results.size(); ++n) {
      if (n != 0) out_ += ", ";
      value(results[n]);
    }
    if (!results.empty()) out_ += " = ";
    out_ += op.name;
    if (needs_suffix(i, op)) {
      out_ += '.';
      type(data.type);
    }
    operands(i, op);
    const std::span<const StackMapEntry> map = function_.stack_map(i);
    if (!map.empty()) {
      out_ += ", stack_map=[";
      for (size_t n = 0; n < map.size(); ++n) {
        if (n != 0) out_ += ", ";
        type(map[n].type);
        out_ += " @ ";
        entity("ss", map[n].slot.index);
        out_ += '+';
        number(map[n].offset);
      }
      out_ += ']';
    }
    if (options_.constant_comments) constant_comment(i);
  }

 private:
  // ---- words ----

  void number(uint64_t n) {
    char digits[20];
    const auto [end, status] = std::to_chars(digits, digits + sizeof digits, n);
    out_.append(digits, end);
  }
  void entity(std::string_view prefix, uint32_t n) {
    out_ += prefix;
    number(n);
  }
  void value(Value v) { entity("v", v.index); }

  // Dynamic vectors have no spelling of their own: the first dtN with that base stands for them.
  void type(Type t) {
    if (t.is_dynamic_vector()) {
      const Type base = t.dynamic_to_vector();
      for (uint32_t n = 0; n < function_.dynamic_types.size(); ++n) {
        const DynamicTypeData& data = function_.dynamic_types[DynamicType(n)];
        if (data.declared && data.base == base) return entity("dt", n);
      }
    }
    out_ += t.to_string();
  }

  void params(const std::vector<AbiParam>& list) {
    for (size_t n = 0; n < list.size(); ++n) {
      if (n != 0) out_ += ", ";
      if (list[n].type.is_dynamic_vector()) {
        type(list[n].type);
      } else {
        out_ += to_string(list[n]);
      }
    }
  }
  void signature(const Signature& sig) {
    out_ += '(';
    params(sig.params);
    out_ += ')';
    if (!sig.returns.empty()) {
      out_ += " -> ";
      params(sig.returns);
    }
    out_ += ' ';
    out_ += to_string(sig.call_conv);
  }

  void offset(int64_t n) {
    if (n == 0) return;
    const uint64_t magnitude = n < 0 ? -static_cast<uint64_t>(n) : static_cast<uint64_t>(n);
    out_ += n < 0 ? '-' : '+';
    out_ += imm64_to_string(static_cast<int64_t>(magnitude));
  }

  void hex_bytes(std::span<const uint8_t> bytes) {
    out_ += "0x";
    for (size_t n = bytes.size(); n-- > 0;) {
      out_ += "0123456789abcdef"[bytes[n] >> 4];
      out_ += "0123456789abcdef"[bytes[n] & 0xf];
    }
  }

  // ---- preamble ----

  void definition(std::string_view prefix, uint32_t n) {
    out_ += "    ";
    entity(prefix, n);
    out_ += " = ";
  }

  // In an order in which everything is declared before it is used.
  bool preamble() {
    const size_t start = out_.size();
    for (uint32_t n = 0; n < function_.regions.size(); ++n) {
      const AliasRegionData& region = function_.regions[AliasRegion(n)];
      definition("region", n);
      number(region.user_id);
      out_ += " \"" + region.description + "\"\n";
    }
    for (uint32_t n = 0; n < function_.stack_slots.size(); ++n) {
      const StackSlotData& slot = function_.stack_slots[StackSlot(n)];
      if (!slot.declared) continue;
      definition("ss", n);
      out_ += "explicit_slot ";
      number(slot.size);
      if (slot.align_log2 != 0) {
        out_ += ", align = ";
        number(uint64_t{1} << slot.align_log2);
      }
      if (slot.has_key) {
        out_ += ", key = ";
        number(slot.key);
      }
      out_ += '\n';
    }
    for (uint32_t n = 0; n < function_.global_values.size(); ++n) global_value(n);
    for (uint32_t n = 0; n < function_.dynamic_types.size(); ++n) {
      const DynamicTypeData& data = function_.dynamic_types[DynamicType(n)];
      if (!data.declared) continue;
      definition("dt", n);
      out_ += data.base.to_string();
      out_ += '*';
      entity("gv", data.scale.index);
      out_ += '\n';
    }
    for (uint32_t n = 0; n < function_.dynamic_stack_slots.size(); ++n) {
      const DynamicStackSlotData& data = function_.dynamic_stack_slots[DynamicStackSlot(n)];
      if (!data.declared) continue;
      definition("dss", n);
      entity("explicit_dynamic_slot dt", data.type.index);
      out_ += '\n';
    }
    for (uint32_t n = 0; n < function_.signatures.size(); ++n) {
      definition("sig", n);
      signature(function_.signatures[SigRef(n)]);
      out_ += '\n';
    }
    for (uint32_t n = 0; n < function_.functions.size(); ++n) {
      const FunctionDeclaration& data = function_.functions[FuncRef(n)];
      if (!data.declared) continue;
      definition("fn", n);
      if (data.colocated) out_ += "colocated ";
      if (data.patchable) out_ += "patchable ";
      out_ += to_string(data.name);
      entity(" sig", data.signature.index);
      out_ += '\n';
    }
    for (uint32_t n = 0; n < function_.constants.size(); ++n) {
      const ConstantData& data = function_.constants[Constant(n)];
      if (!data.declared) continue;
      definition("const", n);
      hex_bytes(data.bytes);
      out_ += '\n';
    }
    if (!function_.stack_limit.is_none()) {
      entity("    stack_limit = gv", function_.stack_limit.index);
      out_ += '\n';
    }
    return out_.size() != start;
  }

  void global_value(uint32_t n) {
    const GlobalValueData& data = function_.global_values[GlobalValue(n)];
    if (data.kind == GlobalValueData::Kind::kUndeclared) return;
    definition("gv", n);
    switch (data.kind) {
      case GlobalValueData::Kind::kUndeclared:
        break;
      case GlobalValueData::Kind::kVMContext:
        out_ += "vmctx";
        break;
      case GlobalValueData::Kind::kLoad:
        out_ += "load.";
        type(data.type);
        out_ += to_string(data.flags);
        entity(" gv", data.base.index);
        offset(data.offset);
        break;
      case GlobalValueData::Kind::kIaddImm:
        out_ += "iadd_imm.";
        type(data.type);
        entity(" gv", data.base.index);
        out_ += ", " + imm64_to_string(data.offset);
        break;
      case GlobalValueData::Kind::kSymbol:
        out_ += "symbol ";
        if (data.colocated) out_ += "colocated ";
        if (data.tls) out_ += "tls ";
        out_ += to_string(data.name);
        offset(data.offset);
        break;
      case GlobalValueData::Kind::kDynScaleTargetConst:
        out_ += "dyn_scale_target_const." + data.type.to_string();
        break;
    }
    out_ += '\n';
  }

  // ---- instructions ----

  void prefix(Inst i) {
    const std::span<const DebugTag> tags = function_.debug_tags(i);
    if (!tags.empty()) {
      out_ += '<';
      for (size_t n = 0; n < tags.size(); ++n) {
        if (n != 0) out_ += ", ";
        entity(tags[n].is_slot ? "ss" : "", tags[n].value);
      }
      out_ += "> ";
    }
    const uint32_t location = function_.source_location(i);
    if (location != kNoSourceLocation) {
      out_ += '@';
      for (int shift = 28; shift >= 0; shift -= 4) {
        if (shift >= 16 && location >> shift == 0) continue;
        out_ += "0123456789abcdef"[location >> shift & 0xf];
      }
      out_ += ' ';
    }
  }

  // The controlling type is written unless it can be read off an operand that this block defines.
  bool needs_suffix(Inst i, const OperationInfo& op) const {
    if (!op.polymorphic) return false;
    if (!op.infers_type || op.type_operand >= function_.args(i).size()) return true;
    const ValueDef def = function_.value_def(function_.resolve(function_.arg(i, op.type_operand)));
    const Block block = def.kind == ValueKind::kResult  ? function_.inst_block(def.inst)
                        : def.kind == ValueKind::kParam ? def.block
                                                        : Block();
    return block.is_none() || block != function_.inst_block(i);
  }

  void alias_lines(const AliasMap& aliases, Value original, size_t indent) {
    if (aliases.empty()) return;
    std::vector<Value> todo{original};
    while (!todo.empty()) {
      const Value target = todo.back();
      todo.pop_back();
      for (uint32_t n = aliases.begin[target.index]; n < aliases.begin[target.index + 1]; ++n) {
        const Value alias = aliases.aliases[n];
        out_.append(indent, ' ');
        value(alias);
        out_ += " -> ";
        value(target);
        out_ += '\n';
        todo.push_back(alias);
      }
    }
  }

  void block_call(const BlockCall& call) {
    entity("block", call.block.index);
    const std::span<const BlockArg> args = function_.args(call);
    if (args.empty()) return;
    out_ += '(';
    for (size_t n = 0; n < args.size(); ++n) {
      if (n != 0) out_ += ", ";
      if (args[n].is_value()) {
        value(args[n].value());
      } else {
        entity(args[n].is_ret() ? "ret" : "exn", args[n].index());
      }
    }
    out_ += ')';
  }

  void values(std::span<const Value> list) {
    for (size_t n = 0; n < list.size(); ++n) {
      if (n != 0) out_ += ", ";
      value(list[n]);
    }
  }

  void exception_table(Inst i) {
    const ExceptionTableData& table = function_.exception_table(i);
    const std::span<const BlockCall> calls = function_.block_calls(i);
    entity("sig", table.signature.index);
    out_ += ", ";
    block_call(calls[0]);
    out_ += ", [";
    for (size_t n = 0; n < table.items.size(); ++n) {
      const ExceptionItem& item = table.items[n];
      out_ += n == 0 ? " " : ", ";
      if (item.kind == ExceptionItem::Kind::kContext) {
        out_ += "context ";
        value(item.context);
        continue;
      }
      if (item.kind == ExceptionItem::Kind::kTag) {
        entity("tag", item.tag);
      } else {
        out_ += "default";
      }
      out_ += ": ";
      block_call(calls[item.call_index]);
    }
    out_ += table.items.empty() ? "]" : " ]";
  }

  void operands(Inst i, const OperationInfo& op) {
    const InstData& data = function_.inst(i);
    const std::span<const Value> args = function_.args(i);
    const std::span<const BlockCall> calls = function_.block_calls(i);
    size_t next_arg = 0;
    bool comma = false;
    for (const OperandInfo& operand : op.inputs) {
      const OperandKind kind = operand.kind;
      if (kind == OperandKind::kMemFlags) {  // each flag brings its space
        out_ += to_string(data.flags);
        continue;
      }
      if (kind == OperandKind::kOffset32) {
        offset(data.offset());
        continue;
      }
      if (kind == OperandKind::kVarargs) {
        const std::span<const Value> rest = args.subspan(next_arg);
        if (op.format == Format::kMultiary) {
          if (!rest.empty()) out_ += ' ';
          values(rest);
        } else {
          out_ += '(';
          values(rest);
          out_ += ')';
        }
        continue;
      }
      out_ += comma ? ", " : " ";
      comma = true;
      switch (kind) {
        case OperandKind::kValue:
          value(args[next_arg++]);
          break;
        case OperandKind::kImm64: {
          int64_t imm = static_cast<int64_t>(data.imm);
          if (data.opcode == Opcode::kIconst && data.type.bits() < 64) {
            const unsigned unused = 64 - data.type.bits();
            imm = static_cast<int64_t>(data.imm << unused) >> unused;
          }
          out_ += imm64_to_string(imm);
          break;
        }
        case OperandKind::kUimm8:
          number(data.code);
          break;
        case OperandKind::kUimm128:
          hex_bytes(function_.immediates[data.immediate()]);
          break;
        case OperandKind::kIeee16:
          out_ += float_to_string(data.imm, 16);
          break;
        case OperandKind::kIeee32:
          out_ += float_to_string(data.imm, 32);
          break;
        case OperandKind::kIeee64:
          out_ += float_to_string(data.imm, 64);
          break;
        case OperandKind::kPoolConstant:
          entity("const", data.entity);
          break;
        case OperandKind::kIntCC:
          out_ += to_string(data.int_cc());
          comma = false;
          break;
        case OperandKind::kFloatCC:
          out_ += to_string(data.float_cc());
          comma = false;
          break;
        case OperandKind::kAtomicRmwOp:
          out_ += to_string(data.rmw_op());
          comma = false;
          break;
        case OperandKind::kTrapCode:
          out_ += to_string(data.trap_code());
          break;
        case OperandKind::kFuncRef:
          entity("fn", data.entity);
          break;
        case OperandKind::kSigRef:
          entity("sig", data.entity);
          break;
        case OperandKind::kStackSlot:
          entity("ss", data.entity);
          break;
        case OperandKind::kDynamicStackSlot:
          entity("dss", data.entity);
          break;
        case OperandKind::kGlobalValue:
          entity("gv", data.entity);
          break;
        case OperandKind::kBlockCall:
        case OperandKind::kBlockThen:
          block_call(calls[0]);
          break;
        case OperandKind::kBlockElse:
          block_call(calls[1]);
          break;
        case OperandKind::kJumpTable:
          block_call(calls[0]);
          out_ += ", [";
          for (size_t n = 1; n < calls.size(); ++n) {
            if (n != 1) out_ += ", ";
            block_call(calls[n]);
          }
          out_ += ']';
          break;
        case OperandKind::kExceptionTable:
          exception_table(i);
          break;
        case OperandKind::kRawBlock:
          entity("block", data.entity);
          break;
        case OperandKind::kVarargs:
        case OperandKind::kMemFlags:
        case OperandKind::kOffset32:
          break;
      }
    }
  }

  // `  ; v3 = 7, v4 = -1` for operands that are constants.
  void constant_comment(Inst i) {
    bool first = true;
    for (Value arg : function_.args(i)) {
      const Inst def = function_.def_inst(arg);
      if (def.is_none()) continue;
      const InstData& data = function_.inst(def);
      std::string text;
      switch (data.opcode) {
        case Opcode::kIconst: {
          const unsigned unused = 64 - data.type.bits();
          text = imm64_to_string(static_cast<int64_t>(data.imm << unused) >> unused);
          break;
        }
        case Opcode::kF16const:
          text = float_to_string(data.imm, 16);
          break;
        case Opcode::kF32const:
          text = float_to_string(data.imm, 32);
          break;
        case Opcode::kF64const:
          text = float_to_string(data.imm, 64);
          break;
        default:
          continue;
      }
      out_ += first ? "  ; " : ", ";
      first = false;
      value(arg);
      out_ += " = " + text;
    }
  }

  const Function& function_;
  std::string& out_;
  const PrintOptions& options_;
};

void print_flags(const std::vector<Flag>& flags, std::string& out) {
  for (const Flag& flag : flags) {
    out += " " + flag.name;
    if (!flag.value.empty()) out += "=" + flag.value;
  }
}

}  // namespace

void print(const Function& function, std::string& out, const PrintOptions& options) {
  Printer(function, out, options).print_function();
}

std::string print(const Function& function, const PrintOptions& options) {
  std::string out;
  print(function, out, options);
  return out;
}

std::string print_inst(const Function& function, Inst inst) {
  std::string out;
  const PrintOptions options;
  Printer(function, out, options).inst(inst);
  return out;
}

std::string print_block_header(const Function& function, Block block) {
  std::string out;
  const PrintOptions options;
  Printer(function, out, options).block_header(block);
  return out;
}

std::string print(const File& file, const PrintOptions& options) {
  std::string out;
  for (const TestCommand& command : file.commands) {
    out += "test " + command.name;
    for (const std::string& option : command.options) out += " " + option;
    out += '\n';
  }
  for (const Feature& feature : file.features) {
    out += "feature ";
    if (feature.negated) out += '!';
    out += "\"" + feature.name + "\"\n";
  }
  for (const Setting& setting : file.settings) {
    out += setting.is_target ? "target " + setting.target : "set";
    print_flags(setting.flags, out);
    out += '\n';
  }
  for (const Comment& comment : file.comments) out += comment.text + "\n";
  for (const ParsedFunction& parsed : file.functions) {
    if (!out.empty()) out += '\n';
    print(parsed.function, out, options);
    for (const Comment& comment : parsed.comments) out += comment.text + "\n";
  }
  return out;
}

}  // namespace assay::ir
