// See generate.h. A function is generated top down: straight-line code, and with some depth left two-way branches, jump
// tables and counted loops around more of it. Values in scope are kept in one list per width; leaving a nested region
// truncates the lists, which is what makes dominance hold (G1).
#include "fuzz/generate.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>

#include "compiler/ir/builder.h"

namespace assay::fuzz {

using namespace ir;

namespace {

constexpr uint64_t kRegionsBase = 0x20000000;
constexpr uint64_t kUnmappedAddress = 0x2f000000;
constexpr std::array kTypes = {kI8, kI16, kI32, kI64};

uint64_t edge_bits(Random& random, unsigned width) {
  const uint64_t mask = width == 64 ? ~uint64_t(0) : (uint64_t(1) << width) - 1;
  switch (random.below(12)) {
    case 0: return 0;
    case 1: return 1;
    case 2: return mask;                                                   // -1
    case 3: return uint64_t(1) << (width - 1);                             // least signed
    case 4: return mask >> 1;                                              // greatest signed
    case 5: return (uint64_t(1) << random.below(width)) & mask;            // a power of two
    case 6: return ((uint64_t(1) << random.below(width)) - 1) & mask;      // ones at the bottom
    case 7: return (~uint64_t(0) << random.below(width)) & mask;           // ones at the top
    case 8: return random.below(256) & mask;                               // a byte
    case 9: return (0 - uint64_t(random.below(256))) & mask;               // a small negative number
    case 10: return (0x0101010101010101u * random.below(256)) & mask;      // a repeated byte
    default: return (uint64_t(random.below(0x10000)) << random.below(49)) & mask;  // 12-, 16-, 20-bit limits
  }
}

uint64_t random_bits(Random& random, unsigned width) {
  if (random.chance(60)) return edge_bits(random, width);
  return width == 64 ? random.next() : random.next() & ((uint64_t(1) << width) - 1);
}

class FunctionGenerator {
 public:
  FunctionGenerator(Random& random, const GenerateOptions& options, Program& program, size_t index)
      : random_(random), options_(options), program_(program), index_(index), f_(program.functions[index]), b_(f_) {}

  void run() {
    f_.clear();
    const bool entry = index_ + 1 == program_.functions.size();
    f_.name = ExternalName::testcase(entry ? "main" : "callee" + std::to_string(index_));
    make_signature();
    declare_callees();
    budget_ = static_cast<int>(random_.between(4, options_.max_instructions));
    // Seldom, a stretch of code that short branches do not reach across: 4 KiB on RISC-V, 32 KiB for AArch64's TBZ.
    if (random_.below(600) == 0) filler_ = random_.chance(75) ? random_.between(150, 1200) : random_.between(2500, 7000);
    has_halves_ = random_.chance(15);
    enter(new_block());
    for (const AbiParam& param : f_.signature.params) add(f_.append_block_param(block_, param.type));
    make_slots();
    // Sometimes many values that stay alive to the end, so that registers run out.
    const size_t early = random_.chance(20) ? random_.between(8, 40) : random_.below(4);
    std::vector<Value> kept;
    for (size_t i = 0; i < early; ++i) {
      const Type type = any_type();
      kept.push_back(random_.chance(50) ? constant(type) : straight_line(type));
    }
    region(options_.max_depth);
    // Fold what must stay alive into one of the results, and mostly what nothing has used.
    Value sum = pick(kI64);
    for (Value v : kept) sum = fold(sum, v);
    finish(fold_unused({}, sum));
  }

 private:
  // ---- frame: signature, callees, slots ----

