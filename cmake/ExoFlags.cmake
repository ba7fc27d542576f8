# Compiler flags of every preset. One list of warnings for all; what differs is what runs below.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS ON)

add_compile_options(
    -O2 -g -fno-exceptions -fno-rtti -fno-strict-aliasing
    -Wall -Wextra -Werror -Wshadow -Wconversion -Wsign-conversion -Wno-c99-designator
    -Wthread-safety -Wthread-safety-beta -Wno-gnu-statement-expression
    $<$<COMPILE_LANGUAGE:ASM>:-Wno-unused-command-line-argument>)

if(EXO_FREESTANDING)
    # libc++'s and musl's headers, unpacked by `./exo setup`; no library of either is linked.
    set(sysroot ${CMAKE_SOURCE_DIR}/build/sysroot)
    execute_process(COMMAND ${CMAKE_CXX_COMPILER} -print-resource-dir
                    OUTPUT_VARIABLE resource_dir OUTPUT_STRIP_TRAILING_WHITESPACE)
    add_compile_options(
        --target=x86_64-unknown-none-elf -ffreestanding -nostdinc -nostdinc++
        "SHELL:-isystem ${CMAKE_SOURCE_DIR}/cmake/freestanding"
        "SHELL:-isystem ${sysroot}/usr/lib/llvm-19/include/c++/v1"
        "SHELL:-isystem ${resource_dir}/include"
        "SHELL:-isystem ${sysroot}/usr/include/x86_64-linux-musl"
        -mno-red-zone -mcmodel=kernel -mno-sse -mno-mmx -mno-avx -fno-pic
        -fno-omit-frame-pointer -fno-threadsafe-statics -Wglobal-constructors)
    add_compile_definitions(EXO_FREESTANDING=1)
    if(EXO_KERNEL_TEST)
        # A trap, since a run time of the sanitizer would need one of the kernel's.
        add_compile_options(-fsanitize=undefined -fsanitize-trap=undefined)
        add_compile_definitions(EXO_KERNEL_TEST=1 _LIBCPP_HARDENING_MODE=_LIBCPP_HARDENING_MODE_EXTENSIVE)
    else()
        # As shipped: EXO_CHECK and the bounds of spans and arrays are checked, EXO_ASSERT is not.
        add_compile_definitions(NDEBUG _LIBCPP_HARDENING_MODE=_LIBCPP_HARDENING_MODE_FAST)
    endif()
    return()
endif()

if(CMAKE_CXX_CLANG_TIDY)
    add_compile_options(-O0 -g0)  # only the checks matter, and they take long enough
endif()

add_link_options(-fuse-ld=lld)
add_compile_options(-pthread)
add_link_options(-pthread)
if(EXO_SANITIZE STREQUAL "asan")
    set(sanitize -fsanitize=address,undefined -fno-sanitize-recover=all)
    add_compile_options(-O1 -fno-omit-frame-pointer)
elseif(EXO_SANITIZE STREQUAL "tsan")
    set(sanitize -fsanitize=thread)
elseif(EXO_SANITIZE STREQUAL "fuzz")
    set(sanitize -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all)
elseif(NOT EXO_SANITIZE STREQUAL "none")
    message(FATAL_ERROR "EXO_SANITIZE=${EXO_SANITIZE}: want none, asan, tsan or fuzz")
endif()
if(sanitize)
    add_compile_options(${sanitize})
    add_link_options(${sanitize})
else()
    add_compile_definitions(NDEBUG)
endif()
