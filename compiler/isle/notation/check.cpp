// Consistency of definitions (D1–D4 of definition.h), and what follows from them: attributes, proof obligations.
#include <algorithm>
#include <set>

#include "compiler/isle/notation/definition_parser.h"
#include "compiler/isle/notation/static_expr.h"

namespace assay::notation {

namespace {

constexpr size_t kMaxCombinations = 4096;
constexpr unsigned kMaxBytes = machine::EncodedInst::kCapacity;

class Checker {
 public:
  Checker(Definitions& definitions, Diagnostics& errors) : definitions_(definitions), errors_(errors) {}

  void run() {
    for (AmodeDef& amode : definitions_.amodes) check_amode(amode);
    for (InstDef& inst : definitions_.insts) {
      check_operands(inst);
      check_texts(inst);
      check_encoding(inst);
      check_reloc(inst);
      add_requirements(inst);
      derive_attributes(inst);
      check_semantics(inst);
    }
  }

 private:
  void error(const Place& place, std::string message, std::string hint = {}) {
    errors_.push_back({place, std::move(message), std::move(hint)});
  }

  const EnumDef& enum_of(const InstDef& inst, int param) const {
    return definitions_.library.enums[static_cast<size_t>(inst.params[static_cast<size_t>(param)].enumeration)];
  }

  void check_static(const InstDef* inst, const AmodeDef* amode, ExprId expr, StaticType wanted, bool distances = false,
                    bool registers = false) {
    if (expr == kNoExpr) return;
    static_cpp(definitions_, {inst, amode, distances, registers}, expr, wanted, errors_);
  }

  void check_amode(AmodeDef& amode) {
    for (const AsmText& text : amode.texts) {
      check_static(nullptr, &amode, text.condition, StaticType::Boolean);
      for (const AsmPiece& piece : text.pieces) {
        const bool good = piece.name.empty() || (piece.name == "base" && amode.has_base) ||
                          (piece.name == "index" && amode.has_index) ||
                          ((piece.name == "shift" || piece.name == "scale") && amode.has_shift) ||
                          (piece.name == "disp" && amode.has_disp);
        if (!good) error(piece.place, "the addressing mode has no part '" + piece.name + "'");
      }
    }
    for (const AmodeDef& other : definitions_.amodes) {
      if (&other < &amode && other.name == amode.name)
        error(amode.place, "amode '" + amode.name + "' is defined twice");
    }
  }

  void check_operands(InstDef& inst) {
    for (OperandDef& operand : inst.operands) {
      if (operand.reuse.empty()) continue;
      operand.reuse_operand = inst.find_operand(operand.reuse);
      const OperandDef* use =
          operand.reuse_operand < 0 ? nullptr : &inst.operands[static_cast<size_t>(operand.reuse_operand)];
      if (use == nullptr || use->kind != OperandDefKind::Reg || use->is_def || use->reg_class != operand.reg_class) {
        error(operand.place, "'" + operand.reuse + "' is no use of the same register class");
        operand.reuse_operand = -1;
      }
    }
    if (inst.slot_count > 64) error(inst.place, "more than 64 operand slots");
    size_t registers = 0;
    for (const OperandDef& operand : inst.operands) registers += operand.is_def ? 1 : 0;
    if (registers > 2 && (inst.attributes & machine::kIsVariadic) == 0) {
      error(inst.place, "more than two register definitions", "a term can return two registers and flags");
    }
    if (inst.invert_param >= 0) {
      for (const Enumerator& enumerator : enum_of(inst, inst.invert_param).enumerators) {
        if (enumerator.inverse < 0) error(inst.place, "invert: enumerator '" + enumerator.name + "' has no inverse");
      }
    }
    if ((inst.attributes & machine::kIsBranch) != 0 && inst.invert_param < 0) {
      error(inst.place, "a conditional branch needs an `invert` line");
    }
  }

