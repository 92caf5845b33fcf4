#include "payload.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"

static const char AGAIN[] = "Download it again, and compare its checksum.";
static const char MAGIC[8] = {'H', 'A', 'K', 'I', 'R', 'I', 'P', '1'};

/** The last bytes of the file, numbers in little endian. */
struct trailer {
  char magic[8];
  uint64_t file_size;
  uint64_t index_offset;
  uint64_t index_size;
  uint8_t index_digest[SHA256_BYTES];
};
_Static_assert(sizeof(struct trailer) == 64, "no padding");

static int reads_whole(int file, void *bytes, size_t size, uint64_t offset) {
  ssize_t length = pread(file, bytes, size, (off_t)offset);
  return length >= 0 && (size_t)length == size;
}

static int parse_digest(const char *text, uint8_t digest[SHA256_BYTES]) {
  for (int i = 0; i < SHA256_BYTES; i++) {
    unsigned byte;
    if (sscanf(text + 2 * i, "%2x", &byte) != 1) return 0;
    digest[i] = (uint8_t)byte;
  }
  return 1;
}

/** A plain name: it is joined to a folder. */
static int is_plain(const char *name) {
  return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

static int parse_index(struct payload *payload, char *text) {
  char *rest = NULL;
  char *line = strtok_r(text, "\n", &rest);
  if (line == NULL || sscanf(line, "hakiri-payload 1 %63s", payload->name) != 1 || !is_plain(payload->name))
    return 0;
  strcpy(payload->profile, payload->name);
  char *dash = strchr(payload->profile, '-');
  if (dash == NULL) return 0;
  *dash = '\0';
  while ((line = strtok_r(NULL, "\n", &rest)) != NULL) {
    if (payload->count == MAX_ENTRIES) return 0;
    struct entry *entry = &payload->entries[payload->count++];
    char digest[2 * SHA256_BYTES + 1], kind[2];
    if (sscanf(line, "%64s %1[-x] %" SCNu64 " %" SCNu64 " %" SCNu64 " %63s", digest, kind, &entry->size,
               &entry->offset, &entry->packed_size, entry->name) != 6 ||
        strlen(digest) != 2 * SHA256_BYTES || !parse_digest(digest, entry->digest) || !is_plain(entry->name))
      return 0;
    entry->executable = kind[0] == 'x';
  }
  return payload->count > 0;
}

void open_payload(struct payload *payload, const char *own_path) {
  memset(payload, 0, sizeof *payload);
  payload->file = open(own_path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (payload->file < 0 || fstat(payload->file, &status) != 0)
    fail("Make it readable for whoever runs it.", "%s cannot be read: %s", own_path, strerror(errno));

  struct trailer trailer;
  uint64_t size = (uint64_t)status.st_size;
  if (size < sizeof trailer || !reads_whole(payload->file, &trailer, sizeof trailer, size - sizeof trailer) ||
      memcmp(trailer.magic, MAGIC, sizeof MAGIC) != 0 || trailer.file_size != size)
    fail(AGAIN, "%s is cut short", own_path);

  char *text = NULL;
  if (trailer.index_size > MAX_INDEX_BYTES || trailer.index_offset > size ||
      (text = malloc(trailer.index_size + 1)) == NULL ||
      !reads_whole(payload->file, text, trailer.index_size, trailer.index_offset))
    fail(AGAIN, "%s is damaged: its index cannot be read", own_path);
  struct sha256 hash;
  uint8_t digest[SHA256_BYTES];
  sha256_start(&hash);
  sha256_add(&hash, text, trailer.index_size);
  sha256_end(&hash, digest);
  text[trailer.index_size] = '\0';
  if (memcmp(digest, trailer.index_digest, sizeof digest) != 0 || !parse_index(payload, text))
    fail(AGAIN, "%s is damaged: its index has another hash than it should", own_path);
  for (int i = 0; i < payload->count; i++) {
    const struct entry *entry = &payload->entries[i];
    if (entry->offset > size || entry->packed_size > size - entry->offset)
      fail(AGAIN, "%s is damaged: its index points outside of it", own_path);
  }
  free(text);
}
