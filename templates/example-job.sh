#!/bin/sh
# A small job that shows where it runs: a machine of its own, as the user who submitted it.
echo "hello from $(hostname), up for $(cut -d' ' -f1 /proc/uptime) s"
echo "kernel    $(uname -sr)"
echo "boot id   $(cat /proc/sys/kernel/random/boot_id)"
echo "user      $(id)"
echo "directory $(pwd)"
echo "memory    $(sed -n 's/^MemTotal: *//p' /proc/meminfo), $(grep -c ^processor /proc/cpuinfo) processors"
echo "disk      $(df -h / | awk 'NR == 2 { print $4 " free of " $2 }')"
if [ $# -gt 0 ]; then echo "arguments $*"; fi
