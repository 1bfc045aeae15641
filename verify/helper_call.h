// Methods of the contexts that rules are applied in, as functions of plain numbers. Internal to the helper tables.
#pragma once

#include <type_traits>
#include <utility>

#include "compiler/ir/rule_types.h"
#include "verify/helper_table.h"

namespace assay::verify {

template <class T>
T given(const HelperContext& context, const HelperValue& v) {
  if constexpr (std::is_same_v<T, ir::Type>)
    return v.type;
  else if constexpr (std::is_same_v<T, ir::Value>)
    return context.value(v);
  else if constexpr (std::is_same_v<T, ir::rules::Imm64>)
    return {static_cast<int64_t>(v.bits)};
  else if constexpr (std::is_same_v<T, ir::rules::Ieee16>)
    return {static_cast<uint16_t>(v.bits)};
  else if constexpr (std::is_same_v<T, ir::rules::Ieee32>)
    return {static_cast<uint32_t>(v.bits)};
  else if constexpr (std::is_same_v<T, ir::rules::Ieee64>)
    return {static_cast<uint64_t>(v.bits)};
  else if constexpr (std::is_same_v<T, ir::rules::Offset32>)
    return {static_cast<int32_t>(v.bits)};
  else
    return static_cast<T>(v.bits);
}

inline HelperAnswer answer(ir::Type type) { return HelperValue{.type = type}; }
inline HelperAnswer answer(ir::TrapCode code) { return HelperValue{.bits = code.code}; }
inline HelperAnswer answer(ir::rules::Imm64 imm) { return HelperValue{.bits = static_cast<uint64_t>(imm.value)}; }
inline HelperAnswer answer(ir::rules::Ieee16 number) { return HelperValue{.bits = number.bits}; }
inline HelperAnswer answer(ir::rules::Ieee32 number) { return HelperValue{.bits = number.bits}; }
inline HelperAnswer answer(ir::rules::Ieee64 number) { return HelperValue{.bits = number.bits}; }
template <class T>
  requires std::is_integral_v<T>
HelperAnswer answer(T number) {
  return HelperValue{.bits = static_cast<unsigned __int128>(number)};
}
template <class T>
HelperAnswer answer(const std::optional<T>& result) {
  return result ? answer(*result) : std::nullopt;
}

// The arguments as a function takes them.
template <class... Arguments, class Function>
HelperAnswer apply(const HelperContext& context, std::span<const HelperValue> values, const Function& function) {
  return [&]<size_t... kIndex>(std::index_sequence<kIndex...>) {
    return answer(function(given<Arguments>(context, values[kIndex])...));
  }(std::index_sequence_for<Arguments...>{});
}

template <class Context>
const Context& context_of(const HelperContext& context) {
  if constexpr (std::is_base_of_v<machine::LowerContext, Context>)
    return static_cast<const Context&>(*context.lower);
  else
    return *context.optimizer;
}

// A method of the context that rules are applied in as a function of plain numbers.
template <class Context, class Result, class... Arguments>
HelperFunction call(Result (Context::*method)(Arguments...) const) {
  return [method](const HelperContext& context, std::span<const HelperValue> values) {
    return apply<Arguments...>(context, values, [&](const auto&... arguments) {
      return (context_of<Context>(context).*method)(arguments...);
    });
  };
}
// A function of it that needs no context.
template <class Result, class... Arguments>
HelperFunction call(Result (*function)(Arguments...)) {
  return [function](const HelperContext& context, std::span<const HelperValue> values) {
    return apply<Arguments...>(context, values, function);
  };
}

}  // namespace assay::verify