  void make_signature() {
    Signature& s = f_.signature;
    s = Signature();
    s.call_conv = CallConv::kSystemV;
    // Functions that are called pass more in memory, so that callers have areas of different sizes to share.
    const bool entry = index_ + 1 == program_.functions.size();
    const unsigned params = random_.chance(entry ? 85 : 60) ? random_.below(6) : random_.between(6, 14);
    const unsigned returns = random_.chance(entry ? 85 : 70) ? random_.between(1, 2) : random_.below(13);
    for (unsigned i = 0; i < params; ++i) s.params.push_back(abi_param());
    for (unsigned i = 0; i < returns; ++i) s.returns.push_back(abi_param());
  }
  AbiParam abi_param() {
    AbiParam param{.type = any_type()};
    if (param.type != kI64 && random_.chance(40)) {
      param.extension = random_.chance(50) ? Extension::kUext : Extension::kSext;
    }
    return param;
  }
  void declare_callees() {
    for (size_t i = 0; i < index_; ++i) {
      if (!random_.chance(70)) continue;
      const SigRef sig = f_.signatures.push(program_.functions[i].signature);
      f_.functions.push({.name = program_.functions[i].name, .signature = sig, .colocated = random_.chance(70)});
    }
  }
  void make_slots() {
    const unsigned count = random_.chance(50) ? 0 : random_.between(1, 3);
    for (unsigned i = 0; i < count; ++i) {
      // Some slots make frames that short displacements do not reach across.
      const uint32_t size = random_.chance(5) ? random_.chance(70) ? 5000 : 40000 : 8 * random_.between(1, 8);
      const StackSlot slot = f_.stack_slots.push({.size = size});
      const uint32_t bytes = std::min<uint32_t>(size, 64);
      initialised_.push_back({random_.chance(50) ? 0 : size - bytes, bytes});
      const Value start = constant(kI64);
      for (uint32_t offset = 0; offset < bytes; offset += 8) {
        const uint32_t at = initialised_.back().begin + offset;
        const Value address = emit1({.opcode = Opcode::kStackAddr, .type = kI64, .entity = slot.index, .imm = at});
        store(Opcode::kStore, kI64, MemFlags::trusted(), start, address, 0);
      }
    }
  }

  // ---- blocks ----

  Block new_block() { return f_.make_block(); }
  void enter(Block block) {
    f_.append_block(block);
    block_ = block;
    b_.set_block(block);
  }

  struct Scope {
    std::array<size_t, 4> sizes = {};
  };
  Scope open() const {
    Scope scope;
    for (size_t i = 0; i < 4; ++i) scope.sizes[i] = values_[i].size();
    return scope;
  }
  void close(const Scope& scope) {
    for (size_t i = 0; i < 4; ++i) values_[i].resize(scope.sizes[i]);
  }

  Value fold(Value sum, Value v) {
    return binary(random_.chance(50) ? Opcode::kBxor : Opcode::kIadd, sum, widen(v));
  }
  // `sum` (or nothing) with the values of a scope that have no use: else most of what is computed could be wrong unseen.
  Value fold_unused(const Scope& scope, Value sum) {
    if (random_.chance(30)) return sum;
    for (size_t i = 0; i < 4; ++i) {
      for (size_t k = scope.sizes[i]; k < values_[i].size(); ++k) {
        const Value v = values_[i][k];
        if (is_used(v)) continue;
        used_[v.index] = true;
        sum = sum.is_none() ? widen(v) : fold(sum, v);
      }
    }
    return sum;
  }
  bool is_used(Value v) {
    if (v.index >= used_.size()) used_.resize(v.index + 64);
    return used_[v.index];
  }
  // Ends a scope within a function: what it computed goes to memory.
  void show(const Scope& scope) {
    const Value sum = fold_unused(scope, {});
    if (!sum.is_none()) keep_in_memory(sum);
  }
  void keep_in_memory(Value v) {
    const uint64_t address = program_.regions[0].address + 8 * random_.below(16);
    store(Opcode::kStore, kI64, MemFlags(), v, constant_of(kI64, address), 0);
  }

  // Straight-line code and nested structures until the budget or the region's own length is used up. Recursion is
  // bounded by `depth`.
  void region(unsigned depth) {
    const unsigned steps = random_.between(1, 8);
    for (unsigned i = 0; i < steps && budget_ > 0; ++i) {
      const unsigned what = depth == 0 ? 100 : random_.below(100);
      if (what < 10) {
        two_way(depth - 1);
      } else if (what < 16) {
        loop(depth - 1);
      } else if (what < 19) {
        table(depth - 1);
      } else if (what < 21) {
        split();
      } else if (what < 23) {
        tangle(depth - 1);
      } else {
        statement();
      }
    }
  }

  void jump(Block target, std::span<const Value> args = {}) {
    const BlockCall call = f_.make_block_call(target, args);
    b_.insert({.opcode = Opcode::kJump, .calls = f_.make_calls({&call, 1})});
  }
  std::vector<Value> arguments(const std::vector<Type>& types) {
    std::vector<Value> args;
    for (Type type : types) args.push_back(pick(type));
    return args;
  }
  std::vector<Type> some_types() {
    std::vector<Type> types(random_.chance(90) ? random_.below(4) : random_.between(4, 12));
    for (Type& type : types) type = any_type();
    return types;
  }
  void enter_join(Block join, const std::vector<Type>& types) {
    enter(join);
    for (Type type : types) add(f_.append_block_param(join, type));
  }

