# The vectorised families' files: included by src/kernels/CMakeLists.txt, which adds DSA_CPU_KERNEL_SOURCES to its library.
# An instruction set that this processor family lacks is a file too, never an #ifdef in a caller.
set(DSA_CPU_KERNEL_SOURCES cpu/pack.cpp)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  foreach(family avx2 avx512)
    list(APPEND DSA_CPU_KERNEL_SOURCES cpu/${family}.cpp cpu/${family}_attention.cpp cpu/${family}_dot.cpp
         cpu/${family}_elementwise.cpp cpu/${family}_tiles.cpp)
  endforeach()
  list(APPEND DSA_CPU_KERNEL_SOURCES cpu/avx512_bf16_attention.cpp cpu/avx512_bf16_linear.cpp)
  # GCC 12's avx512fintrin.h starts its undefined vectors with themselves.
  set_source_files_properties(cpu/avx512_attention.cpp cpu/avx512_dot.cpp cpu/avx512_elementwise.cpp cpu/avx512_tiles.cpp
    cpu/avx512_bf16_attention.cpp cpu/avx512_bf16_linear.cpp PROPERTIES COMPILE_OPTIONS
    "$<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized;-Wno-maybe-uninitialized>")
  # clang 16 dies in its VectorCombine pass, which folds BF16 shuffles for ever.
  set_property(SOURCE cpu/avx512_bf16_attention.cpp APPEND PROPERTY COMPILE_OPTIONS
    "$<$<CXX_COMPILER_ID:Clang>:-mllvm;-disable-vector-combine>")
else()
  list(APPEND DSA_CPU_KERNEL_SOURCES cpu/no_x86.cpp)
endif()
