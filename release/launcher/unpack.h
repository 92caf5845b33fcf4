#ifndef HAKIRI_UNPACK_H
#define HAKIRI_UNPACK_H

#include "payload.h"

/** Whether every file of the payload lies in the folder, with the size and the permissions it was unpacked with. */
int is_unpacked(const struct payload *payload, const char *folder);

/**
 * Unpacks to `folder`, which appears whole or not at all, also when the power is cut: files are written beside it,
 * compared with their hashes, and forced to the disk before the folder gets its name. The caller holds the lock.
 */
void unpack(const struct payload *payload, const char *cache, const char *folder);

#endif
