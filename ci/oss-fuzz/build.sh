#!/bin/bash -eu
# Builds the libFuzzer targets the way OSS-Fuzz wants them: with its compiler, flags and engine ($CC, $CXX, $CFLAGS,
# $CXXFLAGS, $LIB_FUZZING_ENGINE), in $WORK, into $OUT: NAME_fuzzer, NAME_fuzzer_seed_corpus.zip, NAME_fuzzer.dict,
# NAME_fuzzer.options. $SANITIZER and $ARCHITECTURE say what the flags are for: the target that executes foreign code
# is left out where that cannot work. FUZZ_TARGETS, if set, names the only ones to build.
source_folder=$SRC/assay
[ -d "$source_folder" ] || source_folder=$(cd "$(dirname "$0")/../.." && pwd)
if [ "${ARCHITECTURE:-x86_64}" != x86_64 ]; then
  echo "only x86_64 is supported, not $ARCHITECTURE" >&2
  exit 1
fi

mkdir -p "$WORK/assay" "$OUT"
cmake -S "$source_folder" -B "$WORK/assay" -G Ninja -DCMAKE_BUILD_TYPE=None \
  -DCMAKE_C_COMPILER="$CC" -DCMAKE_CXX_COMPILER="$CXX" -DCMAKE_C_FLAGS="$CFLAGS" -DCMAKE_CXX_FLAGS="$CXXFLAGS" \
  -DASSAY_FUZZERS=ON -DASSAY_FUZZERS_INSTRUMENT=OFF -DASSAY_WARNINGS_AS_ERRORS=OFF \
  -DASSAY_TESTS=OFF -DASSAY_BENCHMARKS=OFF

all=$(sed -nE 's/^fuzz_target\((\w+).*/\1/p' "$source_folder/fuzz/targets/CMakeLists.txt")
for name in ${FUZZ_TARGETS:-$all}; do
  # Memory that only generated code has written is unknown to MemorySanitizer.
  if [ "${SANITIZER:-}" = memory ] && [[ "$name" =~ ^(differential|emit|verify)$ ]]; then continue; fi
  cmake --build "$WORK/assay" --target "${name}_fuzzer"
  built=$WORK/assay/fuzz/targets/${name}_fuzzer
  cp "$built" "$OUT/"
  if [ -e "$built.dict" ]; then cp "$built.dict" "$OUT/"; fi
  rm -f "$OUT/${name}_fuzzer_seed_corpus.zip"
  (cd -P "${built}_seeds" && python3 -m zipfile -c "$OUT/${name}_fuzzer_seed_corpus.zip" ./*)
  printf '[libfuzzer]\nmax_len = %s\ntimeout = 20\n\n[asan]\ndetect_leaks = 0\ndetect_stack_use_after_return = 0\n' \
    "$(case $name in parser | islec | differential) echo 65536 ;; *) echo 4096 ;; esac)" >"$OUT/${name}_fuzzer.options"
done
