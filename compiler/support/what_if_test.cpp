// The places that the pass makes (what_if_pass.cpp), in what_if_test_subject.cpp.
#include "compiler/support/what_if.h"

#include <gtest/gtest.h>

#include <string_view>

#include "compiler/support/what_if_test_subject.h"

namespace assay {
namespace {

WhatIfPlace* place_in(std::string_view function, WhatIfKind kind) {
  for (WhatIfPlace& place : what_if_places()) {
    if (std::string_view(place.function).find(function) != std::string_view::npos && place.kind == kind) return &place;
  }
  return nullptr;
}

TEST(WhatIf, AConditionGoesTheOtherWay) {
  WhatIfPlace* place = place_in("what_if_larger", WhatIfKind::Condition);
  ASSERT_NE(place, nullptr);
  EXPECT_TRUE(std::string_view(place->file).ends_with("what_if_test_subject.cpp"));
  place->ran = 0;
  EXPECT_EQ(what_if_larger(3, 5), 5);
  EXPECT_EQ(place->ran, 2);
  EXPECT_EQ(what_if_larger(5, 3), 5);
  EXPECT_EQ(place->ran, 3);
  place->change = 1;
  EXPECT_EQ(what_if_larger(3, 5), 3);
  place->change = 0;
  EXPECT_EQ(what_if_larger(3, 5), 5);
}

TEST(WhatIf, ANumberIsAnother) {
  WhatIfPlace* place = place_in("what_if_area", WhatIfKind::Number);
  ASSERT_NE(place, nullptr);
  const int expected[] = {35, 36, 34, 5, 7};
  for (uint8_t change = 0; change <= kNumberChanges; ++change) {
    place->change = change;
    EXPECT_EQ(what_if_area(5, 7), expected[change]) << int(change);
  }
  place->change = 0;
}

TEST(WhatIf, AnAnswerIsTheOther) {
  WhatIfPlace* place = place_in("what_if_even", WhatIfKind::Answer);
  ASSERT_NE(place, nullptr);
  place->change = 1;
  EXPECT_FALSE(what_if_even(4));
  place->change = 0;
  EXPECT_TRUE(what_if_even(4));
}

// That a loop has no other element is no decision.
TEST(WhatIf, TheEndOfALoopStays) {
  EXPECT_EQ(what_if_count(4), 4);
  EXPECT_EQ(place_in("what_if_count", WhatIfKind::Condition), nullptr);
  WhatIfPlace* entry = place_in("what_if_count", WhatIfKind::Entry);
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->ran, 1);
}

}  // namespace
}  // namespace assay
