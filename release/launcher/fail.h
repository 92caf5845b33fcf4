#ifndef HAKIRI_FAIL_H
#define HAKIRI_FAIL_H

/** Beside what a program may give back: it did not start. */
enum { EXIT_NOT_STARTED = 70 };

/** Ends the program: what happened, and what to do about it, in the form of every other error of the command. */
_Noreturn void fail(const char *hint, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Called by `fail` before it ends the program, so that nothing half done is left. */
extern void (*before_failing)(void);

#endif
