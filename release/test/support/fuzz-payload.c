/**
 * `fuzz-payload PAYLOAD FOLDER SEED COUNT`: reads, and now and then unpacks to an empty folder, what is like the payload
 * but for some damage: bytes, lengths, or an index that was written to do harm and has the right hash. Compiled with
 * sanitizers. Ends with 1 and the case that did what it must not; prints how many were accepted, refused and unpacked.
 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fail.h"
#include "payload.h"
#include "remove-folder.h"
#include "seal.h"
#include "unpack.h"

enum { MAX_BYTES = 1 << 20, TRAILER_BYTES = 64, SHARE_UNPACKED = 8 };

static jmp_buf refused;
void (*before_failing)(void) = NULL;

_Noreturn void fail(const char *hint, const char *format, ...) {
  (void)hint, (void)format;
  if (before_failing != NULL) before_failing();
  before_failing = NULL;
  longjmp(refused, 1);
}

static unsigned long case_number, state;

static void expect(int condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "case %lu: %s\n", case_number, what);
  exit(1);
}

/** mulberry32 */
static uint32_t next_random(void) {
  state = (uint32_t)(state + 0x6d2b79f5);
  uint32_t mixed = (uint32_t)state;
  mixed = (mixed ^ (mixed >> 15)) * (mixed | 1);
  mixed ^= mixed + (mixed ^ (mixed >> 7)) * (mixed | 61);
  return mixed ^ (mixed >> 14);
}

static size_t below(size_t limit) { return limit == 0 ? 0 : next_random() % limit; }

struct bytes {
  size_t size;
  char at[MAX_BYTES];
};

static void append(struct bytes *bytes, const void *more, size_t size) {
  if (bytes->size + size > MAX_BYTES) return;
  memcpy(bytes->at + bytes->size, more, size);
  bytes->size += size;
}

static void append_text(struct bytes *bytes, const char *text) { append(bytes, text, strlen(text)); }

static const char *const NUMBERS[] = {"0", "1", "64", "-1", "+1", " 1", "1 ", "0x10", "1e3", "", "00001",
                                      "2147483648", "4294967295", "4294967296", "1073741824", "1073741825",
                                      "9223372036854775807", "9223372036854775808", "18446744073709551615",
                                      "18446744073709551616", "99999999999999999999999999"};
