// See function_generator.h. Here: blocks and control flow.
#include <algorithm>

#include "fuzz/function_generator.h"

namespace assay::fuzz {

void FunctionGenerator::enter(Block block) {
  f_.append_block(block);
  block_ = block;
  b_.set_block(block);
}

FunctionGenerator::Scope FunctionGenerator::open() const {
  Scope scope;
  for (size_t i = 0; i < kSlots; ++i) scope.sizes[i] = values_[i].size();
  scope.accesses = accesses_.size();
  return scope;
}

void FunctionGenerator::close(const Scope& scope) {
  for (size_t i = 0; i < kSlots; ++i) values_[i].resize(scope.sizes[i]);
  accesses_.erase(accesses_.begin() + static_cast<ptrdiff_t>(scope.accesses), accesses_.end());
}

Value FunctionGenerator::fold(Value sum, Value v) {
  return binary(random_.chance(50) ? Opcode::kBxor : Opcode::kIadd, sum, widen(v));
}

// `sum` (or nothing) with the values of a scope that have no use: else most of what is computed could be wrong unseen.
Value FunctionGenerator::fold_unused(const Scope& scope, Value sum) {
  if (random_.chance(is_for_rules_ ? 5 : 30)) return sum;
  for (size_t i = 0; i < kSlots; ++i) {
    for (size_t k = scope.sizes[i]; k < values_[i].size(); ++k) {
      const Value v = values_[i][k];
      if (is_used(v)) continue;
      used_[v.index] = true;
      sum = sum.is_none() ? widen(v) : fold(sum, v);
    }
  }
  return sum;
}

bool FunctionGenerator::is_used(Value v) {
  if (v.index >= used_.size()) used_.resize(v.index + 64);
  return used_[v.index];
}

// Ends a scope within a function: what it computed goes to memory.
void FunctionGenerator::show(const Scope& scope) {
  const Value sum = fold_unused(scope, {});
  if (!sum.is_none()) keep_in_memory(sum);
}

void FunctionGenerator::keep_in_memory(Value v) {
  // At the first four often: there memory_across_call() looks for what callees write.
  const uint64_t address = program_.regions[0].address + 8 * random_.below(random_.chance(50) ? 4 : 16);
  store(Opcode::kStore, kI64, MemFlags(), v, constant_of(kI64, address), 0);
}

// Straight-line code and nested structures until the budget or the region's own length is used up. Recursion is
// bounded by `depth`.
void FunctionGenerator::region(unsigned depth) {
  const unsigned steps = random_.between(1, 8);
  for (unsigned i = 0; i < steps && budget_ > 0; ++i) {
    const bool is_loop = is_for_memory_ && random_.chance(30);
    const unsigned what = depth == 0 ? 100 : is_loop ? 10 : random_.below(100);
    if (is_for_memory_ && !is_loop && random_.chance(35)) {
      memory_shape();
    } else if (what < 10) {
      two_way(depth - 1);
    } else if (what < 16) {
      random_.chance(50) ? loop(depth - 1) : counted_loop(depth - 1);
    } else if (what < 19) {
      table(depth - 1);
    } else if (what < 21) {
      random_.chance(50) ? split() : decided(depth - 1);
    } else if (what < 23) {
      tangle(depth - 1);
    } else if (what < 25) {
      random_.chance(50) ? rotation(depth - 1) : random_.chance(85) ? odd_loop() : turned_loop();
    } else {
      statement();
    }
  }
}

void FunctionGenerator::jump(Block target, std::span<const Value> args) {
  const BlockCall call = f_.make_block_call(target, args);
  b_.insert({.opcode = Opcode::kJump, .calls = f_.make_calls({&call, 1})});
}

std::vector<Value> FunctionGenerator::arguments(const std::vector<Type>& types) {
  std::vector<Value> args;
  for (Type type : types) args.push_back(pick(type));
  return args;
}

std::vector<Type> FunctionGenerator::some_types() {
  std::vector<Type> types(random_.chance(90) ? random_.below(4) : random_.between(4, 12));
  for (Type& type : types) type = any_value_type();
  return types;
}

void FunctionGenerator::enter_join(Block join, const std::vector<Type>& types) {
  enter(join);
  for (Type type : types) add(f_.append_block_param(join, type));
}

void FunctionGenerator::two_way(unsigned depth) {
  two_way(depth, filler_ != 0 && random_.chance(50) ? sign_test(any_type()) : condition());
}

void FunctionGenerator::two_way(unsigned depth, Value c) {
  if (random_.chance(6)) {
    // Both ways to one block, with arguments that need not be the same.
    const Block join = new_block();
    const std::vector<Type> types = some_types();
    const BlockCall calls[] = {f_.make_block_call(join, arguments(types)), f_.make_block_call(join, arguments(types))};
    branch(Opcode::kBrif, c, calls);
    return enter_join(join, types);
  }
  const Block then_block = new_block(), join = new_block();
  const bool has_else = random_.chance(60);
  const Block else_block = has_else ? new_block() : join;
  const std::vector<Type> types = some_types();
  const std::vector<Value> direct = has_else ? std::vector<Value>() : arguments(types);
  const BlockCall calls[] = {f_.make_block_call(then_block), f_.make_block_call(else_block, direct)};
  branch(Opcode::kBrif, c, calls);
  arm(then_block, join, types, depth);
  if (has_else) arm(else_block, join, types, depth);
  enter_join(join, types);
}

void FunctionGenerator::branch(Opcode opcode, Value c, std::span<const BlockCall> calls) {
  b_.insert({.opcode = opcode,
             .type = opcode == Opcode::kBrif ? f_.value_type(c) : Type(),
             .args = f_.make_values({&c, 1}),
             .calls = f_.make_calls(calls)});
}

void FunctionGenerator::arm(Block block, Block join, const std::vector<Type>& types, unsigned depth) {
  const Scope scope = open();
  enter(block);
  if (random_.chance(10)) f_.set_cold(block, true);
  if (risks(4)) {
    b_.insert({.opcode = Opcode::kTrap, .code = trap_code()});
  } else if (may_leave_ && random_.chance(3)) {
    finish(fold_unused(scope, pick(kI64)));
  } else {
    if (depth + 1 >= options_.max_depth) fill();
    region(depth);
    show(scope);
    jump(join, arguments(types));
  }
  close(scope);
}

// One chain of operations, so that none of them can be dropped.
void FunctionGenerator::fill() {
  const int budget = budget_;
  Value sum = pick(kI64);
  for (; filler_ != 0; --filler_) sum = binary(kBinary[random_.below(std::size(kBinary))], sum, pick(kI64));
  add(sum);
  budget_ = budget;
}

void FunctionGenerator::table(unsigned depth) {
  const Block join = new_block();
  const std::vector<Type> types = some_types();
  // Beside the default. Seldom more than AArch64's immediates count.
  static constexpr unsigned kSizes[] = {8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 257};
  const unsigned entries = random_.below(1000) == 0 ? random_.between(4090, 4200)
                           : random_.chance(12)     ? kSizes[random_.below(std::size(kSizes))]
                                                    : random_.below(8);
  const unsigned arms = std::min(random_.between(1, 4), entries + 1);
  std::vector<Block> blocks;
  for (unsigned i = 0; i < arms; ++i) blocks.push_back(new_block());
  Value index = pick(kI32);
  if (random_.chance(75)) index = binary(Opcode::kBand, index, constant_of(kI32, std::bit_ceil(entries + 2) - 1));
  const std::vector<Value> direct = arguments(types);
  std::vector<BlockCall> calls;
  for (unsigned i = 0; i <= entries; ++i) {
    // The first entries reach every arm; later ones may go to the join itself, with arguments: such an edge is
    // critical.
    const bool to_join = i >= arms && random_.chance(30);
    const bool anew = to_join && random_.chance(20);
    calls.push_back(to_join ? f_.make_block_call(join, anew ? arguments(types) : direct)
                            : f_.make_block_call(blocks[i % arms]));
  }
  branch(Opcode::kBrTable, index, calls);
  for (Block block : blocks) arm(block, join, types, depth);
  enter_join(join, types);
}

void FunctionGenerator::loop(unsigned depth) {
  const Block header = new_block(), exit = new_block();
  std::vector<Type> types = some_types();
  std::vector<Value> initial = arguments(types);
  const Value count = constant_of(kI32, random_.between(1, 5));
  initial.insert(initial.begin(), count);
  jump(header, initial);
  enter(header);
  const Value counter = f_.append_block_param(header, kI32);
  for (Type type : types) add(f_.append_block_param(header, type));
  const Scope scope = open();
  region(depth);
  show(scope);
  const Value next = binary(Opcode::kIadd, counter, constant_of(kI32, 0xffffffff));
  std::vector<Value> again = arguments(types);
  again.insert(again.begin(), next);
  const std::vector<Type> exit_types = some_types();
  const std::vector<Value> leaving = arguments(exit_types);
  const BlockCall calls[] = {f_.make_block_call(header, again), f_.make_block_call(exit, leaving)};
  branch(Opcode::kBrif, next, calls);
  close(scope);
  enter_join(exit, exit_types);
}

// A loop whose header counts towards a limit, in any order and by any step; it may be left early, and what it computes
// is used after it. It ends: the counter meets the limit after `rounds` steps, and no condition made here holds then.
void FunctionGenerator::counted_loop(unsigned depth) {
  static constexpr int kSteps[] = {1, 1, 1, -1, 2, 3, -5, 7};
  static constexpr IntCC kStays[] = {IntCC::kNe, IntCC::kUlt, IntCC::kUgt, IntCC::kSlt, IntCC::kSgt};
  // Now and then one that steps over its limit and the end of an order: an odd step meets every number in the end.
  const bool goes_round = depth <= 1 && random_.chance(15), is_signed = random_.chance(50), is_up = random_.chance(70);
  const Type type = goes_round ? kI8 : narrow_type();
  Bits step = static_cast<Bits>(kSteps[random_.below(std::size(kSteps))]);
  Bits distance = step * random_.below(7);
  // Known, near the ends of both orders; or not.
  const Bits ends[] = {0, 100, Bits(1) << (type.bits() - 1), ~Bits(0) - 20};
  Bits first = ends[random_.below(std::size(ends))] + random_.below(24) - 12;
  if (goes_round) {
    step = is_up ? Bits(3 + 2 * random_.below(6)) : -Bits(3 + 2 * random_.below(6));
    const Bits end = (is_signed ? 0x80 : 0) + (is_up ? -Bits(1) : Bits(0));
    const Bits limit = is_up ? end - random_.below(4) : end + random_.below(4);
    distance = is_up ? Bits(1 + random_.below(20)) : -Bits(1 + random_.below(20));
    first = limit - distance;
  }
  const bool is_known = random_.chance(goes_round ? 90 : 60);
  const Value start = is_known ? constant_of(type, first) : pick(type);
  const Value limit = is_known && random_.chance(60) ? constant_of(type, first + distance)
                                                     : binary(Opcode::kIadd, start, constant_of(type, distance));
  const Block header = new_block(), body = new_block(), exit = new_block();
  const std::vector<Type> types = some_types(), exit_types = some_types();
  std::vector<Value> initial = arguments(types);
  initial.insert(initial.begin(), start);
  jump(header, initial);
  enter(header);
  const Value counter = f_.append_block_param(header, type);
  for (Type t : types) add(f_.append_block_param(header, t));
  const Scope scope = open();
  const IntCC towards = is_signed ? (is_up ? IntCC::kSlt : IntCC::kSgt) : is_up ? IntCC::kUlt : IntCC::kUgt;
  const IntCC stays = goes_round ? towards : kStays[random_.below(std::size(kStays))];
  const bool stays_first = random_.chance(75);
  const IntCC cc = stays_first ? stays : complement(stays);
  const Value condition = random_.chance(75) ? compare(cc, counter, limit) : compare(swap_operands(cc), limit, counter);
  const BlockCall stay = f_.make_block_call(body), leave = f_.make_block_call(exit, arguments(exit_types));
  const BlockCall calls[] = {stays_first ? stay : leave, stays_first ? leave : stay};
  branch(Opcode::kBrif, condition, calls);
  enter(body);
  add(counter);
  region(depth);
  if (random_.chance(30)) {
    const Block on = new_block();
    const BlockCall early[] = {f_.make_block_call(exit, arguments(exit_types)), f_.make_block_call(on)};
    branch(Opcode::kBrif, this->condition(), early);
    enter(on);
  }
  show(scope);
  std::vector<Value> again = arguments(types);
  again.insert(again.begin(), binary(Opcode::kIadd, counter, constant_of(type, step)));
  jump(header, again);
  close(scope);
  enter_join(exit, exit_types);
  if (random_.chance(50)) add(counter);
}

// A loop with two entries, of two blocks that jump to each other; either may be left, when the count is used up.
void FunctionGenerator::tangle(unsigned depth) {
  const std::array<Block, 2> blocks = {new_block(), new_block()};
  const Block exit = new_block();
  const std::vector<Type> types = some_types(), exit_types = some_types();
  const auto counted = [&](Value count) {
    std::vector<Value> args = arguments(types);
    args.insert(args.begin(), count);
    return args;
  };
  const Value c = condition();
  const Value count = constant_of(kI32, random_.between(1, 5));
  const BlockCall entries[] = {f_.make_block_call(blocks[0], counted(count)),
                               f_.make_block_call(blocks[1], counted(count))};
  branch(Opcode::kBrif, c, entries);
  for (unsigned i = 0; i < 2; ++i) {
    const Scope scope = open();
    enter(blocks[i]);
    const Value counter = f_.append_block_param(blocks[i], kI32);
    for (Type type : types) add(f_.append_block_param(blocks[i], type));
    region(depth);
    show(scope);
    const Value next = binary(Opcode::kIadd, counter, constant_of(kI32, 0xffffffff));
    const BlockCall calls[] = {f_.make_block_call(blocks[1 - i], counted(next)),
                               f_.make_block_call(exit, arguments(exit_types))};
    branch(Opcode::kBrif, next, calls);
    close(scope);
  }
  enter_join(exit, exit_types);
}

void FunctionGenerator::split() {
  const Block next = new_block();
  const std::vector<Type> types = some_types();
  jump(next, arguments(types));
  enter_join(next, types);
}

// A block that only branches on its parameter, which is a constant on a way there: what is decided already.
void FunctionGenerator::decided(unsigned depth) {
  const Block ways[] = {new_block(), new_block()}, decision = new_block();
  const Type type = any_type();
  const BlockCall calls[] = {f_.make_block_call(ways[0]), f_.make_block_call(ways[1])};
  branch(Opcode::kBrif, condition(), calls);
  for (const Block way : ways) {
    const Scope scope = open();
    enter(way);
    if (random_.chance(40)) statement();
    const Value known = way == ways[0] || random_.chance(50) ? constant(type) : pick(type);
    show(scope);
    jump(decision, {&known, 1});
    close(scope);
  }
  enter(decision);
  two_way(depth, f_.append_block_param(decision, type));
}

void FunctionGenerator::finish(Value sum) {
  if (f_.signature.call_conv == CallConv::kTail && random_.chance(80)) {
    keep_in_memory(sum);
    // On some of several ways: what returns on another has made room for the arguments, too.
    for (unsigned ways = random_.chance(50) ? 0 : random_.between(1, 2); ways != 0; --ways) {
      const Block last = new_block(), further = new_block();
      const BlockCall calls[] = {f_.make_block_call(last), f_.make_block_call(further)};
      branch(Opcode::kBrif, condition(), calls);
      const Scope scope = open();
      enter(last);
      if (!tail_call()) jump(further, {});
      close(scope);
      enter(further);
    }
    if (random_.chance(75) && tail_call()) return;
  }
  std::vector<Value> results;
  for (size_t i = 0; i < f_.signature.returns.size(); ++i) {
    const Type type = f_.signature.returns[i].type;
    results.push_back(i == 0 && type.is_int() ? extend_or_reduce(sum, type) : pick(type));
  }
  const bool is_result = !results.empty() && f_.signature.returns[0].type.is_int();
  if (!is_result || (f_.signature.returns[0].type != kI64 && random_.chance(60))) keep_in_memory(sum);
  b_.insert({.opcode = Opcode::kReturn, .args = f_.make_values(results)});
}

}  // namespace assay::fuzz
