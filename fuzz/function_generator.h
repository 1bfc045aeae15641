// The generator's inside, shared by its source files: generate.cpp (programs, frames), generate_blocks.cpp (control
// flow), generate_statements.cpp (values, operations, memory), generate_calls.cpp (signatures, calls, exceptions,
// special registers), generate_floats.cpp (operations on floats), generate_shapes.cpp (combinations on purpose) and
// generate_loops.cpp, generate_memory.cpp (loops that count oddly, accesses that meet). Not for others.
//
// A function is generated top down: straight-line code, and with some depth left two-way branches, jump tables and
// counted loops around more of it. Values in scope are kept in one list per width; leaving a nested region truncates
// the lists, which is what makes dominance hold (G1 of generate.h).
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <utility>
#include <vector>

#include "compiler/ir/builder.h"
#include "fuzz/generate.h"
#include "fuzz/rule_shapes.h"

namespace assay::fuzz {

using namespace ir;

inline constexpr uint64_t kRegionsBase = 0x20000000;
inline constexpr uint64_t kUnmappedAddress = 0x2f000000;
inline constexpr std::array kTypes = {kI8, kI16, kI32, kI64, kI128};
inline constexpr std::array kFloatTypes = {kF32, kF64, kF16, kF128};  // the first two: what machines have
inline constexpr uint32_t kResultStruct = 64;                         // bytes behind what is passed as `sret`
inline constexpr size_t kSlots = kTypes.size() + kFloatTypes.size();  // lists of values in scope
using Bits = unsigned __int128;

// Of `width` bits, edge values often. The second: of a float.
Bits random_bits(Random& random, unsigned width);
// An integer halfway between two floats of 11, 24 or 53 digits, or next to that.
Bits integer_beside_tie(Random& random, unsigned width);
// A float of so many bits at the ends of the integers of that width, or next to it: by its last digit, or by any other.
Bits float_beside_limit(Random& random, unsigned width, unsigned integer);
Bits random_float_bits(Random& random, unsigned width);

class FunctionGenerator {
 public:
  FunctionGenerator(Random& random, const GenerateOptions& options, Program& program, size_t index)
      : random_(random), options_(options), program_(program), index_(index), f_(program.functions[index]), b_(f_) {}
  void run();

  // More of a function that exists, for mutations: statements before an instruction, or, with a depth, control flow at
  // the end of a block that has no terminator yet; returns the block that is open then. `values` are those in scope.
  // The program has a writable region.
  void extend(Inst before, std::span<const Value> values, unsigned statements);
  Block extend(Block block, std::span<const Value> values, unsigned depth);

 private:
  // ---- signature, callees ----
  void make_signature();
  AbiParam abi_param();
  AbiParam int_param();
  void mark_purposes(Signature& signature, bool is_entry);
  void limit_stack();
  void declare_callees();
  void declare_host_functions();
  enum Thrower : uint8_t { kThrow, kThrowInContext, kResume };
  FuncRef thrower(Thrower which);
  void declare_alias_regions();
  void read_ends_of_structs();
  void make_slots();

  // ---- blocks ----
  Block new_block() { return f_.make_block(); }
  void enter(Block block);
  struct Scope {
    std::array<size_t, kSlots> sizes = {};
    size_t accesses = 0;
  };
  Scope open() const;
  void close(const Scope& scope);
  Value fold(Value sum, Value v);
  Value fold_unused(const Scope& scope, Value sum);
  bool is_used(Value v);
  void show(const Scope& scope);
  void keep_in_memory(Value v);
  void region(unsigned depth);
  void jump(Block target, std::span<const Value> args = {});
  std::vector<Value> arguments(const std::vector<Type>& types);
  std::vector<Type> some_types();
  void enter_join(Block join, const std::vector<Type>& types);
  void two_way(unsigned depth);
  void two_way(unsigned depth, Value condition);
  void branch(Opcode opcode, Value c, std::span<const BlockCall> calls);
  void arm(Block block, Block join, const std::vector<Type>& types, unsigned depth);
  void fill();
  void table(unsigned depth);
  void loop(unsigned depth);
  void counted_loop(unsigned depth);
  void odd_loop();
  void turned_loop();
  void few_rounds(const std::function<void()>& body);
  void tangle(unsigned depth);
  void split();
  void decided(unsigned depth);
  void finish(Value sum);

