// Calls between compiled functions and C: the system's C compilers are the judge of the calling conventions.
//
// Random signatures (integers of every width and sign, floats, pointers, i128, structs by value and as results, many
// arguments) are written down twice: as C, and as CLIF with the purposes and extensions that the platform's ABI asks
// for. Both sides scramble all arguments into one number and make the result of it. For each signature C calls ours and
// compares with what its own function returns, and ours calls C through a pointer. Our code goes into the program as
// bytes; the program runs under user-mode QEMU, or on the host. Signatures: ASSAY_ABI_SIGNATURES, 200 by default.
#include <gtest/gtest.h>
#include <unistd.h>

#include <bit>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "compiler/ir/parser.h"
#include "compiler/ir/verifier.h"
#include "compiler/isa/registry.h"
#include "compiler/machine/compile.h"
#include "compiler/support/diagnostic.h"
#include "oracles/executor_features.h"

namespace assay::oracles {
namespace {

struct Platform {
  const char* name;
  IsaKind isa;
  const char* compiler;
  const char* runner;      // empty: the host
  const char* convention;  // CLIF's
  const char* attribute;   // C's
};

constexpr Platform kPlatforms[] = {
    {"x64", IsaKind::x64, "gcc", "", "system_v", ""},
    {"windows", IsaKind::x64, "gcc", "", "windows_fastcall", "__attribute__((ms_abi))"},
    {"aarch64", IsaKind::aarch64, "aarch64-linux-gnu-gcc", "qemu-aarch64", "system_v", ""},
    {"riscv64", IsaKind::riscv64, "riscv64-linux-gnu-gcc", "qemu-riscv64", "system_v", ""},
    {"s390x", IsaKind::s390x, "s390x-linux-gnu-gcc", "qemu-s390x", "system_v", ""},
};

bool is_installed(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) == 0;
}

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15u;
    uint64_t x = state_;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
  }
  unsigned below(unsigned n) { return static_cast<unsigned>(next() % n); }

 private:
  uint64_t state_;
};

enum class Kind { Integer, Float, Wide, Quad, Struct };

struct Param {
  Kind kind = Kind::Integer;
  unsigned bits = 64;  // of a Struct: its words
  bool is_signed = false;
};

std::string hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

std::string c_type(const Param& param) {
  switch (param.kind) {
    case Kind::Integer:
      return (param.is_signed ? "int" : "uint") + std::to_string(param.bits) + "_t";
    case Kind::Float:
      return param.bits == 16 ? "_Float16" : param.bits == 32 ? "float" : "double";
    case Kind::Wide:
      return "unsigned __int128";
    case Kind::Quad:
      return "_Float128";
    case Kind::Struct:
      return "struct s" + std::to_string(param.bits);
  }
  return "";
}

// One signature as text in both languages.
class Writer {
 public:
  Writer(const Platform& platform, unsigned number, Random& random)
      : platform_(platform), random_(random), number_(std::to_string(number)) {
    is_windows_ = std::string_view(platform.name) == "windows";
    const unsigned count = random.below(4) == 0 ? random.below(24) : random.below(9);
    for (unsigned i = 0; i < count; ++i) params_.push_back(any(false));
    result_ = any(true);
  }

