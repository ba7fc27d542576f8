# The few kinds of target there are. Includes are written from the root of the project.
#
#   exo_library(ring SOURCES a.cpp HOST_SOURCES host/b.cpp DEPENDS base)    lib/ring -> exo_ring
#   exo_test(ring_test SOURCES x_test.cpp DEPENDS ring [CONCURRENT]        unit test (GoogleTest)
#            [LABELS l] [OPTIONS -O0] [TIMEOUT s])
#   exo_fuzz(ring_fuzz SOURCES x_fuzz.cpp DEPENDS ring)                     libFuzzer target
#   exo_bench(bench_ring SOURCES ring_bench.cpp DEPENDS ring LIBRARIES ..)  benchmark program
#
# CONCURRENT tests are the ones built and run under ThreadSanitizer too.

if(NOT EXO_FREESTANDING)
    find_package(GTest REQUIRED)
    find_package(Threads REQUIRED)
    include(GoogleTest)
endif()

# clang-tidy's checks of tests.
set(EXO_TEST_CHECKS bugprone-use-after-move,bugprone-assert-side-effect,bugprone-infinite-loop,bugprone-macro-parentheses,bugprone-unused-raii,misc-redundant-expression,misc-unused-parameters,misc-unused-using-decls,modernize-use-override,readability-identifier-naming,readability-redundant-declaration)

function(_exo_link target)
    foreach(dep ${ARGN})
        target_link_libraries(${target} PUBLIC exo_${dep})
    endforeach()
endfunction()

function(exo_library name)
    cmake_parse_arguments(ARG "" "" "SOURCES;HOST_SOURCES;DEPENDS" ${ARGN})
    set(sources ${ARG_SOURCES})
    if(NOT EXO_FREESTANDING)
        list(APPEND sources ${ARG_HOST_SOURCES})
    endif()
    if(sources)
        add_library(exo_${name} STATIC ${sources})
        target_include_directories(exo_${name} PUBLIC ${CMAKE_SOURCE_DIR})
        _exo_link(exo_${name} ${ARG_DEPENDS})
    else()
        add_library(exo_${name} INTERFACE)
        target_include_directories(exo_${name} INTERFACE ${CMAKE_SOURCE_DIR})
        foreach(dep ${ARG_DEPENDS})
            target_link_libraries(exo_${name} INTERFACE exo_${dep})
        endforeach()
    endif()
endfunction()

function(exo_test name)
    cmake_parse_arguments(ARG "CONCURRENT" "TIMEOUT" "SOURCES;DEPENDS;LIBRARIES;LABELS;OPTIONS" ${ARGN})
    if(EXO_FREESTANDING OR EXO_SANITIZE STREQUAL "fuzz")
        return()
    endif()
    if(EXO_SANITIZE STREQUAL "tsan" AND NOT ARG_CONCURRENT)
        return()
    endif()
    if(NOT ARG_TIMEOUT)
        set(ARG_TIMEOUT 120)
    endif()
    add_executable(${name} ${ARG_SOURCES})
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
    target_compile_options(${name} PRIVATE ${ARG_OPTIONS})
    _exo_link(${name} ${ARG_DEPENDS})
    target_link_libraries(${name} PRIVATE GTest::gtest GTest::gtest_main Threads::Threads ${ARG_LIBRARIES})
    if(CMAKE_CXX_CLANG_TIDY)
        # Most of the time goes into GoogleTest's headers. Tests run under the sanitizers, which see
        # what the analyzer guesses, and their speed does not matter.
        set_target_properties(${name} PROPERTIES CXX_CLANG_TIDY
            "${CMAKE_CXX_CLANG_TIDY};--checks=-*,${EXO_TEST_CHECKS}")
    endif()
    set(properties TIMEOUT ${ARG_TIMEOUT})
    if(ARG_LABELS)
        list(APPEND properties LABELS "${ARG_LABELS}")
    endif()
    gtest_discover_tests(${name} TEST_PREFIX ${name}: DISCOVERY_MODE PRE_TEST PROPERTIES ${properties})
endfunction()

function(exo_fuzz name)
    cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS" ${ARGN})
    if(NOT EXO_SANITIZE STREQUAL "fuzz")
        return()
    endif()
    add_executable(${name} ${ARG_SOURCES})
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
    _exo_link(${name} ${ARG_DEPENDS})
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    set_property(GLOBAL APPEND PROPERTY EXO_FUZZERS ${name})
endfunction()

function(exo_bench name)
    cmake_parse_arguments(ARG "" "" "SOURCES;DEPENDS;LIBRARIES" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
    _exo_link(${name} ${ARG_DEPENDS})
    target_link_libraries(${name} PRIVATE exo_bench_harness Threads::Threads ${ARG_LIBRARIES})
endfunction()
