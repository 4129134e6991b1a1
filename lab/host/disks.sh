#!/bin/sh
# File systems of a lab host's own: sparse images on its data volume, each mounted where a service keeps its data.
#   lab-disks make NAME SIZE DIRECTORY   makes one and mounts it; nothing when it is there
#   lab-disks mount                      mounts all, as a host does when it starts
#   lab-disks cut                        takes their power away: what has not been written is gone
set -eu

disks=/data/disks
# One line each: NAME DIRECTORY
table=$disks/table

# A container's /dev has none, and the kernel hands out whichever number is free on the machine.
make_loop_devices() {
    [ -e /dev/loop-control ] || mknod /dev/loop-control c 10 237
    number=0
    while [ "$number" -lt 128 ]; do
        [ -e "/dev/loop$number" ] || mknod "/dev/loop$number" b 7 "$number"
        number=$((number + 1))
    done
}

# The loop device goes with the mount, however the host ends. No inode tables are written ahead: the image stays small.
mount_one() {
    mkdir -p "$2"
    mountpoint -q "$2" || mount -t ext4 -o loop,noinit_itable "$disks/$1.img" "$2"
}

mount_all() {
    [ -s "$table" ] || return 0
    make_loop_devices
    while read -r name directory; do mount_one "$name" "$directory"; done <"$table"
}

make() {
    name=$1 size=$2 directory=$3
    mkdir -p "$disks" "$directory"
    if grep -qs "^$name " "$table"; then return 0; fi
    if [ -n "$(ls -A "$directory")" ]; then
        echo "$directory is not empty: a file system mounted there would hide what is in it; reset the host first" >&2
        exit 1
    fi
    truncate -s "$size" "$disks/$name.img"
    mkfs.ext4 -q -F -m 0 -i 65536 -J size=32 -E lazy_itable_init=1,lazy_journal_init=1 "$disks/$name.img"
    make_loop_devices
    mount_one "$name" "$directory"
    # A service that lists its directory would stumble over it.
    rmdir "$directory/lost+found"
    echo "$name $directory" >>"$table"
}

# FS_IOC_SHUTDOWN without a flush: the kernel writes nothing more to the file system, and drops what it held back.
cut_power() {
    # shellcheck disable=SC2016
    cut -d ' ' -f 2 "$table" | xargs perl -e '
        my $no_flush = pack("L", 2);
        for my $directory (@ARGV) {
            sysopen(my $handle, $directory, 0) or die "$directory: $!\n";
            ioctl($handle, 0x8004587D, $no_flush) or die "$directory: $!\n";
        }'
}

case ${1-} in
    make) make "$2" "$3" "$4" ;;
    mount) mount_all ;;
    cut) cut_power ;;
    *) echo "usage: lab-disks make NAME SIZE DIRECTORY | mount | cut" >&2; exit 2 ;;
esac