  std::string c() const {
    const std::string type = c_type(result_), attribute = std::string(platform_.attribute) + " ";
    std::string text = "__attribute__((noinline)) " + attribute + type + " c_" + number_ + "(" + c_params() + ") {\n";
    text += "  uint64_t h = 7;\n";
    for (size_t i = 0; i < params_.size(); ++i) {
      const std::string a = "a" + std::to_string(i);
      switch (params_[i].kind) {
        case Kind::Integer:
          text += "  h = mix(h, (uint" + std::to_string(params_[i].bits) + "_t)" + a + ");\n";
          break;
        case Kind::Float:
          text += "  { uint" + std::to_string(params_[i].bits) + "_t w; memcpy(&w, &" + a +
                  ", sizeof w); h = mix(h, w); }\n";
          break;
        case Kind::Wide:
          text += "  h = mix(mix(h, (uint64_t)" + a + "), (uint64_t)(" + a + " >> 64));\n";
          break;
        case Kind::Quad:
          text += "  { unsigned __int128 w; memcpy(&w, &" + a +
                  ", sizeof w); h = mix(mix(h, (uint64_t)w), (uint64_t)(w >> 64)); }\n";
          break;
        case Kind::Struct:
          for (unsigned w = 0; w < params_[i].bits; ++w)
            text += "  h = mix(h, " + a + ".w[" + std::to_string(w) + "]);\n";
      }
    }
    switch (result_.kind) {
      case Kind::Integer:
        text += "  return (" + type + ")h;\n}\n";
        break;
      case Kind::Float:
        if (result_.bits == 16) {
          text += "  uint16_t w = h & 0x7bff;\n  _Float16 r;\n  memcpy(&r, &w, sizeof r);\n  return r;\n}\n";
        } else {
          text += "  return (" + type + ")(int32_t)(h & 0xffffff);\n}\n";
        }
        break;
      case Kind::Wide:
        text += "  return (unsigned __int128)(h * 5) << 64 | h;\n}\n";
        break;
      case Kind::Quad:
        text += "  unsigned __int128 w = (unsigned __int128)(h * 5) << 64 | h;\n";
        text += "  _Float128 r;\n  memcpy(&r, &w, sizeof r);\n  return r;\n}\n";
        break;
      case Kind::Struct:
        text += "  " + type + " r;\n";
        for (unsigned w = 0; w < result_.bits; ++w) {
          text += "  r.w[" + std::to_string(w) + "] = h * " + std::to_string(w + 1) + ";\n";
        }
        text += "  return r;\n}\n";
    }
    text += "extern " + attribute + type + " ours_" + number_ + "(" + c_params() + ");\n";
    text += "extern " + attribute + "uint64_t calls_" + number_ + "(void*);\n";
    // What is made of a result for comparison: of our function's, of C's, and in our caller.
    text += "static void test_" + number_ + "(void) {\n  " + type + " x = ours_" + number_ + "(" + c_args() +
            "), y = c_" + number_ + "(" + c_args() + ");\n";
    text += "  if (memcmp(&x, &y, sizeof x) != 0) fail(\"C calls ours\", " + number_ + ");\n";
    text += "  uint64_t h = 9;\n";
    switch (result_.kind) {
      case Kind::Integer:
        text += "  h = mix(h, (uint" + std::to_string(result_.bits) + "_t)y);\n";
        break;
      case Kind::Float:
        text += "  { uint" + std::to_string(result_.bits) + "_t w; memcpy(&w, &y, sizeof w); h = mix(h, w); }\n";
        break;
      case Kind::Wide:
        text += "  h = mix(mix(h, (uint64_t)y), (uint64_t)(y >> 64));\n";
        break;
      case Kind::Quad:
        text +=
            "  { unsigned __int128 w; memcpy(&w, &y, sizeof w); h = mix(mix(h, (uint64_t)w), (uint64_t)(w >> 64)); }\n";
        break;
      case Kind::Struct:
        for (unsigned w = 0; w < result_.bits; ++w) text += "  h = mix(h, y.w[" + std::to_string(w) + "]);\n";
    }
    text += "  if (calls_" + number_ + "((void*)c_" + number_ + ") != h) fail(\"ours calls C\", " + number_ + ");\n}\n";
    return text;
  }

