#ifndef HAKIRI_UNPACK_H
#define HAKIRI_UNPACK_H

#include "payload.h"

/**
 * Unpacks to `folder`, which appears whole or not at all, also when the power is cut: files are written beside it,
 * compared with their hashes, forced to the disk and sealed before the folder gets its name. The caller holds the lock.
 */
void unpack(const struct payload *payload, const char *cache, const char *folder);

#endif
