// See generate.h and function_generator.h. Here: programs, their inputs, and the frame of a function.
#include "fuzz/generate.h"

#include <algorithm>

#include "compiler/support/softfloat.h"
#include "fuzz/function_generator.h"

namespace assay::fuzz {

Bits integer_beside_tie(Random& random, unsigned width) {
  const unsigned digits = width < 32 ? 11 : width < 64 || random.chance(50) ? 24 : 53;
  if (digits >= width) return Bits(random.below(1u << width));
  const unsigned top = width - 1 - (random.chance(50) ? 0 : random.below(width - digits)), half = top - digits;
  const Bits one = 1, whole = (one << top | (Bits(random.next()) << 64 | random.next())) >> (half + 1) << (half + 1);
  return ((whole & (one << top | ((one << top) - 1))) | one << half) + random.below(3) - 1;
}

Bits float_beside_limit(Random& random, unsigned width, unsigned integer) {
  const FloatFormat format = float_format(width);
  const unsigned fraction = format.fraction_bits();
  const Bits sign = Bits(random.below(2)) << (width - 1), one = 1;
  // 2^integer, or half of that; of f16, whose exponents are few, a large number.
  const unsigned exponent = integer - random.below(2), largest = 2 * static_cast<unsigned>(format.bias());
  const Bits power = Bits(std::min(static_cast<unsigned>(format.bias()) + exponent, largest)) << fraction;
  const Bits limit = random.chance(10) ? Bits(format.bias()) << fraction : power;  // or 1
  switch (random.below(4)) {
    case 0:
      return sign | limit;
    case 1:
      return (sign | limit) + random.below(5) - 2;
    case 2:
      return sign | (limit + (one << random.below(fraction)));
    default:
      return sign | (limit - (one << random.below(fraction)));
  }
}

namespace {

Bits edge_bits(Random& random, unsigned width) {
  const Bits mask = ~Bits(0) >> (128 - width), one = 1;
  switch (random.below(width < 32 ? 13 : 14)) {
    case 0:
      return 0;
    case 1:
      return 1;
    case 2:
      return mask;  // -1
    case 3:
      return one << (width - 1);  // least signed
    case 4:
      return mask >> 1;  // greatest signed
    case 5:
      return one << random.below(width);  // a power of two
    case 6:
      return (one << random.below(width)) - 1;  // ones at the bottom
    case 7:
      return (~Bits(0) << random.below(width)) & mask;  // ones at the top
    case 8:
      return random.below(256) & mask;  // a byte
    case 9:
      return (0 - Bits(random.below(256))) & mask;  // a small negative number
    case 10:
      return (~Bits(0) / 255 * random.below(256)) & mask;  // a repeated byte
    case 11: {                                             // about what immediates can hold
      static constexpr uint8_t kBits[] = {6, 7, 8, 11, 12, 15, 16, 19, 20, 31, 32};
      const Bits limit = one << kBits[random.below(std::size(kBits))];
      return ((random.chance(50) ? limit : 0 - limit) + random.below(5) - 2) & mask;
    }
    case 13:
      return integer_beside_tie(random, width);
    default:
      return (Bits(random.below(0x10000)) << random.below(std::max(width, 64u) - 15)) &
             mask;  // 12-, 16-, 20-bit limits
  }
}

}  // namespace

Bits random_bits(Random& random, unsigned width) {
  if (random.chance(60)) return edge_bits(random, width);
  const Bits low = random.next();
  if (width <= 64) return low & (~uint64_t(0) >> (64 - width));
  // Of two words that have edges of their own, or not.
  return Bits(static_cast<uint64_t>(random.chance(50) ? edge_bits(random, 64) : random.next())) << 64 |
         (random.chance(50) ? edge_bits(random, 64) : low);
}

Bits random_float_bits(Random& random, unsigned width) {
  const FloatFormat format = float_format(width);
  const unsigned fraction = format.fraction_bits();
  const Bits bias = static_cast<Bits>(format.bias()), infinity = format.infinity(), one = 1;
  const Bits sign = Bits(random.below(2)) << (width - 1);
  const Bits random_payload = Bits(random.next()) << 64 | random.next();
  const Bits payload = random_payload & ((one << fraction) - 1), quiet = one << (fraction - 1);
  // Of f16, whose exponents are few, 2^exponent or a large number.
  const auto power = [&](unsigned exponent) { return std::min(bias + exponent, 2 * bias) << fraction; };
  switch (random.below(16)) {
    case 0:
      return sign;
    case 1:
      return sign | infinity;
    case 2:
      return sign | infinity | quiet;
    case 3:
      return random.chance(50) ? sign | infinity | quiet | payload : sign | infinity | (payload & ~quiet) | 1;
    case 4:
      return sign | (random.chance(50) ? payload : one << random.below(fraction));  // subnormal
    case 5:
      return sign | (infinity - 1 - random.below(3));
    case 6:
      return sign | ((one << fraction) + random.below(3) - 1);
    case 7: {  // about the limits of integers
      static constexpr uint8_t kWidths[] = {8, 16, 32, 64, 128};
      return float_beside_limit(random, width, kWidths[random.below(std::size(kWidths))]);
    }
    case 8:  // about where fractions end, often
      if (random.chance(40)) return sign | power(fraction - random.below(4)) | random.below(16);
      return sign | power(random.below(fraction + 2)) | (one << random.below(fraction));
    case 9:
    case 10:
      return sign | power(random.below(8)) | (payload >> (fraction - 3) << (fraction - 3));
    case 11:
      return sign | power(0);
    default: {
      const unsigned spread = width == 16 ? 14 : 40;
      return sign | ((bias - spread + random.below(2 * spread)) << fraction) | payload;
    }
  }
}

// ---- a function ----

void FunctionGenerator::run() {
  f_.clear();
  const bool entry = index_ + 1 == program_.functions.size();
  f_.name = ExternalName::testcase(entry ? "main" : "callee" + std::to_string(index_));
  // Many functions have little but what rules match: much of that at once, of all types, as far as the options allow.
  is_for_rules_ = random_.chance(options_.focus ? 60 : 10);
  const auto has = [&](unsigned percent) {
    return random_.chance(is_for_rules_ && percent != 0 ? std::min(2 * percent, 100u) : percent);
  };
  is_for_memory_ = !is_for_rules_ && random_.chance(options_.focus ? 30 : 12);
  has_wide_ = has(options_.wide_percent);
  has_wide_atomics_ = has_wide_ && options_.wide_atomics != 0 && random_.chance(options_.wide_atomics);
  has_halves_ = random_.chance(has_wide_ ? 50 : 15);
  has_floats_ = program_.has_floats;
  has_odd_floats_ = has_floats_ && has(25);
  make_signature();
  declare_callees();
  if (program_.has_alias_regions) declare_alias_regions();
  if (random_.chance(12)) declare_host_functions();
  budget_ = static_cast<int>(random_.between(4, options_.max_instructions));
  if (is_for_rules_) {
    budget_ /= 3;
    risk_ = 30;
  }
  unsigned depth = options_.max_depth;
  // Now and then a big function, or a deep one.
  if (random_.below(400) == 0) budget_ *= 15;
  if (random_.below(60) == 0) {
    depth += 4;
    budget_ *= 3;
  }
  // Seldom, a stretch of code that short branches do not reach across: 4 KiB on RISC-V, 32 KiB for AArch64's TBZ.
  if (random_.below(600) == 0) filler_ = random_.chance(75) ? random_.between(150, 1200) : random_.between(2500, 7000);
  if (is_for_memory_) {
    ++depth;
    budget_ *= 2;
  }
  enter(new_block());
  if (random_.chance(2)) f_.set_cold(block_, true);
  for (const AbiParam& param : f_.signature.params) {
    const Value v = f_.append_block_param(block_, param.type);
    if (param.purpose == Purpose::kStructReturn) structs_.push_back({v, kResultStruct});
    // Where a struct is differs between machines.
    if (param.purpose == Purpose::kStructArgument) {
      structs_.push_back({v, param.struct_size});
    } else {
      add(v);
    }
  }
  read_ends_of_structs();
  make_slots();
  // Sometimes many values that stay alive to the end, so that registers run out.
  // Callees do so more often: then they write every register that they need not preserve.
  const size_t early = random_.chance(is_for_rules_ ? 5 : entry ? 20 : 35) ? random_.between(8, 40) : random_.below(4);
  std::vector<Value> kept;
  for (size_t i = 0; i < early; ++i) {
    const Type type = any_value_type();
    kept.push_back(random_.chance(50) ? constant(type) : straight_line(type));
  }
  if (options_.tilt.is_set()) {
    for (unsigned n = random_.between(1, 4); n != 0; --n) tilted();
  }
  may_leave_ = true;
  // Fold what must stay alive into one of the results, and mostly what nothing has used.
  Value sum = is_for_rules_ ? shapes_for_rules() : pick(kI64);
  region(depth);
  for (Value v : kept) sum = fold(sum, v);
  // What traps comes last: nothing behind it would be tried.
  if (is_for_rules_ && random_.chance(30)) {
    keep_in_memory(sum);
    risk_ = 300;
    for (unsigned n = random_.between(1, 4); n != 0; --n) rule_shape();
  }
  finish(fold_unused({}, sum));
  program_.throws.resize(index_ + 1);
  program_.throws[index_] = leaks_;
}

// Left sides of many rules. Whatever they make counts in the sum of it all: a value that has uses may still be seen
// by nobody.
Value FunctionGenerator::shapes_for_rules() {
  Value sum = pick(kI64);
  for (unsigned n = random_.between(8, 30); n != 0; --n) {
    if (const Value root = rule_shape(); !root.is_none()) sum = fold(sum, root);
  }
  if (has_floats_ && random_.chance(60)) sum = fold(sum, float_at_edge());
  if (random_.chance(60)) keep_in_memory(sum);
  return sum;
}

// What no short displacement reaches when a struct is copied, and what is left of it behind its whole words.
void FunctionGenerator::read_ends_of_structs() {
  constexpr uint32_t kNear = 2040;
  for (const Struct& one : structs_) {
    if (one.bytes % 8 != 0 && random_.chance(75)) {
      add(emit1(
          {.opcode = Opcode::kUload8, .type = kI64, .args = f_.make_values({&one.address, 1}), .imm = one.bytes - 1}));
    }
    if (one.bytes < kNear + 16 || !random_.chance(75)) continue;
    const uint32_t offset = kNear + random_.below((one.bytes - kNear - 8) / 8 + 1) * 8;
    add(emit1({.opcode = Opcode::kLoad, .type = kI64, .args = f_.make_values({&one.address, 1}), .imm = offset}));
  }
}

void FunctionGenerator::extend(Inst before, std::span<const Value> values, unsigned statements) {
  for (Value v : values) add(v);
  risk_ = 20;
  is_within_block_ = true;
  const Scope scope = open();
  budget_ = 100;
  b_.set_before(before);
  for (; statements != 0; --statements) statement();
  show(scope);
}

Block FunctionGenerator::extend(Block block, std::span<const Value> values, unsigned depth) {
  for (Value v : values) add(v);
  risk_ = 20;
  block_ = block;
  b_.set_block(block);
  const Scope scope = open();
  budget_ = 30;
  switch (random_.below(5)) {
    case 0:
      loop(depth - 1);
      break;
    case 1:
      table(depth - 1);
      break;
    case 2:
      tangle(depth - 1);
      break;
    case 3:
      rotation(depth - 1);
      break;
    default:
      two_way(depth - 1);
      break;
  }
  show(scope);
  return block_;
}

// One for each region of memory, and one for the slots.
void FunctionGenerator::declare_alias_regions() {
  for (uint32_t n = 0; n <= program_.regions.size(); ++n) f_.regions.push({.user_id = n});
}

// Sizes of slots about the limits of displacements: signed and unsigned 12 bits, 15 bits, 20 bits. Seldom there are
// many: they differ in nothing but their number, and all of them are read.
void FunctionGenerator::make_slots() {
  const bool has_many = random_.chance(2);
  const unsigned count = has_many ? random_.between(12, 40) : random_.chance(50) ? 0 : random_.between(1, 3);
  for (unsigned i = 0; i < count; ++i) {
    // Some slots make frames that short displacements do not reach across.
    static constexpr uint32_t kLimits[] = {2048, 4096, 5000, 4096, 32768, 40000, 65536, 524288};
    uint32_t size = has_many ? 8 : 8 * random_.between(1, 8);
    if (!has_many && random_.chance(6)) {
      const uint32_t limit = kLimits[random_.below(random_.chance(12) ? 8 : 7)];
      // The rest of the frame comes on top.
      size = random_.chance(50) ? limit + 8 * random_.below(9) - 32 : limit - 8 * random_.below(40);
    }
    const auto align_log2 = static_cast<uint8_t>(random_.chance(85) ? 0 : random_.below(8));
    const StackSlot slot = f_.stack_slots.push({.size = size, .align_log2 = align_log2});
    const uint32_t bytes = std::min<uint32_t>(size, 64);
    initialised_.push_back({random_.chance(50) ? 0 : size - bytes, bytes});
    const Value start = constant(kI64);
    for (uint32_t offset = 0; offset < bytes; offset += 8) {
      const uint32_t at = initialised_.back().begin + offset;
      const Value address = emit1({.opcode = Opcode::kStackAddr, .type = kI64, .entity = slot.index, .imm = at});
      store(Opcode::kStore, kI64, MemFlags::trusted(), start, address, 0);
    }
  }
  for (uint32_t slot = 0; has_many && slot < count; ++slot) {
    const Value address = emit1({.opcode = Opcode::kStackAddr, .type = kI64, .entity = slot});
    add(emit1({.opcode = Opcode::kLoad, .type = kI64, .args = f_.make_values({&address, 1})}));
  }
}

// ---- programs ----

DataValue random_value(Random& random, Type type) {
  return DataValue(type, type.is_float() ? random_float_bits(random, type.bits()) : random_bits(random, type.bits()));
}

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
  program.has_floats = random.chance(options.float_percent);
  // What is pinned is lost when a call unwinds.
  program.has_pinned = random.chance(3);
  program.has_throws = !program.has_pinned && random.chance(25);
  program.has_tail_calls = random.chance(6);
  program.has_alias_regions = random.chance(20);
  program.throws.clear();
  program.wants_features = false;
  const bool is_alone = !program.has_tail_calls && random.chance(50);
  program.functions.resize(
      is_alone ? 1 : random.between(program.has_tail_calls ? options.max_functions : 1, options.max_functions));
  for (size_t i = 0; i < program.functions.size(); ++i) FunctionGenerator(random, options, program, i).run();
  program.inputs.resize(options.inputs);
  for (auto& input : program.inputs) {
    input.clear();
    for (const AbiParam& param : program.functions.back().signature.params) {
      const bool is_place = param.purpose == Purpose::kVMContext || param.purpose == Purpose::kStructReturn;
      input.push_back(is_place ? DataValue(kI64, kRegionsBase) : random_value(random, param.type));
    }
  }
}

}  // namespace assay::fuzz
