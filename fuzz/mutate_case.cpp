// See mutate_case.h and mutator.h. Here: choosing mutations, seeing to it that the result is valid.
#include "fuzz/mutate_case.h"

#include <algorithm>

#include "compiler/ir/verifier.h"
#include "fuzz/function_generator.h"
#include "fuzz/mutator.h"
#include "fuzz/repair.h"

namespace assay::fuzz {

std::span<const Mutator::Mutation> Mutator::mutations() {
  static constexpr Mutation kMutations[] = {
      {"insert operation", &Mutator::insert_operation, 22},
      {"delete instruction", &Mutator::delete_instruction, 12},
      {"replace operand", &Mutator::replace_operand, 12},
      {"replace operation", &Mutator::replace_operation, 10},
      {"retype", &Mutator::retype, 6},
      {"constant to edge", &Mutator::constant_to_edge, 8},
      {"change condition", &Mutator::change_condition, 4},
      {"change memory access", &Mutator::change_memory, 5},
      {"spill pressure", &Mutator::spill_pressure, 3},
      {"insert control flow", &Mutator::insert_control_flow, 5},
      {"wrap in loop", &Mutator::wrap_in_loop, 3},
      {"splice", &Mutator::splice, 4},
      {"retarget branch", &Mutator::retarget_branch, 2},
      {"make table", &Mutator::make_table, 2},
      {"straighten branch", &Mutator::straighten_branch, 2},
      {"outline", &Mutator::outline, 2},
      {"change signature", &Mutator::change_signature, 3},
      {"change inputs", &Mutator::change_inputs, 8},
      {"change regions", &Mutator::change_regions, 1},
      {"add function", &Mutator::add_function, 2},
      {"random choices", &Mutator::random_choices, 3},
  };
  return kMutations;
}

std::span<const Mutator::Mutation> Mutator::preserving_mutations() {
  static constexpr Mutation kMutations[] = {
      {"add dead code", &Mutator::add_dead_code, 3},
      {"split block", &Mutator::split_block, 3},
      {"permute instructions", &Mutator::permute, 4},
      {"duplicate computation", &Mutator::duplicate, 4},
      {"opaque branch", &Mutator::opaque_branch, 3},
      {"commute operands", &Mutator::commute, 4},
      {"identity", &Mutator::identity, 8},
      {"rewrite", &Mutator::rewrite, 8},
      {"through memory", &Mutator::through_memory, 3},
      {"loop once", &Mutator::loop_once, 2},
      {"widen operation", &Mutator::widen_operation, 4},
      {"reorder blocks", &Mutator::reorder_blocks, 2},
      {"keep alive", &Mutator::keep_alive, 2},
      {"outline", &Mutator::outline, 3},
  };
  return kMutations;
}

// ---- helpers ----

// The entry more often than others.
void Mutator::choose_function() {
  index_ = random_.chance(50) ? test_.entry : random_.below(static_cast<uint32_t>(test_.functions.size()));
}

bool Mutator::may_grow(size_t by) { return f().inst_count() + by < options_.max_instructions; }

std::optional<uint64_t> Mutator::region_address() {
  constexpr uint32_t kUseful = 256;
  uint64_t free_from = kRegionsBase;
  for (const oracles::RegionDirective& region : test_.regions) {
    if (region.writable && region.size >= kUseful) return region.address;
    free_from = std::max(free_from, (region.address + region.size + 0x1ffff) / 0x10000 * 0x10000);
  }
  if (free_from + 0x10000 > oracles::memory_map::kRegionsEnd) return std::nullopt;
  test_.regions.push_back({.address = free_from,
                           .size = 4096,
                           .fill = oracles::RegionDirective::Fill::kSeed,
                           .value = random_.below(1u << 30)});
  return free_from;
}

std::string Mutator::fresh_name(const std::string& wanted) const {
  const auto is_taken = [&](const std::string& name) {
    return std::any_of(test_.functions.begin(), test_.functions.end(), [&](const ir::Function& function) {
      return function.name.kind == ir::ExternalName::Kind::kTestcase && function.name.name == name;
    });
  };
  std::string name = wanted;
  for (unsigned n = 0; is_taken(name); ++n) name = wanted + "_" + std::to_string(n);
  return name;
}

bool Mutator::generate_before(ir::Inst before, Editor& editor, unsigned statements, unsigned depth) {
  const auto address = region_address();
  if (!address) return false;
  const std::vector<ir::Value> values = editor.available(before);
  Program program;
  for (const oracles::RegionDirective& region : test_.regions) {
    if (region.writable && region.size >= 256) program.regions.push_back(region);
  }
  program.functions.swap(test_.functions);
  {
    FunctionGenerator generator(random_, options_.generate, program, index_);
    if (depth == 0) {
      generator.extend(before, values, statements);
    } else {
      const ir::Block rest = editor.split_before(before);
      const ir::Block open = generator.extend(editor.f.prev_block(rest), values, depth);
      editor.jump(open, rest);
    }
  }
  program.functions.swap(test_.functions);
  return true;
}

// ---- the loop ----

// All or nothing: what does not come right is undone.
template <class Apply>
bool Mutator::attempt(Apply&& apply) {
  choose_function();
  case_changed_ = false;
  const Case before = test_;
  if (!apply()) {
    test_ = before;
    return false;
  }
  // Of functions, only the one that was chosen, unless a mutation says so.
  for (size_t i = 0; i < test_.functions.size(); ++i) {
    if (!case_changed_ && i != index_) continue;
    if (!repair(test_.functions[i])) {
      test_ = before;
      return false;
    }
    ir::Function compacted;
    compact(test_.functions[i], compacted);
    std::swap(test_.functions[i], compacted);
  }
  repair_inputs(test_, random_);
  return true;
}

void Mutator::run(std::span<const Mutation> mutations, unsigned count, std::vector<const char*>& made) {
  uint32_t sum = 0;
  for (const Mutation& mutation : mutations) sum += mutation.weight;
  for (unsigned tries = 0; tries < 6 * count + 6 && count != 0; ++tries) {
    uint32_t chosen = random_.below(sum);
    size_t i = 0;
    for (; chosen >= mutations[i].weight; ++i) chosen -= mutations[i].weight;
    if (!attempt([&] { return (this->*mutations[i].apply)(); })) continue;
    made.push_back(mutations[i].name);
    --count;
  }
}

bool Mutator::crossover(const Case& donor) {
  if (donor.functions.empty()) return false;
  for (unsigned tries = 0; tries < 4; ++tries) {
    const bool done = attempt([&] {
      if (random_.chance(40)) return take_function(donor);
      return splice_from(donor.functions[random_.below(static_cast<uint32_t>(donor.functions.size()))]);
    });
    if (done) return true;
  }
  return false;
}

namespace {

unsigned how_many(Random& random, const MutateOptions& options) {
  unsigned count = 1;
  while (count < options.max_mutations && random.chance(45)) ++count;
  return count;
}

std::vector<const char*> names(std::span<const Mutator::Mutation> mutations) {
  std::vector<const char*> out;
  for (const Mutator::Mutation& mutation : mutations) out.push_back(mutation.name);
  return out;
}

}  // namespace

// Of a case with too many functions, which a filetest by hand may have: some function becomes the entry, and those stay
// that it names, or that they name.
static void narrow(Case& test, Random& random, const MutateOptions& options) {
  const auto count = static_cast<uint32_t>(test.functions.size());
  if (count <= options.max_functions) return;
  std::vector<bool> kept(count);
  std::vector<uint32_t> work = {random.below(count)};
  kept[work[0]] = true;
  const uint32_t entry = work[0];
  while (!work.empty()) {
    const ir::Function& function = test.functions[work.back()];
    work.pop_back();
    for (uint32_t i = 0; i < function.functions.size(); ++i) {
      const ir::ExternalName& name = function.functions[ir::FuncRef(i)].name;
      for (uint32_t k = 0; k < count; ++k) {
        if (kept[k] || !(test.functions[k].name == name)) continue;
        kept[k] = true;
        work.push_back(k);
      }
    }
  }
  Case narrowed;
  narrowed.choice_seed = test.choice_seed;
  narrowed.regions = test.regions;
  if (entry == test.entry) narrowed.inputs = test.inputs;
  for (uint32_t i = 0; i < count; ++i) {
    if (!kept[i]) continue;
    if (i == entry) narrowed.entry = static_cast<uint32_t>(narrowed.functions.size());
    narrowed.functions.push_back(std::move(test.functions[i]));
  }
  test = std::move(narrowed);
  repair_inputs(test, random);
}

std::vector<const char*> mutate(Case& test, Random& random, const MutateOptions& options) {
  std::vector<const char*> made;
  narrow(test, random, options);
  const unsigned count = how_many(random, options);
  Mutator(test, random, options).run(Mutator::mutations(), count, made);
  return made;
}

std::vector<const char*> mutate_preserving(Case& test, Random& random, const MutateOptions& options) {
  std::vector<const char*> made;
  const unsigned count = how_many(random, options);
  const std::vector<oracles::TestInput> inputs = test.inputs;
  Mutator(test, random, options).run(Mutator::preserving_mutations(), count, made);
  test.inputs = inputs;
  return made;
}

bool crossover(Case& test, const Case& donor, Random& random, const MutateOptions& options) {
  return Mutator(test, random, options).crossover(donor);
}

std::vector<const char*> mutation_names() { return names(Mutator::mutations()); }
std::vector<const char*> preserving_mutation_names() { return names(Mutator::preserving_mutations()); }

}  // namespace assay::fuzz
