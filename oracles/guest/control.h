// The page that host and guest server share, at 0x32000000 in the guest. Plain C; all fields in the guest's byte order.
//
// The trampolines (enter_*.S) know the offsets of the frame.
#pragma once

#include <stdint.h>

#define ASSAY_CONTROL 0x32000000ul
#define ASSAY_ARENA_FILE 100 /* inherited file descriptors of the guest */
#define ASSAY_CHANNEL 101
#define ASSAY_SERVER_FILE 102
#define ASSAY_MAX_REGIONS 1024

enum { ASSAY_LOAD = 1, ASSAY_RUN = 2 };
enum { ASSAY_RETURNED = 0, ASSAY_CANCELLED = 1, ASSAY_SIGNAL = 2 };

struct assay_region {
  uint64_t address, size, writable, offset; /* offset in the arena file */
};

struct assay_control {
  uint64_t integer[32];         /* 0x000 */
  uint64_t vector[32][2];       /* 0x100: as the machine stores a 128-bit register */
  uint64_t entry;               /* 0x300 */
  uint64_t flags;               /* 0x308: x64 rflags */
  uint64_t host_sp;             /* 0x310: the server's stack pointer during a run */
  uint64_t float_control;       /* 0x318: what mxcsr, fpcr, fcsr or fpc is set to */
  uint64_t unused[28];          /* 0x320 */
  uint64_t command;             /* 0x400 */
  uint64_t sequence;            /* number of the run */
  uint64_t cancel;              /* number of the run to stop */
  uint64_t event;               /* ASSAY_RETURNED … */
  uint64_t signal, signal_code; /* of ASSAY_SIGNAL; signal numbers are the same on all four */
  uint64_t pc, address;         /* as in the signal's context and siginfo */
  uint64_t fault_bits;          /* x64: page fault error code */
  uint64_t return_address;      /* set by the server when it starts */
  uint64_t code_address, code_size, code_offset;
  uint64_t stack_address, stack_size, stack_offset;
  uint64_t region_count;
  uint64_t failure; /* errno of what the last command could not do */
  struct assay_region regions[ASSAY_MAX_REGIONS];
};