  void check_texts(InstDef& inst) {
    if (inst.texts.empty()) error(inst.place, "the instruction has no asm line");
    for (AsmText& text : inst.texts) {
      check_static(&inst, nullptr, text.condition, StaticType::Boolean);
      for (AsmPiece& piece : text.pieces) {
        if (piece.name.empty()) continue;
        const int param = inst.find_param(piece.name);
        if (param < 0 && inst.find_operand(piece.name) < 0) {
          error(piece.place, "asm: unknown operand '" + piece.name + "'");
          continue;
        }
        if (!piece.part.empty()) {
          const int index = inst.find_operand(piece.name);
          if (index < 0 || inst.operands[static_cast<size_t>(index)].kind != OperandDefKind::Mem ||
              !is_part(piece.part)) {
            error(piece.place, "asm: '" + piece.name + "." + piece.part + "' is no part of a memory operand");
            piece.part = "disp";
          }
        }
        if (piece.inverse) {
          if (param < 0)
            error(piece.place, "asm: '~' needs a parameter");
          else
            check_inverses(inst, param, piece.place);
        }
        if (piece.set_param.empty() && inst.find_param(piece.set) >= 0) {
          piece.set_param = std::move(piece.set);
          piece.set.clear();
        }
        check_set(inst, piece);
      }
    }
  }

  static bool is_part(std::string_view part) {
    return part == "base" || part == "index" || part == "shift" || part == "disp" || part == "scale";
  }

  void check_inverses(const InstDef& inst, int param, const Place& place) {
    for (const Enumerator& enumerator : enum_of(inst, param).enumerators) {
      if (enumerator.inverse < 0) error(place, "enumerator '" + enumerator.name + "' has no inverse");
    }
  }

  void check_set(const InstDef& inst, AsmPiece& piece) {
    if (piece.set.empty() && piece.set_param.empty()) return;
    const int operand = inst.find_operand(piece.name);
    if (operand >= 0 && inst.operands[static_cast<size_t>(operand)].kind != OperandDefKind::Reg &&
        piece.set_param.empty()) {
      if (piece.set == "x") return;  // hexadecimal
      ImmKind bits;
      if (parse_imm_kind(piece.set, bits) && bits.kind == ImmKind::Kind::Unsigned && bits.scale == 1) {
        piece.low_bits = bits.bits;
        return;
      }
    }
    std::vector<std::string> sets;
    if (piece.set_param.empty()) {
      sets.push_back(piece.set);
    } else {
      const int param = inst.find_param(piece.set_param);
      if (param < 0) {
        error(piece.place, "asm: unknown parameter '" + piece.set_param + "'");
        return;
      }
      for (const Enumerator& enumerator : enum_of(inst, param).enumerators) {
        sets.push_back(enumerator.name + (piece.set.empty() ? "" : "." + piece.set));
      }
    }
    for (const std::string& set : sets) {
      if (definitions_.isa.find_regnames(set) < 0)
        error(piece.place, "asm: no register names '" + set + "'", "regname " + set + " 0 …");
    }
  }

  // ---- encodings ----

  void check_encoding(InstDef& inst) {
    for (ExprId when : inst.when) check_static(&inst, nullptr, when, StaticType::Boolean);
    const int ways = (inst.bits.empty() ? 0 : 1) + (inst.forms.empty() ? 0 : 1) + (inst.hatch.empty() ? 0 : 1);
    if (ways > 1) error(inst.place, "bits, form and hatch exclude each other");
    if (ways == 0 && (inst.attributes & machine::kIsVariadic) == 0) {
      error(inst.place, "the instruction has no encoding", "bits, form or hatch");
    }
    encoded_.assign(inst.operands.size(), 0);
    std::fill(std::begin(parts_), std::end(parts_), 0u);
    unsigned bytes = 0;
    for (const BitsLine& line : inst.bits) {
      check_bits(inst, line);
      bytes += line.width / 8;
    }
    for (const X64Alternative& alternative : inst.forms) {
      std::fill(encoded_.begin(), encoded_.end(), 0);
      check_static(&inst, nullptr, alternative.condition, StaticType::Boolean, true);
      for (const X64Encoding& encoding : alternative.sequence) check_x64(inst, encoding);
      check_coverage(inst);
    }
    if (inst.trap_at_last && inst.forms.empty()) error(inst.place, "trap_at last needs a form with `seq`");
    if (bytes > kMaxBytes) error(inst.place, "the instruction is longer than " + std::to_string(kMaxBytes) + " bytes");
    if (!inst.bits.empty()) check_coverage(inst);
    for (const ShortForm& form : inst.shorts) check_short(inst, form);
  }

