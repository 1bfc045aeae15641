# Loads all registers from the control page, jumps to the code under test; stores them after its return.
# t6 (x31) carries the entry's address; at the return ra is nobody's any more.
  .set frame_high, 0x32000
  .option norelax
  .text
  .globl assay_enter, assay_return, assay_abort, assay_end
  .type assay_enter, @function
assay_enter:
  addi sp, sp, -240
  .irp n, 1, 3, 4, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
  sd x\n, 8 * \n(sp)
  .endr
  lui t6, frame_high
  sd sp, 0x310(t6)
  ld t0, 0x318(t6)
  fscsr t0
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
  fld f\n, 0x100 + 16 * \n(t6)
  .endr
  .irp n, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30
  ld x\n, 8 * \n(t6)
  .endr
  ld t6, 0x300(t6)
  jr t6
assay_return:
  lui ra, frame_high
  .irp n, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
  sd x\n, 8 * \n(ra)
  .endr
  .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
  fsd f\n, 0x100 + 16 * \n(ra)
  .endr
assay_abort:
  lui t6, frame_high
  ld sp, 0x310(t6)
  .irp n, 1, 3, 4, 8, 9, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27
  ld x\n, 8 * \n(sp)
  .endr
  addi sp, sp, 240
  ret
assay_end:
  .section .note.GNU-stack, "", @progbits