  // ---- values ----
  static unsigned slot_of(Type type) {
    constexpr auto kFloats = static_cast<unsigned>(kTypes.size());
    if (type == kF16 || type == kF128) return kFloats + 2 + (type == kF128);
    return type.is_float() ? kFloats + (type == kF64) : static_cast<unsigned>(std::countr_zero(type.bits()) - 3);
  }
  Type any_type() { return has_wide_ && random_.chance(30) ? kI128 : narrow_type(); }  // of the integers
  Type narrow_type() { return kTypes[random_.below(4)]; }                              // one that constants may have
  Type any_float_type() { return kFloatTypes[random_.below(2) + (has_odd_floats_ && random_.chance(30) ? 2 : 0)]; }
  Type any_value_type() { return has_floats_ && random_.chance(30) ? any_float_type() : any_type(); }
  void add(Value v) { values_[slot_of(f_.value_type(v))].push_back(v); }
  Value emit1(const InstData& data);
  Value constant_of(Type type, Bits bits);
  bool is_constant(Value v) const;
  Value constant(Type type) {
    return constant_of(type, (type.is_float() ? random_float_bits : random_bits)(random_, type.bits()));
  }
  Value pick(Type type);
  Value parameter(Type type);
  Value varied(Type type);
  Value binary(Opcode opcode, Value x, Value y);
  Value convert(Opcode opcode, Type to, Value x);
  Value widen(Value v);
  Value compare(Value x, Value y);
  Value compare(IntCC condition, Value x, Value y);
  Value sign_test(Type type);
  // x & y or x & constant, as a test reads it.
  Value masked(Type type) {
    return binary(Opcode::kBand, pick(type), random_.chance(50) ? constant(type) : pick(type));
  }
  Value comparison();
  Value condition();
  uint8_t trap_code() { return static_cast<uint8_t>(random_.between(1, 250)); }

  // ---- statements ----
  void statement();
  static constexpr Opcode kBinary[] = {Opcode::kIadd,   Opcode::kIsub, Opcode::kImul, Opcode::kUmulhi,
                                       Opcode::kSmulhi, Opcode::kSmin, Opcode::kUmin, Opcode::kSmax,
                                       Opcode::kUmax,   Opcode::kBand, Opcode::kBor,  Opcode::kBxor};
  Value straight_line(Type type);
  Value convert_same(Opcode opcode, Value x) { return convert(opcode, f_.value_type(x), x); }
  Value extend_or_reduce(Value v, Type to);
  Value halves(Type type);
  Value either_way(Opcode opcode, Value x, Value y);
  void conditional_trap();

  // ---- floats ----
  Value one_of(Type type);  // 1.0
  Value float_at_limit(Type type, unsigned width);
  Value integer_at_limit(Type type, Type from, bool is_signed);
  Value integer_at_tie(Type type);
  Value float_at_edge();
  Value zero_of_either_sign(Type type);
  Value fma_beside_a_tie(Type type);
  Value float_operation(Type type);
  Value integer_of_float(Type type);
  Value compare_floats();
  Value change_width(Type to);
  Value unary(Opcode opcode, Value x) { return convert(opcode, f_.value_type(x), x); }
  Value bitcast(Type to, Value x);
  Value bits_or_zero(Value x);

  // ---- shapes: what is seldom put together by chance ----
  Value shape(Type type);
  Value rule_shape();
  Value rule_shape(const RuleShapes& shapes);
  Value shapes_for_rules();
  Value planned_leaf(Type type, bool is_zero);
  Value planned_access(const ShapeNode& node, std::vector<Value> args);
  Value constant_chain(Type type);
  Value dense(Type type);
  Value dense(Type type, unsigned depth, std::span<const Value> leaves);
  Value compare_extended();
  Value near_limit(Type type);
  std::pair<Value, Value> near_product(Type type, bool is_signed);
  Value near_sum(Value x, bool subtract, bool is_signed);
  void overflow();
  void overflow(Opcode opcode, std::initializer_list<Value> args);
  Value fresh(Type type);
  Value mix(std::span<const Value> values);
  std::vector<Value> permuted(const std::vector<Value>& values);
  void rotation(unsigned depth);
  void across_call();
  void memory_across_call();
  void overlapping();
  void memory_shape();

