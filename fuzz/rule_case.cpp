// See rule_case.h.
#include "fuzz/rule_case.h"

#include <utility>

#include "compiler/ir/builder.h"

namespace assay::fuzz {

using ir::Value;

namespace {

constexpr uint64_t kRegion = 0x20000000;
constexpr uint32_t kRegionBytes = 4096;

}  // namespace

ir::Function function_of(const RulePlan& plan, Random& random) {
  ir::Function f;
  f.name = ir::ExternalName::testcase("main");
  ir::InstBuilder b(f);
  const ir::Block entry = f.make_block();
  f.append_block(entry);
  b.set_block(entry);
  const auto give_back = [&](std::span<const Value> values) {
    if (f.signature.returns.empty()) {
      for (const Value v : values) f.signature.returns.push_back({.type = f.value_type(v)});
    }
    b.insert({.opcode = ir::Opcode::kReturn, .args = f.make_values(values)});
  };
  std::vector<Value> made, results;
  for (const ShapeNode& node : plan.nodes) {
    if (node.kind == ShapeNode::Kind::Constant) {
      made.push_back(b.constant(node.type, node.bits));
      continue;
    }
    if (node.kind == ShapeNode::Kind::Address) {
      made.push_back(b.constant(node.type, kRegion + 16 * random.below(kRegionBytes / 16)));
      continue;
    }
    if (node.kind == ShapeNode::Kind::Leaf) {
      f.signature.params.push_back({.type = node.type});
      made.push_back(f.append_block_param(entry, node.type));
      continue;
    }
    std::vector<Value> args;
    for (const uint32_t operand : node.operands) args.push_back(made[operand]);
    if (node.opcode == ir::Opcode::kBrif) {  // the last node
      const ir::Block blocks[] = {f.make_block(), f.make_block()};
      const ir::BlockCall calls[] = {f.make_block_call(blocks[0]), f.make_block_call(blocks[1])};
      b.insert(
          {.opcode = node.opcode, .type = node.controlling, .args = f.make_values(args), .calls = f.make_calls(calls)});
      for (const ir::Block block : blocks) {
        f.append_block(block);
        b.set_block(block);
        const Value number = b.constant(ir::kI64, block.index);
        give_back({&number, 1});
      }
      return f;
    }
    const ir::Inst inst =
        b.insert({.opcode = node.opcode, .code = node.code, .type = node.controlling, .args = f.make_values(args)});
    const auto values = f.results(inst);
    results.assign(values.begin(), values.end());
    made.push_back(results.empty() ? Value() : results[node.is_second_result ? 1 : 0]);
  }
  give_back(results);
  return f;
}

Case case_of(const RulePlan& plan, unsigned inputs, Random& random) {
  Case test;
  test.functions.push_back(function_of(plan, random));
  test.regions.push_back({.address = kRegion,
                          .size = kRegionBytes,
                          .fill = oracles::RegionDirective::Fill::kSeed,
                          .value = random.next()});
  for (; inputs != 0; --inputs) {
    std::vector<ir::DataValue> args;
    for (const ir::AbiParam& param : test.functions[0].signature.params)
      args.push_back(random_value(random, param.type));
    test.inputs.push_back({.args = args, .seed = input_seed(args)});
  }
  return test;
}

}  // namespace assay::fuzz
