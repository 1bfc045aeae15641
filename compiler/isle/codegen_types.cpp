// Names, types and tables of generated C++ (cpp_names.h).
#include "compiler/isle/cpp_names.h"
#include "compiler/support/cpp_keyword.h"

namespace assay::isle {
namespace {

std::string decimal(Uint128 value) {
  std::string text;
  do {
    text.insert(text.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  return text;
}

void plain_enum(const Type& type, std::string& out) {
  out += "enum class " + cpp_name(type.name) + " : " + (type.variants.size() > 256 ? "uint16_t" : "uint8_t") + " {\n";
  for (const Variant& variant : type.variants) out += "  " + cpp_name(variant.name) + ",\n";
  out += "};\n\n";
}

void fields_struct(const Program& program, const Variant& variant, const std::string& name, std::string_view indent,
                   std::string& out) {
  out += std::string(indent) + "struct " + name + " {";
  for (const Field& field : variant.fields) {
    out += "\n" + std::string(indent) + "  " + cpp_type(program, field.type) + " " + cpp_name(field.name) + ";";
  }
  out += variant.fields.empty() ? "};\n" : "\n" + std::string(indent) + "};\n";
}

// A tagged union: payload structs <Variant>Fields, kind(), as_<Variant>(), make_<Variant>(fields…).
void tagged_union(const Program& program, const Type& type, std::string& out) {
  std::string name = cpp_name(type.name);
  out += "struct " + name + " {\n  enum class Kind : " + (type.variants.size() > 256 ? "uint16_t" : "uint8_t") + " {\n";
  for (const Variant& variant : type.variants) out += "    " + cpp_name(variant.name) + ",\n";
  out += "  };\n";
  std::string alternatives;
  for (const Variant& variant : type.variants) {
    fields_struct(program, variant, variant.name + "Fields", "  ", out);
    alternatives += (alternatives.empty() ? "" : ", ") + variant.name + "Fields";
  }
  out += "  std::variant<" + alternatives + "> value;\n\n";
  out += "  Kind kind() const { return static_cast<Kind>(value.index()); }\n";
  for (const Variant& variant : type.variants) {
    std::string fields = variant.name + "Fields";
    out += "  const " + fields + "& as_" + variant.name + "() const { return *std::get_if<" + fields + ">(&value); }\n";
  }
  for (const Variant& variant : type.variants) {
    std::string parameters, values;
    for (const Field& field : variant.fields) {
      parameters += (parameters.empty() ? "" : ", ") + cpp_type(program, field.type) + " " + cpp_name(field.name);
      values += (values.empty() ? "" : ", ") + ("std::move(" + cpp_name(field.name) + ")");
    }
    out += "  static " + name + " make_" + variant.name + "(" + parameters + ") { return {" + variant.name + "Fields{" +
           values + "}}; }\n";
  }
  out += "};\n\n";
}

void define_type(const Program& program, const Type& type, std::string& out) {
  if (type.kind == Type::Kind::Struct) {
    fields_struct(program, type.variants[0], cpp_name(type.name), "", out);
    out += "\n";
  } else if (is_plain_enum(type)) {
    plain_enum(type, out);
  } else {
    tagged_union(program, type, out);
  }
}

bool is_generated(const Type& type) { return type.has_variants() && !type.is_extern; }

}  // namespace

std::string cpp_part(std::string_view name) {
  std::string result(name);
  for (char& c : result) {
    if (c == '.' || c == '$') c = '_';
  }
  return result;
}

std::string cpp_name(std::string_view name) {
  std::string result = cpp_part(name);
  if (is_cpp_keyword(result)) result += '_';
  if (!result.empty() && result[0] >= '0' && result[0] <= '9') result.insert(result.begin(), '_');
  return result;
}

bool is_plain_enum(const Type& type) {
  // An external enum without variants is an opaque type.
  if (type.kind != Type::Kind::Enum || (type.is_extern && type.variants.empty())) return false;
  for (const Variant& variant : type.variants) {
    if (!variant.fields.empty()) return false;
  }
  return true;
}

std::string cpp_type(const Program& program, TypeId id) {
  const Type& type = program.types[id];
  switch (type.kind) {
    case Type::Kind::Bool:
      return "bool";
    case Type::Kind::Int:
      if (type.bits == 128) return type.is_signed ? "__int128" : "unsigned __int128";
      return (type.is_signed ? "int" : "uint") + std::to_string(type.bits) + "_t";
    case Type::Kind::Primitive:
      return cpp_name(type.primitive);
    case Type::Kind::Enum:
    case Type::Kind::Struct:
      return cpp_name(type.name);
  }
  return "";
}

std::string cpp_parameter_type(const Program& program, TypeId id) {
  const Type& type = program.types[id];
  bool is_small = type.kind == Type::Kind::Bool || type.kind == Type::Kind::Int || is_plain_enum(type);
  return is_small ? cpp_type(program, id) : "const " + cpp_type(program, id) + "&";
}

std::string cpp_int(const Type& type, Int128 value) {
  bool is_negative = value < 0 && !(type.kind == Type::Kind::Int && !type.is_signed);
  Uint128 magnitude = is_negative ? Uint128(0) - static_cast<Uint128>(value) : static_cast<Uint128>(value);
  if (magnitude >> 64 != 0 || (is_negative && magnitude > Uint128(1) << 63)) {
    std::string text = "(static_cast<unsigned __int128>(" + decimal(magnitude >> 64) + "u) << 64 | " +
                       decimal(static_cast<uint64_t>(magnitude)) + "u)";
    text = is_negative ? "(-static_cast<__int128>" + text + ")" : text;
    return type.is_signed && !is_negative ? "static_cast<__int128>" + text : text;
  }
  if (!is_negative) return decimal(magnitude) + (magnitude >> 31 != 0 ? "u" : "");
  if (magnitude == Uint128(1) << 63) return "INT64_MIN";
  return "-" + decimal(magnitude);
}

std::string cpp_string(std::string_view text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return result + "\"";
}

std::string cpp_signature(const Program& program, const Term& term, const std::string& context,
                          const std::vector<std::string>& argument_names) {
  std::string result = cpp_type(program, term.result);
  std::string text = term.flags.is_multi ? "void" : term.flags.is_partial ? "std::optional<" + result + ">" : result;
  text += " constructor_" + cpp_part(term.name) + "(" + context + "& ctx";
  for (size_t i = 0; i < term.arguments.size(); i++) {
    text += ", " + cpp_parameter_type(program, term.arguments[i]) + " " + argument_names[i];
  }
  if (term.flags.is_multi) text += ", ::assay::isle::Results<" + result + ">& out";
  return text + ")";
}

std::string cpp_types(const Program& program, Diagnostics& errors) {
  // Depth first over the fields, without recursion.
  enum class Mark : uint8_t { New, Open, Done };
  Table<TypeId, Mark> marks(program.types.size(), Mark::New);
  struct Frame {
    TypeId type;
    std::vector<TypeId> parts;
    size_t next = 0;
  };
  std::vector<Frame> stack;
  std::string out;
  auto open = [&](TypeId id) {
    marks[id] = Mark::Open;
    Frame frame{id, {}, 0};
    for (const Variant& variant : program.types[id].variants) {
      for (const Field& field : variant.fields) {
        if (is_generated(program.types[field.type])) frame.parts.push_back(field.type);
      }
    }
    stack.push_back(std::move(frame));
  };
  for (uint32_t i = 0; i < program.types.size(); i++) {
    if (!is_generated(program.types[TypeId(i)]) || marks[TypeId(i)] != Mark::New) continue;
    open(TypeId(i));
    while (!stack.empty()) {
      Frame& frame = stack.back();
      if (frame.next == frame.parts.size()) {
        marks[frame.type] = Mark::Done;
        define_type(program, program.types[frame.type], out);
        stack.pop_back();
        continue;
      }
      TypeId part = frame.parts[frame.next++];
      if (marks[part] == Mark::New) {
        open(part);
      } else if (marks[part] == Mark::Open) {
        const Type& type = program.types[frame.type];
        errors.push_back({program.place(type.position), "type '" + type.name + "' contains itself",
                          "through '" + program.types[part].name + "'; declare one of them extern or primitive"});
      }
    }
  }
  return out;
}

std::string cpp_rule_table(const Program& program, const std::string& unit) {
  std::string out = "namespace {\n\nconst ::assay::isle::RuleInfo kRules[] = {\n";
  for (const Rule& rule : program.rules) {
    Place place = program.place(rule.position);
    out += "    {" + cpp_string(rule.name) + ", " + cpp_string(place.file) + ", " + std::to_string(place.line) + ", " +
           std::to_string(rule.priority) + ", " + cpp_string(program.terms[rule.term].name) + "},\n";
  }
  if (program.rules.empty()) out += "    {},\n";
  out += "};\n\n}  // namespace\n\nstd::span<const ::assay::isle::RuleInfo> " + cpp_name(unit) +
         "_rules() { return {kRules, " + std::to_string(program.rules.size()) + "}; }\n\n";
  for (const Term& term : program.terms) {
    if (!term.has_rules()) continue;
    std::string name = "kRules_" + cpp_part(term.name);
    std::string ids;
    for (RuleId id : term.rules) {
      ids += (ids.empty() ? "" : ", ") + ("::assay::isle::RuleId(" + std::to_string(id.index) + ")");
    }
    out += "extern const ::assay::isle::RuleId " + name + "[];\nconst ::assay::isle::RuleId " + name + "[] = {" + ids +
           "};\n";
  }
  return out;
}

}  // namespace assay::isle