  void two_way(unsigned depth) {
    const Block then_block = new_block(), join = new_block();
    const bool has_else = random_.chance(60);
    const Block else_block = has_else ? new_block() : join;
    const std::vector<Type> types = some_types();
    const Value c = filler_ != 0 && random_.chance(50) ? sign_test(any_type()) : condition();
    const std::vector<Value> direct = has_else ? std::vector<Value>() : arguments(types);
    const BlockCall calls[] = {f_.make_block_call(then_block), f_.make_block_call(else_block, direct)};
    branch(Opcode::kBrif, c, calls);
    arm(then_block, join, types, depth);
    if (has_else) arm(else_block, join, types, depth);
    enter_join(join, types);
  }
  void branch(Opcode opcode, Value c, std::span<const BlockCall> calls) {
    b_.insert({.opcode = opcode,
               .type = opcode == Opcode::kBrif ? f_.value_type(c) : Type(),
               .args = f_.make_values({&c, 1}),
               .calls = f_.make_calls(calls)});
  }
  void arm(Block block, Block join, const std::vector<Type>& types, unsigned depth) {
    const Scope scope = open();
    enter(block);
    if (random_.chance(10)) f_.set_cold(block, true);
    if (random_.chance(4)) {
      b_.insert({.opcode = Opcode::kTrap, .code = trap_code()});
    } else {
      if (depth + 1 >= options_.max_depth) fill();
      region(depth);
      show(scope);
      jump(join, arguments(types));
    }
    close(scope);
  }
  // One chain of operations, so that none of them can be dropped.
  void fill() {
    const int budget = budget_;
    Value sum = pick(kI64);
    for (; filler_ != 0; --filler_) sum = binary(kBinary[random_.below(std::size(kBinary))], sum, pick(kI64));
    add(sum);
    budget_ = budget;
  }

  void table(unsigned depth) {
    const Block join = new_block();
    const std::vector<Type> types = some_types();
    // Beside the default. Seldom more than AArch64's immediates count.
    const unsigned entries = random_.below(1000) == 0 ? random_.between(4090, 4200) : random_.below(8);
    const unsigned arms = std::min(random_.between(1, 4), entries + 1);
    std::vector<Block> blocks;
    for (unsigned i = 0; i < arms; ++i) blocks.push_back(new_block());
    Value index = pick(kI32);
    if (random_.chance(75)) index = binary(Opcode::kBand, index, constant_of(kI32, 7));
    const std::vector<Value> direct = arguments(types);
    std::vector<BlockCall> calls;
    for (unsigned i = 0; i <= entries; ++i) {
      // The first entries reach every arm; later ones may go to the join itself, with arguments: such an edge is critical.
      const bool to_join = i >= arms && random_.chance(30);
      calls.push_back(to_join ? f_.make_block_call(join, direct) : f_.make_block_call(blocks[i % arms]));
    }
    branch(Opcode::kBrTable, index, calls);
    for (Block block : blocks) arm(block, join, types, depth);
    enter_join(join, types);
  }

