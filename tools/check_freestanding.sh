#!/bin/bash
# Links every library of a freestanding build into one object and lists what it still wants: only
# the memory functions, strlen and ports may be missing: exo::panic, the forms of new that return
# nullptr with their delete, and what a library declares in a namespace `port` for its surroundings.
set -euo pipefail
build=$1
shopt -s globstar nullglob
archives=("$build"/lib/**/*.a)
[ ${#archives[@]} -gt 0 ] || { echo "no libraries in $build" >&2; exit 1; }
ld.lld-19 -r --whole-archive "${archives[@]}" -o "$build/all.o"
wanted=$(llvm-nm-19 --undefined-only --demangle --just-symbol-name "$build/all.o" | sort -u)
allowed='^(mem(cpy|move|set|cmp|chr)|strlen|exo::panic\(char const\*\)|operator delete\(void\*.*\)|operator new\(unsigned long(, std::align_val_t)?, std::nothrow_t const&\)|std::nothrow|exo::[a-z_]+::port::.*)$'
if surplus=$(printf '%s\n' "$wanted" | grep -Ev "$allowed" | grep .); then
    printf 'a freestanding library needs what the kernel does not have:\n%s\n' "$surplus" >&2
    exit 1
fi
printf 'ports used: %s\n' "$(printf '%s' "$wanted" | tr '\n' ' ')"
llvm-size-19 "$build/all.o"
