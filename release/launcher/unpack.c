#include "unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "fail.h"
#include "remove-folder.h"
#include "seal.h"

/**
 * Larger writes make the page cache use larger pages, of which a process that maps the file then holds more than it
 * touches.
 */
enum { PIECE_BYTES = 64 * 1024, PACKED_BYTES = 128 * 1024, MAX_THREADS = 4 };

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

enum { NOT_FAILED, READ_FAILED, WRITE_FAILED, NO_MEMORY, DAMAGED };

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

/** What a thread needs for an entry. */
struct tools {
  ZSTD_DCtx *zstd;
  char *packed;
  char *piece;
};

/** Reads the next part of a frame, which is damaged when it ends before its content does. */
static int read_more(const struct payload *payload, const struct entry *entry, uint64_t *taken, ZSTD_inBuffer *in) {
  uint64_t left = entry->packed_size - *taken;
  ssize_t length = pread(payload->file, (char *)in->src, left < PACKED_BYTES ? left : PACKED_BYTES,
                         (off_t)(entry->offset + *taken));
  if (length <= 0) return length < 0 ? READ_FAILED : DAMAGED;
  *taken += (uint64_t)length;
  in->size = (size_t)length;
  in->pos = 0;
  return NOT_FAILED;
}

/** NOT_FAILED, or what went wrong with errno beside it. */
static int unpack_into(const struct payload *payload, const struct entry *entry, int file, const struct tools *tools,
                       const atomic_int *stop) {
  ZSTD_inBuffer in = {tools->packed, 0, 0};
  struct sha256 hash;
  uint8_t digest[SHA256_BYTES];
  uint64_t taken = 0, size = 0;
  size_t more = 1;
  sha256_start(&hash);
  ZSTD_DCtx_reset(tools->zstd, ZSTD_reset_session_only);
  while (more != 0 && atomic_load(stop) == NOT_FAILED) {
    ZSTD_outBuffer out = {tools->piece, PIECE_BYTES, 0};
    // All of a part may be taken and some of its content still be held back.
    size_t before = in.pos;
    more = ZSTD_decompressStream(tools->zstd, &out, &in);
    size += out.pos;
    if (ZSTD_getErrorCode(more) == ZSTD_error_memory_allocation) return NO_MEMORY;
    if (ZSTD_isError(more) || size > entry->size) return DAMAGED;
    sha256_add(&hash, tools->piece, out.pos);
    if (!write_whole(file, tools->piece, out.pos)) return WRITE_FAILED;
    int failure = NOT_FAILED;
    if (more != 0 && out.pos == 0 && in.pos == before) failure = read_more(payload, entry, &taken, &in);
    if (failure != NOT_FAILED) return failure;
  }
  sha256_end(&hash, digest);
  return size == entry->size && memcmp(digest, entry->digest, sizeof digest) == 0 ? NOT_FAILED : DAMAGED;
}

/** NOT_FAILED, or what went wrong with errno beside it. */
static int unpack_entry(const struct work *work, const struct entry *entry, const struct tools *tools) {
  int file = openat(work->folder, entry->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    entry->executable ? 0700 : 0600);
  if (file < 0) return WRITE_FAILED;
  int failure = unpack_into(work->payload, entry, file, tools, &work->failed);
  if (failure == NOT_FAILED && fsync(file) != 0) failure = WRITE_FAILED;
  int error = errno;
  // Some file systems only now say that there was no room.
  if (close(file) != 0 && failure == NOT_FAILED) return WRITE_FAILED;
  errno = error;
  return failure;
}

static void *work_at(void *argument) {
  struct work *work = argument;
  struct tools tools = {ZSTD_createDCtx(), malloc(PACKED_BYTES), malloc(PIECE_BYTES)};
  if (tools.zstd == NULL || tools.packed == NULL || tools.piece == NULL) give_up(work, NO_MEMORY, ENOMEM, NULL);
  while (atomic_load(&work->failed) == NOT_FAILED) {
    int i = atomic_fetch_add(&work->next, 1);
    if (i >= work->payload->count) break;
    const struct entry *entry = &work->payload->entries[i];
    int failure = unpack_entry(work, entry, &tools);
    if (failure != NOT_FAILED) give_up(work, failure, errno, entry);
  }
  ZSTD_freeDCtx(tools.zstd);
  free(tools.packed);
  free(tools.piece);
  return NULL;
}

static char unfinished[PATH_MAX];

static void remove_unfinished(void) { remove_folder(unfinished); }

_Noreturn static void fail_to_write(const char *folder, int error) {
  if (error == ENOSPC || error == EDQUOT)
    fail("Free some 250 MB there, or set XDG_CACHE_HOME to a folder with more room.",
         "there is no room left in %s to unpack to", folder);
  fail("Set XDG_CACHE_HOME to a folder of yours that can be written.", "nothing can be unpacked to %s: %s", folder,
       strerror(error));
}

static void work_in_threads(struct work *work) {
  long processors = sysconf(_SC_NPROCESSORS_ONLN);
  int threads = processors > MAX_THREADS ? MAX_THREADS : (int)processors;
  pthread_t others[MAX_THREADS];
  int started = 0;
  while (started < threads - 1 && pthread_create(&others[started], NULL, work_at, work) == 0) started++;
  work_at(work);
  while (started > 0) pthread_join(others[--started], NULL);
}

static void fail_unless_done(const struct work *work, const char *cache) {
  switch (atomic_load(&work->failed)) {
    case READ_FAILED:
      fail("Check the disk it lies on, or download it again.", "the program cannot be read: %s", strerror(work->error));
    case WRITE_FAILED:
      fail_to_write(cache, work->error);
    case NO_MEMORY:
      fail("Free some 300 MB: it is unpacked once, and takes less afterwards.", "there is no memory left to unpack with");
    case DAMAGED:
      fail("Download it again, and compare its checksum.",
           "the program is damaged: %s has another hash than it should", work->entry->name);
  }
}

void unpack(const struct payload *payload, const char *cache, const char *folder) {
  snprintf(unfinished, sizeof unfinished, "%s/.unfinished", cache);
  remove_folder(unfinished);
  if (mkdir(unfinished, 0700) != 0) fail_to_write(cache, errno);
  before_failing = remove_unfinished;
  struct work work = {.payload = payload, .folder = open(unfinished, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (work.folder < 0) fail_to_write(cache, errno);
  work_in_threads(&work);
  fail_unless_done(&work, cache);
  seal(payload, work.folder);
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
