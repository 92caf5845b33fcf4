#pragma once
#include <sys/types.h>

/** Notes that a thread tried to reach elsewhere. `what` says how and where. */
void note_attempt(pid_t thread, const char *what);

/** Writes all attempts to standard error with their culprits; gives how many there were. */
unsigned long print_attempts(void);
