// See harvest.h.
#include "compiler/opt/harvest.h"

#include <algorithm>
#include <map>
#include <unordered_map>

#include "compiler/ir/immediates.h"
#include "compiler/opt/node.h"

namespace assay::opt {
namespace {

using ir::Function;
using ir::Inst;

// Instructions of Souper that mean the same for operands of one type; shifts have their amounts reduced first.
const char* souper_name(Opcode opcode) {
  switch (opcode) {
    case Opcode::kIadd:
      return "add";
    case Opcode::kIsub:
      return "sub";
    case Opcode::kImul:
      return "mul";
    case Opcode::kBand:
      return "and";
    case Opcode::kBor:
      return "or";
    case Opcode::kBxor:
      return "xor";
    case Opcode::kIshl:
      return "shl";
    case Opcode::kUshr:
      return "lshr";
    case Opcode::kSshr:
      return "ashr";
    case Opcode::kPopcnt:
      return "ctpop";
    case Opcode::kBswap:
      return "bswap";
    case Opcode::kBitrev:
      return "bitreverse";
    case Opcode::kClz:
      return "ctlz";
    case Opcode::kCtz:
      return "cttz";
    case Opcode::kUextend:
      return "zext";
    case Opcode::kSextend:
      return "sext";
    case Opcode::kIreduce:
      return "trunc";
    default:
      return nullptr;
  }
}

// One term: its text in both forms.
class Writer {
 public:
  Writer(const Function& f, unsigned depth) : f_(f), depth_(depth) {}

  // As deep as the options say.
  std::string term(Value v, unsigned depth = 0) {
    const Inst def = f_.def_inst(v);
    const Type type = f_.value_type(v);
    if (def.is_none() || !NodeData::is_node(f_.inst(def).opcode)) return variable(v);
    const ir::InstData& data = f_.inst(def);
    if (data.opcode == Opcode::kIconst) {
      return "(k " + type.to_string() + " " + std::to_string(static_cast<int64_t>(data.imm)) + ")";
    }
    if (depth == depth_ || f_.args(def).empty()) return variable(v);
    ++operations;
    std::string out = "(" + std::string(f_.info(def).name) + " ";
    if (data.opcode == Opcode::kIcmp) out += std::string(ir::to_string(static_cast<ir::IntCC>(data.code))) + " ";
    out += type.to_string();
    for (const Value arg : f_.args(def)) out += " " + term(arg, depth + 1);
    return out + ")";
  }

  // The left side: instructions before, and `infer` at the end. Empty if Souper has no such operation.
  std::string souper(Value root) {
    const std::string last = operand(root, 0);
    return fits_ ? lines_ + "infer " + last + "\n" : "";
  }

  unsigned operations = 0;

 private:
  std::string variable(Value v) {
    const auto [it, is_new] = variables_.try_emplace(v.index, variables_.size());
    return "x" + std::to_string(it->second);
  }
  std::string line(const std::string& type, const std::string& text) {
    const std::string name = "%" + std::to_string(next_++);
    lines_ += name + ":" + type + " = " + text + "\n";
    return name;
  }
  std::string constant(uint64_t n, Type type) { return std::to_string(n) + ":" + type.to_string(); }

