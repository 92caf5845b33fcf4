#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** What becomes of a system call. */
struct verdict {
  /** The kernel does what it was asked for. */
  bool goes_on;
  /** Otherwise it fails with this, or with 0 only seems to have been done. */
  int error;
};

static const struct verdict GOES_ON = {.goes_on = true};

/*
 * What is judged is a copy: another thread could change the address meanwhile. Who does that on purpose still finds no
 * way out of the namespace; this is here to name who does it by mistake.
 */

struct verdict judge_connect(pid_t thread, int socket, uint64_t address, uint64_t length);

/** `call` is that of the kernel: a socket, bytes, how many, flags, an address, its length. */
struct verdict judge_sendto(pid_t thread, const uint64_t call[6]);
struct verdict judge_sendmsg(pid_t thread, int socket, uint64_t message);
struct verdict judge_sendmmsg(pid_t thread, int socket, uint64_t messages, unsigned count);
