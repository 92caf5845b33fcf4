#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void (*before_failing)(void) = NULL;

_Noreturn void fail(const char *hint, const char *format, ...) {
  if (before_failing != NULL) before_failing();
  va_list values;
  va_start(values, format);
  fputs("error[release.not_started]: ", stderr);
  vfprintf(stderr, format, values);
  fprintf(stderr, "\nhint: %s\n", hint);
  va_end(values);
  fflush(stderr);
  _exit(EXIT_NOT_STARTED);
}
