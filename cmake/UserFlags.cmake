# Programs for the guest (preset `user`): static, against musl from build/sysroot, no C++ run time.
#   exo_user_program(init SOURCES a.cpp)
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(sysroot ${CMAKE_SOURCE_DIR}/build/sysroot)
set(musl ${sysroot}/usr/lib/x86_64-linux-musl)
execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-resource-dir
                OUTPUT_VARIABLE resource_dir OUTPUT_STRIP_TRAILING_WHITESPACE)
execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-libgcc-file-name -rtlib=compiler-rt
                OUTPUT_VARIABLE builtins OUTPUT_STRIP_TRAILING_WHITESPACE)
add_compile_options(
    -O2 -g -fno-exceptions -fno-rtti -fno-threadsafe-statics -fno-stack-protector -fno-pic
    -Wall -Wextra -Werror -Wshadow -Wconversion -Wsign-conversion
    -nostdinc -nostdinc++
    "SHELL:-isystem ${CMAKE_SOURCE_DIR}/cmake/freestanding"
    "SHELL:-isystem ${sysroot}/usr/lib/llvm-19/include/c++/v1"
    "SHELL:-isystem ${resource_dir}/include"
    "SHELL:-isystem ${sysroot}/usr/include/x86_64-linux-musl")

function(exo_user_program name)
    cmake_parse_arguments(ARG "" "" "SOURCES;OPTIONS" ${ARGN})
    add_executable(${name} ${ARG_SOURCES})
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
    target_compile_options(${name} PRIVATE ${ARG_OPTIONS})
    target_link_options(${name} PRIVATE -fuse-ld=lld -static -no-pie -nostdlib ${musl}/crt1.o ${musl}/crti.o)
    target_link_libraries(${name} PRIVATE ${musl}/libc.a ${builtins} ${musl}/crtn.o)
endfunction()
