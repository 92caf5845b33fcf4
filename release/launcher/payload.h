#ifndef HAKIRI_PAYLOAD_H
#define HAKIRI_PAYLOAD_H

#include <stdint.h>

#include "sha256.h"

enum { MAX_ENTRIES = 64, MAX_NAME = 64, MAX_INDEX_BYTES = 64 * 1024 };

/** One file: where its zstd frame lies in the program, and what it has to be once it is unpacked. */
struct entry {
  uint8_t digest[SHA256_BYTES];
  int executable;
  uint64_t size;
  uint64_t offset;
  uint64_t packed_size;
  char name[MAX_NAME];
};

struct payload {
  int file;
  /** Profile and build: the name of the folder it is unpacked to. */
  char name[MAX_NAME];
  /** What comes before the dash of `name`; versions of one profile replace each other. */
  char profile[MAX_NAME];
  int count;
  struct entry entries[MAX_ENTRIES];
};

/** Reads what was appended to this program; fails when it is cut short or damaged. The format: README.md. */
void open_payload(struct payload *payload, const char *own_path);

#endif
