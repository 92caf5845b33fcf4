/**
 * `offline COMMAND ARGUMENT...` runs a command where there is no network but the loopback, and names whoever among it
 * and all it starts tries to reach elsewhere, or asks for a name. Ends as the command does; with 90 when there was such
 * an attempt, with 91 when it cannot watch here.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "apart.h"
#include "attempts.h"
#include "watch.h"

enum { REACHED_OUT = 90, CANNOT_WATCH = 91, NOT_STARTED = 127, KILLED = 128 };
/** What the command leaves running has so long to end by itself. */
enum { GRACE_MS = 2000 };

static _Noreturn void cannot_watch(const char *what) {
  fprintf(stderr, "offline: %s: %s\n", what, strerror(errno));
  _exit(CANNOT_WATCH);
}

/** What goes over from the command's process before it becomes the command. */
struct hello {
  int asked;
};

static _Noreturn void become_command(char **command, int to_supervisor, const sigset_t *signals) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  const char *failed = go_apart();
  if (failed != NULL) cannot_watch(failed);
  struct hello hello = {.asked = watch_this_process()};
  if (hello.asked < 0) cannot_watch("system calls cannot be watched");
  // Neither of these two is watched.
  char taken;
  if (write(to_supervisor, &hello, sizeof hello) < 0 || read(to_supervisor, &taken, 1) != 1) _exit(CANNOT_WATCH);
  close(hello.asked);
  close(to_supervisor);
  sigprocmask(SIG_SETMASK, signals, NULL);
  execvp(command[0], command);
  fprintf(stderr, "offline: %s cannot be started: %s\n", command[0], strerror(errno));
  _exit(NOT_STARTED);
}

/** Takes over the descriptor on which the command's process and its children ask. */
static int take_over(pid_t child, int from_child) {
  struct hello hello;
  if (read(from_child, &hello, sizeof hello) != sizeof hello) {
    // It has said why.
    waitpid(child, NULL, 0);
    _exit(CANNOT_WATCH);
  }
  int holder = (int)syscall(SYS_pidfd_open, child, 0);
  int asked = holder < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, holder, hello.asked, 0);
  if (asked < 0) cannot_watch("what asks cannot be heard");
  close(holder);
  if (write(from_child, "", 1) != 1) cannot_watch("the command cannot be started");
  close(from_child);
  return asked;
}

static long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct command {
  pid_t pid;
  int status;
  /** When it ended; 0 while it runs. */
  long ended_ms;
};

/** False when none of all that the command started is left. */
static bool reap(struct command *command) {
  int status;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    if (pid != command->pid) continue;
    command->status = status;
    command->ended_ms = now_ms();
  }
  return pid == 0;
}

/** Whoever lost its parent is a child of this process by now. */
static void kill_children(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/self/task/%d/children", getpid());
  FILE *children = fopen(path, "re");
  if (children == NULL) return;
  for (int pid; fscanf(children, "%d", &pid) == 1;) kill(pid, SIGKILL);
  fclose(children);
}

static void supervise(struct command *command, int asked, int signals) {
  struct pollfd watched[] = {{.fd = asked, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
  while (reap(command)) {
    bool is_over = command->ended_ms != 0;
    if (is_over && now_ms() - command->ended_ms > GRACE_MS) kill_children();
    poll(watched, 2, is_over ? 100 : -1);
    if (watched[0].revents & POLLIN) answer_one(asked);
    // Nobody is left who could ask; only their ends are waited for.
    if (watched[0].revents & POLLHUP) watched[0].fd = -1;
    struct signalfd_siginfo signal;
    if (!(watched[1].revents & POLLIN) || read(signals, &signal, sizeof signal) != sizeof signal) continue;
    // A terminal's Ctrl-C has reached the command, too.
    if (signal.ssi_signo == SIGTERM || signal.ssi_signo == SIGHUP) kill(command->pid, (int)signal.ssi_signo);
  }
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fputs("usage: offline COMMAND ARGUMENT...\n", stderr);
    return CANNOT_WATCH;
  }
  sigset_t before, ours;
  sigemptyset(&ours);
  for (const int *signal = (const int[]){SIGCHLD, SIGTERM, SIGHUP, SIGINT, SIGQUIT, 0}; *signal != 0; signal++)
    sigaddset(&ours, *signal);
  sigprocmask(SIG_BLOCK, &ours, &before);
  int signals = signalfd(-1, &ours, SFD_CLOEXEC);
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  int ends[2];
  // Written to and read from, which is not watched as sending is.
  if (signals < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) cannot_watch("no descriptors");
  struct command command = {.pid = fork()};
  if (command.pid < 0) cannot_watch("no process can be started");
  if (command.pid == 0) {
    close(ends[0]);
    become_command(argv + 1, ends[1], &before);
  }
  close(ends[1]);
  int asked = take_over(command.pid, ends[0]);
  supervise(&command, asked, signals);
  if (print_attempts() > 0) return REACHED_OUT;
  return WIFSIGNALED(command.status) ? KILLED + WTERMSIG(command.status) : WEXITSTATUS(command.status);
}
