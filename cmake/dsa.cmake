# The functions every folder's CMakeLists.txt is made of.

# Flags of our own code (system headers are not ours: -Werror does not reach them).
add_library(dsa_flags INTERFACE)
target_include_directories(dsa_flags INTERFACE "${PROJECT_SOURCE_DIR}/src")
target_compile_options(dsa_flags INTERFACE -Wall -Wextra -Werror -fno-math-errno -ffp-contract=off)
target_compile_definitions(dsa_flags INTERFACE SPDLOG_FMT_EXTERNAL)
if(DSA_SANITIZE)
  target_compile_options(dsa_flags INTERFACE -fsanitize=${DSA_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  if(DSA_SANITIZE MATCHES undefined)
    # What these find AddressSanitizer finds too (a null or wild address), or cannot happen here (vptr: no casts
    # between classes); they cost a quarter of the build.
    target_compile_options(dsa_flags INTERFACE -fno-sanitize=null,object-size,vptr)
  endif()
  target_link_options(dsa_flags INTERFACE -fsanitize=${DSA_SANITIZE})
endif()

# The sanitized presets optimise nothing but the targets that say OPTIMISED: an optimised file takes half as long again to
# compile, and only these would take longer to run than that.
function(dsa_optimise target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O1>)
endfunction()

# Much of the time of compiling a small file goes into reading the same headers again.  cmake/headers_LIST.h is compiled
# once, with the packages named behind it, and the target's files begin with that.  The sanitized presets do so; release
# and test read headers as they are included, so that none can be forgotten, and share what ccache keeps.
function(dsa_precompile target list optimised)
  if(DSA_PRECOMPILED_HEADERS)
    set(headers dsa_headers_${list})
    if(optimised)
      string(APPEND headers _optimised)
    endif()
    if(NOT TARGET ${headers})
      file(WRITE "${PROJECT_BINARY_DIR}/${headers}.cpp" "")
      add_library(${headers} OBJECT "${PROJECT_BINARY_DIR}/${headers}.cpp")
      target_link_libraries(${headers} PRIVATE dsa_flags ${ARGN})
      target_precompile_headers(${headers} PRIVATE "${PROJECT_SOURCE_DIR}/cmake/headers_${list}.h")
      if(optimised)
        dsa_optimise(${headers})
      endif()
    endif()
    target_precompile_headers(${target} REUSE_FROM ${headers})
  endif()
  if(optimised)
    dsa_optimise(${target})
  endif()
endfunction()

# Eight files of a target are compiled as one, so that their headers are read, and what they instantiate is made, once.
# DSA_UNITY says of which targets.  Files of one target therefore share no name that is local to a file.
function(dsa_unity target heavy)
  if(DSA_UNITY STREQUAL "all" OR (heavy AND DSA_UNITY STREQUAL "heavy"))
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON)
    # GCC takes a file that is included for a header, where a type of one file's own would be a fault.
    target_compile_options(${target} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
  endif()
endfunction()

# dsa_library(base [OPTIMISED] [HEAVY] SOURCES a.cpp ... DEPS fmt::fmt ...) -> target dsa_base, alias dsa::base
function(dsa_library name)
  cmake_parse_arguments(arg "OPTIMISED;HEAVY" "" "SOURCES;DEPS" ${ARGN})
  add_library(dsa_${name} STATIC ${arg_SOURCES})
  add_library(dsa::${name} ALIAS dsa_${name})
  target_link_libraries(dsa_${name} PUBLIC dsa_flags ${arg_DEPS})
  dsa_unity(dsa_${name} ${arg_HEAVY})
  dsa_precompile(dsa_${name} library ${arg_OPTIMISED} fmt::fmt nlohmann_json::nlohmann_json)
endfunction()

# dsa_builds_with(unit a b): the target unit_tests builds a and b, so that ./test builds only what it runs.
function(dsa_builds_with label)
  if(NOT TARGET ${label}_tests)
    add_custom_target(${label}_tests)
  endif()
  add_dependencies(${label}_tests ${ARGN})
endfunction()

# dsa_test(kernels_test [OPTIMISED] [HEAVY] SOURCES a_test.cpp ... DEPS dsa::kernels LABELS unit [TIMEOUT 120])
# One executable of GoogleTest cases; each case becomes a ctest entry.  Labels: unit, golden, slow, gpu, train.
function(dsa_test name)
  if(NOT DSA_BUILD_TESTS)
    return()
  endif()
  cmake_parse_arguments(arg "OPTIMISED;HEAVY" "TIMEOUT" "SOURCES;DEPS;LABELS" ${ARGN})
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 120)
  endif()
  add_executable(${name} ${arg_SOURCES})
  dsa_builds_with("${arg_LABELS}" ${name})
  target_link_libraries(${name} PRIVATE ${arg_DEPS} GTest::gtest_main)
  # What a test computes takes no time beside compiling it.
  target_compile_options(${name} PRIVATE $<$<CONFIG:Release>:-O1>)
  dsa_unity(${name} ${arg_HEAVY})
  dsa_precompile(${name} test ${arg_OPTIMISED} fmt::fmt nlohmann_json::nlohmann_json GTest::gtest_main)
  target_compile_definitions(${name} PRIVATE DSA_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS "${arg_LABELS}" TIMEOUT ${arg_TIMEOUT})
endfunction()
