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
  for (uint8_t change = 0; change <= what_if_changes(WhatIfKind::Number); ++change) {
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

TEST(WhatIf, ALimitIsOneFurther) {
  WhatIfPlace* place = place_in("what_if_fits", WhatIfKind::Limit);
  ASSERT_NE(place, nullptr);
  EXPECT_FALSE(what_if_fits(5, 5));
  place->change = 1;
  EXPECT_TRUE(what_if_fits(5, 5));
  EXPECT_FALSE(what_if_fits(6, 5));
  place->change = 0;
}

TEST(WhatIf, WhatIsKeptIsAnother) {
  WhatIfPlace* number = place_in("what_if_keep", WhatIfKind::Kept);
  WhatIfPlace* flag = place_in("what_if_mark", WhatIfKind::Flag);
  ASSERT_NE(number, nullptr);
  ASSERT_NE(flag, nullptr);
  const int expected[] = {20, 21, 19, 28, 12};
  for (uint8_t change = 0; change <= what_if_changes(WhatIfKind::Kept); ++change) {
    number->change = change;
    int kept = 0;
    what_if_keep(kept, 20);
    EXPECT_EQ(kept, expected[change]) << int(change);
  }
  number->change = 0;
  for (uint8_t change : {1, 0}) {
    flag->change = change;
    bool mark = false;
    what_if_mark(mark);
    EXPECT_EQ(mark, change == 0);
  }
}

TEST(WhatIf, AConstantHandedOnIsAnother) {
  WhatIfPlace* place = place_in("what_if_six", WhatIfKind::Kept);
  ASSERT_NE(place, nullptr);
  EXPECT_EQ(what_if_six(), 6);
  place->change = 1;
  EXPECT_EQ(what_if_six(), 9);
  place->change = 0;
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
