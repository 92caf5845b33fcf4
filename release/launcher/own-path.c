#include "own-path.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "fail.h"

void own_path(char *path, unsigned long size) {
  ssize_t length = readlink("/proc/self/exe", path, size - 1);
  if (length > 0 && (unsigned long)length < size - 1) {
    path[length] = '\0';
    return;
  }
  const char *started_as = (const char *)getauxval(AT_EXECFN);
  char resolved[PATH_MAX];
  if (started_as == NULL || realpath(started_as, resolved) == NULL || strlen(resolved) >= size)
    fail("Start it by its absolute path.", "the program cannot find itself");
  strcpy(path, resolved);
}
