#ifndef HAKIRI_PAYLOAD_H
#define HAKIRI_PAYLOAD_H

#include <stdint.h>

#include "sha256.h"

enum { MAX_ENTRIES = 64, MAX_NAME = 64, MAX_INDEX_BYTES = 64 * 1024, MAX_UNPACKED_BYTES = 1 << 30 };

/** One file: where its zstd frame lies in the program, and what it has to be once it is unpacked. */
struct entry {
  uint8_t digest[SHA256_BYTES];
  int executable;
  uint64_t size;
  uint64_t offset;
  uint64_t packed_size;
  /** Plain: it is joined to a folder. No two entries have the same. */
  char name[MAX_NAME];
};

struct payload {
  int file;
  /** `PROFILE-BUILD`: the name of the folder it is unpacked to. */
  char name[MAX_NAME];
  /** What comes before the dash of `name`; versions of one profile replace each other. */
  char profile[MAX_NAME];
  int count;
  struct entry entries[MAX_ENTRIES];
};

/** What the launcher itself writes beside the files of a payload, none of which has such a name. */
#define SEAL_NAME "seal"
#define IN_USE_NAME "in-use"

/** Whether the folder of a version may be called so: the profile, a dash, and 16 hexadecimal digits. */
int is_version_name(const char *name, const char *profile);

/**
 * Reads what was appended to the program that is open as `file`; fails when it is cut short or damaged. `path` is for
 * messages. The format: README.md.
 */
void open_payload(struct payload *payload, int file, const char *path);

#endif