  // Our callee, then our caller.
  std::string clif() {
    std::string callee = "function %ours_" + number_ + signature() + " {\nblock0(";
    std::vector<std::string> names;
    next_ = 0;
    if (result_.kind == Kind::Struct) callee += value(names) + ": i64";
    std::vector<std::string> args;
    for (const Param& param : params_) {
      callee += (names.empty() && args.empty() ? "" : ", ") + value(args) + ": " + clif_type(param);
    }
    callee += "):\n";
    body_ = "";
    std::string h = define("iconst.i64 7");
    for (size_t i = 0; i < params_.size(); ++i) h = mix_in(h, args[i], params_[i]);
    switch (result_.kind) {
      case Kind::Integer:
        body_ += "  return " + (result_.bits == 64 ? h : define("ireduce.i" + std::to_string(result_.bits) + " " + h)) +
                 "\n";
        break;
      case Kind::Float: {
        if (result_.bits == 16) {
          const std::string half = define("band " + define("ireduce.i16 " + h) + ", " + define("iconst.i16 0x7bff"));
          body_ += "  return " + define("bitcast.f16 " + half) + "\n";
          break;
        }
        const std::string low = define("band " + h + ", " + define("iconst.i64 0xffffff"));
        body_ +=
            "  return " + define("fcvt_from_sint." + clif_type(result_) + " " + define("ireduce.i32 " + low)) + "\n";
        break;
      }
      case Kind::Wide:
        body_ +=
            "  return " + define("iconcat " + h + ", " + define("imul " + h + ", " + define("iconst.i64 5"))) + "\n";
        break;
      case Kind::Quad: {
        const std::string wide = define("iconcat " + h + ", " + define("imul " + h + ", " + define("iconst.i64 5")));
        body_ += "  return " + define("bitcast.f128 little " + wide) + "\n";
        break;
      }
      case Kind::Struct:
        for (unsigned w = 0; w < result_.bits; ++w) {
          const std::string word = define("imul " + h + ", " + define("iconst.i64 " + std::to_string(w + 1)));
          body_ += "  store notrap " + word + ", " + names[0] + "+" + std::to_string(8 * w) + "\n";
        }
        body_ += "  return\n";
    }
    callee += body_ + "}\n";

    next_ = 0;
    body_ = "";
    std::string slots;
    unsigned slot = 0;
    const auto slot_address = [&](unsigned words) {
      slots += "  ss" + std::to_string(slot) + " = explicit_slot " + std::to_string(8 * words) + ", align = 8\n";
      return define("stack_addr.i64 ss" + std::to_string(slot++));
    };
    std::vector<std::string> first;
    const std::string target = value(first);
    std::string passed, area;
    if (result_.kind == Kind::Struct) passed = area = slot_address(result_.bits);
    for (size_t i = 0; i < params_.size(); ++i) {
      const Param& param = params_[i];
      std::string arg;
      switch (param.kind) {
        case Kind::Integer:
          arg = define("iconst." + clif_type(param) + " " + hex(word(i, 0)));
          break;
        case Kind::Float:
          arg = define("bitcast." + clif_type(param) + " " +
                       define("iconst.i" + std::to_string(param.bits) + " " + hex(float_bits(i))));
          break;
        case Kind::Wide:
          arg = define("iconcat " + define("iconst.i64 " + hex(word(i, 0))) + ", " +
                       define("iconst.i64 " + hex(word(i, 1))));
          break;
        case Kind::Quad:
          arg = define("bitcast.f128 little " + define("iconcat " + define("iconst.i64 0") + ", " +
                                                       define("iconst.i64 " + hex(number_bits(i, 16383, 48)))));
          break;
        case Kind::Struct:
          arg = slot_address(param.bits);
          for (unsigned w = 0; w < param.bits; ++w) {
            body_ += "  store notrap " + define("iconst.i64 " + hex(word(i, w))) + ", " + arg + "+" +
                     std::to_string(8 * w) + "\n";
          }
      }
      passed += (passed.empty() ? "" : ", ") + arg;
    }
    std::string result;
    const std::string call = "call_indirect sig0, " + target + "(" + passed + ")";
    if (result_.kind == Kind::Struct) {
      body_ += "  " + call + "\n";
    } else {
      result = define(call);
    }
    h = define("iconst.i64 9");
    if (result_.kind == Kind::Struct) {
      Param words = result_;
      h = mix_in(h, area, words);
    } else {
      h = mix_in(h, result, result_);
    }
    body_ += "  return " + h + "\n";
    return callee + "function %calls_" + number_ + "(i64) -> i64 " + platform_.convention + " {\n" + slots +
           "  sig0 = " + signature() + "\nblock0(" + target + ": i64):\n" + body_ + "}\n";
  }

