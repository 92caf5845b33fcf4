/**
 * The program as it is installed: one file that carries everything, unpacks it once into the user's cache, and starts
 * what it has unpacked.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache.h"
#include "fail.h"
#include "own-path.h"
#include "payload.h"
#include "rights.h"
#include "seal.h"
#include "unpack.h"
#include "versions.h"

/** One process at a time unpacks; the others wait, and find it done. The lock goes with the process that holds it. */
static int lock(const char *cache) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/.lock", cache);
  int file = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0)
    fail("See that there is room and that it can be written, or remove it.", "%s cannot be opened: %s", path,
         strerror(errno));
  while (flock(file, LOCK_EX) != 0)
    if (errno != EINTR)
      fail("Set XDG_CACHE_HOME to a folder on a local disk.", "%s cannot be locked: %s", path, strerror(errno));
  return file;
}

/** Afterwards the files there are those of the payload, unless the folder was removed meanwhile. */
static void make_right(const struct payload *payload, const char *cache, const char *folder) {
  int held = lock(cache);
  if (!is_sealed(payload, folder) && !seal_again(payload, folder)) {
    unpack(payload, cache, folder);
    remove_old_versions(payload, cache);
  }
  close(held);
}

static struct payload payload;

int main(int argc, char **argv) {
  (void)argc;
  refuse_borrowed_rights();
  char path[PATH_MAX], cache[PATH_MAX - 128], folder[PATH_MAX - 32];
  own_path(path, sizeof path);
  open_payload(&payload, open_own_file(path), path);
  // Permissions are compared later: nothing may be taken from them.
  mode_t mask = umask(077);
  choose_cache(cache, sizeof cache);
  snprintf(folder, sizeof folder, "%s/%s", cache, payload.name);
  do {
    if (!is_sealed(&payload, folder)) make_right(&payload, cache, folder);
  } while (!use_version(folder));
  umask(mask);
  snprintf(path, sizeof path, "%s/hakiri", folder);
  execv(path, argv);
  if (errno == EACCES)
    fail("Set XDG_CACHE_HOME to a folder from which programs may be run.", "%s may not be run from there", path);
  fail("Remove its folder; it is unpacked again.", "%s cannot be started: %s", path, strerror(errno));
}