  void loop(unsigned depth) {
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

  // A loop with two entries, of two blocks that jump to each other; either may be left, when the count is used up.
  void tangle(unsigned depth) {
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

  void split() {
    const Block next = new_block();
    const std::vector<Type> types = some_types();
    jump(next, arguments(types));
    enter_join(next, types);
  }

  void finish(Value sum) {
    std::vector<Value> results;
    for (size_t i = 0; i < f_.signature.returns.size(); ++i) {
      const Type type = f_.signature.returns[i].type;
      results.push_back(i == 0 ? narrow(sum, type) : pick(type));
    }
    if (results.empty() || (f_.signature.returns[0].type != kI64 && random_.chance(60))) keep_in_memory(sum);
    b_.insert({.opcode = Opcode::kReturn, .args = f_.make_values(results)});
  }

  // ---- values ----

  static unsigned slot_of(Type type) { return std::countr_zero(type.bits()) - 3; }
  Type any_type() { return kTypes[random_.below(4)]; }
  void add(Value v) { values_[slot_of(f_.value_type(v))].push_back(v); }
  Value emit1(const InstData& data) {
    --budget_;
    return f_.result(b_.insert(data));
  }
  Value constant_of(Type type, uint64_t bits) {
    // Immediates are kept zero-extended from their type, as the parser reads them.
    const uint64_t mask = type == kI64 ? ~uint64_t(0) : (uint64_t(1) << type.bits()) - 1;
    return emit1({.opcode = Opcode::kIconst, .type = type, .imm = bits & mask});
  }
  bool is_constant(Value v) const {
    const Inst def = f_.def_inst(v);
    return !def.is_none() && f_.inst(def).opcode == Opcode::kIconst;
  }
  Value constant(Type type) { return constant_of(type, random_bits(random_, type.bits())); }
  // A value of the type: from scope (recent ones more often), or a new constant.
  Value pick(Type type) {
    std::vector<Value>& values = values_[slot_of(type)];
    if (values.empty() || random_.chance(12)) {
      const Value v = constant(type);
      if (random_.chance(50)) add(v);
      return v;
    }
    const uint32_t size = static_cast<uint32_t>(values.size());
    const Value v = values[random_.chance(50) ? size - 1 - random_.below(std::min(size, 4u)) : random_.below(size)];
    if (!is_used(v)) used_[v.index] = true;
    return v;
  }
  Value binary(Opcode opcode, Value x, Value y) {
    const Value args[] = {x, y};
    return emit1({.opcode = opcode, .type = f_.value_type(x), .args = f_.make_values(args)});
  }
  Value convert(Opcode opcode, Type to, Value x) {
    return emit1({.opcode = opcode, .type = to, .args = f_.make_values({&x, 1})});
  }
  Value widen(Value v) {
    if (f_.value_type(v) == kI64) return v;
    return convert(random_.chance(50) ? Opcode::kUextend : Opcode::kSextend, kI64, v);
  }
  Value narrow(Value v, Type to) { return f_.value_type(v) == to ? v : convert(Opcode::kIreduce, to, v); }
  Value compare(Value x, Value y) {
    return compare(static_cast<IntCC>(random_.below(kIntCCCount)), x, y);
  }
  Value compare(IntCC condition, Value x, Value y) {
    const Value args[] = {x, y};
    return emit1({.opcode = Opcode::kIcmp,
                  .code = static_cast<uint8_t>(condition),
                  .type = f_.value_type(x),
                  .args = f_.make_values(args)});
  }
  Value sign_test(Type type) {
    return compare(random_.chance(50) ? IntCC::kSlt : IntCC::kSge, pick(type), constant_of(type, 0));
  }
  // x & y or x & constant, as a test reads it.
  Value masked(Type type) { return binary(Opcode::kBand, pick(type), random_.chance(50) ? constant(type) : pick(type)); }
  // A comparison, often one of those that backends have a shorter form for.
  Value comparison() {
    const Type type = any_type();
    switch (random_.below(8)) {
      case 0: return compare(pick(type), constant(type));
      case 1: return compare(constant(type), pick(type));
      case 2: return sign_test(type);
      case 3: return compare(random_.chance(50) ? IntCC::kEq : IntCC::kNe, pick(type), constant_of(type, 0));
      case 4: {
        const Value x = masked(type), zero = constant_of(type, 0);
        if (random_.chance(25)) return compare(x, zero);
        return compare(random_.chance(50) ? IntCC::kEq : IntCC::kNe, x, zero);
      }
      default: return compare(pick(type), pick(type));
    }
  }
  Value condition() {
    if (random_.chance(80)) return comparison();
    return random_.chance(70) ? pick(any_type()) : masked(any_type());
  }
  uint8_t trap_code() { return static_cast<uint8_t>(random_.between(1, 250)); }

  // ---- statements ----

  void statement() {
    const unsigned what = random_.below(100);
    if (what < 60) {
      add(straight_line(any_type()));
    } else if (what < 68) {
      overflow();
    } else if (what < 76) {
      add(load_something());
    } else if (what < 85) {
      store_something();
    } else if (what < 92 && !f_.functions.empty()) {
      call();
    } else if (what < 95) {
      conditional_trap();
    } else if (what < 96) {
      b_.insert({.opcode = Opcode::kNop});
    } else {
      add(constant(any_type()));
    }
  }

  static constexpr Opcode kBinary[] = {Opcode::kIadd,   Opcode::kIsub, Opcode::kImul, Opcode::kUmulhi,
                                       Opcode::kSmulhi, Opcode::kSmin, Opcode::kUmin, Opcode::kSmax,
                                       Opcode::kUmax,   Opcode::kBand, Opcode::kBor,  Opcode::kBxor};

  // One operation with a result of the type.
  Value straight_line(Type type) {
    static constexpr Opcode kUnary[] = {Opcode::kIneg, Opcode::kIabs, Opcode::kBnot,   Opcode::kBitrev,
                                        Opcode::kClz,  Opcode::kCls,  Opcode::kCtz,    Opcode::kPopcnt};
    static constexpr Opcode kShift[] = {Opcode::kIshl, Opcode::kUshr, Opcode::kSshr, Opcode::kRotl, Opcode::kRotr};
    static constexpr Opcode kDivide[] = {Opcode::kUdiv, Opcode::kSdiv, Opcode::kUrem, Opcode::kSrem};
    switch (random_.below(16)) {
      default: return binary(kBinary[random_.below(std::size(kBinary))], pick(type), pick(type));
      case 5:
      case 6: return convert_same(kUnary[random_.below(std::size(kUnary))], pick(type));
      case 7:
      case 8: {
        const Value args[] = {pick(type), pick(any_type())};
        return emit1({.opcode = kShift[random_.below(std::size(kShift))], .type = type, .args = f_.make_values(args)});
      }
      case 9: {
        // Mostly divisors that are not zero: a trap ends the run and hides what comes after.
        if (random_.chance(2)) {
          const Value least = constant_of(type, uint64_t(1) << (type.bits() - 1));
          return binary(random_.chance(50) ? Opcode::kSdiv : Opcode::kSrem, least, constant_of(type, ~uint64_t(0)));
        }
        Value y = random_.chance(10) ? constant(type) : pick(type);
        if (!is_constant(y) && random_.chance(85)) y = binary(Opcode::kBor, y, constant_of(type, 1u << random_.below(8)));
        return binary(kDivide[random_.below(std::size(kDivide))], pick(type), y);
      }
      case 10: {
        const Opcode opcode = random_.chance(70)   ? Opcode::kSelect
                              : random_.chance(60) ? Opcode::kBitselect
                                                   : Opcode::kSelectSpectreGuard;
        const Value args[] = {opcode == Opcode::kBitselect ? pick(type) : condition(), pick(type), pick(type)};
        return emit1({.opcode = opcode, .type = type, .args = f_.make_values(args)});
      }
      case 11: return extend_or_reduce(comparison(), type);
      case 12: return has_halves_ && random_.chance(50) ? halves(type) : extend_or_reduce(pick(any_type()), type);
      case 13: return convert(Opcode::kBmask, type, pick(any_type()));
      case 14:
        if (type == kI8) return convert_same(Opcode::kBnot, pick(type));
        return convert_same(Opcode::kBswap, pick(type));
      case 15: return shape(type);
    }
  }
  Value convert_same(Opcode opcode, Value x) { return convert(opcode, f_.value_type(x), x); }
  Value extend_or_reduce(Value v, Type to) {
    const unsigned from = f_.value_type(v).bits();
    if (from == to.bits()) return v;
    if (from > to.bits()) return convert(Opcode::kIreduce, to, v);
    return convert(random_.chance(50) ? Opcode::kUextend : Opcode::kSextend, to, v);
  }
  // Of two halves, or one of them.
  Value halves(Type type) {
    if (type != kI8 && (type == kI64 || random_.chance(50))) {
      const Type half = kTypes[slot_of(type) - 1];
      const Value args[] = {pick(half), pick(half)};
      return emit1({.opcode = Opcode::kIconcat, .type = half, .args = f_.make_values(args)});
    }
    const Type whole = kTypes[slot_of(type) + 1];
    const Value x = pick(whole);
    --budget_;
    const Inst inst = b_.insert({.opcode = Opcode::kIsplit, .type = whole, .args = f_.make_values({&x, 1})});
    const bool low_first = random_.chance(50);
    add(f_.result(inst, low_first ? 0 : 1));
    return f_.result(inst, low_first ? 1 : 0);
  }
  // Small combinations that backends match as a whole: x + (y << k), x & ~y, x - y * z, (x << k) | (x >> w-k), …
  Value shape(Type type) {
    const Value x = pick(type), y = pick(type);
    const Value amount = constant_of(any_type(), random_.below(type.bits() + 3));
    const Opcode sum = random_.chance(60) ? Opcode::kIadd : Opcode::kIsub;
    switch (random_.below(9)) {
      case 0: {
        const Value args[] = {y, amount};
        const Value shifted = emit1({.opcode = random_.chance(70) ? Opcode::kIshl : Opcode::kUshr,
                                     .type = type,
                                     .args = f_.make_values(args)});
        return either_way(random_.chance(75) ? sum : Opcode::kBor, x, shifted);
      }
      case 1:
        return either_way(random_.chance(40)   ? Opcode::kBand
                          : random_.chance(50) ? Opcode::kBor
                                               : Opcode::kBxor,
                          x, convert_same(Opcode::kBnot, y));
      case 2: return either_way(sum, x, binary(Opcode::kImul, y, pick(type)));
      case 3: return convert_same(Opcode::kIneg, binary(random_.chance(50) ? Opcode::kIsub : Opcode::kImul, x, y));
      case 4: return either_way(sum, x, constant(type));
      case 6: return either_way(sum, x, extend_or_reduce(pick(any_type()), type));
      case 7: return either_way(sum, either_way(Opcode::kIadd, x, y), constant(type));
      case 5: return convert_same(Opcode::kBnot, binary(Opcode::kBxor, x, y));
      default: return extend_or_reduce(extend_or_reduce(x, any_type()), type);
    }
  }

  Value either_way(Opcode opcode, Value x, Value y) {
    return random_.chance(60) ? binary(opcode, x, y) : binary(opcode, y, x);
  }

  // Operands whose sums and products lie about the limits more often than those of arbitrary values.
  Value near_limit(Type type) {
    if (random_.chance(25)) return constant(type);
    return random_.chance(30) ? extend_or_reduce(pick(any_type()), type) : pick(type);
  }
  void overflow() {
    static constexpr Opcode kTwo[] = {Opcode::kUaddOverflow, Opcode::kSaddOverflow, Opcode::kUsubOverflow,
                                      Opcode::kSsubOverflow, Opcode::kUmulOverflow, Opcode::kSmulOverflow};
    static constexpr Opcode kThree[] = {Opcode::kUaddOverflowCin, Opcode::kSaddOverflowCin, Opcode::kUsubOverflowBin,
                                        Opcode::kSsubOverflowBin};
    const Type type = any_type();
    const Value x = near_limit(type), y = near_limit(type);
    if (random_.chance(20)) {
      const Type wide = random_.chance(50) ? kI32 : kI64;
      const Value args[] = {near_limit(wide), near_limit(wide)};
      add(emit1({.opcode = Opcode::kUaddOverflowTrap,
                 .code = trap_code(),
                 .type = wide,
                 .args = f_.make_values(args)}));
      return;
    }
    Inst inst;
    if (random_.chance(60)) {
      const Value args[] = {x, y};
      inst = b_.insert({.opcode = kTwo[random_.below(std::size(kTwo))], .type = type, .args = f_.make_values(args)});
    } else {
      const Value args[] = {x, y, random_.chance(70) ? compare(x, y) : pick(kI8)};
      inst = b_.insert({.opcode = kThree[random_.below(std::size(kThree))], .type = type, .args = f_.make_values(args)});
    }
    --budget_;
    add(f_.result(inst, 0));
    add(f_.result(inst, 1));
  }

  void conditional_trap() {
    // Mostly a condition that seldom traps: a comparison with a random constant or, for equality, with zero.
    const Type type = any_type();
    const bool when_zero = random_.chance(50);
    Value condition;
    if (random_.chance(20)) {
      condition = random_.chance(60) ? pick(type) : comparison();
    } else {
      const Value other = constant_of(type, random_.chance(30) ? 0 : random_.next());
      condition = compare(when_zero ? IntCC::kNe : IntCC::kEq, pick(type), other);
    }
    b_.insert({.opcode = when_zero ? Opcode::kTrapz : Opcode::kTrapnz,
               .code = trap_code(),
               .type = f_.value_type(condition),
               .args = f_.make_values({&condition, 1})});
  }

  // ---- memory ----

  struct Place {
    Value address;
    int32_t offset;
    bool trusted;  // surely inside
  };
  // An address with `size` bytes behind it, mostly.
  Place place(uint32_t size) {
    if (!initialised_.empty() && random_.chance(35)) {
      const uint32_t slot = random_.below(static_cast<uint32_t>(initialised_.size()));
      const uint32_t at = initialised_[slot].begin + random_.below(initialised_[slot].bytes - size + 1);
      const uint32_t part = random_.below(at + 1);
      return {emit1({.opcode = Opcode::kStackAddr, .type = kI64, .entity = slot, .imm = part}),
              static_cast<int32_t>(at - part), true};
    }
    const oracles::RegionDirective& region = program_.regions[random_.below(static_cast<uint32_t>(program_.regions.size()))];
    if (random_.chance(4)) return {constant_of(kI64, kUnmappedAddress), static_cast<int32_t>(random_.below(64)), false};
    const uint32_t room = region.size - size;
    if (random_.chance(8)) {
      // Around the region's end: some of these trap. Regions end at a page's end.
      const uint32_t at = room - std::min(room, 4u) + random_.below(12);
      return {constant_of(kI64, region.address + at), 0, false};
    }
    // A constant base plus, perhaps, a masked index; the displacement is of any size that instructions have.
    static constexpr int32_t kOffsets[] = {0,      8,       -8,      255,   256,      -256,     -257,   2040,     2047, 2048,
                                           -2048,  -2049,   4088,    4095,  4096,     32760,    32768,  524287,   524288,
                                           -524288, -524289, 1 << 24, -(1 << 24)};
    int32_t offset = random_.chance(50) ? static_cast<int32_t>(random_.below(64))
                                        : kOffsets[random_.below(std::size(kOffsets))];
    if (random_.chance(60)) {
      // index & mask stays inside: mask is a power of two minus one, below the room left.
      uint32_t mask = std::bit_floor(room / 8 + 1) - 1;
      const Type type = random_.chance(40) ? kI64 : random_.chance(60) ? kI32 : any_type();
      if (type == kI8) mask &= 127;  // not negative
      Value index;
      if (type != kI64 && random_.chance(50)) {
        // What lies above the type in the register is not what lies above it in the extended index.
        const uint64_t above = ~uint64_t(0) << type.bits();
        index = convert(Opcode::kIreduce, type, binary(Opcode::kBand, pick(kI64), constant_of(kI64, above | mask)));
      } else {
        index = binary(Opcode::kBand, pick(type), constant_of(type, mask));
      }
      if (type != kI64) index = convert(random_.chance(60) ? Opcode::kUextend : Opcode::kSextend, kI64, index);
      if (random_.chance(50)) {
        const Value args[] = {index, constant_of(any_type(), random_.below(4))};
        index = emit1({.opcode = Opcode::kIshl, .type = kI64, .args = f_.make_values(args)});
      }
      // A further term, which the instruction's displacement may or may not have room for.
      const int32_t term = kOffsets[random_.below(std::size(kOffsets))];
      const bool has_term = random_.chance(25);
      if (random_.chance(40)) offset = 0;
      const int64_t displacement = static_cast<int64_t>(offset) + (has_term ? term : 0);
      const Value base = constant_of(kI64, region.address - displacement);
      const Value sum = either_way(Opcode::kIadd, opaque(base), index);
      return {has_term ? either_way(Opcode::kIadd, sum, constant_of(kI64, static_cast<int64_t>(term))) : sum, offset,
              true};
    }
    const uint32_t at = random_.below(room + 1);
    return {constant_of(kI64, region.address + at - static_cast<int64_t>(offset)), offset, true};
  }
  // The same value, half the time in a way that hides it from rules for constants.
  Value opaque(Value v) {
    if (random_.chance(50)) return v;
    return binary(Opcode::kBor, v, binary(Opcode::kBand, pick(kI64), constant_of(kI64, 0)));
  }
  MemFlags mem_flags(bool trusted) {
    MemFlags flags;
    const unsigned order = random_.below(10);
    if (order < 3) flags = flags.with_endianness(Endianness::kLittle);
    if (order >= 7) flags = flags.with_endianness(Endianness::kBig);
    if (trusted && random_.chance(30)) flags = flags.with_notrap();
    else if (random_.chance(30)) flags = flags.with_trap(TrapCode{trap_code()});
    return flags;
  }
  Value load_something() {
    static constexpr struct {
      Opcode opcode;
      uint32_t bytes;
    } kLoads[] = {{Opcode::kUload8, 1},  {Opcode::kSload8, 1},  {Opcode::kUload16, 2},
                  {Opcode::kSload16, 2}, {Opcode::kUload32, 4}, {Opcode::kSload32, 4}};
    Opcode opcode = Opcode::kLoad;
    Type type = any_type();
    uint32_t bytes = type.bytes();
    if (random_.chance(40)) {
      const auto& chosen = kLoads[random_.below(std::size(kLoads))];
      opcode = chosen.opcode;
      bytes = chosen.bytes;
      do type = any_type();
      while (type.bytes() <= bytes);
    }
    const Place at = place(bytes);
    return emit1({.opcode = opcode,
                  .type = type,
                  .flags = mem_flags(at.trusted),
                  .args = f_.make_values({&at.address, 1}),
                  .imm = static_cast<uint64_t>(static_cast<int64_t>(at.offset))});
  }
  void store_something() {
    static constexpr Opcode kStores[] = {Opcode::kIstore8, Opcode::kIstore16, Opcode::kIstore32};
    Opcode opcode = Opcode::kStore;
    Type type = any_type();
    uint32_t bytes = type.bytes();
    if (random_.chance(40)) {
      const uint32_t which = random_.below(3);
      opcode = kStores[which];
      bytes = 1u << which;
      do type = any_type();
      while (type.bytes() <= bytes);
    }
    const Value value = pick(type);
    const Place at = place(bytes);
    store(opcode, type, mem_flags(at.trusted), value, at.address, at.offset);
  }
  void store(Opcode opcode, Type type, MemFlags flags, Value value, Value address, int32_t offset) {
    --budget_;
    const Value args[] = {value, address};
    b_.insert({.opcode = opcode,
               .type = type,
               .flags = flags,
               .args = f_.make_values(args),
               .imm = static_cast<uint64_t>(static_cast<int64_t>(offset))});
  }

  // ---- calls ----

  void call() {
    const uint32_t which = random_.below(static_cast<uint32_t>(f_.functions.size()));
    const SigRef sig = f_.functions[FuncRef(which)].signature;
    std::vector<Value> args;
    const bool indirect = random_.chance(25);
    if (indirect) args.push_back(emit1({.opcode = Opcode::kFuncAddr, .type = kI64, .entity = which}));
    for (const AbiParam& param : f_.signatures[sig].params) args.push_back(pick(param.type));
    const Inst inst = b_.insert({.opcode = indirect ? Opcode::kCallIndirect : Opcode::kCall,
                                 .type = indirect ? kI64 : Type(),
                                 .entity = indirect ? sig.index : which,
                                 .args = f_.make_values(args)});
    budget_ -= 3;
    for (Value result : f_.results(inst)) add(result);
  }

  Random& random_;
  const GenerateOptions& options_;
  Program& program_;
  size_t index_;
  Function& f_;
  InstBuilder b_;
  Block block_;
  int budget_ = 0;
  std::array<std::vector<Value>, 4> values_;
  struct Bytes {
    uint32_t begin, bytes;
  };
  std::vector<Bytes> initialised_;  // per stack slot: those that hold known values
  std::vector<bool> used_;          // by value: something was made of it
  unsigned filler_ = 0;             // operations that are still to come at one place
  bool has_halves_ = false;
};

}  // namespace

DataValue random_value(Random& random, Type type) { return DataValue(type, random_bits(random, type.bits())); }

void generate(Random& random, const GenerateOptions& options, Program& program) {
  program.regions.clear();
  // Whole pages, so that the first byte behind a region is unmapped everywhere.
  const unsigned regions = random.between(1, 2);
  for (unsigned i = 0; i < regions; ++i) {
    program.regions.push_back({.address = kRegionsBase + i * 0x10000,
                               .size = 4096,
                               .fill = oracles::RegionDirective::Fill::kSeed,
                               .value = random.next()});
  }
  program.functions.resize(random.chance(50) ? 1 : random.between(1, options.max_functions));
  for (size_t i = 0; i < program.functions.size(); ++i) FunctionGenerator(random, options, program, i).run();
  program.inputs.resize(options.inputs);
  for (auto& input : program.inputs) {
    input.clear();
    for (const AbiParam& param : program.functions.back().signature.params) input.push_back(random_value(random, param.type));
  }
}

}  // namespace assay::fuzz
