#include "cache.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "fail.h"

static const char ELSEWHERE[] = "Set XDG_CACHE_HOME to a folder of yours that can be written and may hold programs.";

enum use { USABLE, UNUSABLE, SOMEONE_ELSES, NOT_PRIVATE, NO_PROGRAMS };

static void make_folders(char *path) {
  for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    mkdir(path, 0700);
    *slash = '/';
  }
  mkdir(path, 0700);
}

/** Never follows a link, and never makes a folder of someone else's its own. */
static enum use look_at(const char *path) {
  struct stat status;
  struct statvfs file_system;
  if (lstat(path, &status) != 0) return UNUSABLE;
  if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid()) return SOMEONE_ELSES;
  if ((status.st_mode & 077) != 0) return NOT_PRIVATE;
  if (access(path, W_OK | X_OK) != 0) return UNUSABLE;
  if (statvfs(path, &file_system) != 0 || (file_system.f_flag & ST_RDONLY) != 0) return UNUSABLE;
  return (file_system.f_flag & ST_NOEXEC) != 0 ? NO_PROGRAMS : USABLE;
}

/**
 * Whether the nearest folder that is there belongs to this user. Root with the home of another would otherwise leave
 * a folder there that its owner can neither use nor remove.
 */
static int is_ours(const char *path) {
  char above[PATH_MAX];
  struct stat status;
  strcpy(above, path);
  while (stat(above, &status) != 0) {
    char *slash = strrchr(above, '/');
    if (slash == NULL || slash == above) return 0;
    *slash = '\0';
  }
  return status.st_uid == geteuid();
}

static int absolute(const char *value) { return value != NULL && value[0] == '/'; }

/** In the user's own cache; false when there is none. */
static int home_cache(char *path, unsigned long size) {
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  int length = absolute(cache)  ? snprintf(path, size, "%s/hakiri", cache)
               : absolute(home) ? snprintf(path, size, "%s/.cache/hakiri", home)
                                : -1;
  return length > 0 && (unsigned long)length < size && is_ours(path);
}

void choose_cache(char *path, unsigned long size) {
  if (home_cache(path, size)) {
    make_folders(path);
    if (look_at(path) == USABLE) return;
  }
  const char *temporary = getenv("TMPDIR");
  int length =
      snprintf(path, size, "%s/hakiri-%u", absolute(temporary) ? temporary : "/tmp", (unsigned)geteuid());
  if (length < 0 || (unsigned long)length >= size) fail(ELSEWHERE, "TMPDIR is too long");
  mkdir(path, 0700);
  int error = errno;
  switch (look_at(path)) {
    case USABLE:
      return;
    case SOMEONE_ELSES:
      fail(ELSEWHERE, "%s belongs to someone else: programs in it are not run", path);
    case NOT_PRIVATE:
      fail(ELSEWHERE, "%s may be entered by others than you: programs in it are not run", path);
    case NO_PROGRAMS:
      fail(ELSEWHERE, "%s is on a file system from which no program may be run (noexec)", path);
    case UNUSABLE:
      fail(ELSEWHERE, "there is no folder to unpack to: neither a cache of yours nor %s can be written (%s)", path,
           strerror(error));
  }
}