  // ---- what a campaign wants more of ----
  void tilted();
  Value operation(Opcode opcode, Type type, Value inner);

  // ---- memory ----
  struct Place {
    Value address;
    int32_t offset;
    bool trusted;        // surely inside
    AliasRegion region;  // that it lies in, if regions are declared
  };
  Place place(uint32_t size);
  // Where bytes are read or written, and how.
  struct Access {
    Place place;
    uint32_t bytes;
    MemFlags flags;
    bool is_aligned;  // by its size
  };
  Access access(uint32_t bytes);
  Access aligned_access(Type type);
  static uint32_t bytes_accessed(Opcode opcode, Type type);
  const Access* recent_access(uint32_t bytes, bool is_aligned);
  Value opaque(Value v);
  Value hidden(Value v);
  AliasRegion alias_region(size_t number) const;
  MemFlags mem_flags(const Place& place);
  Value load_something();
  Value atomic_access(Type type);
  Value atomic_access(Type type, Value address, MemFlags flags);
  Place aligned_place(uint32_t bytes);
  void alike_in_slots(uint32_t bytes, std::array<Place, 2>& places);
  Value load(Opcode opcode, Type type);
  void store_something();
  Type accessed_type() { return is_for_memory_ && random_.chance(70) ? kI64 : any_value_type(); }
  void store_value(Opcode opcode, Value value);
  void store(Opcode opcode, Type type, MemFlags flags, Value value, Value address, int32_t offset);

  // ---- calls ----
  void call();
  CallConv convention();
  bool tail_call();
  const Signature& signature_of(uint32_t function) const {
    return f_.signatures[f_.functions[FuncRef(function)].signature];
  }
  bool throws(uint32_t function) const;
  bool may_leak() const;
  Value function_address(uint32_t function);
  Value struct_address(uint32_t bytes, bool is_tail);
  std::vector<Value> call_arguments(const Signature& signature, Value callee, bool is_tail = false);
  Inst try_call(uint32_t function, bool indirect, std::span<const Value> args, bool catch_all);
  Value exception_context();
  void tag(Inst inst);

  // ---- exceptions, special registers ----
  void special();
  void throw_something();
  void special_register();
  void pinned_register();
  void thread_local_access();

  Random& random_;
  const GenerateOptions& options_;
  Program& program_;
  size_t index_;
  Function& f_;
  InstBuilder b_;
  Block block_;
  int budget_ = 0;
  std::array<std::vector<Value>, kSlots> values_;
  struct Bytes {
    uint32_t begin, bytes;
  };
  std::vector<Bytes> initialised_;  // per stack slot: those that hold known values
  struct Struct {
    Value address;
    uint32_t bytes;
  };
  std::vector<Struct> structs_;   // what parameters point to
  std::vector<Access> accesses_;  // those whose address is in scope
  uint32_t callees_ = 0;          // functions that may be called like any other; behind them are those that throw
  FuncRef throwers_[3];           // none: not declared
  bool leaks_ = false;            // may an exception leave the function?
  bool may_leave_ = false;        // may it return here?
  bool is_within_block_ = false;  // what is made may not end the block
  std::vector<bool> used_;        // by value: something was made of it
  unsigned filler_ = 0;           // operations that are still to come at one place
  bool is_for_rules_ = false;     // has little but what rules match
  bool is_for_memory_ = false;    // has loops in loops, in which few places are read and written again and again
  bool has_halves_ = false;
  bool has_floats_ = false;
  bool has_odd_floats_ = false;  // f16 and f128
  bool has_wide_ = false;        // integers of 128 bits
  bool has_wide_atomics_ = false;
  // How often what may trap is made, of what is usual. Less for mutations: else what grows would trap early in the end.
  unsigned risk_ = 100;
  bool risks(unsigned percent) { return random_.below(10000) < percent * risk_; }
};

}  // namespace assay::fuzz