  // Every operand is in a field, or in the condition that makes up for what the fields leave out.
  void check_short(const InstDef& inst, const ShortForm& form) {
    const bool reads_pool = std::ranges::any_of(
        inst.operands, [](const OperandDef& operand) { return operand.kind == OperandDefKind::Constant; });
    if (inst.bits.size() != 1 || inst.reloc.present || inst.trap_at != 0 || reads_pool) {
      return error(form.bits.place, "only an instruction of one `bits` line has short forms",
                   "without `reloc`, `trap_at`, constants");
    }
    if (form.bits.width >= inst.bits[0].width) error(form.bits.place, "a short form is shorter than `bits`");
    std::fill(encoded_.begin(), encoded_.end(), 0);
    std::fill(std::begin(parts_), std::end(parts_), 0u);
    check_bits(inst, form.bits);
    if (form.condition != kNoExpr) {
      check_static(&inst, nullptr, form.condition, StaticType::Boolean, true, true);
      cover_names(inst, form.condition);
    }
    check_coverage(inst);
  }

  // Marks bits [low + width - 1 : low] of the operand as written down somewhere.
  void cover(int index, unsigned low, unsigned width) {
    encoded_[static_cast<size_t>(index)] |= (width >= 64 ? ~uint64_t(0) : (uint64_t(1) << width) - 1) << low;
  }
  void cover_names(const InstDef& inst, ExprId expr) {
    std::vector<std::string> names;
    collect_names(definitions_.library.ast, expr, names);
    for (const std::string& name : names) {
      if (const int index = inst.find_operand(name); index >= 0) {
        encoded_[static_cast<size_t>(index)] = ~uint64_t(0);
        for (unsigned& part : parts_) part |= 1u << index;
      }
    }
  }

  void check_bits(const InstDef& inst, const BitsLine& line) {
    if (line.width % 8 != 0 || line.width == 0) {
      error(line.place, "the line has " + std::to_string(line.width) + " bits, no whole bytes");
    }
    if (line.width > 64) error(line.place, "the line has more than 64 bits", "several bits lines are concatenated");
    for (const BitField& field : line.fields) {
      switch (field.kind) {
        case BitField::Kind::Literal:
          break;
        case BitField::Kind::Expr:
          check_static(&inst, nullptr, field.expr, StaticType::Integer, true);
          cover_names(inst, field.expr);
          break;
        case BitField::Kind::Param: {
          if (field.inverse && enum_of(inst, field.index).has_inverses())
            check_inverses(inst, field.index, field.place);
          if (field.low != 0) break;
          for (const Enumerator& enumerator : enum_of(inst, field.index).enumerators) {
            const uint64_t most = field.width >= 63 ? INT64_MAX : (uint64_t(1) << field.width) - 1;
            if (enumerator.number < 0 || static_cast<uint64_t>(enumerator.number) > most) {
              error(field.place, "the number of '" + enumerator.name + "' does not fit the field");
            }
          }
          break;
        }
        case BitField::Kind::Operand: {
          const OperandDef& operand = inst.operands[static_cast<size_t>(field.index)];
          cover(field.index, field.low, field.width);
          const bool distance = operand.kind == OperandDefKind::Label || operand.kind == OperandDefKind::Constant;
          if (distance && operand.imm.kind != ImmKind::Kind::Signed) {
            error(field.place, "'" + operand.name + "' needs a signed range to be a distance", "constant c: s21x4");
          }
          if (operand.kind == OperandDefKind::Reg && field.low + field.width > 6) {
            error(field.place, "a register's number has at most 6 bits");
          }
          break;
        }
        case BitField::Kind::Part: {
          const OperandDef& operand = inst.operands[static_cast<size_t>(field.index)];
          const AmodeDef& amode = definitions_.amodes[static_cast<size_t>(operand.amode)];
          const bool present[] = {amode.has_base, amode.has_index, amode.has_shift, amode.has_disp};
          if (!present[field.part]) error(field.place, "the addressing mode has no such part");
          parts_[field.part] |= 1u << field.index;
          break;
        }
      }
    }
  }