 private:
  Param any(bool is_result) {
    Param param;
    const unsigned choice = random_.below(20);
    const bool plain_only = is_windows_;  // there, structs and i128 are pointers: nothing new
    if (choice < 11 || (plain_only && choice >= 17)) {
      param.bits = 8u << random_.below(4);
      param.is_signed = random_.below(2) == 0;
    } else if (choice < 17) {
      param = {Kind::Float, random_.below(2) == 0 ? 32u : 64u, false};
      // Not every C compiler has _Float16; nor does Windows' convention.
      const bool has_half = !is_windows_ && (platform_.isa == IsaKind::x64 || platform_.isa == IsaKind::aarch64);
      if (has_half && random_.below(3) == 0) param.bits = 16;
    } else if (choice < 19) {
      // s390x's C returns 16 bytes in memory whose address comes first, CLIF's in memory whose address comes last.
      if (!is_result || platform_.isa != IsaKind::s390x) param = {Kind::Wide, 128, false};
      if (!is_windows_ && param.kind == Kind::Wide && random_.below(2) == 0) param.kind = Kind::Quad;
    } else {
      param = {Kind::Struct, 3 + random_.below(4), false};
    }
    return param;
  }

  static std::string clif_type(const Param& param) {
    switch (param.kind) {
      case Kind::Integer:
        return "i" + std::to_string(param.bits);
      case Kind::Float:
        return "f" + std::to_string(param.bits);
      case Kind::Wide:
        return "i128";
      case Kind::Quad:
        return "f128";
      case Kind::Struct:
        return "i64";
    }
    return "";
  }
  std::string extended(const Param& param) const {
    std::string text = clif_type(param);
    if (param.kind != Kind::Integer || param.bits == 64) return text;
    const bool sign = param.is_signed || (platform_.isa == IsaKind::riscv64 && param.bits == 32);
    return text + (sign ? " sext" : " uext");
  }
  std::string signature() const {
    std::string text = "(";
    if (result_.kind == Kind::Struct) text += "i64 sret";
    for (const Param& param : params_) {
      if (text.size() > 1) text += ", ";
      text += extended(param);
      // Only x86-64 passes structs of more than 16 bytes on the stack; elsewhere the caller makes a copy.
      if (param.kind == Kind::Struct && platform_.isa == IsaKind::x64)
        text += " sarg(" + std::to_string(8 * param.bits) + ")";
    }
    text += ")";
    if (result_.kind != Kind::Struct) text += " -> " + extended(result_);
    return text + " " + platform_.convention;
  }
  std::string c_params() const {
    std::string text;
    for (size_t i = 0; i < params_.size(); ++i) {
      text += (i == 0 ? "" : ", ") + c_type(params_[i]) + " a" + std::to_string(i);
    }
    return text.empty() ? "void" : text;
  }
  std::string c_args() const {
    std::string text;
    for (size_t i = 0; i < params_.size(); ++i) {
      const Param& param = params_[i];
      text += i == 0 ? "" : ", ";
      switch (param.kind) {
        case Kind::Integer:
          text += "(" + c_type(param) + ")" + hex(word(i, 0)) + "u";
          break;
        case Kind::Float:
          text += std::to_string(number(i)) + (param.bits == 16 ? ".0f16" : param.bits == 32 ? ".0f" : ".0");
          break;
        case Kind::Quad:
          text += std::to_string(number(i)) + ".0L";
          break;
        case Kind::Wide:
          text += "(unsigned __int128)" + hex(word(i, 1)) + "u << 64 | " + hex(word(i, 0)) + "u";
          break;
        case Kind::Struct:
          text += "(" + c_type(param) + "){{";
          for (unsigned w = 0; w < param.bits; ++w) text += (w == 0 ? "" : ", ") + hex(word(i, w)) + "u";
          text += "}}";
      }
    }
    return text;
  }
  // The words that an argument consists of.
  uint64_t word(size_t i, unsigned w) const {
    Random random(1000 * i + w + 77);
    const unsigned bits = params_[i].kind == Kind::Integer ? params_[i].bits : 64;
    return random.next() >> (64 - bits);
  }
  // A float argument: an integer that the type has.
  uint64_t number(size_t i) const { return word(i, 0) % (params_[i].bits == 16 ? 2048 : 100'000); }
  // Its bits, or the high word's.
  uint64_t number_bits(size_t i, unsigned bias, unsigned fraction) const {
    const uint64_t n = number(i);
    if (n == 0) return 0;
    const unsigned exponent = static_cast<unsigned>(std::bit_width(n)) - 1;
    return (uint64_t{bias} + exponent) << fraction | ((n << (fraction - exponent)) & ((uint64_t{1} << fraction) - 1));
  }
  uint64_t float_bits(size_t i) const {
    const unsigned bits = params_[i].bits;
    return bits == 16 ? number_bits(i, 15, 10) : bits == 32 ? number_bits(i, 127, 23) : number_bits(i, 1023, 52);
  }

  std::string value(std::vector<std::string>& names) {
    names.push_back("v" + std::to_string(next_++));
    return names.back();
  }
  std::string define(const std::string& text) {
    const std::string name = "v" + std::to_string(next_++);
    body_ += "  " + name + " = " + text + "\n";
    return name;
  }
  std::string mix_word(const std::string& h, const std::string& word) {
    const std::string product =
        define("imul " + define("bxor " + h + ", " + word) + ", " + define("iconst.i64 0x9e3779b97f4a7c15"));
    return define("bxor " + product + ", " + define("ushr " + product + ", " + define("iconst.i64 29")));
  }
  std::string mix_in(std::string h, const std::string& v, const Param& param) {
    switch (param.kind) {
      case Kind::Integer:
        return mix_word(h, param.bits == 64 ? v : define("uextend.i64 " + v));
      case Kind::Float: {
        const std::string bits = define("bitcast.i" + std::to_string(param.bits) + " " + v);
        return mix_word(h, param.bits == 64 ? bits : define("uextend.i64 " + bits));
      }
      case Kind::Quad:
        return mix_in(h, define("bitcast.i128 little " + v), {Kind::Wide, 128, false});
      case Kind::Wide: {
        const std::string low = "v" + std::to_string(next_++), high = "v" + std::to_string(next_++);
        body_ += "  " + low + ", " + high + " = isplit " + v + "\n";
        return mix_word(mix_word(h, low), high);
      }
      case Kind::Struct:
        for (unsigned w = 0; w < param.bits; ++w) {
          h = mix_word(h, define("load.i64 notrap " + v + "+" + std::to_string(8 * w)));
        }
        return h;
    }
    return h;
  }

  const Platform& platform_;
  Random& random_;
  std::string number_;
  bool is_windows_ = false;
  std::vector<Param> params_;
  Param result_;
  unsigned next_ = 0;
  std::string body_;
};

class CAbi : public testing::TestWithParam<Platform> {};

TEST_P(CAbi, CallsBothWays) {
  const Platform& platform = GetParam();
  const machine::TargetIsa* isa = isa::find_isa(platform.isa);
  if (isa == nullptr) GTEST_SKIP() << "no backend in this build";
  for (const std::string program : {platform.compiler, platform.runner}) {
    if (!program.empty() && !is_installed(program)) GTEST_SKIP() << program << " is not installed";
  }
#if !defined(__x86_64__)
  if (platform.isa == IsaKind::x64) GTEST_SKIP() << "the host is no x86-64";
#endif
  const char* wanted = std::getenv("ASSAY_ABI_SIGNATURES");
  const unsigned count = wanted != nullptr ? static_cast<unsigned>(std::atoi(wanted)) : 200;

  std::string c =
      "#include <stdint.h>\n#include <stdio.h>\n#include <string.h>\nstatic int failures;\n"
      "static void fail(const char* what, int n) { printf(\"%s: %d\\n\", what, n); ++failures; }\n"
      "static uint64_t mix(uint64_t h, uint64_t w) { h = (h ^ w) * 0x9e3779b97f4a7c15u; return h ^ h >> 29; }\n";
  for (int words = 3; words < 7; ++words) {
    c += "struct s" + std::to_string(words) + " { uint64_t w[" + std::to_string(words) + "]; };\n";
  }
  std::string assembly = ".text\n";
  machine::Compiler compiler(*isa);
  Random random(20261121);
  for (unsigned n = 0; n < count; ++n) {
    Writer writer(platform, n, random);
    const std::string clif = writer.clif();
    c += writer.c();
    const auto file = ir::parse_file(clif, "clif");
    ASSERT_TRUE(file.has_value()) << render(file.error().front(), clif);
    for (const ir::ParsedFunction& parsed : file->functions) {
      const Diagnostics errors = ir::verify(parsed.function);
      ASSERT_TRUE(errors.empty()) << render(errors.front(), clif);
      machine::CompileOptions options;
      options.choice_seed = n % 3 == 0 ? n : 0;
      options.left_out = oracles::encodings_of_no_executor(*isa->insts);
      const auto code = compiler.compile(parsed.function, options);
      ASSERT_TRUE(code.has_value()) << code.error().message << "\n" << clif;
      ASSERT_TRUE(code->code.relocations.empty());
      const std::string name = code->name.substr(1);
      assembly += ".balign 16\n.globl " + name + "\n.type " + name + ",@function\n" + name + ":\n";
      for (size_t i = 0; i < code->code.bytes.size(); ++i) {
        assembly += (i % 16 == 0 ? "\n.byte " : ",") + std::to_string(code->code.bytes[i]);
      }
      assembly += "\n";
    }
  }
  assembly += ".section .note.GNU-stack,\"\",%progbits\n";
  c += "int main(void) {\n";
  for (unsigned n = 0; n < count; ++n) c += "  test_" + std::to_string(n) + "();\n";
  c += "  printf(\"%d signatures, %d failures\\n\", " + std::to_string(count) +
       ", failures);\n  return failures != 0;\n}\n";

  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("assay-abi-" + std::string(platform.name) + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  ASSERT_TRUE(write_file(folder / "test.c", c).has_value());
  ASSERT_TRUE(write_file(folder / "ours.s", assembly).has_value());
  const std::string base = folder.string();
  const std::string build = std::string(platform.compiler) + " -O1 -w -static -o " + base + "/test " + base +
                            "/test.c " + base + "/ours.s >" + base + "/log 2>&1";
  const std::string run = std::string(platform.runner) + " " + base + "/test >>" + base + "/log 2>&1";
  const bool passed = std::system(build.c_str()) == 0 && std::system(run.c_str()) == 0;
  const auto log = read_file(base + "/log");
  EXPECT_TRUE(passed) << "see " << base << "\n" << (log ? *log : "");
  if (passed) std::filesystem::remove_all(folder);
}

INSTANTIATE_TEST_SUITE_P(Platforms, CAbi, testing::ValuesIn(kPlatforms),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace assay::oracles
