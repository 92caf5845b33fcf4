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

/** Whose everything seems to be that belongs to users a container does not know. */
enum { UNKNOWN_USER = 65534 };

enum use { USABLE, MISSING, SOMEONE_ELSES, NOT_PRIVATE, EXCHANGEABLE, NOT_WRITABLE, NO_PROGRAMS };

static int absolute(const char *path) { return path != NULL && path[0] == '/'; }

/** Whether the loader can be told of it: what it takes is a list, and has variables. */
static int can_be_listed(const char *path) { return strpbrk(path, ":;$") == NULL; }

static void make_folders(char *path) {
  for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    mkdir(path, 0700);
    *slash = '/';
  }
  mkdir(path, 0700);
}

/** Takes the last name off an absolute path; false when there is none left. */
static int go_up(char *path) {
  char *slash = strrchr(path, '/');
  if (path[1] == '\0') return 0;
  slash[slash == path ? 1 : 0] = '\0';
  return 1;
}

/** Many systems give each user a group of the same number, and let it write wherever its user may. */
static int is_private_group(gid_t group) { return group == 0 || (group == getegid() && group == geteuid()); }

/** Whether others may give another folder the name of what lies in this one. */
static int lets_others_exchange(const struct stat *folder) {
  if (folder->st_uid != 0 && folder->st_uid != geteuid() && folder->st_uid != UNKNOWN_USER) return 1;
  if ((folder->st_mode & S_ISVTX) != 0) return 0;
  return (folder->st_mode & S_IWOTH) != 0 || ((folder->st_mode & S_IWGRP) != 0 && !is_private_group(folder->st_gid));
}

/** Goes up from an absolute path without links to a folder that is not safe; false when there is none. */
static int find_exchangeable(char *path) {
  struct stat status;
  while (go_up(path))
    if (stat(path, &status) != 0 || lets_others_exchange(&status)) return 1;
  return 0;
}

/** Never follows a link at the end, and never makes a folder of someone else's its own. `path` becomes one without links. */
static enum use look_at(char *path, unsigned long size) {
  struct stat status;
  struct statvfs file_system;
  char resolved[PATH_MAX], above[PATH_MAX];
  if (lstat(path, &status) != 0) return MISSING;
  if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid()) return SOMEONE_ELSES;
  if ((status.st_mode & 077) != 0) return NOT_PRIVATE;
  if (realpath(path, resolved) == NULL || strlen(resolved) >= size || !can_be_listed(resolved)) return MISSING;
  strcpy(above, resolved);
  if (find_exchangeable(above)) {
    strcpy(path, above);
    return EXCHANGEABLE;
  }
  strcpy(path, resolved);
  if (access(path, W_OK | X_OK) != 0) return NOT_WRITABLE;
  if (statvfs(path, &file_system) != 0 || (file_system.f_flag & ST_RDONLY) != 0) return NOT_WRITABLE;
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
  while (stat(above, &status) != 0)
    if (!go_up(above)) return 0;
  return status.st_uid == geteuid();
}

/** In the user's own cache; false when there is none. */
static int home_cache(char *path, unsigned long size) {
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  int length = absolute(cache)  ? snprintf(path, size, "%s/hakiri", cache)
               : absolute(home) ? snprintf(path, size, "%s/.cache/hakiri", home)
                                : -1;
  return length > 0 && (unsigned long)length < size && can_be_listed(path) && is_ours(path);
}

void choose_cache(char *path, unsigned long size) {
  if (home_cache(path, size)) {
    make_folders(path);
    if (look_at(path, size) == USABLE) return;
  }
  const char *temporary = getenv("TMPDIR");
  int length =
      snprintf(path, size, "%s/hakiri-%u", absolute(temporary) ? temporary : "/tmp", (unsigned)geteuid());
  if (length < 0 || (unsigned long)length >= size) fail(ELSEWHERE, "TMPDIR is too long");
  if (!can_be_listed(path)) fail(ELSEWHERE, "no program can be started from %s: there is : ; or $ in its path", path);
  int error = mkdir(path, 0700) == 0 ? 0 : errno;
  switch (look_at(path, size)) {
    case USABLE:
      return;
    case SOMEONE_ELSES:
      fail(ELSEWHERE, "%s is a link or belongs to someone else: programs in it are not run", path);
    case NOT_PRIVATE:
      fail(ELSEWHERE, "%s may be entered by others than you: programs in it are not run", path);
    case EXCHANGEABLE:
      fail("Set XDG_CACHE_HOME to a folder that, with all above it, nobody but you and root can change, or start the unpacked program.",
           "others than you can exchange what is in %s: programs in it are not run", path);
    case NO_PROGRAMS:
      fail(ELSEWHERE, "%s is on a file system from which no program may be run (noexec)", path);
    case MISSING:
      fail(ELSEWHERE, "there is no folder to unpack to: neither a cache of yours nor %s can be made (%s)", path,
           strerror(error));
    case NOT_WRITABLE:
      fail(ELSEWHERE, "there is no folder to unpack to: neither a cache of yours nor %s can be written", path);
  }
}
