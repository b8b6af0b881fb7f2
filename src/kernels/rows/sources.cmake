# The row kernels' instruction sets: included by src/kernels/CMakeLists.txt, as cpu/sources.cmake is.
set(DSA_ROW_KERNEL_SOURCES rows/portable.cpp)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  list(APPEND DSA_ROW_KERNEL_SOURCES rows/avx2.cpp rows/avx512.cpp rows/x86.cpp)
  set_source_files_properties(rows/avx512.cpp PROPERTIES COMPILE_OPTIONS
    "$<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized;-Wno-maybe-uninitialized>")
else()
  list(APPEND DSA_ROW_KERNEL_SOURCES rows/no_x86.cpp)
endif()