  // Every operand must be written down, and every bit of an immediate's range.
  void check_coverage(const InstDef& inst) {
    for (size_t i = 0; i < inst.operands.size(); ++i) {
      const OperandDef& operand = inst.operands[i];
      switch (operand.kind) {
        case OperandDefKind::Reg: {
          if (encoded_[i] != 0 || operand.fixed >= 0) break;
          const bool tied = std::any_of(inst.operands.begin(), inst.operands.end(), [&](const OperandDef& def) {
            return def.reuse_operand == static_cast<int>(i);
          });
          if (tied) break;
          const int other = operand.reuse_operand;
          if (other >= 0 && encoded_[static_cast<size_t>(other)] != 0) break;
          error(operand.place, "'" + operand.name + "' is in no field of the encoding" + form_text(inst));
          break;
        }
        case OperandDefKind::Imm:
        case OperandDefKind::Label:
        case OperandDefKind::Constant: {
          const bool distance = operand.kind != OperandDefKind::Imm;
          if (encoded_[i] == 0) {
            error(operand.place, "'" + operand.name + "' is in no field of the encoding" + form_text(inst));
          } else if (operand.imm.kind == ImmKind::Kind::Signed || operand.imm.kind == ImmKind::Kind::Unsigned) {
            const uint64_t all = operand.imm.bits >= 64 ? ~uint64_t(0) : (uint64_t(1) << operand.imm.bits) - 1;
            const uint64_t wanted = all & ~uint64_t(operand.imm.scale - 1);
            if ((encoded_[i] & wanted) != wanted && !inst.bits.empty()) {
              error(operand.place, "not every bit of '" + operand.name + "' is in the encoding",
                    distance ? "the range is that of the distance in bytes" : "the range is wider than the fields");
            }
          }
          break;
        }
        case OperandDefKind::Mem: {
          if (inst.bits.empty()) {
            if (encoded_[i] == 0) error(operand.place, "'" + operand.name + "' is in no field of the encoding");
            break;
          }
          const AmodeDef& amode = definitions_.amodes[static_cast<size_t>(operand.amode)];
          const bool present[] = {amode.has_base, amode.has_index, amode.has_shift, amode.has_disp};
          constexpr const char* kParts[] = {"base", "index", "shift", "disp"};
          for (unsigned part = 0; part < 4; ++part) {
            if (present[part] && (parts_[part] & (1u << i)) == 0) {
              error(operand.place, "'" + operand.name + "." + kParts[part] + "' is in no field of the encoding");
            }
          }
          break;
        }
        case OperandDefKind::Symbol:
          break;
      }
    }
  }
  static std::string form_text(const InstDef& inst) { return inst.forms.empty() ? "" : " of " + inst.name; }

  void check_x64(const InstDef& inst, const X64Encoding& encoding) {
    using Step = X64Step::Kind;
    auto operand_of = [&](int index, const char* key) -> const OperandDef* {
      if (index < 0) {
        error(encoding.place, std::string("the encoding needs ") + key + "=…");
        return nullptr;
      }
      cover(index, 0, 64);
      return &inst.operands[static_cast<size_t>(index)];
    };
    unsigned opcode_bytes = 0;
    unsigned modrms = 0;
    for (const X64Step& step : encoding.steps) {
      switch (step.kind) {
        case Step::Prefix:
        case Step::Rex:
        case Step::Rex8:
          check_static(&inst, nullptr, step.condition, StaticType::Boolean);
          break;
        case Step::Vex:
          if (encoding.vvvv < 0) break;
          if (operand_of(encoding.vvvv, "vvvv")->kind != OperandDefKind::Reg) {
            error(encoding.place, "vvvv must be a register");
          }
          break;
        case Step::Byte:
          ++opcode_bytes;
          break;
        case Step::ByteReg: {
          ++opcode_bytes;
          const OperandDef* reg = operand_of(encoding.opreg, "opreg");
          if (reg != nullptr && reg->kind != OperandDefKind::Reg) error(encoding.place, "opreg must be a register");
          break;
        }
        case Step::ByteCond: {
          ++opcode_bytes;
          if (encoding.cc < 0) {
            error(encoding.place, "the encoding needs cc=…");
            break;
          }
          if (encoding.cc_inverse) check_inverses(inst, encoding.cc, encoding.place);
          for (const Enumerator& enumerator : enum_of(inst, encoding.cc).enumerators) {
            if (enumerator.number < 0 || enumerator.number > 15)
              error(encoding.place, "a condition's number has 4 bits");
          }
          break;
        }
        case Step::ModRmReg:
        case Step::ModRmDigit: {
          ++modrms;
          if (step.kind == Step::ModRmReg) {
            const OperandDef* reg = operand_of(encoding.reg, "reg");
            if (reg != nullptr && reg->kind != OperandDefKind::Reg) error(encoding.place, "reg must be a register");
          }
          const OperandDef* rm = operand_of(encoding.rm, "rm");
          if (rm != nullptr &&
              (rm->kind == OperandDefKind::Imm || (rm->kind == OperandDefKind::Label && !rm->is_place))) {
            error(encoding.place, "rm must be a register, memory, constant, place or symbol");
          }
          break;
        }
        case Step::Imm: {
          const OperandDef* imm = operand_of(encoding.imm, "imm");
          if (imm != nullptr && imm->kind != OperandDefKind::Imm && imm->kind != OperandDefKind::Symbol) {
            error(encoding.place, "imm must be an immediate or a symbol");
          }
          if (imm != nullptr && imm->kind == OperandDefKind::Symbol && step.value != 8) {
            error(encoding.place, "a symbol's address has 8 bytes: iq");
          }
          break;
        }
        case Step::Rel: {
          const OperandDef* label = operand_of(encoding.label, "label");
          if (label != nullptr && label->kind != OperandDefKind::Label && label->kind != OperandDefKind::Symbol) {
            error(encoding.place, "label must be a label or a symbol");
          }
          break;
        }
      }
    }
    if (opcode_bytes == 0) error(encoding.place, "the encoding has no opcode");
    if (modrms > 1) error(encoding.place, "the encoding has two ModRM bytes");
    if (modrms == 0 && (encoding.reg >= 0 || encoding.rm >= 0)) error(encoding.place, "reg and rm need /r or /0…/7");
  }

