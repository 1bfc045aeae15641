// See mutator.h. Here: mutations across functions, of inputs and of memory; crossover.
#include <algorithm>
#include <map>
#include <set>

#include "fuzz/function_generator.h"
#include "fuzz/mutator.h"

namespace assay::fuzz {

namespace {

FuncRef declare(Function& f, const ExternalName& name, const Signature& signature, bool colocated) {
  for (uint32_t i = 0; i < f.functions.size(); ++i) {
    const FunctionDeclaration& data = f.functions[FuncRef(i)];
    if (data.declared && data.name == name && f.signatures[data.signature] == signature) return FuncRef(i);
  }
  const SigRef sig = f.signatures.push(signature);
  return f.functions.push({.name = name, .signature = sig, .colocated = colocated});
}

Type any_param_type(Random& random) {
  return random.chance(15) ? kFloatTypes[random.below(2)] : kTypes[random.below(random.chance(20) ? 5 : 4)];
}

// May `uext` and `sext` be said of it?
bool is_extended(Type type) { return type.is_int() && type.bits() < 64; }

}  // namespace

// Some instructions in a row become a function that is called in their place.
bool Mutator::outline() {
  if (test_.functions.size() >= options_.max_functions) return false;
  Editor editor(f(), random_);
  std::vector<Inst> segment = editor.segment(10);
  const auto is_of_this_function = [&](Inst i) {
    return f().info(i).format == Format::kStackAddr || f().info(i).format == Format::kUnaryGlobalValue ||
           f().info(i).format == Format::kExceptionHandlerAddress || f().inst(i).opcode == Opcode::kGetPinnedReg ||
           f().inst(i).opcode == Opcode::kSetPinnedReg;
  };
  const auto end = std::find_if(segment.begin(), segment.end(), is_of_this_function);
  segment.erase(end, segment.end());
  if (segment.empty()) return false;
  std::set<Inst> inside(segment.begin(), segment.end());
  std::vector<Value> inputs, outputs;
  bool fits = true;
  for (Inst inst : segment) {
    for (Value v : f().args(inst)) {
      fits &= Editor::is_scalar(f().value_type(v));
      if (!inside.contains(f().def_inst(v)) && std::find(inputs.begin(), inputs.end(), v) == inputs.end()) {
        inputs.push_back(v);
      }
    }
  }
  std::vector<bool> is_output(f().value_count());
  for (Inst inst : editor.insts()) {
    if (inside.contains(inst)) continue;
    f().for_each_use(inst, [&](Value v) { is_output[v.index] = true; });
  }
  for (Inst inst : segment) {
    for (Value v : f().results(inst)) {
      fits &= Editor::is_scalar(f().value_type(v));
      if (is_output[v.index]) outputs.push_back(v);
    }
  }
  constexpr size_t kMost = 20;
  if (!fits || inputs.size() > kMost || outputs.size() > kMost) return false;

  Function callee;
  callee.name = ExternalName::testcase(fresh_name("part"));
  callee.regions = f().regions;
  callee.signature.call_conv = CallConv::kSystemV;
  const Block body = callee.make_block();
  callee.append_block(body);
  std::map<Value, Value> mapped;
  for (Value v : inputs) {
    callee.signature.params.push_back({.type = f().value_type(v)});
    mapped[v] = callee.append_block_param(body, f().value_type(v));
  }
  for (Value v : outputs) callee.signature.returns.push_back({.type = f().value_type(v)});
  for (Inst inst : segment) {
    std::vector<Value> args;
    for (Value v : f().args(inst)) args.push_back(mapped.at(v));
    InstData data = f().inst(inst);
    data.args = callee.make_values(args);
    data.calls = {};
    data.results = {};
    const Format format = f().info(inst).format;
    if (format == Format::kCall || format == Format::kFuncAddr) {
      const FunctionDeclaration& old = f().functions[f().inst(inst).func_ref()];
      data.entity = declare(callee, old.name, f().signatures[old.signature], old.colocated).index;
    } else if (format == Format::kCallIndirect) {
      data.entity = callee.signatures.push(f().signatures[f().inst(inst).sig_ref()]).index;
    } else if (data.entity != Inst::kNone) {
      return false;
    }
    const Inst copy = callee.make_inst(data);
    callee.make_results(copy);
    callee.append_inst(copy, body);
    for (size_t n = 0; n < f().results(inst).size(); ++n) mapped[f().results(inst)[n]] = callee.results(copy)[n];
  }
  std::vector<Value> results;
  for (Value v : outputs) results.push_back(mapped.at(v));
  callee.append_inst(callee.make_inst({.opcode = Opcode::kReturn, .args = callee.make_values(results)}), body);

  const FuncRef ref = declare(f(), callee.name, callee.signature, random_.chance(70));
  const Inst call =
      editor.insert({.opcode = Opcode::kCall, .entity = ref.index, .args = f().make_values(inputs)}, segment.front());
  for (Inst inst : segment) f().remove_inst(inst);
  for (size_t n = 0; n < outputs.size(); ++n) editor.replace_uses(outputs[n], f().results(call)[n]);
  test_.functions.insert(test_.functions.begin() + static_cast<std::ptrdiff_t>(index_), std::move(callee));
  if (test_.entry >= index_) ++test_.entry;
  case_changed_ = true;
  return true;
}

void Mutator::widen_signature(Signature& signature, bool params) {
  constexpr size_t kMost = 24;
  auto& list = params ? signature.params : signature.returns;
  for (unsigned n = random_.chance(60) ? random_.between(1, 2) : random_.between(3, 12); n != 0; --n) {
    if (list.size() >= kMost) return;
    AbiParam param{.type = any_param_type(random_)};
    if (is_extended(param.type) && random_.chance(40)) {
      param.extension = random_.chance(50) ? Extension::kUext : Extension::kSext;
    }
    list.push_back(param);
  }
}

// More parameters or results, or other extensions, in the function and where it is called.
bool Mutator::change_signature() {
  const Signature old = f().signature;
  Signature now = old;
  const bool params = random_.chance(50);
  if (random_.chance(25)) {
    auto& list = params ? now.params : now.returns;
    for (AbiParam& param : list) {
      if (!is_extended(param.type) || random_.chance(40)) continue;
      param.extension = static_cast<Extension>(random_.below(3));
    }
  } else {
    widen_signature(now, params);
  }
  if (now == old) return false;
  case_changed_ = true;
  f().signature = now;
  Editor own(f(), random_);
  if (now.params.size() > old.params.size()) {
    const Block entry = f().entry_block();
    for (size_t i = old.params.size(); i < now.params.size(); ++i) f().append_block_param(entry, now.params[i].type);
  }
  if (now.returns.size() > old.returns.size()) {
    for (Inst inst : own.insts()) {
      if (f().inst(inst).opcode != Opcode::kReturn) continue;
      std::vector<Value> args(f().args(inst).begin(), f().args(inst).end());
      for (size_t i = args.size(); i < now.returns.size(); ++i) args.push_back(own.pick(now.returns[i].type, inst));
      const Slice slice = f().make_values(args);
      f().inst(inst).args = slice;
    }
  }
  const ExternalName name = f().name;
  for (Function& caller : test_.functions) {
    std::vector<bool> changed(caller.signatures.size());
    for (uint32_t i = 0; i < caller.functions.size(); ++i) {
      FunctionDeclaration& data = caller.functions[FuncRef(i)];
      if (!data.declared || !(data.name == name)) continue;
      caller.signatures[data.signature] = now;  // indirect calls name it, too
      changed[data.signature.index] = true;
    }
    Editor editor(caller, random_);
    for (Inst inst : editor.insts()) {
      if (!caller.info(inst).is_call() || !changed[caller.call_signature(inst).index]) continue;
      std::vector<Value> args(caller.args(inst).begin(), caller.args(inst).end());
      const size_t count = caller.info(inst).value_operands + now.params.size();
      while (args.size() < count) {
        args.push_back(editor.pick(now.params[args.size() - caller.info(inst).value_operands].type, inst));
      }
      const Slice slice = caller.make_values(args);
      caller.inst(inst).args = slice;
    }
  }
  return true;
}

bool Mutator::change_inputs() {
  if (test_.inputs.empty()) return false;
  const uint32_t count = static_cast<uint32_t>(test_.inputs.size());
  const uint32_t which = random_.below(count);
  constexpr uint32_t kMost = 8;
  if (count > 1 && random_.chance(8)) {
    test_.inputs.erase(test_.inputs.begin() + which);
    return true;
  }
  if (count < kMost && random_.chance(25)) test_.inputs.push_back(test_.inputs[which]);
  oracles::TestInput& input = test_.inputs[which];
  if (input.args.empty()) return false;
  for (unsigned n = random_.between(1, 3); n != 0; --n) {
    DataValue& value = input.args[random_.below(static_cast<uint32_t>(input.args.size()))];
    const Type type = value.type();
    if (!Editor::is_scalar(type)) continue;
    Bits bits = value.bits();
    switch (random_.below(5)) {
      case 0:
        bits ^= Bits(1) << random_.below(type.bits());
        break;
      case 1:
        bits += random_.below(9) - Bits(4);
        break;
      case 2:
        bits = input.args[random_.below(static_cast<uint32_t>(input.args.size()))].bits();
        break;
      default:
        bits = type.is_float() ? random_float_bits(random_, type.bits()) : random_bits(random_, type.bits());
        break;
    }
    value = DataValue(type, bits);
  }
  input.seed = input_seed(input.args);
  return true;
}

bool Mutator::change_regions() {
  if (test_.regions.empty()) return false;
  oracles::RegionDirective& region = test_.regions[random_.below(static_cast<uint32_t>(test_.regions.size()))];
  region.fill = random_.chance(80) ? oracles::RegionDirective::Fill::kSeed : oracles::RegionDirective::Fill::kByte;
  region.bytes.clear();
  region.value = region.fill == oracles::RegionDirective::Fill::kSeed ? random_.below(1u << 30) : random_.below(256);
  return true;
}

bool Mutator::insert_call(const Function& callee) {
  for (const AbiParam& param : callee.signature.params) {
    if (!Editor::is_scalar(param.type)) return false;
  }
  Editor editor(f(), random_);
  const Inst before = editor.any();
  const auto address = region_address();
  if (before.is_none() || !address) return false;
  const FuncRef ref = declare(f(), callee.name, callee.signature, random_.chance(70));
  const bool indirect = random_.chance(25);
  std::vector<Value> args;
  if (indirect) {
    args.push_back(editor.emit({.opcode = Opcode::kFuncAddr, .type = kI64, .entity = ref.index}, before));
  }
  for (const AbiParam& param : callee.signature.params) args.push_back(editor.pick(param.type, before));
  const uint32_t sig = f().functions[ref].signature.index;
  const Inst call = editor.insert({.opcode = indirect ? Opcode::kCallIndirect : Opcode::kCall,
                                   .type = indirect ? kI64 : Type(),
                                   .entity = indirect ? sig : ref.index,
                                   .args = f().make_values(args)},
                                  before);
  Value sum;
  const std::vector<Value> results(f().results(call).begin(), f().results(call).end());
  for (Value v : results) {
    if (!Editor::is_scalar(f().value_type(v))) continue;
    const Value wide = editor.convert(v, kI64, before);
    sum = sum.is_none() ? wide : editor.binary(Opcode::kBxor, sum, wide, before);
  }
  if (sum.is_none()) return true;
  const Value operands[] = {sum, editor.constant(kI64, *address + 8 * random_.below(16), before)};
  editor.insert({.opcode = Opcode::kStore, .type = kI64, .args = f().make_values(operands)}, before);
  return true;
}

// The compiler's, where any is right.
bool Mutator::random_choices() {
  test_.choice_seed = random_.chance(30) ? 0 : random_.below(1u << 30) + 1;
  return true;
}

// A generated function in front of this one, and a call of it.
bool Mutator::add_function() {
  if (test_.functions.size() >= options_.max_functions || !may_grow(40)) return false;
  if (!region_address()) return false;
  Program program;
  for (const oracles::RegionDirective& region : test_.regions) {
    if (region.writable && region.size >= 256) program.regions.push_back(region);
  }
  program.functions.assign(test_.functions.begin(), test_.functions.begin() + static_cast<std::ptrdiff_t>(index_));
  program.functions.emplace_back();
  FunctionGenerator(random_, options_.generate, program, index_).run();
  Function callee = std::move(program.functions.back());
  callee.name = ExternalName::testcase(fresh_name("added"));
  case_changed_ = true;
  if (!insert_call(callee)) return false;
  test_.functions.insert(test_.functions.begin() + static_cast<std::ptrdiff_t>(index_), std::move(callee));
  if (test_.entry >= index_) ++test_.entry;
  return true;
}

// A function of another case with all it calls, renamed, in front of this one, and a call of it.
bool Mutator::take_function(const Case& donor) {
  if (!may_grow(40)) return false;
  const uint32_t which = random_.below(static_cast<uint32_t>(donor.functions.size()));
  std::set<uint32_t> needed = {which};
  std::vector<uint32_t> work = {which};
  while (!work.empty()) {
    const Function& function = donor.functions[work.back()];
    work.pop_back();
    for (uint32_t i = 0; i < function.functions.size(); ++i) {
      for (uint32_t k = 0; k < donor.functions.size(); ++k) {
        if (donor.functions[k].name == function.functions[FuncRef(i)].name && needed.insert(k).second)
          work.push_back(k);
      }
    }
  }
  if (needed.contains(donor.entry) && which != donor.entry) return false;
  if (test_.functions.size() + needed.size() > options_.max_functions) return false;
  case_changed_ = true;
  std::vector<std::pair<ExternalName, ExternalName>> names;
  std::vector<Function> taken;
  for (uint32_t k : needed) {
    const ExternalName& old = donor.functions[k].name;
    // Taken in the end, so that the next is named differently.
    std::string name = fresh_name("taken");
    while (std::any_of(names.begin(), names.end(), [&](const auto& pair) { return pair.second.name == name; }))
      name += "x";
    names.emplace_back(old, ExternalName::testcase(name));
    taken.push_back(donor.functions[k]);
  }
  const auto renamed = [&](const ExternalName& old) {
    for (const auto& [from, to] : names) {
      if (from == old) return to;
    }
    return old;
  };
  const Function* called = nullptr;
  for (size_t i = 0; i < taken.size(); ++i) {
    taken[i].name = names[i].second;
    for (uint32_t n = 0; n < taken[i].functions.size(); ++n) {
      ExternalName& name = taken[i].functions[FuncRef(n)].name;
      name = renamed(name);
    }
    if (names[i].first == donor.functions[which].name) called = &taken[i];
  }
  if (called == nullptr || !insert_call(*called)) return false;
  test_.functions.insert(test_.functions.begin() + static_cast<std::ptrdiff_t>(index_),
                         std::make_move_iterator(taken.begin()), std::make_move_iterator(taken.end()));
  if (test_.entry >= index_) test_.entry += static_cast<uint32_t>(needed.size());
  // Its regions, where there is nothing yet.
  for (const oracles::RegionDirective& region : donor.regions) {
    const bool is_free = std::none_of(test_.regions.begin(), test_.regions.end(), [&](const auto& mine) {
      constexpr uint64_t kApart = 2 * oracles::memory_map::kPage;
      return region.address < mine.address + mine.size + kApart && mine.address < region.address + region.size + kApart;
    });
    if (is_free) test_.regions.push_back(region);
  }
  std::sort(test_.regions.begin(), test_.regions.end(),
            [](const auto& a, const auto& b) { return a.address < b.address; });
  return true;
}

}  // namespace assay::fuzz