  std::string operand(Value v, unsigned depth) {
    const Type type = f_.value_type(v);
    if (!type.is_int() || type.bits() > 64) fits_ = false;
    const Inst def = f_.def_inst(v);
    const uint64_t mask = type.bits() >= 64 ? ~uint64_t{0} : (uint64_t{1} << (type.bits() & 63)) - 1;
    if (!def.is_none() && f_.inst(def).opcode == Opcode::kIconst) return constant(f_.inst(def).imm & mask, type);
    if (def.is_none() || !NodeData::is_node(f_.inst(def).opcode) || depth == depth_ || f_.args(def).empty()) {
      std::string& known = leaves_[v.index];
      if (known.empty()) known = line(type.to_string(), "var");
      return known;
    }
    const ir::InstData& data = f_.inst(def);
    std::vector<std::string> args;
    for (const Value arg : f_.args(def)) args.push_back(operand(arg, depth + 1));
    const std::string name = type.to_string();
    switch (data.opcode) {
      case Opcode::kIcmp: {
        static constexpr const char* kNames[] = {"eq", "ne", "slt", "sle", "slt", "sle", "ult", "ule", "ult", "ule"};
        // Souper has no greater: a > b is b < a, and a >= b is b <= a. In the order of IntCC: eq ne slt sge sgt sle …
        const unsigned cc = data.code;
        const bool swapped = cc == 3 || cc == 4 || cc == 7 || cc == 8;
        const std::string bit =
            line("i1", std::string(kNames[cc]) + " " + (swapped ? args[1] + ", " + args[0] : args[0] + ", " + args[1]));
        return line(name, "zext " + bit);
      }
      case Opcode::kSelect: {
        const std::string bit = line("i1", "ne " + args[0] + ", " + constant(0, f_.value_type(f_.arg(def, 0))));
        return line(name, "select " + bit + ", " + args[1] + ", " + args[2]);
      }
      case Opcode::kIneg:
        return line(name, "sub " + constant(0, type) + ", " + args[0]);
      case Opcode::kBnot:
        return line(name, "xor " + args[0] + ", " + constant(mask, type));
      default:
        break;
    }
    const char* operation = souper_name(data.opcode);
    if (operation == nullptr) {
      fits_ = false;
      return args[0];
    }
    if (data.opcode == Opcode::kIshl || data.opcode == Opcode::kUshr || data.opcode == Opcode::kSshr) {
      // The amount has the type of the value there, and must be below its width; CLIF takes what is left of it.
      const Type from = f_.value_type(f_.arg(def, 1));
      const Inst amount = f_.def_inst(f_.arg(def, 1));
      if (!amount.is_none() && f_.inst(amount).opcode == Opcode::kIconst) {
        args[1] = constant(f_.inst(amount).imm & (type.bits() - 1), type);
      } else {
        if (from.bits() != type.bits())
          args[1] = line(name, (from.bits() < type.bits() ? "zext " : "trunc ") + args[1]);
        args[1] = line(name, "and " + args[1] + ", " + constant(type.bits() - 1, type));
      }
    }
    std::string text = std::string(operation) + " " + args[0];
    if (args.size() == 2) text += ", " + args[1];
    return line(name, text);
  }

  const Function& f_;
  const unsigned depth_;
  std::unordered_map<uint32_t, size_t> variables_;
  std::unordered_map<uint32_t, std::string> leaves_;
  std::string lines_;
  unsigned next_ = 0;
  bool fits_ = true;
};

}  // namespace

std::vector<Harvested> harvest(std::span<const Function* const> functions, const HarvestOptions& options) {
  std::map<std::string, Harvested> terms;
  for (const Function* f : functions) {
    for (const ir::Block block : f->blocks()) {
      for (const Inst inst : f->insts(block)) {
        if (!NodeData::is_node(f->inst(inst).opcode)) continue;
        for (unsigned depth = 1; depth <= options.depth; ++depth) {
          Writer writer(*f, depth);
          std::string text = writer.term(f->result(inst));
          if (writer.operations < options.min_operations) continue;
          Harvested& found = terms[text];
          if (found.count == 0) {
            found.term = text;
            found.operations = writer.operations;
            found.souper = Writer(*f, depth).souper(f->result(inst));
          }
          ++found.count;
          // A deeper look shows nothing new if there is nothing deeper.
          if (Writer(*f, depth + 1).term(f->result(inst)) == text) break;
        }
      }
    }
  }
  std::vector<Harvested> out;
  for (auto& [text, found] : terms) out.push_back(std::move(found));
  std::ranges::sort(out, [](const Harvested& a, const Harvested& b) {
    return a.count != b.count ? a.count > b.count : a.term < b.term;
  });
  return out;
}

}  // namespace assay::opt