  void check_reloc(const InstDef& inst) {
    const bool has_symbol = std::any_of(inst.operands.begin(), inst.operands.end(), [](const OperandDef& operand) {
      return operand.kind == OperandDefKind::Symbol;
    });
    if (!inst.reloc.present) {
      if (has_symbol && !inst.bits.empty())
        error(inst.place, "a symbol needs a `reloc` line", "reloc RiscvCallPlt at 0");
      return;
    }
    constexpr std::string_view kKinds[] = {"Abs8",           "X86PcRel4",          "Arm64Call",
                                           "Arm64Jump",      "Arm64AdrPrelPgHi21", "Arm64AddAbsLo12Nc",
                                           "RiscvCallPlt",   "RiscvPcrelHi20Lo12", "S390xPlt32Dbl",
                                           "S390xPcRel32Dbl"};
    if (std::find(std::begin(kKinds), std::end(kKinds), inst.reloc.kind) == std::end(kKinds)) {
      std::string hint;
      for (std::string_view kind : kKinds) hint += (hint.empty() ? "" : " ") + std::string(kind);
      error(inst.reloc.place, "unknown relocation '" + inst.reloc.kind + "'", hint);
    }
    if (!has_symbol) error(inst.reloc.place, "a `reloc` line without a symbol operand");
    unsigned bytes = 0;
    for (const BitsLine& line : inst.bits) bytes += line.width / 8;
    if (!inst.bits.empty() && inst.reloc.at >= bytes)
      error(inst.reloc.place, "the relocation lies outside of the instruction");
    if (inst.reloc.addend < -128 || inst.reloc.addend > 127) error(inst.reloc.place, "the addend has 8 bits");
  }

  // ---- meaning ----

  ExprId add_node(ExprNode node, std::initializer_list<ExprId> children, const Place& place) {
    Ast& ast = definitions_.library.ast;
    node.place.line = place.line;
    node.place.column = static_cast<uint16_t>(std::min<uint32_t>(place.column, 0xffff));
    node.place.file = ast.file(place.file);
    node.first_child = static_cast<uint32_t>(ast.children.size());
    node.child_count = static_cast<uint32_t>(children.size());
    ast.children.insert(ast.children.end(), children.begin(), children.end());
    ast.nodes.push_back(node);
    return static_cast<ExprId>(ast.nodes.size() - 1);
  }

