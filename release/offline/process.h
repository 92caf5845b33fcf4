#pragma once
#include <stdint.h>
#include <sys/types.h>

enum { COMMAND_SIZE = 600 };

/** A process that was seen. Kept when it has ended: what it started is still to be told from it. */
struct process {
  pid_t pid;
  /** In ticks since the machine started: tells processes of one id apart. */
  unsigned long long started;
  /** NULL: the supervisor, or a process that had ended before anybody looked. */
  const struct process *parent;
  char command[COMMAND_SIZE];
  struct process *older;
};

/** The process of a thread, with its parents up to the supervisor; NULL when it is not there any more. */
struct process *process_of(pid_t thread);

/** Notes what the process is about to become, before whoever started it can end. */
void note_exec(pid_t thread, uint64_t arguments);

/** Notes whose parent a process that is about to end has been. */
void note_exit(pid_t thread);

/** Reads anew how the process was called, if it is still there. */
void note_command(struct process *process);
