// Limits for solvers in processor time, so that what is decided does not depend on what else the machine does. Z3's own
// `timeout` goes by the wall clock.
#pragma once

#include <z3++.h>

namespace assay::verify {

// solver.check(), given up as unknown after so much processor time of the calling thread, within a tenth of a second of
// the clock. Any number of threads may ask, each with a context of its own.
z3::check_result check_within(z3::solver& solver, unsigned milliseconds);
z3::check_result check_within(z3::solver& solver, z3::expr_vector& assumed, unsigned milliseconds);

}  // namespace assay::verify
