// libFuzzer target `definitions`: any bytes as a definition file; what is accepted must also generate, and its meanings
// evaluate.
#include <cstdlib>

#include "compiler/isle/notation/generate.h"
#include "compiler/isle/notation/inst_eval.h"

using namespace assay::notation;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const SourceFile file{"input.inst", {reinterpret_cast<const char*>(data), size}};
  const ParsedDefinitions parsed = parse_definitions({&file, 1});
  for (const assay::Diagnostic& error : parsed.errors) {
    if (error.place.line == 0) std::abort();  // an error without a place
  }
  if (!parsed.errors.empty()) return 0;
  const Definitions& definitions = parsed.definitions;
  generate_header(definitions);
  generate_terms(definitions);
  generate_isle(definitions);
  generate_page(definitions);
  generate_tables(definitions, {&file, 1});
  generate_encoder(definitions);
  for (const InstDef& inst : definitions.insts) {
    const std::vector<unsigned> params(inst.params.size(), 0);
    Semantics semantics;
    assay::Diagnostics errors;
    if (!instantiate(definitions, inst, params, semantics, errors)) continue;
    std::vector<Bits> inputs;
    for (const Input& input : semantics.inputs) {
      inputs.push_back(
          truncated(bits_of(static_cast<__int128>(size) * 0x123456789, kMaxWidth), input.width == 0 ? 1 : input.width));
    }
    Evaluation evaluation;
    evaluate(semantics, inputs, nullptr, evaluation);
  }
  return 0;
}
