# The vectorised families, each compiled from the same files: included by src/kernels/CMakeLists.txt, which adds
# DSA_FAMILY_SOURCES to its library.  An instruction set that this processor family lacks is a file too, never
# an #ifdef in a caller.

# dsa_kernel_family(avx2 cpu/dot.cpp ...): the files with DSA_FAMILY=avx2 and, to include, what opens
# its region and its vectors.
function(dsa_kernel_family name)
  add_library(dsa_kernels_${name} OBJECT ${ARGN})
  target_link_libraries(dsa_kernels_${name} PRIVATE dsa_flags dsa::tensor dsa::exec)
  dsa_optimise(dsa_kernels_${name})
  target_compile_definitions(dsa_kernels_${name} PRIVATE
    DSA_FAMILY=${name} DSA_BEGIN_FAMILY="kernels/vec/${name}/begin.h" DSA_VEC="kernels/vec/${name}/vec.inl")
  if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/vec/${name}/squares.inl")
    target_compile_definitions(dsa_kernels_${name} PRIVATE DSA_SQUARES="kernels/vec/${name}/squares.inl")
  endif()
  if(name MATCHES avx512|amx)
    # GCC 12's avx512fintrin.h starts its undefined vectors with themselves.
    target_compile_options(dsa_kernels_${name} PRIVATE
      "$<$<CXX_COMPILER_ID:GNU>:-Wno-uninitialized;-Wno-maybe-uninitialized>")
  endif()
  set(DSA_FAMILY_SOURCES ${DSA_FAMILY_SOURCES} $<TARGET_OBJECTS:dsa_kernels_${name}> PARENT_SCOPE)
endfunction()

if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  set(DSA_FAMILY_SOURCES cpu/x86.cpp)
  foreach(family avx2 avx512)
    dsa_kernel_family(${family} cpu/attention.cpp cpu/dot.cpp cpu/elementwise.cpp cpu/tiles.cpp rows/family.cpp)
  endforeach()
  dsa_kernel_family(avx512_bf16 cpu/attention_bf16.cpp cpu/linear_bf16.cpp rows/pairs.cpp)
  foreach(family amx amx_emulated)
    dsa_kernel_family(${family} cpu/amx_probe.cpp cpu/attention_amx.cpp cpu/tiles_amx.cpp)
  endforeach()
  # clang 16 dies in its VectorCombine pass, which folds BF16 shuffles for ever.
  set_source_files_properties(cpu/attention_bf16.cpp cpu/attention_amx.cpp cpu/linear_bf16.cpp cpu/tiles_amx.cpp
    PROPERTIES COMPILE_OPTIONS
    "$<$<CXX_COMPILER_ID:Clang>:-mllvm;-disable-vector-combine>")
else()
  set(DSA_FAMILY_SOURCES cpu/no_x86.cpp)
endif()
