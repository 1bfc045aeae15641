// See ordering.h.
#include "verify/ordering.h"

#include <algorithm>

namespace assay::verify {

namespace {

// The first way it is written, with {} for every operand.
std::string text_of(const notation::InstDef& def) {
  std::string out;
  if (def.texts.empty()) return out;
  for (const notation::AsmPiece& piece : def.texts.front().pieces) out += piece.name.empty() ? piece.literal : "{}";
  return out;
}

}  // namespace

bool is_fence(const notation::InstDef& def) {
  constexpr std::string_view kFences[] = {"mfence", "dmb ish", "fence rw, rw", "bcr 14, %r0"};
  return std::ranges::find(kFences, text_of(def)) != std::end(kFences);
}

bool is_ordered_access(const notation::InstDef& def) {
  const std::string text = text_of(def);
  // What begins with an operand is a family, the mnemonic of which depends on it.
  for (const std::string_view head : {"lock ", "xchg{} {}, {}", "ldar{}", "stlr{}", "casal{}", "{}al{} {}, {}, [{}]",
                                      "{}.{}.aqrl {}", "csy {}", "cdsg ", "lpq "}) {
    if (text.starts_with(head)) return true;
  }
  if (def.name == "interlocked") return true;
  // Loops of a load and a store that succeeds if nobody wrote in between.
  const auto has = [&](std::string_view part) { return text.find(part) != std::string::npos; };
  if (text.starts_with("ldaxp ") && has("; stlxp ")) return true;
  return (text.starts_with("ldaxr{}") && has("; stlxr{}")) || (text.starts_with("lr.{}.aqrl") && has("; sc.{}.rl"));
}

std::string missing_order(std::string_view operation, std::string_view isa, const std::vector<Effect>& effects) {
  const auto is_access = [](const Effect& e) { return e.kind == Effect::Kind::Load || e.kind == Effect::Kind::Store; };
  const auto has_fence = [&](auto begin, auto end) {
    return std::any_of(begin, end, [](const Effect& e) { return e.kind == Effect::Kind::Fence; });
  };
  if (operation == "fence") {
    return has_fence(effects.begin(), effects.end()) ? "" : "all accesses are ordered by a fence";
  }
  if (!operation.starts_with("atomic_")) return "";
  if ((operation == "atomic_load" || operation == "atomic_store") && std::ranges::count_if(effects, is_access) > 1) {
    return "the access is one step";
  }
  const bool is_strong = isa == "x64" || isa == "s390x";
  for (auto it = effects.begin(); it != effects.end(); ++it) {
    if (!is_access(*it) || it->is_ordered) continue;
    const bool is_load = it->kind == Effect::Kind::Load;
    // One instruction, or others could write in between.
    if (operation == "atomic_cas" || operation == "atomic_rmw") return "the exchange is one step";
    if (isa == "aarch64") return is_load ? "the load acquires" : "the store releases";
    const bool needs_before = !is_strong, needs_after = !is_strong || !is_load;
    if (needs_before && !has_fence(effects.begin(), it)) return "a fence stands before the access";
    if (needs_after && !has_fence(it, effects.end())) return "a fence stands behind the access";
  }
  return "";
}

}  // namespace assay::verify