static const char *const NAMES[] = {"..", ".", "../x", "/etc/x", "a/b", "a/../../x", ".hidden", "seal", "in-use", "",
                                    "a b", "a\tb", "a\rb", "-", "node", "hakiri", "one", "\xff", "a\\b", "x\x01y",
                                    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
static const char *const HEADINGS[] = {"hakiri-payload 1 ../x", "hakiri-payload 1 core-0000", "hakiri-payload 2 a-b", "",
                                       "hakiri-payload 1 ", "hakiri-payload 1 -0123456789abcdef",
                                       "hakiri-payload 1 core-0123456789abcdeg",
                                       "hakiri-payload 1 core-0123456789abcdef/x",
                                       "hakiri-payload 1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-0123456789abcdef"};
#define PICK(list) ((list)[below(sizeof(list) / sizeof *(list))])

/** One field of a line exchanged for another that it must not be, or for one that it may. */
static void append_damaged_line(struct bytes *index, const char *line) {
  size_t damaged = below(6), field = 0;
  char copy[512], *rest = copy;
  snprintf(copy, sizeof copy, "%s", line);
  for (char *part; (part = strsep(&rest, " ")) != NULL; field++) {
    if (field > 0) append_text(index, " ");
    append_text(index, field != damaged ? part : field < 2 ? PICK(NAMES) : field < 5 ? PICK(NUMBERS) : PICK(NAMES));
  }
}

static void append_damaged_index(struct bytes *index, const char *text) {
  static char copy[MAX_BYTES];
  snprintf(copy, sizeof copy, "%s", text);
  char *rest = copy, *line;
  size_t lines = 0, damaged, how = below(8);
  for (const char *letter = text; *letter != '\0'; letter++) lines += *letter == '\n';
  damaged = 1 + below(lines - 1);
  for (size_t i = 0; (line = strsep(&rest, "\n")) != NULL && rest != NULL; i++) {
    if (i == 0 && how == 0) append_text(index, PICK(HEADINGS));
    else if (i == damaged && how == 1) continue;
    else if (i == damaged && how <= 5) append_damaged_line(index, line);
    else append_text(index, line);
    for (size_t again = how == 6 && i == damaged ? below(80) : 0; again > 0; again--) {
      char suffix[32];
      snprintf(suffix, sizeof suffix, "%zu", again);
      append_text(index, "\n");
      append_text(index, line);
      if (below(64) != 0) append_text(index, suffix);
    }
    append_text(index, "\n");
  }
  if (how == 7) index->size = below(index->size + 1);
  if (below(16) == 0 && index->size > 0) index->at[below(index->size)] = (char)below(256);
}

/** The frames as they are, then an index that nothing but reading it tells to be wrong. */
static void write_with_index(struct bytes *damaged, const struct bytes *payload, size_t frames) {
  static struct bytes index;
  static char text[MAX_BYTES];
  index.size = 0;
  memcpy(text, payload->at + frames, payload->size - TRAILER_BYTES - frames);
  text[payload->size - TRAILER_BYTES - frames] = '\0';
  append_damaged_index(&index, text);
  append(damaged, payload->at, frames);
  if (below(4) == 0 && frames > 0) damaged->at[below(frames)] ^= (char)(1 << below(8));
  append(damaged, index.at, index.size);
  struct {
    char magic[8];
    uint64_t file_size, index_offset, index_size;
    uint8_t digest[SHA256_BYTES];
  } trailer = {.file_size = damaged->size + TRAILER_BYTES, .index_offset = frames, .index_size = index.size};
  memcpy(trailer.magic, "HAKIRIP1", 8);
  struct sha256 hash;
  sha256_start(&hash);
  sha256_add(&hash, index.at, index.size);
  sha256_end(&hash, trailer.digest);
  if (below(16) == 0) trailer.index_offset = below(2) ? next_random() : UINT64_MAX - below(200);
  if (below(16) == 0) trailer.index_size = below(2) ? next_random() : UINT64_MAX - below(200);
  append(damaged, &trailer, sizeof trailer);
}

static void write_with_damage(struct bytes *damaged, const struct bytes *payload) {
  append(damaged, payload->at, payload->size);
  for (size_t times = 1 + below(6); times > 0; times--) {
    if (below(4) == 0) damaged->at[damaged->size - 1 - below(TRAILER_BYTES)] = (char)below(256);
    else damaged->at[below(damaged->size)] ^= (char)(1 << below(8));
  }
  if (below(4) == 0) damaged->size = below(damaged->size);
  if (below(8) == 0) append(damaged, payload->at, below(200));
}

static void expect_sane(const struct payload *payload, size_t size) {
  uint64_t unpacked = 0;
  expect(payload->count > 0 && payload->count <= MAX_ENTRIES, "a count out of bounds");
  expect(is_version_name(payload->name, payload->profile), "a folder with another name");
  for (int i = 0; i < payload->count; i++) {
    const struct entry *entry = &payload->entries[i];
    expect(memchr(entry->name, '\0', MAX_NAME) != NULL && entry->name[0] != '\0', "a name without an end");
    expect(entry->name[0] != '.' && strchr(entry->name, '/') == NULL, "a name that leads elsewhere");
    for (int j = 0; j < i; j++) expect(strcmp(entry->name, payload->entries[j].name) != 0, "a name twice");
    expect(entry->offset <= size && entry->packed_size <= size - entry->offset, "a frame out of the file");
    unpacked += entry->size;
    expect(entry->size <= MAX_UNPACKED_BYTES && unpacked <= MAX_UNPACKED_BYTES, "more than there may be");
  }
}

static int count_in(const char *path) {
  int count = 0;
  DIR *folder = opendir(path);
  expect(folder != NULL, "the folder is gone");
  while (readdir(folder) != NULL) count++;
  closedir(folder);
  return count - 2;
}

/** Whether it was unpacked: then with every file right, else with nothing left. */
static int unpacks(const struct payload *payload, const char *cache) {
  char folder[4096];
  snprintf(folder, sizeof folder, "%s/%s", cache, payload->name);
  if (setjmp(refused) != 0) {
    expect(count_in(cache) == 0, "something is left of what was refused");
    return 0;
  }
  unpack(payload, cache, folder);
  expect(count_in(cache) == 1, "something is beside what was unpacked");
  expect(count_in(folder) == payload->count + 1, "something is in it that does not belong there");
  expect(is_sealed(payload, folder), "it is not sealed");
  char path[8192];
  snprintf(path, sizeof path, "%s/%s", folder, SEAL_NAME);
  unlink(path);
  expect(seal_again(payload, folder), "a file has another hash than it should");
  remove_folder(folder);
  return 1;
}

static void read_file(struct bytes *bytes, const char *path) {
  int file = open(path, O_RDONLY);
  ssize_t size = file < 0 ? -1 : read(file, bytes->at, MAX_BYTES);
  expect(size > TRAILER_BYTES && size < MAX_BYTES, "no payload to begin with");
  bytes->size = (size_t)size;
  close(file);
}

int main(int argc, char **argv) {
  static struct bytes original, damaged;
  static struct payload payload;
  static unsigned long accepted, refusals, unpacked;
  if (argc != 5) return 2;
  read_file(&original, argv[1]);
  uint64_t frames;
  memcpy(&frames, original.at + original.size - TRAILER_BYTES + 16, sizeof frames);
  unsigned long seed = strtoul(argv[3], NULL, 10), count = strtoul(argv[4], NULL, 10);
  for (case_number = 0; case_number < count; case_number++) {
    state = seed + case_number * 7919;
    damaged.size = 0;
    // The first is as it was made.
    if (case_number == 0) append(&damaged, original.at, original.size);
    else if (below(3) == 0) write_with_damage(&damaged, &original);
    else write_with_index(&damaged, &original, frames);
    int file = memfd_create("payload", 0);
    expect(file >= 0 && write(file, damaged.at, damaged.size) == (ssize_t)damaged.size, "no memory");
    if (setjmp(refused) == 0) {
      open_payload(&payload, file, "the program");
      accepted++;
      expect_sane(&payload, damaged.size);
      if (case_number % SHARE_UNPACKED == 0) unpacked += (unsigned long)unpacks(&payload, argv[2]);
    } else {
      refusals++;
    }
    expect(case_number > 0 || unpacked == 1, "the payload as it was made is refused");
    close_range((unsigned)file, ~0U, 0);
  }
  printf("%lu accepted, %lu refused, %lu unpacked\n", accepted, refusals, unpacked);
  return 0;
}
