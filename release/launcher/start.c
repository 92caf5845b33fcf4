/**
 * The program as it is started from its unpacked folder: replaces itself with the runtime beside it, through the
 * loader beside it, so that nothing of the machine's own libraries is used.
 *
 * `hakiri __node FLAG... -- ARGUMENT...` gives flags to the runtime.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fail.h"
#include "own-path.h"
#include "rights.h"

/** What the loader takes the folder from is a list, and has variables. */
static const char NOT_IN_A_LIST[] = ":;$";

static char *beside(const char *folder, const char *name) {
  char *path = NULL;
  if (asprintf(&path, "%s/%s", folder, name) < 0) fail("Free some memory.", "there is no memory left");
  return path;
}

int main(int argc, char **argv) {
  refuse_borrowed_rights();
  char folder[PATH_MAX];
  own_path(folder, sizeof folder);
  // Children are started from here and not from the file the user installed, which may be another version by then.
  setenv("HAKIRI_SELF", folder, 1);
  *strrchr(folder, '/') = '\0';
  if (strpbrk(folder, NOT_IN_A_LIST) != NULL)
    fail("Move it to a folder without any of : ; $ in its path.", "the loader cannot be told of %s", folder);
  // Meant for other programs of this user, and made for other libraries than the ones here.
  unsetenv("LD_PRELOAD");
  unsetenv("LD_AUDIT");
  unsetenv("NODE_OPTIONS");
  unsetenv("NODE_PATH");

  char **arguments = calloc((size_t)argc + 16, sizeof *arguments);
  if (arguments == NULL) fail("Free some memory.", "there is no memory left");
  char *loader = beside(folder, HAKIRI_LOADER);
  int count = 0;
  arguments[count++] = loader;
  arguments[count++] = "--inhibit-cache";
  arguments[count++] = "--library-path";
  arguments[count++] = folder;
  arguments[count++] = "--preload";
  // By its name alone, which is looked for in the folder: spaces and colons end a path here.
  arguments[count++] = "idle.so";
  arguments[count++] = "--argv0";
  arguments[count++] = "hakiri";
  arguments[count++] = beside(folder, "node");

  int next = 1;
  if (argc > 1 && strcmp(argv[1], "__node") == 0) {
    for (next = 2; next < argc && strcmp(argv[next], "--") != 0; next++) arguments[count++] = argv[next];
    if (next < argc) next++;
  }
  arguments[count++] = beside(folder, "boot.cjs");
  while (next < argc) arguments[count++] = argv[next++];
  execv(loader, arguments);
  if (errno == EACCES)
    fail("Move it to a file system that may run programs.", "%s may not be run from where it is", loader);
  fail("Install it again.", "%s cannot be started: %s", loader, strerror(errno));
}
