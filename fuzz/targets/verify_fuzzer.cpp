// libFuzzer target: the bytes make a term, step by step, through the prover's rewriter (verify/smt.h), over variables
// and constants. Beside each term goes its value for one choice of the variables, computed here by SMT-LIB's
// definitions on 128-bit integers; in the end Z3 evaluates the term for that choice, and must agree. Links
// assay_verify.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "verify/smt.h"

namespace {

using assay::verify::Terms;
using Word = unsigned __int128;

constexpr unsigned kWidths[] = {1, 4, 7, 8, 16, 24, 32, 33, 64, 127, 128};
constexpr unsigned kWidest = 128;

struct Node {
  z3::expr term;
  Word value;
  unsigned width;
};

Word mask(unsigned width) { return width >= kWidest ? ~Word(0) : (Word(1) << width) - 1; }
bool sign(Word value, unsigned width) { return (value >> (width - 1) & 1) != 0; }
Word extended(Word value, unsigned width) { return sign(value, width) ? value | ~mask(width) : value; }

// SMT-LIB: x / 0 is all ones, x % 0 is x; signed ones by the signs.
Word udiv(Word a, Word b, unsigned width) { return b == 0 ? mask(width) : a / b; }
Word urem(Word a, Word b) { return b == 0 ? a : a % b; }
Word magnitude(Word a, unsigned width) { return sign(a, width) ? (0 - a) & mask(width) : a; }
Word sdiv(Word a, Word b, unsigned width) {
  const Word quotient = udiv(magnitude(a, width), magnitude(b, width), width);
  return (sign(a, width) != sign(b, width) ? 0 - quotient : quotient) & mask(width);
}
Word srem(Word a, Word b, unsigned width) {
  const Word rest = urem(magnitude(a, width), magnitude(b, width));
  return (sign(a, width) ? 0 - rest : rest) & mask(width);
}
Word rotl(Word a, unsigned by, unsigned width) {
  by %= width;
  return by == 0 ? a : (a << by | a >> (width - by)) & mask(width);
}

unsigned leading_zeros(Word a, unsigned width) {
  unsigned n = 0;
  while (n < width && !sign(a, width - n)) ++n;
  return n;
}
Word reversed(Word a, unsigned width, unsigned unit) {
  Word out = 0;
  for (unsigned at = 0; at < width; at += unit) out |= (a >> at & mask(unit)) << (width - unit - at);
  return out;
}

std::string digits(Word value) {
  std::string out;
  for (; value != 0; value /= 10) out.insert(out.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
  return out.empty() ? "0" : out;
}

class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : data_(data), left_(size) {}
  bool empty() const { return left_ == 0; }
  uint8_t next() { return left_ == 0 ? 0 : (--left_, *data_++); }
  // Edge values often.
  Word word(unsigned width) {
    const uint8_t how = next();
    Word value = next();
    if (how % 4 == 1) value = 0 - value;
    if (how % 4 == 2) value = Word(1) << (value % width);
    for (unsigned i = 0; how % 4 == 3 && i < width / 8; ++i) value = value << 8 | next();
    return value & mask(width);
  }

 private:
  const uint8_t* data_;
  size_t left_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes bytes(data, size);
  z3::context context;
  Terms terms(context);
  z3::expr_vector variables(context), values(context);
  std::vector<Node> nodes;
  std::string steps;
  const auto add = [&](const char* name, const z3::expr& term, Word value) {
    const unsigned width = term.get_sort().bv_size();
    nodes.push_back({term, value & mask(width), width});
    steps += std::string(" ") + name;
  };
  const auto constant = [&](Word value, unsigned width) { return context.bv_val(digits(value).c_str(), width); };
  const auto leaf = [&] {
    const unsigned width = kWidths[bytes.next() % std::size(kWidths)];
    const bool is_variable = bytes.next() % 4 != 0;
    const Word value = bytes.word(width);
    if (!is_variable) return add("constant", constant(value, width), value);
    const z3::expr variable = context.bv_const(("x" + std::to_string(variables.size())).c_str(), width);
    variables.push_back(variable);
    values.push_back(constant(value, width));
    add("variable", variable, value);
  };
  leaf();
  constexpr size_t kMaxSteps = 24;
  while (!bytes.empty() && nodes.size() < kMaxSteps) {
    const uint8_t what = bytes.next() % 20;
    const Node a = nodes[nodes.size() - 1 - bytes.next() % nodes.size()];
    const unsigned w = a.width;
    // The second operand: one of that width, or made so.
    Node b = nodes[nodes.size() - 1 - bytes.next() % nodes.size()];
    if (b.width != w) {
      const bool is_signed = b.value & 1;
      b.term = is_signed ? terms.sext(b.term, w) : terms.zext(b.term, w);
      b.value = (is_signed ? extended(b.value, b.width) : b.value) & mask(w);
    }
    const unsigned other = kWidths[bytes.next() % std::size(kWidths)];
    const unsigned amount = static_cast<unsigned>(b.value % w);
    switch (what) {
      case 0:
      case 1:
        leaf();
        break;
      case 2:
        add("zext", terms.zext(a.term, other), a.value);
        break;
      case 3:
        add("sext", terms.sext(a.term, other), extended(a.value, w));
        break;
      case 4:
        add("udiv", terms.udiv(a.term, b.term), udiv(a.value, b.value, w));
        break;
      case 5:
        add("sdiv", terms.sdiv(a.term, b.term), sdiv(a.value, b.value, w));
        break;
      case 6:
        add("urem", terms.urem(a.term, b.term), urem(a.value, b.value));
        break;
      case 7:
        add("srem", terms.srem(a.term, b.term), srem(a.value, b.value, w));
        break;
      case 8:
      case 9:
        add("mul", terms.mul(a.term, b.term), a.value * b.value);
        break;
      case 10:
        add("low_bits", terms.low_bits(a.term, std::min(w, other)), a.value);
        break;
      case 11:
        add("rotl", terms.rotl(a.term, b.term), rotl(a.value, amount, w));
        break;
      case 12:
        add("rotr", terms.rotr(a.term, b.term), rotl(a.value, w - amount, w));
        break;
      case 13: {
        Word count = 0;
        for (Word rest = a.value; rest != 0; rest &= rest - 1) ++count;
        add("popcnt", terms.popcnt(a.term), count);
        break;
      }
      case 14:
        add("clz", terms.clz(a.term), leading_zeros(a.value, w));
        break;
      case 15:
        add("ctz", terms.ctz(a.term), leading_zeros(reversed(a.value, w, 1), w));
        break;
      case 16: {
        const Word folded = sign(a.value, w) ? ~a.value & mask(w) : a.value;
        add("cls", terms.cls(a.term), leading_zeros(folded, w) - 1);
        break;
      }
      case 17:
        add("bitrev", terms.bitrev(a.term), reversed(a.value, w, 1));
        break;
      case 18:
        if (w % 8 == 0) add("bswap", terms.bswap(a.term), reversed(a.value, w, 8));
        break;
      default: {
        const z3::expr condition = z3::ult(a.term, b.term);
        add("ite", terms.ite(condition, a.term, b.term), a.value < b.value ? a.value : b.value);
        break;
      }
    }
  }
  const Node& last = nodes.back();
  z3::expr term = last.term;
  const std::string actual = term.substitute(variables, values).simplify().to_string();
  const std::string expected = constant(last.value, last.width).to_string();
  if (actual != expected) {
    std::fprintf(stderr, "verify_fuzzer: a term has another value: %s, should be %s; steps:%s\nterm: %s\nfor: %s\n",
                 actual.c_str(), expected.c_str(), steps.c_str(), last.term.to_string().c_str(),
                 Z3_ast_vector_to_string(context, values));
    std::abort();
  }
  return 0;
}
