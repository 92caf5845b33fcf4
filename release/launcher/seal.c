#include "seal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/** When a file changed last: of its content, its name or its permissions. */
struct change {
  int64_t seconds;
  int64_t nanoseconds;
};

enum { PIECE_BYTES = 64 * 1024 };

/** -1 when it is not there, or is not this user's alone: others might have put files beside those that are compared. */
static int open_folder(const char *path) {
  struct stat status;
  int folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (folder < 0) return -1;
  if (fstat(folder, &status) == 0 && status.st_uid == geteuid() && (status.st_mode & 077) == 0) return folder;
  close(folder);
  return -1;
}

/** Some file systems have the same permissions for every file: those of the owner may be more than were asked for. */
static int has_permissions(mode_t mode, int executable) {
  mode_t wanted = executable ? 0700 : 0600;
  return S_ISREG(mode) && (mode & wanted) == wanted && (mode & 07077) == 0;
}

/** False when a file is missing, or cannot be the one that was unpacked. */
static int look_at_files(const struct payload *payload, int folder, struct change changes[MAX_ENTRIES]) {
  for (int i = 0; i < payload->count; i++) {
    const struct entry *entry = &payload->entries[i];
    struct stat status;
    if (fstatat(folder, entry->name, &status, AT_SYMLINK_NOFOLLOW) != 0 || status.st_uid != geteuid() ||
        !has_permissions(status.st_mode, entry->executable) || (uint64_t)status.st_size != entry->size)
      return 0;
    changes[i] = (struct change){status.st_ctim.tv_sec, status.st_ctim.tv_nsec};
  }
  return 1;
}

/** What is missing of it is zero. */
static void read_seal(int folder, struct change sealed[MAX_ENTRIES]) {
  memset(sealed, 0, MAX_ENTRIES * sizeof *sealed);
  int file = openat(folder, SEAL_NAME, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return;
  if (read(file, sealed, MAX_ENTRIES * sizeof *sealed) < 0) memset(sealed, 0, MAX_ENTRIES * sizeof *sealed);
  close(file);
}

static void write_seal(const struct payload *payload, int folder, const struct change changes[MAX_ENTRIES]) {
  size_t size = (size_t)payload->count * sizeof *changes;
  int file = openat(folder, SEAL_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0) return;
  if (write(file, changes, size) != (ssize_t)size) unlinkat(folder, SEAL_NAME, 0);
  close(file);
}

static int is_same(const struct change *one, const struct change *other) {
  return one->seconds == other->seconds && one->nanoseconds == other->nanoseconds;
}

static int is_right(const struct entry *entry, int folder) {
  int file = openat(folder, entry->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
  if (file < 0) return 0;
  struct sha256 hash;
  uint8_t digest[SHA256_BYTES];
  static char piece[PIECE_BYTES];
  ssize_t length;
  sha256_start(&hash);
  while ((length = read(file, piece, sizeof piece)) > 0) sha256_add(&hash, piece, (size_t)length);
  sha256_end(&hash, digest);
  close(file);
  return length == 0 && memcmp(digest, entry->digest, sizeof digest) == 0;
}

void seal(const struct payload *payload, int folder) {
  struct change changes[MAX_ENTRIES];
  if (look_at_files(payload, folder, changes)) write_seal(payload, folder, changes);
}

int is_sealed(const struct payload *payload, const char *path) {
  struct change changes[MAX_ENTRIES], sealed[MAX_ENTRIES];
  int folder = open_folder(path);
  if (folder < 0) return 0;
  int holds = look_at_files(payload, folder, changes);
  read_seal(folder, sealed);
  for (int i = 0; i < payload->count && holds; i++) holds = is_same(&changes[i], &sealed[i]);
  close(folder);
  return holds;
}

int seal_again(const struct payload *payload, const char *path) {
  struct change changes[MAX_ENTRIES], sealed[MAX_ENTRIES];
  int folder = open_folder(path);
  if (folder < 0) return 0;
  int right = look_at_files(payload, folder, changes);
  read_seal(folder, sealed);
  for (int i = 0; i < payload->count && right; i++)
    right = is_same(&changes[i], &sealed[i]) || is_right(&payload->entries[i], folder);
  // As they were before they were read: one that changed meanwhile is read again by the next start.
  if (right) write_seal(payload, folder, changes);
  close(folder);
  return right;
}
