#!/bin/sh
# Process 1 of a machine of its own: what it changes, nobody outside sees. Given PROGRAM and UNITS, a folder of units.
set -e
mount --make-rprivate /
umount -R /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mount -t proc proc /proc
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/lock /run/etc

# Its own settings: none of the units of this machine, and nothing that looks after devices and mounts.
cp -a /etc/. /run/etc
mount --bind /run/etc /etc
rm -rf /etc/systemd/system
mkdir /etc/systemd/system
for folder in /usr/lib/systemd/system/*.wants /usr/lib/systemd/system-generators; do
  mount -t tmpfs tmpfs "$folder"
done
mount -t tmpfs -o mode=755 tmpfs /usr/local/bin
mount -t tmpfs -o mode=755 tmpfs /srv
mkdir /run/release
cp "$PROGRAM" "$UNITS"/* /run/release
mount -t tmpfs -o mode=755 tmpfs /var
mkdir -p /var/lib /var/cache /var/log/journal /var/tmp
ln -s /run /var/run
chmod 1777 /var/tmp
mount -t tmpfs -o mode=1777 tmpfs /tmp
cat > /etc/systemd/system/machine.target <<UNIT
[Unit]
DefaultDependencies=no
AllowIsolate=yes
Wants=systemd-journald.service
UNIT
# What it would say on this machine's console.
: > /run/console
mount --bind /run/console /dev/console
# As on a machine of its own: what is mounted for a unit is seen by the units after it.
mount --make-rshared /
export container=other
exec /lib/systemd/systemd --system --unit=machine.target --log-target=journal-or-kmsg --show-status=no
