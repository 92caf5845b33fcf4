#include "payload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"

static const char AGAIN[] = "Download it again, and compare its checksum.";
static const char MAGIC[8] = {'H', 'A', 'K', 'I', 'R', 'I', 'P', '1'};
static const char HEADING[] = "hakiri-payload 1 ";

static const char HEXADECIMAL[] = "0123456789abcdef";
static const char LOWER_CASE[] = "abcdefghijklmnopqrstuvwxyz";
static const char OF_NAMES[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-";
enum { BUILD_LENGTH = 16 };

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

/** Whether `text` is `length` characters long, all of them among `allowed`. */
static int consists_of(const char *text, const char *allowed, size_t length) {
  return strlen(text) == length && strspn(text, allowed) == length;
}

int is_version_name(const char *name, const char *profile) {
  size_t length = strlen(profile);
  return strncmp(name, profile, length) == 0 && name[length] == '-' &&
         consists_of(name + length + 1, HEXADECIMAL, BUILD_LENGTH);
}

static int parse_digest(const char *text, uint8_t digest[SHA256_BYTES]) {
  if (text == NULL || !consists_of(text, HEXADECIMAL, 2 * SHA256_BYTES)) return 0;
  for (int i = 0; i < SHA256_BYTES; i++) {
    long high = strchr(HEXADECIMAL, text[2 * i]) - HEXADECIMAL;
    long low = strchr(HEXADECIMAL, text[2 * i + 1]) - HEXADECIMAL;
    digest[i] = (uint8_t)(16 * high + low);
  }
  return 1;
}

static int parse_executable(const char *text, int *executable) {
  if (text == NULL || (strcmp(text, "x") != 0 && strcmp(text, "-") != 0)) return 0;
  *executable = text[0] == 'x';
  return 1;
}

static int parse_number(const char *text, uint64_t *number) {
  // What the library takes beside digits: spaces and signs.
  if (text == NULL || text[0] < '0' || text[0] > '9') return 0;
  char *end;
  errno = 0;
  *number = strtoull(text, &end, 10);
  return errno == 0 && *end == '\0';
}

static int parse_file_name(const char *text, char name[MAX_NAME]) {
  if (text == NULL || text[0] == '\0' || text[0] == '.' || strlen(text) >= MAX_NAME) return 0;
  if (!consists_of(text, OF_NAMES, strlen(text))) return 0;
  if (strcmp(text, SEAL_NAME) == 0 || strcmp(text, IN_USE_NAME) == 0) return 0;
  strcpy(name, text);
  return 1;
}

static int parse_heading(struct payload *payload, const char *line) {
  size_t length = strlen(HEADING);
  if (line == NULL || strncmp(line, HEADING, length) != 0) return 0;
  const char *name = line + length;
  size_t profile = strspn(name, LOWER_CASE);
  if (profile == 0 || profile + 1 + BUILD_LENGTH >= MAX_NAME) return 0;
  memcpy(payload->profile, name, profile);
  if (!is_version_name(name, payload->profile)) return 0;
  strcpy(payload->name, name);
  return 1;
}

static int parse_entry(struct entry *entry, char *line) {
  return parse_digest(strsep(&line, " "), entry->digest) &&
         parse_executable(strsep(&line, " "), &entry->executable) && parse_number(strsep(&line, " "), &entry->size) &&
         parse_number(strsep(&line, " "), &entry->offset) &&
         parse_number(strsep(&line, " "), &entry->packed_size) && parse_file_name(line, entry->name);
}

static int is_named(const struct payload *payload, const char *name) {
  for (int i = 0; i < payload->count; i++)
    if (strcmp(payload->entries[i].name, name) == 0) return 1;
  return 0;
}

/** `frames_end` is where the index begins: all frames lie before it. */
static int parse_index(struct payload *payload, char *text, uint64_t frames_end) {
  if (!parse_heading(payload, strsep(&text, "\n"))) return 0;
  uint64_t unpacked = 0;
  for (;;) {
    char *line = strsep(&text, "\n");
    // Each line ends with a line feed: behind the last there is nothing.
    if (text == NULL) return line != NULL && line[0] == '\0' && payload->count > 0;
    if (payload->count == MAX_ENTRIES) return 0;
    struct entry *entry = &payload->entries[payload->count];
    if (!parse_entry(entry, line) || is_named(payload, entry->name)) return 0;
    if (entry->offset > frames_end || entry->packed_size > frames_end - entry->offset) return 0;
    if (entry->size > MAX_UNPACKED_BYTES - unpacked) return 0;
    unpacked += entry->size;
    payload->count++;
  }
}

/** Ends with a zero, which is not part of it; NULL when it is not what the trailer says. */
static char *read_index(int file, const struct trailer *trailer) {
  if (trailer->index_size > MAX_INDEX_BYTES || trailer->index_offset > trailer->file_size - sizeof *trailer ||
      trailer->file_size - sizeof *trailer - trailer->index_offset != trailer->index_size)
    return NULL;
  char *text = malloc(trailer->index_size + 1);
  if (text == NULL) return NULL;
  struct sha256 hash;
  uint8_t digest[SHA256_BYTES];
  text[trailer->index_size] = '\0';
  if (reads_whole(file, text, trailer->index_size, trailer->index_offset)) {
    sha256_start(&hash);
    sha256_add(&hash, text, trailer->index_size);
    sha256_end(&hash, digest);
    // A zero in between would hide what comes after it.
    if (memcmp(digest, trailer->index_digest, sizeof digest) == 0 && strlen(text) == trailer->index_size) return text;
  }
  free(text);
  return NULL;
}

void open_payload(struct payload *payload, int file, const char *path) {
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0)
    fail("Make it readable for whoever runs it.", "%s cannot be read: %s", path, strerror(errno));
  memset(payload, 0, sizeof *payload);
  payload->file = file;

  struct trailer trailer;
  uint64_t size = (uint64_t)status.st_size;
  if (size < sizeof trailer || !reads_whole(file, &trailer, sizeof trailer, size - sizeof trailer) ||
      memcmp(trailer.magic, MAGIC, sizeof MAGIC) != 0 || trailer.file_size != size)
    fail(AGAIN, "%s is cut short", path);
  char *index = read_index(file, &trailer);
  int parsed = index != NULL && parse_index(payload, index, trailer.index_offset);
  free(index);
  if (!parsed) fail(AGAIN, "%s is damaged: its index is not what it should be", path);
}
