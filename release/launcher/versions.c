#include "versions.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "remove-folder.h"

/** Locked shared by those who run this version, exclusively by whoever removes it; its time is that of the last start. */
static const char IN_USE[] = IN_USE_NAME;

/** Far from the numbers that programs and service managers give a meaning to. */
enum { FIRST_DESCRIPTOR = 64 };

int use_version(const char *folder) {
  char path[PATH_MAX];
  struct stat there, opened;
  snprintf(path, sizeof path, "%s/%s", folder, IN_USE);
  int file = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return access(folder, F_OK) == 0;
  flock(file, LOCK_SH);
  futimens(file, NULL);
  if (fstat(file, &opened) != 0 || lstat(path, &there) != 0 || opened.st_ino != there.st_ino) {
    close(file);
    return 0;
  }
  // Not closed on exec, on purpose: the lock goes when the last process that has it does.
  if (fcntl(file, F_DUPFD, FIRST_DESCRIPTOR) >= 0) close(file);
  else fcntl(file, F_SETFD, 0);
  return 1;
}

struct version {
  char path[PATH_MAX];
  struct timespec used;
};

static int is_later(struct timespec one, struct timespec other) {
  return one.tv_sec != other.tv_sec ? one.tv_sec > other.tv_sec : one.tv_nsec > other.tv_nsec;
}

static void remove_unused(const char *cache, const char *folder) {
  char path[PATH_MAX + 8], old[PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", folder, IN_USE);
  int file = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return;
  snprintf(old, sizeof old, "%s/.old", cache);
  // Out of the way at once: nobody starts from a folder that is being emptied.
  if (flock(file, LOCK_EX | LOCK_NB) == 0 && rename(folder, old) == 0) remove_folder(old);
  close(file);
}

void remove_old_versions(const struct payload *payload, const char *cache) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s/.old", cache);
  remove_folder(path);
  DIR *folder = opendir(cache);
  if (folder == NULL) return;
  struct version latest = {.path = ""};
  struct dirent *entry;
  while ((entry = readdir(folder)) != NULL) {
    if (!is_version_name(entry->d_name, payload->profile) || strcmp(entry->d_name, payload->name) == 0) continue;
    struct version version = {.path = ""};
    struct stat status;
    snprintf(version.path, sizeof version.path, "%s/%s", cache, entry->d_name);
    if (lstat(version.path, &status) != 0 || !S_ISDIR(status.st_mode)) continue;
    snprintf(path, sizeof path, "%s/%s/%s", cache, entry->d_name, IN_USE);
    if (lstat(path, &status) == 0) version.used = status.st_mtim;
    if (latest.path[0] == '\0' || is_later(version.used, latest.used)) {
      if (latest.path[0] != '\0') remove_unused(cache, latest.path);
      latest = version;
    } else {
      remove_unused(cache, version.path);
    }
  }
  closedir(folder);
}