  void add_requirements(InstDef& inst) {
    Ast& ast = definitions_.library.ast;
    inst.required = inst.when;
    auto range = [&](const ImmKind& kind, ExprNode subject, const Place& place) {
      if (kind.kind != ImmKind::Kind::Signed && kind.kind != ImmKind::Kind::Unsigned) return;
      ExprNode in;
      in.kind = ExprKind::In;
      in.name = ast.intern(kind.text);
      inst.required.push_back(add_node(in, {add_node(subject, {}, place)}, place));
    };
    for (const OperandDef& operand : inst.operands) {
      ExprNode subject;
      subject.name = ast.intern(operand.name);
      if (operand.kind == OperandDefKind::Imm) {
        subject.kind = ExprKind::Name;
        range(operand.imm, subject, operand.place);
      } else if (operand.kind == OperandDefKind::Mem) {
        const AmodeDef& amode = definitions_.amodes[static_cast<size_t>(operand.amode)];
        subject.kind = ExprKind::Attribute;
        subject.name2 = ast.intern("disp");
        if (amode.has_disp) range(amode.disp, subject, operand.place);
      }
    }
    // If every alternative of a form has a condition, one of them must hold.
    ExprId any = kNoExpr;
    for (const X64Alternative& alternative : inst.forms) {
      if (alternative.condition == kNoExpr || reads_distance(inst, alternative.condition)) return;
      ExprNode either;
      either.kind = ExprKind::Binary;
      either.op = ExprOp::LogicalOr;
      any = any == kNoExpr ? alternative.condition : add_node(either, {any, alternative.condition}, alternative.place);
    }
    if (any != kNoExpr) inst.required.push_back(any);
  }

  bool reads_distance(const InstDef& inst, ExprId expr) const {
    std::vector<std::string> names;
    collect_names(definitions_.library.ast, expr, names);
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      const int index = inst.find_operand(name);
      return index >= 0 && inst.operands[static_cast<size_t>(index)].kind != OperandDefKind::Imm;
    });
  }

  void derive_attributes(InstDef& inst) {
    if (inst.has_memflags) inst.attributes |= machine::kHasMemFlags;
    if (inst.has_code || inst.has_memflags || !inst.sem.traps.empty()) inst.attributes |= machine::kCanTrap;
    if (inst.flags_use) inst.attributes |= machine::kReadsFlags;
    if (inst.flags_def || inst.flags_clobber) inst.attributes |= machine::kWritesFlags;
    if (!inst.sem.traps.empty() && !inst.has_code && !inst.has_memflags) {
      error(inst.place, "an instruction that traps needs `code` among its operands");
    }
  }

  void check_semantics(InstDef& inst) {
    constexpr uint16_t kWithoutMeaning =
        machine::kIsCall | machine::kIsReturn | machine::kIsJump | machine::kIsVariadic | machine::kIsPseudo;
    const bool defines = inst.flags_def || std::any_of(inst.operands.begin(), inst.operands.end(),
                                                       [](const OperandDef& operand) { return operand.is_def; });
    if (!inst.has_sem && defines && (inst.attributes & kWithoutMeaning) == 0) {
      error(inst.place, "the instruction has no `sem`");
    }
    if (!inst.has_sem && (inst.attributes & machine::kIsBranch) != 0)
      error(inst.place, "a branch needs `sem branch(…)`");
    if (!inst.has_sem && inst.sem.traps.empty() && inst.required.empty()) return;
    size_t combinations = 1;
    for (size_t i = 0; i < inst.params.size(); ++i)
      combinations *= enum_of(inst, static_cast<int>(i)).enumerators.size();
    if (combinations > kMaxCombinations) {
      error(inst.place, "more than " + std::to_string(kMaxCombinations) + " combinations of parameters");
      return;
    }
    std::set<std::string> reported;
    for_each_param_combination(definitions_, inst, [&](std::span<const unsigned> params) {
      Semantics semantics;
      Diagnostics found;
      const bool typed = instantiate(definitions_, inst, params, semantics, found);
      if (typed && inst.has_sem) check_results(inst, semantics, found);
      if (semantics.loads()) inst.attributes |= machine::kLoads;
      if (semantics.stores()) inst.attributes |= machine::kStores;
      for (Diagnostic& diagnostic : found) {
        const std::string key =
            std::to_string(diagnostic.place.line) + ":" + std::to_string(diagnostic.place.column) + diagnostic.message;
        if (!reported.insert(key).second) continue;
        diagnostic.message += combination_text(inst, params);
        errors_.push_back(std::move(diagnostic));
      }
    });
  }

