#include "apart.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool write_to(const char *path, const char *text) {
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  bool written = write(file, text, strlen(text)) == (ssize_t)strlen(text);
  close(file);
  return written;
}

/** In a user namespace of its own a process may do what else is for root only; it stays who it is. */
static const char *become_own_user(void) {
  char users[64], groups[64];
  snprintf(users, sizeof users, "%u %u 1", geteuid(), geteuid());
  snprintf(groups, sizeof groups, "%u %u 1", getegid(), getegid());
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return "no network namespace can be had";
  write_to("/proc/self/setgroups", "deny");
  if (!write_to("/proc/self/uid_map", users) || !write_to("/proc/self/gid_map", groups))
    return "a user namespace cannot be set up";
  return NULL;
}

const char *go_apart(void) {
  if (unshare(CLONE_NEWNET) != 0) {
    const char *failed = become_own_user();
    if (failed != NULL) return failed;
  }
  struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  int socket_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bool is_up = socket_ >= 0 && ioctl(socket_, SIOCSIFFLAGS, &loopback) == 0;
  close(socket_);
  return is_up ? NULL : "the loopback of the network namespace cannot be switched on";
}
