#include "own-path.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "fail.h"

static const char RUNNING[] = "/proc/self/exe";

void own_path(char *path, unsigned long size) {
  ssize_t length = readlink(RUNNING, path, size - 1);
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

int open_own_file(const char *path) {
  int file = open(RUNNING, O_RDONLY | O_CLOEXEC);
  return file >= 0 ? file : open(path, O_RDONLY | O_CLOEXEC);
}