  std::string combination_text(const InstDef& inst, std::span<const unsigned> params) const {
    if (params.empty() && inst.forms.empty()) return {};
    std::string text = " (in " + inst.name;
    for (size_t i = 0; i < params.size(); ++i) {
      text += (i == 0 ? " with " : ", ") + inst.params[i].name + " = " +
              enum_of(inst, static_cast<int>(i)).enumerators[params[i]].name;
    }
    return text + ")";
  }

  void check_results(const InstDef& inst, const Semantics& semantics, Diagnostics& found) const {
    auto assigned = [&](uint32_t id) {
      return std::any_of(semantics.results.begin(), semantics.results.end(),
                         [&](const Assignment& result) { return result.id == id; });
    };
    for (const OperandDef& operand : inst.operands) {
      if (operand.is_def && !assigned(operand.slot)) {
        found.push_back({operand.place, "'" + operand.name + "' is not assigned by `sem`", ""});
      }
    }
    if (inst.flags_def && !assigned(kFlagsId))
      found.push_back({inst.place, "flags are not assigned by `sem`", "flags clobber: nobody reads them"});
    const bool has_label = std::any_of(inst.operands.begin(), inst.operands.end(), [](const OperandDef& operand) {
      return operand.kind == OperandDefKind::Label && !operand.is_place;
    });
    if (semantics.branch != kNoNode && !has_label)
      found.push_back({inst.place, "branch(…) without a label operand", ""});
    if (semantics.branch == kNoNode && (inst.attributes & machine::kIsBranch) != 0) {
      found.push_back({inst.place, "a branch whose `sem` does not branch", ""});
    }
  }

  Definitions& definitions_;
  Diagnostics& errors_;
  std::vector<uint64_t> encoded_;  // by operand: bits that the encoding holds
  unsigned parts_[4] = {};         // by part of a memory operand: bit set of operands
};

}  // namespace

void check_definitions(Definitions& definitions, Diagnostics& errors) { Checker(definitions, errors).run(); }

Environment environment_of(const Definitions& definitions, const InstDef& inst, std::span<const unsigned> params) {
  Environment environment;
  environment.big_endian = definitions.isa.big_endian;
  for (size_t i = 0; i < inst.params.size() && i < params.size(); ++i) {
    environment.names[inst.params[i].name] =
        Binding::of_enum(static_cast<uint32_t>(inst.params[i].enumeration), static_cast<int64_t>(params[i]));
  }
  for (const OperandDef& operand : inst.operands) {
    Binding binding;
    binding.id = operand.slot;
    switch (operand.kind) {
      case OperandDefKind::Reg: {
        const unsigned width = operand.reg_class == machine::RegClass::Vec ? 128 : 64;
        binding = operand.is_def ? Binding::of_result(width, operand.slot) : Binding::of_value(width, operand.slot);
        break;
      }
      case OperandDefKind::Imm:
        binding = Binding::of_imm(operand.imm.width(), operand.slot);
        break;
      case OperandDefKind::Mem: {
        const AmodeDef& amode = definitions.amodes[static_cast<size_t>(operand.amode)];
        binding.kind = BindingKind::Memory;
        binding.has_base = amode.has_base;
        binding.has_index = amode.has_index;
        binding.has_shift = amode.has_shift;
        binding.has_disp = amode.has_disp;
        break;
      }
      case OperandDefKind::Constant:
        binding.kind = BindingKind::Constant;
        break;
      case OperandDefKind::Label:
      case OperandDefKind::Symbol:
        binding.kind = BindingKind::Address;
        break;
    }
    environment.names[operand.name] = binding;
  }
  if (definitions.isa.flags_width != 0 && (inst.flags_use || inst.flags_def)) {
    Binding flags = inst.flags_use ? Binding::of_value(definitions.isa.flags_width, kFlagsId)
                                   : Binding::of_result(definitions.isa.flags_width, kFlagsId);
    flags.assignable = inst.flags_def;
    environment.names["flags"] = flags;
  }
  return environment;
}

bool instantiate(const Definitions& definitions, const InstDef& inst, std::span<const unsigned> params, Semantics& out,
                 Diagnostics& errors) {
  return instantiate(definitions.library, inst.sem, environment_of(definitions, inst, params), out, errors,
                     inst.required);
}

}  // namespace assay::notation
