// The example of docs/embed.md: a function is built, another parsed; both are compiled and linked together for each
// ISA of this build; on an x86-64 Linux host the code is called. Exit status 0: everything came out as it should.
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

#include "compiler/ir/builder.h"
#include "compiler/ir/parser.h"
#include "compiler/isa/registry.h"
#include "compiler/machine/compile.h"
#include "compiler/machine/module.h"

#if defined(__x86_64__) && defined(__linux__)
#include <sys/mman.h>
#endif

namespace {

using namespace assay;

// %increment(x) = x + 1, with the builder.
ir::Function make_increment() {
  ir::Function f;
  f.name = ir::ExternalName::testcase("increment");
  f.signature.params = {{ir::kI64}};
  f.signature.returns = {{ir::kI64}};
  f.signature.call_conv = ir::CallConv::kSystemV;
  const ir::Block entry = f.make_block();
  f.append_block(entry);
  const ir::Value x = f.append_block_param(entry, ir::kI64);
  ir::InstBuilder b(f);
  b.set_block(entry);
  b.return_({b.iadd(x, b.iconst(ir::kI64, 1))});
  return f;
}

// %twice(x) = %increment(%increment(x)), from text.
constexpr std::string_view kTwice = R"(
function %twice(i64) -> i64 system_v {
    fn0 = %increment(i64) -> i64 system_v
block0(v0: i64):
    v1 = call fn0(v0)
    v2 = call fn0(v1)
    return v2
}
)";

Expected<machine::LinkedImage> build(const machine::TargetIsa& isa, uint64_t address) {
  const auto twice = ir::parse_function(kTwice);
  if (!twice) return std::unexpected(twice.error().front());
  machine::Compiler compiler(isa);  // keeps its memory: compile many functions with one
  std::vector<machine::CompiledFunction> code;
  for (const ir::Function& f : {make_increment(), *twice}) {
    auto compiled = compiler.compile(f, {});
    if (!compiled) return std::unexpected(compiled.error());
    code.push_back(std::move(*compiled));
  }
  return machine::link(code, address);
}

#if defined(__x86_64__) && defined(__linux__)
// Memory first, since code is linked for the address at which it will stand.
bool call_on_this_machine() {
  const machine::TargetIsa* isa = isa::isa_by_name("x64");
  if (isa == nullptr) return true;
  constexpr size_t kSize = 4096;
  void* memory = mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  const auto image = build(*isa, reinterpret_cast<uint64_t>(memory));
  if (!image || image->bytes.size() > kSize) return false;
  std::memcpy(memory, image->bytes.data(), image->bytes.size());
  if (mprotect(memory, kSize, PROT_READ | PROT_EXEC) != 0) return false;
  const auto twice = reinterpret_cast<int64_t (*)(int64_t)>(static_cast<char*>(memory) + image->functions[1].begin);
  const int64_t result = twice(40);
  std::printf("%%twice(40) = %lld\n", static_cast<long long>(result));
  munmap(memory, kSize);
  return result == 42;
}
#else
bool call_on_this_machine() { return true; }
#endif

}  // namespace

int main() {
  for (const machine::TargetIsa* isa : isa::all_isas()) {
    const auto image = build(*isa, 0x10000);
    if (!image) {
      std::fputs(render(image.error()).c_str(), stderr);
      return 1;
    }
    std::printf("%s: %zu bytes, %zu functions\n", isa->name, image->bytes.size(), image->functions.size());
  }
  return call_on_this_machine() ? 0 : 1;
}
