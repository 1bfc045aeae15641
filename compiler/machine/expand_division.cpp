// See expand_division.h.
#include "compiler/machine/expand_division.h"

#include <cstdint>

#include "compiler/ir/builder.h"

namespace assay::machine {

bool is_wide_division(const ir::InstData& data) {
  switch (data.opcode) {
    case ir::Opcode::kUdiv:
    case ir::Opcode::kSdiv:
    case ir::Opcode::kUrem:
    case ir::Opcode::kSrem:
      return data.type == ir::kI128;
    default:
      return false;
  }
}

namespace {

using ir::Block;
using ir::Inst;
using ir::IntCC;
using ir::kI128;
using ir::kI64;
using ir::Opcode;
using ir::Value;

class Expansion {
 public:
  explicit Expansion(ir::Function& function) : f_(function), b_(function) {}

  void run(Inst division) {
    const Opcode opcode = f_.inst(division).opcode;
    const Value x = f_.arg(division, 0), y = f_.arg(division, 1), result = f_.result(division);
    const bool is_signed = opcode == Opcode::kSdiv || opcode == Opcode::kSrem;
    wants_quotient_ = opcode == Opcode::kSdiv || opcode == Opcode::kUdiv;
    b_.set_source_location(f_.source_location(division));

    Block last = f_.inst_block(division);
    const auto new_block = [&] {
      const Block block = f_.make_block();
      f_.insert_block_after(block, last);
      return last = block;
    };
    const Block first = last, narrow = new_block(), wide = new_block(), loop = new_block();
    rest_ = new_block();
    f_.move_tail(f_.next_inst(division), rest_);
    f_.detach_results(division);
    f_.remove_inst(division);

    b_.set_block(first);
    b_.trapz(y, ir::kIntegerDivisionByZero);
    if (opcode == Opcode::kSdiv) trap_on_overflow(x, y);
    const Value n = is_signed ? b_.iabs(x) : x, d = is_signed ? b_.iabs(y) : y;
    const Inst n_halves = b_.isplit(n), d_halves = b_.isplit(d);
    const Value high = b_.bor(f_.result(n_halves, 1), f_.result(d_halves, 1));
    b_.brif(high, b_.call_to(wide), b_.call_to(narrow));

    b_.set_block(narrow);
    const Value n_low = f_.result(n_halves, 0), d_low = f_.result(d_halves, 0);
    const Value of_words = wants_quotient_ ? b_.udiv(n_low, d_low) : b_.urem(n_low, d_low);
    b_.jump(b_.call_to(rest_, {b_.uextend(kI128, of_words)}));

    b_.set_block(wide);
    const Value zero = b_.uextend(kI128, b_.iconst(kI64, 0));
    const Value places = b_.ireduce(kI64, b_.isub(b_.clz(d), b_.clz(n)));
    const Value shifted = b_.ishl(d, places);
    b_.brif(b_.icmp(IntCC::kUlt, n, d), b_.call_to(rest_, {wants_quotient_ ? zero : n}),
            b_.call_to(loop, {zero, n, shifted, places}));
    subtract_and_shift(loop);

    finish(result, !is_signed ? Value() : wants_quotient_ ? sign_of(x, y) : sign_of(x, {}));
  }

 private:
  // x is the least number and y is -1.
  void trap_on_overflow(Value x, Value y) {
    const Value least = b_.iconcat(b_.iconst(kI64, 0), b_.iconst(kI64, INT64_MIN));
    b_.trapz(b_.bor(b_.bxor(x, least), b_.bnot(y)), ir::kIntegerOverflow);
  }

  // block(quotient, remainder, divisor, places): the divisor is shifted by so many places, and fits so often or once
  // more.
  void subtract_and_shift(Block block) {
    const Value quotient = f_.append_block_param(block, kI128), remainder = f_.append_block_param(block, kI128);
    const Value divisor = f_.append_block_param(block, kI128), places = f_.append_block_param(block, kI64);
    b_.set_block(block);
    const Value one = b_.iconst(kI64, 1);
    const Value fits = b_.icmp(IntCC::kUge, remainder, divisor);
    const Value left = b_.select(fits, b_.isub(remainder, divisor), remainder);
    const Value so_far = b_.bor(b_.ishl(quotient, one), b_.uextend(kI128, fits));
    b_.brif(places, b_.call_to(block, {so_far, left, b_.ushr(divisor, one), b_.isub(places, one)}),
            b_.call_to(rest_, {wants_quotient_ ? so_far : left}));
  }

  // A number that is negative if the result is.
  Value sign_of(Value x, Value y) {
    b_.set_before(f_.first_inst(rest_));
    return y.is_none() ? x : b_.bxor(x, y);
  }

  // What comes to the rest, negated if `sign` is negative, is what the operation's users know as `result`.
  void finish(Value result, Value sign) {
    if (sign.is_none()) return f_.attach_block_param(rest_, result, kI128);
    const Value magnitude = f_.append_block_param(rest_, kI128);
    const Value zero = b_.uextend(kI128, b_.iconst(kI64, 0));
    const Value args[] = {b_.icmp(IntCC::kSlt, sign, zero), b_.ineg(magnitude), magnitude};
    const Inst select = f_.make_inst({.opcode = Opcode::kSelect, .type = kI128, .args = f_.make_values(args)});
    f_.attach_result(select, result, kI128);
    f_.insert_inst_after(select, f_.def_inst(args[1]));
  }

  ir::Function& f_;
  ir::InstBuilder b_;
  Block rest_;
  bool wants_quotient_ = false;
};

}  // namespace

void expand_wide_division(ir::Function& function, Inst division) { Expansion(function).run(division); }

}  // namespace assay::machine
