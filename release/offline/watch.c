#include "watch.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "judge.h"
#include "process.h"

#if defined(__x86_64__)
enum { NATIVE = AUDIT_ARCH_X86_64 };
#elif defined(__aarch64__)
enum { NATIVE = AUDIT_ARCH_AARCH64 };
#else
#error "there are no numbers of system calls for this processor here"
#endif

/** Those of x86-64 with 32-bit pointers have this bit. */
enum { X32_BIT = 0x40000000 };

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define WHERE_NUMBER_IS(number, action) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), RETURN(action)

static struct sock_filter filter[] = {
    // Other sets of system calls, which the numbers below do not know: as if the kernel did not have them.
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE, 1, 0),
    RETURN(SECCOMP_RET_ERRNO | ENOSYS),
    LOAD(nr),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1),
    RETURN(SECCOMP_RET_ERRNO | ENOSYS),
    // With a ring, system calls are made in memory that nobody watches.
    WHERE_NUMBER_IS(SYS_io_uring_setup, SECCOMP_RET_ERRNO | ENOSYS),
    WHERE_NUMBER_IS(SYS_connect, SECCOMP_RET_USER_NOTIF),
    WHERE_NUMBER_IS(SYS_sendto, SECCOMP_RET_USER_NOTIF),
    WHERE_NUMBER_IS(SYS_sendmsg, SECCOMP_RET_USER_NOTIF),
    WHERE_NUMBER_IS(SYS_sendmmsg, SECCOMP_RET_USER_NOTIF),
    WHERE_NUMBER_IS(SYS_execve, SECCOMP_RET_USER_NOTIF),
    WHERE_NUMBER_IS(SYS_execveat, SECCOMP_RET_USER_NOTIF),
    WHERE_NUMBER_IS(SYS_exit_group, SECCOMP_RET_USER_NOTIF),
    RETURN(SECCOMP_RET_ALLOW),
};

static int install(unsigned flags) {
  struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
  return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

int watch_this_process(void) {
  // Otherwise a signal lets a system call that is being judged start again, and be judged twice.
  int asked = install(SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV);
  return asked >= 0 || errno != EINVAL ? asked : install(SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

static struct verdict decide(const struct seccomp_notif *request) {
  const struct seccomp_data *call = &request->data;
  pid_t thread = (pid_t)request->pid;
  switch (call->nr) {
    case SYS_execve:
      note_exec(thread, call->args[1]);
      return GOES_ON;
    case SYS_execveat:
      note_exec(thread, call->args[2]);
      return GOES_ON;
    case SYS_exit_group:
      note_exit(thread);
      return GOES_ON;
    case SYS_connect:
      return judge_connect(thread, (int)call->args[0], call->args[1], call->args[2]);
    case SYS_sendto:
      return judge_sendto(thread, (const uint64_t *)call->args);
    case SYS_sendmsg:
      return judge_sendmsg(thread, (int)call->args[0], call->args[1]);
    default:
      return judge_sendmmsg(thread, (int)call->args[0], call->args[1], (unsigned)call->args[2]);
  }
}

void answer_one(int asked) {
  static struct seccomp_notif_sizes sizes;
  static struct seccomp_notif *request;
  static struct seccomp_notif_resp *response;
  if (request == NULL) {
    // A newer kernel says more than this program knows of.
    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0) abort();
    if (sizes.seccomp_notif < sizeof *request) sizes.seccomp_notif = sizeof *request;
    if (sizes.seccomp_notif_resp < sizeof *response) sizes.seccomp_notif_resp = sizeof *response;
    request = malloc(sizes.seccomp_notif);
    response = malloc(sizes.seccomp_notif_resp);
    if (request == NULL || response == NULL) abort();
  }
  memset(request, 0, sizes.seccomp_notif);
  memset(response, 0, sizes.seccomp_notif_resp);
  if (ioctl(asked, SECCOMP_IOCTL_NOTIF_RECV, request) != 0) return;
  struct verdict verdict = decide(request);
  response->id = request->id;
  response->error = -verdict.error;
  if (verdict.goes_on) response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  // Fails when who asked is gone.
  ioctl(asked, SECCOMP_IOCTL_NOTIF_SEND, response);
}
