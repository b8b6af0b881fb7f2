# The vectorised families' files: included by src/kernels/CMakeLists.txt, which adds DSA_CPU_KERNEL_SOURCES to its library.
# An instruction set that this processor family lacks is a file too, never an #ifdef in a caller.
set(DSA_CPU_KERNEL_SOURCES cpu/pack.cpp)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  list(APPEND DSA_CPU_KERNEL_SOURCES cpu/avx2.cpp cpu/avx2_attention.cpp cpu/avx2_dot.cpp cpu/avx2_elementwise.cpp cpu/avx2_tiles.cpp)
else()
  list(APPEND DSA_CPU_KERNEL_SOURCES cpu/no_avx2.cpp)
endif()
