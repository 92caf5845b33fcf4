#include "unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "fail.h"
#include "remove-folder.h"

/**
 * Larger writes make the page cache use larger pages, of which a process that maps the file then holds more than it
 * touches.
 */
enum { PIECE_BYTES = 64 * 1024, MAX_THREADS = 4 };

/** What several threads work at: they take one entry after the other. */
struct work {
  const struct payload *payload;
  int folder;
  atomic_int next;
  /** The first failure; the others stop. */
  atomic_int failed;
  int error;
  const struct entry *entry;
};

enum { NOT_FAILED, WRITE_FAILED, DAMAGED };

static void give_up(struct work *work, int failure, int error, const struct entry *entry) {
  int none = NOT_FAILED;
  if (!atomic_compare_exchange_strong(&work->failed, &none, failure)) return;
  work->error = error;
  work->entry = entry;
}

static int write_whole(int file, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t written = write(file, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return 0;
    bytes += written;
    size -= (size_t)written;
  }
  return 1;
}

/** NOT_FAILED, or what went wrong with errno beside it. */
static int unpack_into(const struct payload *payload, const struct entry *entry, int file, ZSTD_DCtx *zstd,
                       char *piece, const atomic_int *stop) {
  // A mapping starts at a page; the frame does not.
  uint64_t before = entry->offset % (uint64_t)sysconf(_SC_PAGESIZE);
  size_t mapped = entry->packed_size + before;
  char *packed = mmap(NULL, mapped, PROT_READ, MAP_PRIVATE, payload->file, (off_t)(entry->offset - before));
  if (packed == MAP_FAILED) return DAMAGED;
  ZSTD_inBuffer in = {packed + before, entry->packed_size, 0};
  struct sha256 hash;
  uint8_t digest[SHA256_BYTES];
  uint64_t size = 0;
  size_t more = 1;
  int failure = NOT_FAILED;
  sha256_start(&hash);
  ZSTD_DCtx_reset(zstd, ZSTD_reset_session_only);
  while (more != 0 && failure == NOT_FAILED && atomic_load(stop) == NOT_FAILED) {
    ZSTD_outBuffer out = {piece, PIECE_BYTES, 0};
    more = ZSTD_decompressStream(zstd, &out, &in);
    size += out.pos;
    if (ZSTD_isError(more) || size > entry->size || (out.pos == 0 && in.pos == in.size && more != 0)) {
      failure = DAMAGED;
    } else {
      sha256_add(&hash, piece, out.pos);
      if (!write_whole(file, piece, out.pos)) failure = WRITE_FAILED;
    }
  }
  int error = errno;
  munmap(packed, mapped);
  errno = error;
  sha256_end(&hash, digest);
  if (failure == NOT_FAILED && (size != entry->size || memcmp(digest, entry->digest, sizeof digest) != 0))
    failure = DAMAGED;
  return failure;
}

static void *work_at(void *argument) {
  struct work *work = argument;
  ZSTD_DCtx *zstd = ZSTD_createDCtx();
  char *piece = malloc(PIECE_BYTES);
  if (zstd == NULL || piece == NULL) give_up(work, WRITE_FAILED, ENOMEM, NULL);
  for (int i; (i = atomic_fetch_add(&work->next, 1)) < work->payload->count;) {
    if (atomic_load(&work->failed) != NOT_FAILED) break;
    const struct entry *entry = &work->payload->entries[i];
    int file = openat(work->folder, entry->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                      entry->executable ? 0700 : 0600);
    if (file < 0) {
      give_up(work, WRITE_FAILED, errno, entry);
      break;
    }
    int failure = unpack_into(work->payload, entry, file, zstd, piece, &work->failed);
    if (failure == NOT_FAILED && fsync(file) != 0) failure = WRITE_FAILED;
    int error = errno;
    // Some file systems only now say that there was no room.
    if (close(file) != 0 && failure == NOT_FAILED) failure = WRITE_FAILED, error = errno;
    if (failure != NOT_FAILED) give_up(work, failure, error, entry);
  }
  ZSTD_freeDCtx(zstd);
  free(piece);
  return NULL;
}

static char unfinished[PATH_MAX];

static void remove_unfinished(void) { remove_folder(unfinished); }

static void fail_to_write(const char *folder, int error) {
  if (error == ENOSPC || error == EDQUOT)
    fail("Free some 250 MB there, or set XDG_CACHE_HOME to a folder with more room.",
         "there is no room left in %s to unpack to", folder);
  fail("Set XDG_CACHE_HOME to a folder of yours that can be written.", "nothing can be unpacked to %s: %s", folder,
       strerror(error));
}

int is_unpacked(const struct payload *payload, const char *folder) {
  struct stat status;
  if (lstat(folder, &status) != 0 || !S_ISDIR(status.st_mode) || status.st_uid != geteuid()) return 0;
  int opened = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (opened < 0) return 0;
  int whole = 1;
  for (int i = 0; i < payload->count && whole; i++) {
    const struct entry *entry = &payload->entries[i];
    mode_t mode = S_IFREG | (entry->executable ? 0700 : 0600);
    whole = fstatat(opened, entry->name, &status, AT_SYMLINK_NOFOLLOW) == 0 && status.st_mode == mode &&
            status.st_uid == geteuid() && (uint64_t)status.st_size == entry->size;
  }
  close(opened);
  return whole;
}

void unpack(const struct payload *payload, const char *cache, const char *folder) {
  snprintf(unfinished, sizeof unfinished, "%s/.unfinished", cache);
  remove_folder(unfinished);
  if (mkdir(unfinished, 0700) != 0) fail_to_write(cache, errno);
  before_failing = remove_unfinished;

  struct work work = {.payload = payload, .folder = open(unfinished, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (work.folder < 0) fail_to_write(cache, errno);
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  int threads = processors > MAX_THREADS ? MAX_THREADS : (int)processors;
  pthread_t others[MAX_THREADS];
  int started = 0;
  while (started < threads - 1 && pthread_create(&others[started], NULL, work_at, &work) == 0) started++;
  work_at(&work);
  while (started > 0) pthread_join(others[--started], NULL);

  int failed = atomic_load(&work.failed);
  if (failed == DAMAGED)
    fail("Download it again, and compare its checksum.", "the program is damaged: %s has another hash than it should",
         work.entry->name);
  if (failed == WRITE_FAILED) fail_to_write(cache, work.error);
  if (fsync(work.folder) != 0) fail_to_write(cache, errno);
  close(work.folder);
  // What lies there is damaged, or it would have been used; a rename replaces only an empty folder.
  remove_folder(folder);
  if (rename(unfinished, folder) != 0) fail_to_write(cache, errno);
  before_failing = NULL;
  int above = open(cache, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (above < 0 || fsync(above) != 0) fail_to_write(cache, errno);
  close(above);
}
