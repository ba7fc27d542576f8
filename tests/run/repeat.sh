#!/bin/bash
# Boots the same image twice under -icount, where a guest nanosecond is an instruction: both say the same,
# to the digit. repeat.sh KERNEL
set -euo pipefail
kernel=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/script" <<'SH'
mount -t proc proc /proc
i=0; while [ $i -lt 300 ]; do i=$((i+1)); done
ls -l /bin | md5sum
for k in 1 2 3; do (exit 3); done; sleep 0.05
cat /proc/uptime /proc/meminfo /proc/self/stat
echo done
SH
python3 image/initrd.py --image busybox --file "$work/script:/script" "$work/initrd" >/dev/null

boot() {
    timeout 120 qemu-system-x86_64 -machine q35,accel=tcg -cpu max,-erms -smp 1 -m 128M \
        -icount shift=0,sleep=off -seed 42 -rtc base=2020-01-01,clock=vm -no-reboot -kernel "$kernel" \
        -append 'exo.exit=1 init=/bin/busybox -- sh /script' -initrd "$work/initrd" \
        -device isa-debug-exit,iobase=0xf4,iosize=4 -display none -serial stdio -monitor none \
        </dev/null >"$1" 2>&1 || [ $? -eq 1 ]
}

boot "$work/first"
boot "$work/second"
grep -q '^done' "$work/first" || { cat "$work/first" >&2; exit 1; }
diff "$work/first" "$work/second" || { echo 'repeat: two boots differ' >&2; exit 1; }
echo "ok      $(wc -l <"$work/first") lines twice the same"
