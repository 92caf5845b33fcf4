#include "attempts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "process.h"

enum { WHAT_SIZE = 500 };

struct attempt {
  struct process *culprit;
  char command[COMMAND_SIZE];
  char what[WHAT_SIZE];
  unsigned long times;
  struct attempt *next;
};

static struct attempt *first = NULL, **end = &first;
static struct process unknown = {.command = "(it was gone at once)"};

void note_attempt(pid_t thread, const char *what) {
  struct process *culprit = process_of(thread);
  if (culprit == NULL) culprit = &unknown;
  note_command(culprit);
  for (struct attempt *one = first; one != NULL; one = one->next)
    if (one->culprit == culprit && strcmp(one->what, what) == 0) {
      one->times++;
      return;
    }
  struct attempt *attempt = calloc(1, sizeof *attempt);
  if (attempt == NULL) abort();
  attempt->culprit = culprit;
  attempt->times = 1;
  // What a process is called changes when it starts another program.
  strcpy(attempt->command, culprit->command);
  snprintf(attempt->what, sizeof attempt->what, "%s", what);
  *end = attempt;
  end = &attempt->next;
}

unsigned long print_attempts(void) {
  unsigned long sum = 0;
  for (const struct attempt *one = first; one != NULL; one = one->next) sum += one->times;
  if (sum == 0) return 0;
  fprintf(stderr, "\noffline: %lu attempt%s to reach elsewhere\n", sum, sum == 1 ? "" : "s");
  for (const struct attempt *one = first; one != NULL; one = one->next) {
    fprintf(stderr, "\n  %s", one->what);
    if (one->times > 1) fprintf(stderr, ", %lu times", one->times);
    fprintf(stderr, "\n    by process %d: %s\n", one->culprit->pid, one->command);
    for (const struct process *parent = one->culprit->parent; parent != NULL; parent = parent->parent)
      fprintf(stderr, "    started by %d: %s\n", parent->pid, parent->command);
  }
  fflush(stderr);
  return sum;
}
