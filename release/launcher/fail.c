#include "fail.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void (*before_failing)(void) = NULL;

_Noreturn void fail(const char *hint, const char *format, ...) {
  if (before_failing != NULL) before_failing();
  char message[2 * PATH_MAX];
  va_list values;
  va_start(values, format);
  vsnprintf(message, sizeof message, format, values);
  va_end(values);
  // Paths may hold what a terminal takes for a command.
  for (char *letter = message; *letter != '\0'; letter++)
    if ((unsigned char)*letter < ' ' || *letter == 0x7f) *letter = '?';
  fprintf(stderr, "error[release.not_started]: %s\nhint: %s\n", message, hint);
  fflush(stderr);
  _exit(EXIT_NOT_STARTED);
}
